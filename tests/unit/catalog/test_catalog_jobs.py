"""The queue: claims, fences, stops, and the ends of runs."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.catalog import dialect, open_catalog
from app.catalog.api import NewJob, Totals
from app.catalog.store import SqlCatalog
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.job import (
    BackupScript,
    Conflict,
    Destination,
    JobKind,
    JobPhase,
    JobProgress,
    JobResult,
    JobStatus,
    RestoreScript,
    RestoreSelection,
    Schedule,
    Structure,
    VerifyMode,
)
from app.model.job_log import packed
from tests.support.catalog_rows import new_job


@pytest.mark.parametrize(
    "script",
    [
        BackupScript((1, 2), ("a", "ü"), "r", "G", "m", encrypt=True, verify=VerifyMode.COMPARE),
        RestoreScript(
            (RestoreSelection("S1", 3, (b"/a/\xff", b"/b")), RestoreSelection("S2", 1)),
            Destination.DIRECTORY,
            "h",
            b"/to/\xfe",
            Conflict.RENAME,
            Structure.FULL,
            continue_if_not_stopped=True,
        ),
        {"device": "d", "name": "n"},
    ],
)
def test_scripts_and_schedules_come_back_as_submitted(catalog: SqlCatalog, script: object) -> None:
    schedule = Schedule(datetime(2026, 5, 1, 12, tzinfo=UTC), "FREQ=DAILY", "Europe/Berlin")
    job = catalog.jobs.submit(
        NewJob(JobKind.RESTORE, "n", script, "me", schedule=schedule, credentials=b"\0sealed")  # type: ignore[arg-type]
    )
    shown = catalog.jobs.show(job.id)
    assert (shown.script, shown.schedule, shown) == (script, schedule, job)
    assert catalog.jobs.credentials(job.id) == b"\0sealed"


def test_only_due_ready_jobs_are_claimed_oldest_first(catalog: SqlCatalog) -> None:
    later = datetime.now(UTC) + timedelta(hours=1)
    catalog.jobs.submit(new_job(execution_at=later))
    catalog.jobs.submit(new_job(hold=True))
    first, second = catalog.jobs.submit(new_job()), catalog.jobs.submit(new_job())
    claims = [catalog.jobs.claim_due("s") for _ in range(3)]
    assert [claim and claim.job.id for claim in claims] == [first.id, second.id, None]
    assert catalog.jobs.next_due() == later


def test_no_job_is_claimed_twice_by_racing_servers(tmp_path: Path) -> None:
    catalogs = [open_catalog(str(tmp_path)) for _ in range(4)]
    try:
        submitted = {catalogs[0].jobs.submit(new_job()).id for _ in range(40)}
        barrier = threading.Barrier(len(catalogs))

        def claim_all(place: int) -> list[int]:
            barrier.wait()
            mine = []
            while (claim := catalogs[place].jobs.claim_due(f"server-{place}")) is not None:
                mine.append(claim.job.id)
            return mine

        with ThreadPoolExecutor(len(catalogs)) as pool:
            claimed = [job_id for mine in pool.map(claim_all, range(len(catalogs))) for job_id in mine]
        assert sorted(claimed) == sorted(submitted)
    finally:
        for one in catalogs:
            one.close()


def test_an_expired_claim_crashes_and_its_holder_is_refused(catalog: SqlCatalog) -> None:
    job = catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("old", lease_seconds=0.0)
    assert claim is not None
    (crashed,) = catalog.jobs.mark_crashed("another")
    assert (crashed.id, crashed.status, crashed.last_result) == (job.id, JobStatus.DONE, JobResult.CRASHED)
    for call in (
        lambda: catalog.jobs.renew(job.id, claim.fence),
        lambda: catalog.jobs.finish(job.id, claim.fence, JobResult.FINISHED),
        lambda: catalog.jobs.release(job.id, claim.fence),
        lambda: catalog.jobs.set_waits_for(job.id, claim.fence, "x"),
    ):
        with pytest.raises(BusyError, match="E6003"):
            call()
    catalog.jobs.run_now(job.id)
    again = catalog.jobs.claim_due("new")
    assert again is not None
    assert again.fence > claim.fence


def test_a_renewed_claim_of_another_server_is_left_alone(catalog: SqlCatalog) -> None:
    job = catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("a", lease_seconds=0.0)
    assert claim is not None
    catalog.jobs.renew(job.id, claim.fence)
    assert catalog.jobs.mark_crashed("b") == []
    assert [j.id for j in catalog.jobs.mark_crashed("a")] == [job.id]


def test_a_crashed_job_gets_its_next_run_and_its_waiting_children_end_in_the_same_step(
    catalog: SqlCatalog,
) -> None:
    parent = catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("a")
    assert claim is not None
    child = catalog.jobs.submit(new_job(parent_id=parent.id))
    following = datetime(2030, 1, 1, tzinfo=UTC)
    (crashed,) = catalog.jobs.mark_crashed("a", lambda _job: following)
    assert (crashed.status, crashed.last_result) == (JobStatus.READY, JobResult.CRASHED)
    assert crashed.execution_at == following
    ended = catalog.jobs.show(child.id)
    assert (ended.status, ended.last_result) == (JobStatus.DONE, JobResult.CANCELED)
    with pytest.raises(BusyError, match="E6003"):
        catalog.jobs.renew(parent.id, claim.fence)


def test_finishing_records_totals_and_may_schedule_the_next_run(catalog: SqlCatalog) -> None:
    catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("s")
    assert claim is not None
    at = datetime.now(UTC) + timedelta(days=1)
    totals = Totals(files=3, read_bytes=4, stored_bytes=5, errors=1, warnings=2)
    job = catalog.jobs.finish(claim.job.id, claim.fence, JobResult.INCOMPLETE, totals, next_execution_at=at)
    assert (job.status, job.last_result, job.execution_at) == (JobStatus.READY, JobResult.INCOMPLETE, at)
    assert (job.files, job.read_bytes, job.stored_bytes, job.errors, job.warnings) == (3, 4, 5, 1, 2)


def test_stop_cancels_what_waits_and_asks_what_runs(catalog: SqlCatalog) -> None:
    parent = catalog.jobs.submit(new_job())
    catalog.jobs.claim_due("s")
    child = catalog.jobs.submit(new_job(parent_id=parent.id))
    catalog.jobs.request_stop(parent.id)
    assert catalog.jobs.stop_requested(parent.id)
    assert catalog.jobs.show(parent.id).status is JobStatus.ACTIVE
    assert catalog.jobs.show(child.id).last_result is JobResult.CANCELED
    counts = catalog.jobs.child_counts(parent.id)
    assert (counts.done, counts.results) == (1, ((JobResult.CANCELED, 1),))
    with pytest.raises(BusyError, match="E6007"):
        catalog.jobs.delete(parent.id)


def test_hold_ready_run_now_and_reschedule(catalog: SqlCatalog) -> None:
    jobs = catalog.jobs
    job = jobs.submit(new_job(execution_at=datetime.now(UTC) + timedelta(hours=1)))
    jobs.hold(job.id)
    assert jobs.claim_due("s") is None
    jobs.ready(job.id)
    jobs.run_now(job.id)
    claim = jobs.claim_due("s")
    assert claim is not None
    with pytest.raises(BusyError, match="E6014"):
        jobs.hold(job.id)
    jobs.finish(job.id, claim.fence, JobResult.FINISHED)
    at = datetime.now(UTC) + timedelta(hours=2)
    again = jobs.reschedule(job.id, Schedule(run_at=at), at)
    assert (again.status, again.execution_at) == (JobStatus.READY, at)
    jobs.delete(job.id)
    with pytest.raises(NotFoundError, match="E6008"):
        jobs.show(job.id)


def test_progress_is_shown_with_the_active_job_and_ends_with_it(catalog: SqlCatalog) -> None:
    job = catalog.jobs.submit(new_job())
    claim = catalog.jobs.claim_due("s")
    assert claim is not None
    now = datetime.now(UTC)
    progress = JobProgress(
        JobPhase.BACK_UP, now, ((JobPhase.CONNECT, 0.5),), current_path=b"/a/\xff", files=3, updated_at=now
    )
    before = catalog.changes()
    catalog.live.put_progress(job.id, progress)
    after = catalog.changes()
    assert (after[0], after[1] != before[1]) == (before[0], True)
    assert catalog.jobs.show(job.id).progress == progress
    catalog.jobs.finish(job.id, claim.fence, JobResult.FINISHED)
    assert catalog.live.progress(job.id) is None


def test_old_done_jobs_are_pruned(catalog: SqlCatalog) -> None:
    done, waiting = catalog.jobs.submit(new_job()), catalog.jobs.submit(new_job(hold=True))
    claim = catalog.jobs.claim_due("s")
    assert claim is not None
    catalog.jobs.finish(done.id, claim.fence, JobResult.FINISHED)
    assert catalog.jobs.prune(datetime.now(UTC) - timedelta(days=1)) == 0
    assert catalog.jobs.prune(datetime.now(UTC) + timedelta(days=1)) == 1
    assert [job.id for job in catalog.jobs.list()] == [waiting.id]


def test_a_script_of_a_newer_form_is_refused_by_name() -> None:
    from app.catalog.rows import script_from_json

    with pytest.raises(ArcxoError, match="E6015"):
        script_from_json('{"type": "backup", "version": 9}', 1)


def test_rows_that_hold_the_lines_of_a_job_are_for_who_asks_for_that_job(catalog: SqlCatalog) -> None:
    job = catalog.jobs.submit(new_job())
    catalog.log.append("N5000", Severity.INFORMATION, job_id=job.id)
    catalog.log.append("N5045", Severity.INFORMATION, job_id=job.id, **packed(["/srv/ü (5 bytes)"]))
    assert [one.code for one in catalog.log.list()] == ["N5000"]
    assert [one.code for one in catalog.log.list(job_id=job.id)] == ["N5045", "N5000"]
    assert [one.code for one in catalog.log.list(job_id=job.id, text="srv/ü")] == ["N5045"]


def test_the_log_is_read_in_pages(catalog: SqlCatalog) -> None:
    numbers = [catalog.log.append("N5000", Severity.INFORMATION, job=str(number)) for number in range(7)]
    first = catalog.log.list(limit=3)
    second = catalog.log.list(limit=3, older_than=first[-1].id)
    third = catalog.log.list(limit=3, older_than=second[-1].id, text="started")
    assert [one.id for one in (*first, *second, *third)] == numbers[::-1]


def test_a_server_that_found_nothing_sees_what_comes_to_be_due(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [catalog.jobs.claim_due("s") for _ in range(3)] == [None] * 3
    first = catalog.jobs.submit(new_job())
    soon = catalog.jobs.submit(new_job(execution_at=datetime.now(UTC) + timedelta(hours=1)))
    claim = catalog.jobs.claim_due("s")
    assert claim is not None
    assert claim.job.id == first.id
    assert [catalog.jobs.claim_due("s") for _ in range(3)] == [None] * 3
    later = dialect.machine_us() + 3_600_000_001
    monkeypatch.setattr(dialect, "machine_us", lambda: later)
    monkeypatch.setattr(dialect, "now_us", lambda _: later)
    claim = catalog.jobs.claim_due("s")
    assert claim is not None
    assert claim.job.id == soon.id


def test_what_another_process_submits_is_seen_at_once(tmp_path: Path) -> None:
    with closing(open_catalog(str(tmp_path))) as mine, closing(open_catalog(str(tmp_path))) as theirs:
        assert mine.jobs.claim_due("s") is None
        for _ in range(3):
            job = theirs.jobs.submit(new_job())
            claim = mine.jobs.claim_due("s")
            assert claim is not None
            assert claim.job.id == job.id
            assert mine.jobs.claim_due("s") is None


def test_the_place_in_a_group_counts_backups_that_began_before_on_any_server(catalog: SqlCatalog) -> None:
    def begun(group: str, server: str, *, parent: int | None = None, lease: float = 30.0) -> int:
        script = BackupScript((1,), ("a",), device_group=group)
        new = NewJob(JobKind.BACKUP, "b", script, "me", parent_id=parent, device_group=group)
        job = catalog.jobs.submit(new)
        claim = catalog.jobs.claim_due(server, lease_seconds=lease)
        assert claim is not None
        assert claim.job.id == job.id
        return job.id

    first = begun("G", "one")
    parent = begun("G", "one")
    other = begun("H", "one")
    child = begun("G", "two", parent=parent)
    dead = begun("G", "three", lease=-5.0)
    last = begun("G", "two")
    places = [catalog.jobs.ahead_in_group(number) for number in (first, child, dead, last, other)]
    # A parent only waits for its children, and who is dead writes nothing.
    assert places == [0, 1, 2, 2, 0]
    (claimed,) = [job for job in catalog.jobs.list() if job.id == first]
    catalog.jobs.finish(claimed.id, 1, JobResult.FINISHED)
    assert catalog.jobs.ahead_in_group(last) == 1
    with pytest.raises(NotFoundError, match="E6008"):
        catalog.jobs.ahead_in_group(999)
