"""When jobs run next and why, the next 24 hours, and what is changed of jobs that wait."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QApplication

from app.model.errors import UsageError
from app.model.job import BackupScript, JobKind, JobStatus, RestoreScript, Schedule
from app.model.source import DirectSource
from app.ui.job_status.actions import offers
from app.ui.job_status.job_password import JobPasswordDialog
from app.ui.job_status.manager import JobStatusManager

NIGHTLY = BackupScript((1,), ("Files",), encrypt=True, sources=(DirectSource("fs", b"/a"),))


@pytest.fixture
def job(services):
    made = services.add_job(JobKind.BACKUP, "Nightly", NIGHTLY)
    at = datetime.now(UTC) + timedelta(hours=2)
    services.jobs_ = [
        replace(one, schedule=Schedule(at, "FREQ=HOURLY;INTERVAL=6"), execution_at=at, device_group="GROUP0")
        if one.id == made.id
        else one
        for one in services.jobs_
    ]
    return services.jobs.show(made.id)


@pytest.fixture
def manager(context, job, qtbot, settled):
    made = JobStatusManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    settled()
    made.show_request(job=job.id)
    settled()
    yield made
    made.deactivate()
    settled()


def dialog() -> JobPasswordDialog:
    return next(
        one
        for one in QApplication.topLevelWidgets()
        if isinstance(one, JobPasswordDialog) and one.isVisible()
    )


def test_the_chosen_job_says_when_it_runs_next_and_why(manager, job):
    text = manager.queue.monitor.next_run.text()
    assert text.startswith("Next run ")
    assert "every 6 hours" in text


def test_the_next_day_lists_each_run_with_its_reason(manager, job, qtbot, services):
    manager.tabs.setCurrentIndex(2)
    model = manager.upcoming.model
    qtbot.waitUntil(lambda: model.rowCount() > 0)
    own = [row for row in range(model.rowCount()) if model.index(row, 2).data() == str(job.id)]
    assert len(own) == 4
    assert "every 6 hours" in model.index(own[0], 6).data()


def test_two_jobs_of_one_group_at_the_same_time_are_marked(manager, job, services, qtbot):
    again = replace(job, id=job.id + 1, name="Other", schedule=Schedule(job.execution_at))
    services.jobs_.append(again)
    manager.refresh()
    qtbot.waitUntil(lambda: again.id in manager._jobs)
    manager._next_poll.refresh()
    model = manager.upcoming.model

    def marked() -> list[str]:
        rows = [model.row_at(model.index(row, 0)) for row in range(model.rowCount())]
        return sorted(row.cells[1].text for row in rows if row is not None and row.cells[1].tag)

    qtbot.waitUntil(lambda: marked() == ["Nightly", "Other"])


def test_a_run_leads_to_its_job(manager, job):
    manager.tabs.setCurrentIndex(2)
    manager.upcoming.job_wanted.emit(job.id)
    assert manager.tabs.currentIndex() == 0
    assert manager.queue.current_job().id == job.id


def test_nothing_to_come_says_how_it_comes_there(manager, services, context, qtbot):
    manager.upcoming.set_runs([], {})
    manager.tabs.setCurrentIndex(2)
    assert manager.upcoming.empty.isVisible()
    manager.upcoming.empty.button.click()
    assert context.extra["opened"][-1][0] == "backup"


def test_a_waiting_backup_is_opened_to_be_modified(manager, job, context):
    manager.actions_["modify"].trigger()
    assert context.extra["opened"][-1] == ("backup", {"modify": manager.queue.current_job()})


def test_only_backups_that_wait_are_modified(job):
    assert offers(job).modify.enabled
    for status in (JobStatus.ACTIVE, JobStatus.DONE):
        assert not offers(replace(job, status=status)).modify.enabled
        assert not offers(replace(job, status=status)).password.enabled
    restore = replace(job, kind=JobKind.RESTORE, script=RestoreScript(()))
    assert not offers(restore).modify.enabled
    assert offers(restore).password.enabled
    makeup = replace(job, script=replace(NIGHTLY, makeup_of=3))
    assert not offers(makeup).modify.enabled


def test_a_password_of_a_waiting_job_is_changed(manager, job, services, settled, context):
    manager.actions_["password"].trigger()
    made = dialog()
    assert not made.action.isEnabled() or made.fault()
    made.password.setText("new")
    made.repeated.setText("other")
    assert made.fault() == "The passwords differ"
    made.repeated.setText("new")
    made.action.click()
    settled()
    assert services.called("jobs.set_password") == [("jobs.set_password", job.id, "new")]
    assert context.extra["toasts"][-1][0] == f"Job {job.id} has another password"


def test_a_log_in_of_one_host_is_changed(manager, job, services, settled):
    manager.actions_["password"].trigger()
    made = dialog()
    made.what.setCurrentIndex(made.what.findData("source fs"))
    assert made.user_field.isVisible()
    for line, text in ((made.user, "svc"), (made.password, "p"), (made.repeated, "p")):
        line.setText(text)
    made.action.click()
    settled()
    (call,) = services.called("jobs.set_login")
    assert (call[1], call[2].user, call[3]) == (job.id, "svc", "source fs")


def test_a_refused_password_stays_in_the_dialog(manager, job, services, settled):
    services.raises["jobs.set_password"] = UsageError("E5748", job=job.id)
    manager.actions_["password"].trigger()
    made = dialog()
    made.password.setText("new")
    made.repeated.setText("new")
    made.action.click()
    settled()
    assert made.isVisible()
    assert made.problem.isVisible()
    made.reject()
