"""The Restore Manager on real sessions, a real catalog and real plans: every view, dialog and page."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import QSettings, Qt

from app.model.commands import JobCommands
from app.model.job import RestoreScript
from app.model.owners import HostOwners, Owner, OwnerChange, OwnerRule
from app.model.restore import RestoreAction
from app.services.local import LocalServices
from app.ui.dialogs.restore_login import RestoreLoginDialog
from app.ui.dialogs.restore_options import PRE_POST, RestoreOptionsDialog
from app.ui.dialogs.restore_owners import RestoreOwnersDialog
from app.ui.dialogs.restore_plan import RestorePlanDialog
from app.ui.dialogs.restore_sessions import RestoreSessionsDialog
from app.ui.manager import Context
from app.ui.restore.basket import SessionSource, TreeSource
from app.ui.restore.manager import DESTINATION, SCHEDULE, RestoreManager
from app.ui.restore.source_tab import BY_QUERY, BY_TIME, BY_TREE
from tests.support.media_samples import new_key
from tests.support.media_site import MediaSite

CHECK = Qt.ItemDataRole.CheckStateRole
DATA = b"/srv/data"
THERE = HostOwners((Owner(0, "root"), Owner(4001, "anna")), (Owner(0, "root"), Owner(5001, "sales")))
PASSWORD = "open sesame"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """Two sessions of two versions, and an encrypted one."""
    made = MediaSite(tmp_path_factory.mktemp("restore"))
    made.write({"a.txt": "old\n", "d/one": "1", "gone.txt": "it was here"})
    long_ago = datetime.now(UTC) - timedelta(hours=2)
    made.back_up(owners=THERE, taken_at=long_ago)
    made.write({"a.txt": "new\n", "d/one": "1", "d/two": "22"})
    if os.geteuid() == 0:
        os.chown(made.source / "a.txt", 4001, 5001)
    made.back_up(owners=THERE)
    made.back_up(owners=THERE, key=new_key(made.path, PASSWORD))
    made.merge("", PASSWORD)
    yield made
    made.close()


@pytest.fixture(scope="module")
def local(site):
    services = LocalServices(site.home)
    yield services
    services.close()


@pytest.fixture
def manager(local, tasks, tmp_path, qtbot, settled):
    context = Context(local, tasks, QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat))
    toasts = []
    context.toast = lambda *texts, **_more: toasts.append(texts)
    context.open_manager = lambda *_name, **_request: None
    made = RestoreManager(context)
    made.toasts = toasts
    qtbot.addWidget(made)
    made.resize(1240, 800)
    made.show()
    made.activate()
    settled()
    yield made
    made.deactivate()
    settled()


def dialog_of(parent, kind, settled):
    settled()
    return next(one for one in parent.findChildren(kind) if one.isVisible())


def to_folder(manager, folder):
    manager.destination.original.setChecked(False)
    manager.destination.folders.path.setText(str(folder))
    manager.destination.folders.path.textEdited.emit(str(folder))


def plan_of(manager, settled):
    """Start, agree to the log-ins, and wait for the plan."""
    manager.start.click()
    dialog_of(manager, RestoreSessionsDialog, settled).accept()
    return dialog_of(manager, RestorePlanDialog, settled)


def open_folder(pane, settled, *keys):
    for depth in range(1, len(keys) + 1):
        index = pane.model.find(*keys[:depth])
        assert index.isValid(), keys[:depth]
        if depth < len(keys):
            pane.tree.setExpanded(index, True)
            settled()
    pane.tree.select_row(pane.model.find(*keys))
    settled()


def toggle(pane, path):
    row = next(i for i, item in enumerate(pane.entries.items) if item.path == path)
    pane.entries.setData(pane.entries.index(row, 0), None, CHECK)


def newest_job(site):
    return max(site.catalog.jobs.list(), key=lambda job: job.id)


def test_a_file_of_a_session_goes_to_a_folder_as_the_plan_said(manager, site, settled, tmp_path):
    pane = manager.source.by_session
    session = SessionSource(site.serial, 2)
    open_folder(pane, settled, site.serial, session, b"/srv", DATA)
    assert [item.path for item in pane.entries.items] == [DATA + b"/d", DATA + b"/a.txt"]
    toggle(pane, DATA + b"/a.txt")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.txt").write_text("mine")
    to_folder(manager, tmp_path / "out")
    plan = plan_of(manager, settled)
    assert plan.counts[RestoreAction.OVERWRITE].number == 1
    assert plan.title.text() == "This restore will change 1 file on localhost"
    plan.name.setText("Bring a back")
    plan.submit()
    settled()
    job = newest_job(site)
    assert job.name == "Bring a back"
    assert isinstance(job.script, RestoreScript)
    assert job.script.selections[0].paths == (DATA + b"/a.txt",)
    assert len(manager.source.chooser.basket) == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="files of other people are root's to make")
def test_owners_are_counted_chosen_and_counted_again(manager, site, settled, tmp_path):
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    to_folder(manager, tmp_path / "out")
    plan = plan_of(manager, settled)
    assert not plan.owners.isHidden()
    plan.owners.click()
    owners = dialog_of(plan, RestoreOwnersDialog, settled)
    names = [(one.name, one.entries) for one in owners.model.items if not one.group]
    assert dict(names)["anna"] == 1
    row = next(i for i, one in enumerate(owners.model.items) if one.name == "anna")
    owners.table.select_row(owners.table.model().index(row, 0))
    owners.to.setText("root")
    owners.to.textEdited.emit("root")
    owners.rules[OwnerRule.NAME].setChecked(True)
    owners.use.click()  # what is typed is not lost, though nobody pressed Set
    settled()
    told = {(one.group, one.number): one for one in plan._plan.owners}
    assert told[False, 4001].becomes == 0
    assert manager.destination.options().owners is OwnerRule.NAME
    plan.submit()
    settled()
    script = newest_job(site).script
    assert (script.owners, script.owner_changes) == (OwnerRule.NAME, (OwnerChange("anna", "root"),))
    manager.destination.forget_owners.click()
    assert manager.destination.options().owner_changes == ()


def test_an_owner_that_is_not_there_is_told_in_place_of_the_plan(manager, site, settled, tmp_path):
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    to_folder(manager, tmp_path / "out")
    manager.destination.show_owners(OwnerRule.NUMBER, (OwnerChange("root", "no-such-user-here"),))
    plan = plan_of(manager, settled)
    assert "There is no user no-such-user-here" in plan.problem.accessibleName() + plan.problem._title.text()
    assert not plan.restore.isEnabled()
    plan.back.click()
    settled()
    dialog_of(manager, RestoreSessionsDialog, settled).reject()


def test_a_wrong_session_password_keeps_the_row_waiting(manager, site, settled, tmp_path, qtbot):
    manager.source.chooser.toggle(SessionSource(site.serial, 3), b"/")
    to_folder(manager, tmp_path / "out")
    manager.start.click()
    rows = dialog_of(manager, RestoreSessionsDialog, settled)
    rows.next.click()  # it opens the row that misses something, in place of going on
    login = dialog_of(rows, RestoreLoginDialog, settled)
    login.session_password.setText("wrong")
    login.ok.click()
    settled()
    assert login.isVisible()
    login.session_password.setText(PASSWORD)
    login.ok.click()
    qtbot.waitUntil(lambda: not any(row.missing for row in rows._rows), timeout=5000)
    settled()
    rows.next.click()
    plan = dialog_of(manager, RestorePlanDialog, settled)
    assert plan.counts[RestoreAction.CREATE].number >= 3
    plan.reject()


def test_the_tree_shows_the_last_instance_and_every_version_of_it(manager, site, settled):
    manager.source.view.setCurrentIndex(BY_TREE)
    settled()
    pane, source = manager.source.by_tree, TreeSource("master")
    open_folder(pane, settled, source, b"/srv", DATA)
    assert {item.path for item in pane.entries.items} == {DATA + b"/d", DATA + b"/a.txt"}
    row = next(i for i, item in enumerate(pane.entries.items) if item.path == DATA + b"/a.txt")
    pane.table.select_row(pane.table.model().index(row, 0))
    manager.source.show_versions()
    settled()
    versions = manager.source.versions
    # What is encrypted cannot be said to be the same as what is not.
    assert {one.last_session.number for one in versions.model.items} == {1, 2, 3}


def test_a_query_finds_what_is_gone(manager, site, settled):
    manager.source.view.setCurrentIndex(BY_QUERY)
    pane = manager.source.by_query
    pane.pattern.setText("gone*")
    pane.ask.click()
    settled()
    assert [item.path for item in pane.model.items] == [DATA + b"/gone.txt"]
    pane.pattern.setText("no such name")
    pane.ask.click()
    settled()
    assert not pane.model.items


@pytest.mark.deep
def test_times_are_offered_for_a_machine(manager, site, settled):
    manager.source.view.setCurrentIndex(BY_TIME)
    settled()
    assert manager.source.by_time.isVisible()


def test_commands_and_log_level_are_part_of_the_job(manager, site, settled, tmp_path):
    manager._actions["options"].trigger()
    options = dialog_of(manager, RestoreOptionsDialog, settled)
    options.commands.before.setText("relative")
    options.ok.click()
    assert options.isVisible()
    assert options.tabs.currentIndex() == PRE_POST
    options.commands.before.setText("/bin/true --quiet")
    options.commands.wait.setChecked(True)
    options.ok.click()
    assert "A command before" in manager.destination._job_words.text()
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    to_folder(manager, tmp_path / "out")
    plan = plan_of(manager, settled)
    plan.submit()
    settled()
    assert newest_job(site).script.commands == JobCommands(("/bin/true", "--quiet"), 0)


@pytest.mark.deep
def test_a_restore_repeats_and_a_schedule_that_cannot_be_is_told_before_anything_else(
    manager, site, settled, tmp_path
):
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    to_folder(manager, tmp_path / "out")
    form = manager.schedule.form
    assert form.repetition.method.findText("Rotation scheme") < 0
    form.repetition.method.setCurrentText("Every n days")
    form.repetition.dates.setText("some day")
    manager.start.click()
    settled()
    assert manager.tabs.currentIndex() == SCHEDULE
    form.repetition.dates.setText("")
    form.hold.setChecked(True)
    plan = plan_of(manager, settled)
    plan.submit()
    settled()
    assert "DAILY" in newest_job(site).schedule.repeat
    assert form.rule().text() == ""
    manager.tabs.setCurrentIndex(DESTINATION)


def test_a_basket_that_was_cleared_is_brought_back(manager, site, settled):
    manager.source.chooser.toggle(SessionSource(site.serial, 1), b"/srv/data/d")
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    before = {(item.source, item.path) for item in manager.source.chooser.basket.items()}
    manager._actions["clear"].trigger()
    assert len(manager.source.chooser.basket) == 0
    title, _, action, bring_back = manager.toasts[-1]
    assert (title, action) == ("Basket cleared", "Bring back")
    bring_back()
    assert {(item.source, item.path) for item in manager.source.chooser.basket.items()} == before


@pytest.mark.deep
def test_what_an_exact_restore_removes_is_on_its_button(manager, site, settled, tmp_path):
    manager.source.chooser.toggle(SessionSource(site.serial, 2), b"/")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/mine").write_text("mine")
    to_folder(manager, tmp_path / "out")
    manager.destination.exact.setChecked(True)
    plan = plan_of(manager, settled)
    assert plan.restore.text().endswith(", removing 1")
    assert plan.restore.property("kind") == "danger"
    plan.reject()
