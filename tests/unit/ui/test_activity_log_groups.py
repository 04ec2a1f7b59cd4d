from __future__ import annotations

from datetime import UTC, datetime, timedelta

from app.model.events import ActivityRecord, Severity
from app.model.job import BackupScript, Job, JobKind, JobResult, JobStatus, Schedule
from app.ui.job_status.log_groups import JobGroup, WeekGroup, group

NOW = datetime(2026, 11, 18, 12, tzinfo=UTC)  # a Wednesday


def record(
    number: int,
    at: datetime,
    job: int | None = None,
    *,
    severity: Severity = Severity.INFORMATION,
    parent: int | None = None,
) -> ActivityRecord:
    return ActivityRecord(number, severity, at, "srv", "I5900", job, parent)


def job(
    number: int, *, status: JobStatus = JobStatus.DONE, result: JobResult | None = JobResult.FINISHED
) -> Job:
    return Job(
        number, JobKind.BACKUP, "Nightly", status, result, "caroot", "srv", NOW, NOW, Schedule(),
        BackupScript((1,), ("Files",)), started_at=NOW,
    )  # fmt: skip


def test_weeks_run_from_sunday_and_the_current_one_is_named_so() -> None:
    sunday = datetime(2026, 11, 15, 0, 0, 1, tzinfo=UTC)
    weeks = group(
        [record(2, sunday), record(1, sunday - timedelta(seconds=2))],
        {},
        by_week=True,
        by_job=True,
        now=NOW,
        zone=UTC,
    )
    assert [week.title for week in weeks if isinstance(week, WeekGroup)] == [
        "This Week [ 2026-11-15 - 2026-11-21 ]",
        "Week [ 2026-11-08 - 2026-11-14 ]",
    ]


def test_week_counts_messages_errors_and_warnings() -> None:
    records = [
        record(3, NOW, severity=Severity.ERROR),
        record(2, NOW, severity=Severity.WARNING),
        record(1, NOW),
    ]
    (week,) = group(records, {}, by_week=True, by_job=False, now=NOW, zone=UTC)
    assert isinstance(week, WeekGroup)
    assert week.summary == "3 messages, 1 error, 1 warning"


def test_lines_of_a_job_and_of_its_children_stand_together_newest_first() -> None:
    records = [record(4, NOW, 9), record(3, NOW, None), record(2, NOW, 10, parent=9), record(1, NOW, 9)]
    first, loose = group(records, {9: job(9)}, by_week=False, by_job=True, now=NOW)
    assert isinstance(first, JobGroup)
    assert [line.id for line in first.records] == [4, 2, 1]
    assert first.title.startswith("Job9 [ ")
    assert first.title.endswith(" ] [Finished]")
    assert first.name == "Nightly"
    assert loose.id == 3


def test_running_job_shows_its_status_and_a_vanished_one_what_its_lines_tell() -> None:
    active = job(9, status=JobStatus.ACTIVE, result=JobResult.FAILED)
    records = [record(2, NOW, 9), record(1, NOW, 8, severity=Severity.ERROR)]
    running, gone = group(records, {9: active}, by_week=False, by_job=True, now=NOW)
    assert isinstance(running, JobGroup)
    assert running.title.endswith("[Active]")
    assert isinstance(gone, JobGroup)
    assert (gone.icon, gone.name) == ("circle-x", "")


def test_ungrouped_is_the_list_itself() -> None:
    records = [record(2, NOW, 1), record(1, NOW)]
    assert group(records, {}, by_week=False, by_job=False, now=NOW) == tuple(records)
