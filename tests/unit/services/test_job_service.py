"""Statuses of jobs as administrators change them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from sqlalchemy import text

from app.catalog import open_catalog
from app.catalog.api import Claim, NewJob
from app.model.errors import BusyError, NotFoundError, UsageError
from app.model.job import BackupScript, JobKind, JobResult, JobStatus, Schedule
from app.services.jobs import LocalJobs
from app.services.server import LocalServer

DAILY = Schedule(datetime(2020, 1, 1, tzinfo=UTC), "FREQ=DAILY")


class Desk:
    def __init__(self, place: Path) -> None:
        self.catalog = open_catalog(str(place))
        connections: Any = SimpleNamespace(catalog=self.catalog, home=str(place))
        self.jobs = LocalJobs(connections)
        self.server = LocalServer(connections)

    def submit(self, kind: JobKind = JobKind.BACKUP, **values: Any) -> int:
        script: Any = BackupScript((7,), ("Files",)) if kind is JobKind.BACKUP else {"job": "1"}
        return self.catalog.jobs.submit(NewJob(kind, "Job", script, "caroot", **values)).id

    def claim(self) -> Claim:
        claim = self.catalog.jobs.claim_due("server")
        assert claim is not None
        return claim

    def finish(self, claim: Claim, **values: Any) -> None:
        self.catalog.jobs.finish(claim.job.id, claim.fence, JobResult.FINISHED, **values)


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    made = Desk(tmp_path)
    yield made
    made.catalog.close()


def test_a_stop_ends_a_run_and_not_a_schedule(desk: Desk):
    job = desk.submit(schedule=DAILY)
    with pytest.raises(BusyError, match="E5747"):
        desk.jobs.stop(job)
    assert desk.jobs.show(job).status is JobStatus.READY
    claim = desk.claim()
    desk.jobs.stop(job)
    assert desk.catalog.jobs.stop_requested(claim.job.id)
    once = desk.submit(execution_at=datetime.now(UTC) + timedelta(hours=1))
    desk.jobs.stop(once)
    stopped = desk.jobs.show(once)
    assert (stopped.status, stopped.last_result) == (JobStatus.DONE, JobResult.CANCELED)


def test_run_now_leaves_the_schedule_as_it_is(desk: Desk):
    later = datetime.now(UTC) + timedelta(hours=5)
    job = desk.submit(schedule=DAILY, execution_at=later)
    desk.jobs.run_now(job)
    claim = desk.claim()
    desk.finish(claim, next_execution_at=later)
    after = desk.jobs.show(job)
    assert (after.status, after.schedule, after.execution_at) == (JobStatus.READY, DAILY, later)
    assert desk.jobs.wait(job, 5).last_result is JobResult.FINISHED


def test_a_job_on_hold_is_made_ready_before_it_is_run(desk: Desk):
    job = desk.submit(schedule=DAILY)
    desk.jobs.hold(job)
    with pytest.raises(BusyError, match="E5757"):
        desk.jobs.run_now(job)
    assert desk.jobs.show(job).status is JobStatus.HOLD


def test_what_was_held_back_is_not_made_up_for_when_a_job_is_ready_again(desk: Desk):
    due = datetime.now(UTC) - timedelta(days=3)
    job = desk.submit(schedule=DAILY, execution_at=due)
    fresh = desk.submit(schedule=Schedule(repeat="FREQ=DAILY"), execution_at=due)
    once = desk.submit(execution_at=due)
    for one in (job, fresh, once):
        desk.jobs.hold(one)
        desk.jobs.ready(one)
    now = datetime.now(UTC)
    assert now < desk.jobs.show(job).execution_at <= now + timedelta(days=1)
    # What was to begin at once, or has no other time, begins now.
    assert now - timedelta(minutes=1) < desk.jobs.show(fresh).execution_at <= now
    assert desk.jobs.show(once).execution_at == due


def test_a_part_of_a_job_is_stopped_but_not_changed_by_itself(desk: Desk):
    parent = desk.submit()
    desk.claim()
    part = desk.submit(parent_id=parent)
    for action in (desk.jobs.hold, desk.jobs.ready, desk.jobs.run_now, desk.jobs.delete):
        with pytest.raises(UsageError, match="E5756"):
            action(part)
    with pytest.raises(UsageError, match="E5756"):
        desk.jobs.reschedule(part, DAILY)
    desk.jobs.stop(part)
    assert desk.jobs.show(part).last_result is JobResult.CANCELED


def test_done_jobs_leave_the_list_after_a_day_but_stay_known(desk: Desk):
    job = desk.submit()
    desk.finish(desk.claim())
    assert [one.id for one in desk.jobs.list()] == [job]
    with desk.catalog._database.write() as connection:
        ago = int((datetime.now(UTC) - timedelta(hours=25)).timestamp() * 1_000_000)
        connection.execute(text(f"UPDATE jobs SET finished_at = {ago}"))
    assert desk.jobs.list() == []
    assert [one.id for one in desk.jobs.list(history=True)] == [job]
    desk.server.set_settings({"done_job_hours": "30"})
    assert [one.id for one in desk.jobs.list()] == [job]


def test_restores_come_first_and_backups_last(desk: Desk):
    for kind in (JobKind.BACKUP, JobKind.MEDIA_PURGE, JobKind.RESTORE_UNDO):
        desk.submit(kind)
    taken = [desk.claim().job.kind for _ in range(3)]
    assert taken == [JobKind.RESTORE_UNDO, JobKind.MEDIA_PURGE, JobKind.BACKUP]


def test_a_follow_up_is_queued_with_the_end_it_follows(desk: Desk):
    desk.submit()
    claim = desk.claim()
    again = NewJob(JobKind.BACKUP, "Again", BackupScript((7,), ("Files",), makeup_of=1), "caroot")
    desk.catalog.jobs.renew(claim.job.id, claim.fence, lease_seconds=-1)
    desk.catalog.jobs.mark_crashed("server", follow_up=lambda _job, _credentials: again)
    with pytest.raises(BusyError, match="E6003"):
        desk.finish(claim, follow_up=again)
    assert [one.name for one in desk.jobs.list()] == ["Again", "Job"]


@pytest.mark.parametrize(
    "values",
    [{"done_job_hours": "1000"}, {"done_job_hours": "-1"}, {"done_job_hours": "x"}, {"nothing": "1"}],
)
def test_settings_out_of_their_range_change_nothing(desk: Desk, values: dict[str, str]):
    with pytest.raises(UsageError, match="E5750"):
        desk.server.set_settings({"queue_scan_seconds": "7", **values})
    assert desk.server.settings()["queue_scan_seconds"] == "0"


def test_deleting_a_job_that_runs_stops_it_first(desk: Desk):
    job = desk.submit(schedule=DAILY)
    claim = desk.claim()

    def end() -> None:
        deadline = time.monotonic() + 10
        while not desk.catalog.jobs.stop_requested(claim.job.id) and time.monotonic() < deadline:
            time.sleep(0.01)
        desk.finish(claim, next_execution_at=datetime.now(UTC) + timedelta(days=1))

    server = threading.Thread(target=end)
    server.start()
    desk.jobs.delete(job)
    server.join(10)
    with pytest.raises(NotFoundError):
        desk.jobs.show(job)


def test_a_job_that_does_not_end_is_not_deleted(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("app.services.jobs._STOP_S", 0.2)
    job = desk.submit()
    desk.claim()
    with pytest.raises(BusyError, match="E6007"):
        desk.jobs.delete(job)
    assert desk.jobs.show(job).status is JobStatus.ACTIVE
