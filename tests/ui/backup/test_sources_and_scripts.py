"""Directories of hosts in the Source tree, the Options dialog, job scripts, and jobs that are modified."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QTime
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from app.model.alert import AlertEvent, AlertMethod, AlertTarget
from app.model.errors import ArcxoError, CredentialsError
from app.model.job import BackupScript, JobKind, Schedule
from app.model.job_log import JobLogLevel
from app.model.source import DirectSource
from app.ui.backup.folders import TOP, UNIX
from app.ui.backup.manager import BackupManager
from app.ui.backup.options import ENCRYPTION
from app.ui.backup.verdict import DESTINATION
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.models.cell import ItemRole, Mark

BRANCH = 1224069566


@pytest.fixture
def manager(context, put_up):
    return put_up(BackupManager(context), 1240, 820)


def dialog(kind):
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible())


def folder(manager, *names: bytes):
    return manager.source.model.find(UNIX, "localhost", TOP, *names)


def open_folder(manager, settled, *names: bytes):
    tree = manager.source.tree
    for count in range(-2, len(names) + 1):
        keys = [UNIX, "localhost", TOP, *names][: count + 3]
        tree.expand(manager.source.model.find(*keys))
        settled()


def mark(index) -> Mark:
    return index.data(ItemRole.CELL).marker.mark


def test_directories_are_read_when_they_are_opened(manager, services, settled):
    assert services.called("hosts.browse") == []
    open_folder(manager, settled)
    assert folder(manager, b"/srv").isValid()
    assert services.called("hosts.browse") == [("hosts.browse", "localhost", TOP)]


def test_a_chosen_directory_fills_the_boxes_around_it(manager, settled):
    open_folder(manager, settled, b"/srv")
    model = manager.source.model
    model.marker_clicked.emit(folder(manager, b"/srv", b"/srv/shares"))
    assert mark(folder(manager)) is Mark.PARTIAL
    assert mark(folder(manager, b"/srv", b"/srv/shares")) is Mark.FULL
    assert mark(model.find(UNIX)) is Mark.PARTIAL
    assert manager.foot.text.text().startswith("Ready to submit: 1 directory.")
    model.marker_clicked.emit(folder(manager))
    assert manager.draft.sources == [DirectSource("localhost", TOP)]


def test_part_of_a_chosen_directory_is_not_chosen_apart(manager, settled, context):
    open_folder(manager, settled, b"/srv")
    manager.source.model.marker_clicked.emit(folder(manager, b"/srv"))
    manager.source.model.marker_clicked.emit(folder(manager, b"/srv", b"/srv/shares"))
    assert manager.draft.sources == [DirectSource("localhost", b"/srv")]
    assert "is backed up with localhost:/srv" in context.extra["toasts"][-1][0]


def test_a_directory_that_cannot_be_read_says_why_in_place(manager, services, settled):
    services.raises["hosts.browse"] = ArcxoError("AE1001", host="localhost", reason="refused")
    open_folder(manager, settled)
    row = manager.source.model.index(0, 0, folder(manager))
    assert "localhost" in row.data()
    services.raises.clear()
    manager.refresh()
    settled()
    assert folder(manager, b"/srv").isValid()


def test_a_directory_is_submitted_without_a_log_in(manager, services, settled, qtbot):
    open_folder(manager, settled)
    manager.source.model.marker_clicked.emit(folder(manager, b"/srv"))
    manager.source.tree.select_row(folder(manager, b"/srv"))
    settled()
    manager.source.folder.cross.setChecked(True)
    manager.start()
    submit = dialog(SubmitJobDialog)
    assert not submit.back.isVisible()
    submit.submit_button.click()
    settled()
    (call,) = services.called("backups.submit")
    assert call[1].script.sources == (DirectSource("localhost", b"/srv", True),)
    assert manager.draft.sources == []


def test_options_reach_the_job(manager, services, qtbot, settled):
    manager.show_request(scenario="Branch File Shares")
    manager.show_options()
    options = dialog(BackupOptionsDialog)
    options.retries.setValue(5)
    options.streams.setValue(8)
    options.at_time.setChecked(True)
    options.time.setTime(QTime(5, 30))
    options.commands.before.setText("/bin/echo 'before all'")
    options.commands.wait.setChecked(True)
    options.job_log[JobLogLevel.ALL].setChecked(True)
    options.node.setCurrentIndex(1)
    options.commands.after.setText("/bin/true")
    options.ok.click()
    script = manager.draft.script(manager.statuses)
    assert (script.retries, script.streams, script.retry_at) == (5, 8, "05:30")
    assert script.job_log is JobLogLevel.ALL
    assert "a line for each file" in manager.draft.options.words()
    assert script.commands.before == ("/bin/echo", "before all")
    assert script.commands.exit_code == 0
    assert script.node_commands[0][0] == "Branch File Shares"


def test_a_faulty_command_keeps_the_options_open(manager, qtbot):
    manager.show_request(scenario="Branch File Shares")
    manager.show_options()
    options = dialog(BackupOptionsDialog)
    options.commands.before.setText("echo")
    options.ok.click()
    assert options.isVisible()
    assert "absolute path" in options.said.text()
    options.reject()
    assert manager.draft.options.commands.before == ""


def test_the_alert_tab_says_who_is_told_and_leads_to_the_alerts_with_what_was_typed(
    manager, services, settled, monkeypatch
):
    opened = []
    monkeypatch.setattr(manager.context, "open_manager", lambda name, **_: opened.append(name))
    events = (AlertEvent.FAILED, AlertEvent.BRAKE)
    services.alert_targets["duty desk"] = AlertTarget("duty desk", AlertMethod.MAIL, "d@example.com", events)
    manager.show_request(scenario="Branch File Shares")
    manager.show_options()
    options = dialog(BackupOptionsDialog)
    settled()
    told = " ".join(label.text() for label in options.alerts.findChildren(QLabel))
    assert "duty desk: failed" in told
    assert "same for all jobs" in told
    link = next(one for one in options.alerts.findChildren(QPushButton) if one.text() == "Alerts…")
    options.commands.before.setText("relative")
    link.click()
    assert options.isVisible()
    assert not opened
    options.commands.before.setText("")
    options.retries.setValue(4)
    link.click()
    assert not options.isVisible()
    assert opened == ["alerts"]
    assert manager.draft.options.retries == 4


def test_a_script_is_saved_and_opened_again(manager, services, tmp_path, settled, context):
    manager.show_request(scenario="Branch File Shares")
    manager.draft.toggle_source("localhost", b"/srv")
    manager.draft.options.retries = 3
    manager.schedule.repetition.show_schedule(Schedule(repeat="FREQ=DAILY"))
    manager.submission.job_name = "Nightly"
    script = manager.draft.script(manager.statuses)
    path = tmp_path / "nightly.arcxojob"
    manager.scripts.save(path, manager.saved())
    settled()
    assert context.extra["toasts"][-1][0] == "Job script saved"
    manager._begin_anew()
    manager.scripts.open(path)
    settled()
    assert manager.draft.script(manager.statuses) == script
    assert manager.schedule.schedule().repeat == "FREQ=DAILY"
    assert manager.submission.job_name == "Nightly"


def test_a_file_that_is_no_script_changes_nothing(manager, tmp_path, settled, context):
    manager.show_request(scenario="Branch File Shares")
    (tmp_path / "x").write_text("no")
    manager.scripts.open(tmp_path / "x")
    manager.scripts.open(tmp_path / "missing")
    settled()
    assert sorted(error.code for error in context.extra["errors"]) == ["E5751", "E5755"]
    assert manager.draft.chosen == {BRANCH}


def type_password(manager, qtbot, password):
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    options.encryption.encrypt.setChecked(True)
    for editor in (options.encryption.password, options.encryption.repeated):
        qtbot.keyClicks(editor, password)
    options.ok.click()
    assert not options.isVisible()


def test_a_modified_job_is_replaced_under_its_number(manager, services, settled, qtbot):
    script = BackupScript((BRANCH,), ("Branch File Shares",), retries=2, encrypt=True)
    job = services.add_job(JobKind.BACKUP, "Nightly", script, hold=True)
    job = replace(job, schedule=Schedule(repeat="FREQ=WEEKLY;BYDAY=MO"))
    manager.show_request(modify=job)
    assert manager.header.subtitle.text() == f"Modify job {job.id}"
    assert manager.tabs.currentIndex() == DESTINATION
    assert manager.schedule.on_hold
    assert manager.destination.fault == "Type the session password"
    assert QApplication.focusWidget() is manager.destination.form.encryption.change
    type_password(manager, qtbot, "secret")
    manager.start()
    manager.submission._ask_submit()
    submit = dialog(SubmitJobDialog)
    assert submit.windowTitle() == f"Modify job {job.id}"
    submit.submit_button.click()
    settled()
    (call,) = services.called("backups.submit")
    assert (call[1].replaces, call[1].name, call[1].hold) == (job.id, "Nightly", True)
    assert call[1].schedule.repeat == "FREQ=WEEKLY;BYDAY=MO"
    assert manager.draft.replaces == 0


def test_submit_tells_what_stands_in_the_way_and_asks_again(manager, services, settled):
    open_folder(manager, settled)
    manager.source.model.marker_clicked.emit(folder(manager, b"/srv"))
    manager.start()
    submit = dialog(SubmitJobDialog)
    settled()
    assert [row.check.code for row in submit.checks.rows] == ["I5770", "I5772"]
    services.raises["backups.preflight"] = ArcxoError("E1120", home="/h")
    submit.check_again.click()
    settled()
    assert submit.problem.isVisible()
    assert submit.submit_button.isEnabled()
    submit.reject()


def test_a_password_that_differs_from_the_last_one_is_refused_unless_it_is_meant(
    manager, services, settled, qtbot
):
    open_folder(manager, settled)
    manager.source.model.marker_clicked.emit(folder(manager, b"/srv"))
    type_password(manager, qtbot, "mistyped")
    refused = CredentialsError("E1164", scenario="x", session=1, media="m")
    services.raises["backups.check_password"] = refused
    manager.start()
    submit = dialog(SubmitJobDialog)
    submit.submit_button.click()
    settled()
    assert submit.problem.isVisible()
    assert services.called("backups.submit") == []
    submit.reject()
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    options.encryption.new_password.setChecked(True)
    options.ok.click()
    manager.start()
    dialog(SubmitJobDialog).submit_button.click()
    settled()
    assert len(services.called("backups.submit")) == 1
    assert not manager.draft.new_password
