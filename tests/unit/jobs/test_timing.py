"""Missed runs, clocks that jump, and the view of what comes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.catalog.api import NewJob
from app.jobs.retrying import pause_of
from app.jobs.timing import Timing
from app.jobs.upcoming import next_run, upcoming
from app.model.job import BackupScript, Job, JobKind, JobResult, JobStatus, Schedule
from app.model.rotation import Rotation, RotationScheme
from tests.support.jobs_memory_catalog import MemoryCatalog

START = datetime(2026, 1, 5, 2, tzinfo=UTC)
NIGHTLY = Schedule(START, "FREQ=DAILY")


class Clock(Timing):
    def __init__(self, catalog: Any, now: datetime) -> None:
        super().__init__(catalog, "server")
        self.at = now

    def now(self) -> datetime:
        return self.at


def job_of(schedule: Schedule, **values: Any) -> Job:
    known: dict[str, Any] = {"status": JobStatus.READY, "last_result": None, "execution_at": schedule.run_at}
    return Job(
        id=1,
        kind=JobKind.BACKUP,
        name="Nightly",
        owner="caroot",
        server="",
        created_at=START,
        schedule=schedule,
        script=BackupScript((7,), ("Files",)),
        **(known | values),
    )


@pytest.fixture
def catalog() -> Any:
    return MemoryCatalog()


def claimed(catalog: Any, schedule: Schedule) -> Any:
    script = BackupScript((7,), ("Files",))
    catalog.jobs.submit(
        NewJob(JobKind.BACKUP, "Nightly", script, "caroot", schedule=schedule, execution_at=START)
    )
    claim = catalog.jobs.claim_due("server")
    assert claim is not None
    return claim


def test_runs_that_were_slept_through_are_caught_up_once_and_told(catalog: Any):
    claim = claimed(catalog, NIGHTLY)
    assert Clock(catalog, START + timedelta(days=3, hours=1)).admit(claim)
    (line,) = catalog.log.records
    assert (line.code, line.params["count"]) == ("W5720", "4")


def test_a_schedule_without_catching_up_waits_for_its_next_time(catalog: Any):
    claim = claimed(catalog, Schedule(START, "FREQ=DAILY", catch_up=False))
    assert not Clock(catalog, START + timedelta(hours=3)).admit(claim)
    job = catalog.jobs.show(claim.job.id)
    assert (job.status, job.execution_at) == (JobStatus.READY, START + timedelta(days=1))
    assert catalog.log.codes() == ["W5721"]


def test_a_run_that_begins_a_little_late_is_none_that_was_missed(catalog: Any):
    claim = claimed(catalog, Schedule(START, "FREQ=DAILY", catch_up=False))
    assert Clock(catalog, START + timedelta(minutes=4)).admit(claim)
    assert not catalog.log.records


def test_a_job_that_a_wrong_clock_sent_into_the_future_comes_back_with_the_clock(catalog: Any):
    claim = claimed(catalog, NIGHTLY)
    far = datetime.now(UTC) + timedelta(days=400)
    catalog.jobs.finish(claim.job.id, claim.fence, JobResult.FINISHED, next_execution_at=far)
    clock = Clock(catalog, datetime.now(UTC))
    clock.mend()
    assert catalog.jobs.show(1).execution_at == far
    clock.at = datetime(2026, 3, 1, 12, tzinfo=UTC)
    clock.mend()
    assert catalog.jobs.show(1).execution_at == datetime(2026, 3, 2, 2, tzinfo=UTC)
    assert catalog.log.codes() == ["W5723"]


@pytest.mark.parametrize(
    ("job", "server_runs", "code", "at"),
    [
        (job_of(NIGHTLY), True, "N5710", START),
        (job_of(NIGHTLY), False, "W5716", START),
        (job_of(NIGHTLY, execution_at=START - timedelta(days=2)), True, "N5711", START - timedelta(days=2)),
        (job_of(Schedule(START)), True, "N5717", START),
        (job_of(NIGHTLY, status=JobStatus.HOLD), True, "N5718", None),
        (job_of(Schedule(), status=JobStatus.HOLD), True, "N5712", None),
        (job_of(Schedule(), status=JobStatus.ACTIVE), True, "N5713", None),
        (job_of(NIGHTLY, status=JobStatus.ACTIVE), True, "N5714", START),
        (job_of(NIGHTLY, status=JobStatus.ACTIVE), False, "W5718", START),
        (job_of(Schedule(), status=JobStatus.ACTIVE), False, "W5718", None),
        (job_of(Schedule(), status=JobStatus.DONE, last_result=JobResult.FINISHED), True, "N5715", None),
    ],
)
def test_the_next_run_says_why(job: Job, server_runs: bool, code: str, at: datetime | None):
    found = next_run(job, START - timedelta(hours=1), server_runs=server_runs)
    assert (found.code, found.at) == (code, at)


def test_the_next_day_lists_every_run_of_every_job_in_order():
    often = job_of(Schedule(START, "FREQ=HOURLY;INTERVAL=6"))
    found = upcoming([job_of(NIGHTLY), often], START - timedelta(hours=1), START + timedelta(hours=23))
    assert [one.at for one in found] == [START, *(START + timedelta(hours=n) for n in (0, 6, 12, 18))]


def test_a_rotation_names_the_media_of_each_run():
    schedule = Schedule(
        START, RotationScheme.GFS.rule, "UTC", rotation=Rotation(RotationScheme.GFS, "TP"), excluded=("FR",)
    )
    found = upcoming([job_of(schedule)], START - timedelta(hours=1), START + timedelta(days=6))
    assert [one.pool for one in found] == ["TP_DLY", "TP_DLY", "TP_DLY", "TP_WLY"]
    assert found[3].media == "F-TP-THU-01/08/26"


@pytest.mark.parametrize(
    ("now", "wanted"),
    [
        ("2026-03-04T03:00+00:00", "2026-03-04T04:30+00:00"),
        ("2026-03-04T04:30+00:00", "2026-03-05T04:30+00:00"),
        ("2026-03-28T12:00+00:00", "2026-03-29T03:30+00:00"),
    ],
)
def test_what_was_missed_is_tried_again_at_a_time_of_day(now: str, wanted: str):
    script = BackupScript((7,), ("Files",), retries=1, retry_at="05:30")
    at = datetime.fromisoformat(now)
    schedule = Schedule(time_zone="Europe/Berlin")
    assert at + pause_of(script, schedule, at) == datetime.fromisoformat(wanted)
