"""Job Status against memory services: queue, monitor, log, and what the toolbar does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog

from app.model.errors import ArcxoError, BusyError
from app.model.events import Severity
from app.model.job import JobProgress, JobStatus, Schedule
from app.ui.job_status import job_commands
from app.ui.job_status.manager import JobStatusManager
from app.ui.job_status.queue_rows import CHOSEN_BY_HAND, COLUMNS, rows
from app.ui.job_status.reschedule import RescheduleDialog
from app.ui.models.cell import ItemRole, RowKind
from tests.support.memory_services import MemoryServices, now

ACTIVE, READY, HELD, DONE, CRASHED = 413, 414, 415, 412, 410


@pytest.fixture
def open_manager(context, put_up):
    return lambda: put_up(JobStatusManager(context), 1240, 820)


@pytest.fixture
def manager(open_manager):
    return open_manager()


def choose(manager, job_id):
    manager.show_request(job=job_id)
    assert manager.queue.current_job().id == job_id


def names(manager):
    model = manager.queue.model
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_models_keep_the_rules_of_qt(manager, qtmodeltester):
    qtmodeltester.check(manager.queue.model)
    qtmodeltester.check(manager.queue.filter_tree.model())
    qtmodeltester.check(manager.log.model)


def test_active_jobs_come_first_then_by_next_run_then_done(manager):
    model = manager.queue.model
    statuses = [model.index(row, 2).data() for row in range(model.rowCount())]
    assert statuses == ["Active", "Ready", "Hold", "Done", "Done", "Done"]
    assert manager.header.subtitle.text().startswith("1 job active, next start ")


def test_a_due_job_that_no_server_took_says_so(services, manager, settled):
    late = now() - timedelta(minutes=1)
    services.jobs_ = [replace(job, execution_at=late) if job.id == READY else job for job in services.jobs_]
    manager.refresh()
    settled()
    model = manager.queue.model
    cells = {
        model.index(row, 0).data(ItemRole.KEY): model.index(row, 3).data() for row in range(model.rowCount())
    }
    assert cells[READY] == "Waits: for a server"
    assert cells[HELD] == ""


@pytest.mark.parametrize(
    ("job_id", "enabled"),
    [
        (ACTIVE, {"stop", "delete"}),
        (READY, {"run_now", "ready", "reschedule", "delete"}),
        (HELD, {"ready", "reschedule", "delete"}),
        (DONE, {"delete"}),
    ],
)
def test_only_what_can_be_done_is_offered_and_the_rest_says_why(manager, job_id, enabled):
    choose(manager, job_id)
    acts = {"run_now", "ready", "reschedule", "stop", "delete"}
    assert {name for name in acts if manager.actions_[name].isEnabled()} == enabled
    assert all(manager.actions_[name].toolTip() for name in acts)


@pytest.mark.parametrize(
    ("job_id", "name", "called"),
    [
        (READY, "run_now", ("jobs.run_now", READY)),
        (READY, "ready", ("jobs.hold", READY)),
        (HELD, "ready", ("jobs.ready", HELD)),
        (ACTIVE, "stop", ("jobs.stop", ACTIVE)),
    ],
)
def test_actions_call_their_service(manager, services, settled, job_id, name, called):
    choose(manager, job_id)
    manager.actions_[name].trigger()
    settled()
    assert services.called(called[0]) == [called]


def test_held_job_is_ready_on_screen_after_the_action(manager, services, qtbot):
    choose(manager, HELD)
    manager.actions_["ready"].trigger()
    qtbot.waitUntil(lambda: manager.queue.current_job().status is JobStatus.READY)
    assert manager.queue.current_job().id == HELD


def test_delete_asks_first_and_keeps_the_job_when_refused(manager, services, settled, monkeypatch):
    answers = [False, True]
    asked = []
    monkeypatch.setattr(job_commands, "confirm", lambda *texts: asked.append(texts[1]) or answers.pop(0))
    choose(manager, DONE)
    manager.actions_["delete"].trigger()
    settled()
    assert services.called("jobs.delete") == []
    manager.actions_["delete"].trigger()
    settled()
    assert asked[0] == "Delete job 412, Backup Sales Shares?"
    assert services.called("jobs.delete") == [("jobs.delete", DONE)]


def test_reschedule_keeps_the_rule_and_gives_the_new_time(manager, services, settled, monkeypatch):
    at = datetime(2026, 12, 1, 3, tzinfo=UTC)
    monkeypatch.setattr(RescheduleDialog, "exec", lambda self: self.at.setDateTime(at) or True)
    choose(manager, READY)
    manager.actions_["reschedule"].trigger()
    settled()
    assert services.called("jobs.reschedule") == [("jobs.reschedule", READY, Schedule(at, "FREQ=DAILY", ""))]


def test_a_refused_action_is_told(manager, services, context, settled):
    services.raises["jobs.stop"] = BusyError("E5104", job=ACTIVE)
    choose(manager, ACTIVE)
    manager.actions_["stop"].trigger()
    settled()
    assert context.extra["errors"] == [services.raises["jobs.stop"]]


def test_keys_of_the_queue_do_nothing_while_the_log_is_in_front(manager):
    choose(manager, ACTIVE)
    manager.tabs.setCurrentIndex(1)
    assert not manager.actions_["stop"].isEnabled()
    manager.tabs.setCurrentIndex(0)
    assert manager.actions_["stop"].isEnabled()


def test_selection_and_scrolling_stay_when_figures_change(manager, services, qtbot, settled):
    extra = [replace(services.jobs_[3], id=300 - n, name=f"Old {n}") for n in range(60)]
    services.jobs_ += extra
    manager.refresh()
    settled()
    choose(manager, extra[40].id)
    bar = manager.queue.tree.verticalScrollBar()
    before = bar.value()
    assert before > 0
    live = services.jobs_[0]
    services.jobs_[0] = replace(live, progress=replace(live.progress, files=120_000, read_bytes=2**34))
    manager.refresh()
    qtbot.waitUntil(lambda: manager.queue.model.find(ACTIVE).data(ItemRole.OBJECT).progress.files == 120_000)
    assert bar.value() == before
    assert manager.queue.current_job().id == extra[40].id


def test_monitor_says_totals_only_when_they_are_counted(manager, services, settled):
    choose(manager, ACTIVE)
    assert manager.queue.monitor.amount.text() == "18.2 GB of 28.4 GB"
    live = services.jobs_[0]
    counting = replace(live.progress, files_total=None, bytes_total=None)
    services.jobs_[0] = replace(live, progress=counting)
    manager.refresh()
    settled()
    assert manager.queue.monitor.amount.text() == "118,400 files, 18.2 GB. Total not known yet"
    assert manager.queue.model.find(ACTIVE).siblingAtColumn(3).data() == "Back up"


def test_never_the_whole_while_something_still_runs(manager, services, settled):
    live = services.jobs_[0]
    full = replace(live.progress, read_bytes=live.progress.bytes_total)
    services.jobs_[0] = replace(live, progress=full)
    manager.refresh()
    settled()
    assert manager.queue.model.find(ACTIVE).siblingAtColumn(3).data() == "99%"


def test_a_waiting_job_says_for_what(manager, services, settled):
    live = services.jobs_[0]
    waiting = JobProgress(waits_for="another backup of scenario Sales Shares")
    services.jobs_[0] = replace(live, progress=waiting)
    manager.refresh()
    settled()
    cell = manager.queue.model.find(ACTIVE).siblingAtColumn(3)
    assert cell.data() == "Waits: another backup of scenario Sales Shares"


def test_child_jobs_stand_beneath_their_master_job(manager, services, settled):
    children = [replace(services.jobs_[0], id=500 + n, parent_id=ACTIVE, name=f"Child {n}") for n in range(2)]
    services.jobs_ += children
    manager.refresh()
    settled()
    master = manager.queue.model.find(ACTIVE)
    assert manager.queue.model.rowCount(master) == 2
    choose(manager, 500)
    assert manager.actions_["stop"].toolTip() == f"Part of job {ACTIVE}: choose that one"
    choose(manager, ACTIVE)
    assert manager.queue.monitor.doing.text() == "2 of 2 child jobs running, 0 done"


def test_filters_count_and_limit_the_queue(manager):
    tree = manager.queue.filter_tree
    tree.select_row(tree.model().find(("attention", "")))
    assert names(manager) == ["Restore 3 files", "Backup Lab Results"]
    assert tree.model().find(("attention", "")).siblingAtColumn(1).data() == "2"
    tree.select_row(tree.model().find(("status", "hold")))
    assert names(manager) == ["Weekly"]


def test_owners_and_servers_are_filters_where_there_are_several(manager, services, settled):
    tree = manager.queue.filter_tree
    assert not tree.model().find(("owner", "caroot")).isValid()
    services.jobs_ = [
        replace(job, owner="anna", server="BKP-2") if job.id == READY else replace(job, server="BKP-1")
        for job in services.jobs_
    ]
    manager.refresh()
    settled()
    for key in (("owner", "anna"), ("server", "BKP-2")):
        tree.select_row(tree.model().find(key))
        assert names(manager) == ["Nightly"]
    services.jobs_ = [replace(job, server="BKP-1") for job in services.jobs_]
    manager.refresh()
    settled()
    # What it was filtered by is gone: the whole queue is shown.
    assert len(names(manager)) == len(services.jobs_)
    tree.select_row(tree.model().find(("result", "finished")))
    assert names(manager) == ["Backup Sales Shares"]


def test_a_new_job_is_made_in_its_manager(manager, context):
    for name in ("new_backup", "new_restore"):
        manager.actions_[name].trigger()
    assert [one[0] for one in context.extra["opened"]] == ["backup", "restore"]
    assert [one.text() for one in manager.toolbar["add"].menu().actions()] == [
        "New backup job…",
        "New restore job…",
    ]


def test_failed_first_answer_is_told_in_place_and_retried(open_manager, services, qtbot):
    services.raises["jobs.list"] = ArcxoError("E6001", reason="gone")
    services.raises["log.list"] = ArcxoError("E6001", reason="gone")
    manager = open_manager()
    assert manager.queue.problem.isVisible()
    manager.tabs.setCurrentIndex(1)
    assert manager.log.problem.isVisible()
    services.raises.clear()
    manager.log.problem.retried.emit()
    qtbot.waitUntil(manager.log.tree.isVisible)
    manager.tabs.setCurrentIndex(0)
    manager.queue.problem.retried.emit()
    qtbot.waitUntil(manager.queue.tree.isVisible)


def test_later_failures_keep_the_last_answer(manager, services, settled):
    services.raises["jobs.list"] = ArcxoError("E6001", reason="gone")
    manager.refresh()
    settled()
    assert not manager.queue.problem.isVisible()
    assert len(names(manager)) == 6


def test_empty_queue_offers_a_backup(context, open_manager):
    context.services = MemoryServices(empty=True)
    open_manager().queue.empty.button.click()
    assert context.extra["opened"] == [("backup", {})]


def test_log_is_grouped_by_week_and_job(manager):
    model = manager.log.model
    first = model.index(0, 0)
    assert first.data(ItemRole.KIND) is RowKind.GROUP
    assert first.data().startswith("This Week [ ")
    job = model.index(0, 0, first)
    assert job.data().startswith("Job411 [ ")
    assert job.data().endswith("[Incomplete]")


def test_message_type_asks_again_with_its_severities(manager, services, qtbot):
    asked = len(services.called("log.list"))
    manager.log.kind.setCurrentText("Warnings")
    qtbot.waitUntil(lambda: len(services.called("log.list")) > asked)
    qtbot.waitUntil(lambda: [record.severity for record in manager.log.records] == [Severity.WARNING])


def test_request_for_the_log_of_a_job_shows_its_lines_only(manager, services, qtbot):
    manager.show_request(log_of=412)
    assert manager.tabs.currentIndex() == 1
    qtbot.waitUntil(lambda: {record.job_id for record in manager.log.records} == {412})
    manager.log.only.click()
    qtbot.waitUntil(lambda: len(manager.log.records) == len(services.activity))


def test_log_of_the_selection_opens_by_its_key(manager, qtbot):
    choose(manager, 411)
    manager.actions_["show_log"].trigger()
    assert manager.log.job_id == 411
    assert manager.tabs.currentIndex() == 1


def test_request_for_the_log_page_shows_all_of_it(manager):
    manager.show_request(page="log")
    assert manager.tabs.currentIndex() == 1
    assert manager.log.job_id is None


def test_chosen_message_shows_reason_and_action(manager):
    manager.tabs.setCurrentIndex(1)
    model = manager.log.model
    line = model.index(0, 0, model.index(0, 0, model.index(0, 0)))
    manager.log.tree.select_row(line)
    assert manager.log.details.isVisible()
    assert "AE0464" in manager.log.details.text


def test_new_lines_keep_selection_and_what_was_closed(manager, services, qtbot, settled):
    model = manager.log.model
    week = model.index(0, 0)
    job = model.index(0, 0, week)
    line = model.index(0, 0, job)
    manager.tabs.setCurrentIndex(1)
    manager.log.tree.select_row(line)
    closed = model.index(1, 0, week)
    manager.log.tree.collapse(closed)
    newest = replace(services.activity[0], id=99, at=datetime.now(UTC), job_id=None)
    services.activity.insert(0, newest)
    manager.refresh()
    qtbot.waitUntil(lambda: manager.log.records[0].id == 99)
    assert manager.log.tree.current_object().id == services.activity[1].id
    again = model.find(week.data(ItemRole.KEY), ("job", 412))
    assert not manager.log.tree.isExpanded(again)


def test_export_writes_the_lines_shown_and_tells_a_full_disk(
    manager, context, settled, tmp_path, monkeypatch
):
    target = tmp_path / "log.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    manager.actions_["export"].trigger()
    settled()
    lines = target.read_text(encoding="utf-8").splitlines()
    assert lines[0] == "type,server,date,job,session,message"
    assert len(lines) == 6
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "none" / "log.csv"), ""))
    manager.actions_["export"].trigger()
    settled()
    assert [error.code for error in context.extra["errors"]] == ["E1301"]


def test_copied_command_line_names_the_job(manager):
    choose(manager, DONE)
    manager.actions_["copy_command"].trigger()
    assert QApplication.clipboard().text() == "arcxo job show 412"


def test_tabs_change_by_key(manager, qtbot):
    manager.queue.tree.setFocus()
    qtbot.keyClick(manager.queue.tree, Qt.Key.Key_PageDown, Qt.KeyboardModifier.ControlModifier)
    assert manager.tabs.currentIndex() == 1


def test_done_jobs_show_newest_first(manager, services, settled):
    done = next(job for job in services.jobs_ if job.id == DONE)
    services.jobs_.append(
        replace(done, id=600, name="Newest", finished_at=done.finished_at + timedelta(minutes=1))
    )
    manager.refresh()
    settled()
    assert names(manager)[3] == "Newest"


def test_services_are_never_called_on_the_gui_thread(manager, services):
    assert services.threads
    assert all(name.startswith("console-task") for name in services.threads)


def test_names_keep_their_width_in_a_narrow_window(manager, qtbot):
    manager.resize(700, 600)
    header = manager.queue.tree.header()
    qtbot.waitUntil(lambda: manager.queue.tree.viewport().width() < 700)
    assert header.sectionSize(0) == 200
    assert manager.toolbar["stop"].toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonIconOnly
    manager.resize(1600, 600)
    qtbot.waitUntil(lambda: header.sectionSize(0) > 400)
    assert manager.toolbar["stop"].toolButtonStyle() is Qt.ToolButtonStyle.ToolButtonTextBesideIcon


def test_a_step_without_a_counted_total_shows_that_something_goes_on(manager, services, settled):
    choose(manager, ACTIVE)
    gauge = manager.queue.monitor.gauge
    assert not gauge.busy
    live = services.jobs_[0]
    services.jobs_[0] = replace(live, progress=replace(live.progress, files_total=None, bytes_total=None))
    manager.refresh()
    settled()
    assert gauge.busy
    services.jobs_[0] = replace(live, status=JobStatus.DONE, progress=None)
    manager.refresh()
    settled()
    assert not gauge.busy


def test_the_queue_tells_the_time_left_and_has_further_columns_to_choose(services):
    active = next(job for job in services.jobs_ if job.status is JobStatus.ACTIVE)
    started = replace(active, started_at=now() - timedelta(seconds=60))
    half = replace(started, progress=replace(active.progress, read_bytes=50, bytes_total=100, files=7))
    (row,) = rows([half])
    titles = [column.title for column in COLUMNS]
    assert len(row.cells) == len(titles)
    cells = dict(zip(titles, row.cells, strict=True))
    assert cells["Time left"].text in ("59 s", "60 s", "1 min", "61 s")
    assert (cells["Files"].text, cells["Job type"].text, cells["Owner"].text) == ("7", "Backup", half.owner)
    soon = replace(half, started_at=now() - timedelta(seconds=1))
    (row,) = rows([soon])
    assert dict(zip(titles, row.cells, strict=True))["Time left"].text == "—"
    assert set(CHOSEN_BY_HAND) < set(titles)
