"""Job monitors in windows of their own: several at once, live behind other managers, then the result."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from PySide6.QtCore import QSettings, Qt
from PySide6.QtWidgets import QApplication

from app.model.errors import BusyError
from app.model.job import JobResult, JobStatus, Schedule
from app.ui.help.desk import help_desk
from app.ui.help.topics import topic_of
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.monitor_window import MonitorWindow
from app.ui.main_window import MainWindow
from tests.support.memory_services import now

ACTIVE, READY, HELD, DONE = 413, 414, 415, 412


def window_of(manager, job_id, settled):
    manager.show_request(job=job_id)
    manager.actions_["window"].trigger()
    settled()
    return manager.monitors.windows[job_id]


def change(services, job_id, **fields):
    services.jobs_ = [replace(job, **fields) if job.id == job_id else job for job in services.jobs_]


def test_several_are_open_at_once_and_each_job_has_one(manager, settled):
    manager.show_request(job=ACTIVE)
    manager.queue.monitor.window_button.click()
    settled()
    first = manager.monitors.windows[ACTIVE]
    second = window_of(manager, READY, settled)
    assert window_of(manager, ACTIVE, settled) is first
    assert all(one.isVisible() and one.isWindow() and not one.isModal() for one in (first, second))
    assert first.styleSheet()
    assert f"Job {ACTIVE}, " in first.windowTitle()
    assert first.monitor.amount.text() == "18.2 GB of 28.4 GB"
    assert topic_of(first) == "job-queue"
    first.close()
    assert list(manager.monitors.windows) == [READY]


def test_it_says_when_the_job_runs_next_and_why_and_when_it_repeats(manager, services, qtbot, settled):
    at = now() + timedelta(hours=2)
    daily = Schedule(at, "FREQ=DAILY")
    for job_id in (ACTIVE, READY, HELD):
        change(services, job_id, schedule=daily, execution_at=at)
    windows = {job_id: window_of(manager, job_id, settled) for job_id in (ACTIVE, READY, HELD)}
    told = {job_id: window.monitor.next_run for job_id, window in windows.items()}
    qtbot.waitUntil(lambda: all(label.isVisible() for label in told.values()))
    assert told[READY].text().startswith("Next run ")
    assert "by its schedule: every day" in told[READY].text()
    assert told[READY].toolTip()
    assert "it runs now; then again by its schedule: every day" in told[ACTIVE].text()
    assert told[HELD].text().startswith("It is on hold")
    assert "every day" in told[HELD].text()
    change(services, HELD, status=JobStatus.READY)
    qtbot.waitUntil(lambda: told[HELD].text().startswith("Next run "))


def test_it_goes_on_behind_another_manager_and_shows_the_result(manager, services, qtbot, settled):
    window = window_of(manager, ACTIVE, settled)
    manager.step_back()
    live = next(job for job in services.jobs_ if job.id == ACTIVE)
    change(services, ACTIVE, progress=replace(live.progress, read_bytes=20 * 2**30))
    qtbot.waitUntil(lambda: window.monitor.amount.text().startswith("20.0 GB"), timeout=3000)
    change(
        services,
        ACTIVE,
        status=JobStatus.DONE,
        last_result=JobResult.FINISHED,
        finished_at=now(),
        progress=None,
    )
    qtbot.waitUntil(lambda: window.monitor.doing.text() == "Finished")
    assert not window.stop.isEnabled()
    services.jobs_ = [job for job in services.jobs_ if job.id != ACTIVE]
    qtbot.waitUntil(lambda: "not in the queue any more" in window.said.text())
    assert window.monitor.doing.text() == "Finished"


def test_stop_is_told_in_the_window_and_refused_where_there_is_nothing_to_stop(
    manager, services, qtbot, settled
):
    assert not window_of(manager, READY, settled).stop.isEnabled()
    window = window_of(manager, ACTIVE, settled)
    window.stop.click()
    settled()
    assert services.called("jobs.stop") == [("jobs.stop", ACTIVE)]
    qtbot.waitUntil(lambda: window.monitor.doing.text() == "Canceled", timeout=3000)


def test_a_refused_stop_is_shown_over_the_window(manager, services, context, settled, monkeypatch):
    shown = []
    monkeypatch.setattr(context, "show_error", lambda error, parent=None: shown.append(parent))
    window = window_of(manager, ACTIVE, settled)
    services.raises["jobs.stop"] = BusyError("E5104", job=ACTIVE)
    window.stop.click()
    settled()
    assert shown == [window]


def test_child_jobs_are_listed_and_have_windows_too(manager, services, qtbot, settled):
    active = next(job for job in services.jobs_ if job.id == ACTIVE)
    services.jobs_ += [replace(active, id=500 + n, parent_id=ACTIVE, name=f"Child {n}") for n in range(2)]
    manager.refresh()
    settled()
    window = window_of(manager, ACTIVE, settled)
    qtbot.waitUntil(lambda: window.model.rowCount() == 2, timeout=3000)
    assert window.tree.isVisible()
    window.tree.select_row(window.model.find(501))
    qtbot.keyClick(window.tree, Qt.Key.Key_Return)
    child = manager.monitors.windows[501]
    assert not child.stop.isEnabled()
    assert str(ACTIVE) in child.stop.toolTip()


def test_log_and_details_lead_on_and_the_chart_goes_on(manager, services, context, settled):
    live = next(job for job in services.jobs_ if job.id == ACTIVE)
    manager.show_request(job=ACTIVE)
    for step in (2, 5, 8):
        at = replace(live.progress, read_bytes=step * 2**30, updated_at=now() + timedelta(seconds=step))
        change(services, ACTIVE, progress=at)
        manager.refresh()
        settled()
    window = window_of(manager, ACTIVE, settled)
    assert len(window.monitor.throughput.rates.points) >= 2
    window.monitor._details.click()
    dialog = next(one for one in QApplication.topLevelWidgets() if isinstance(one, JobDetailDialog))
    assert dialog.parent() is window
    settled()
    dialog.accept()
    window.monitor._log.click()
    assert manager.context.extra["opened"][-1] == ("job_status", {"log_of": ACTIVE})


def test_nothing_is_asked_for_windows_nobody_looks_at(manager, settled):
    window = window_of(manager, ACTIVE, settled)
    assert manager.monitors._poll.running
    window.showMinimized()
    assert not manager.monitors._poll.running
    manager.monitors.open(window.job)
    assert manager.monitors._poll.running
    window.close()
    assert not manager.monitors._poll.running


def test_they_close_with_the_console_and_keep_their_size(services, tasks, tmp_path, qtbot, settled):
    settings = QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat)
    console = MainWindow(services, tasks, settings)
    console.show()
    console.open_manager("job_status")
    settled()
    manager = console.current_manager
    window = window_of(manager, ACTIVE, settled)
    window.resize(640, 470)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    assert help_desk().window.topic == "job-queue"
    console.close()
    settled()
    left = [one for one in QApplication.topLevelWidgets() if isinstance(one, MonitorWindow)]
    assert not any(one.isVisible() for one in left)
    again = MonitorWindow(console.context, next(job for job in services.jobs_ if job.id == ACTIVE))
    qtbot.addWidget(again)
    assert (again.width(), again.height()) == (640, 470)
