"""What runs beside jobs that wait, and what a jump of the clock does to those that run."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.jobs import queue
from app.jobs.submission import submit_backup
from app.model.job import Destination, Job, JobResult, JobStatus, RestoreScript
from app.model.media import Device
from tests.unit.jobs.test_job_queue import Bench
from tests.unit.jobs.test_operation import FILES


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def status(bench: Bench, job: Job) -> JobStatus:
    found: Job = bench.catalog.jobs.show(job.id)
    return found.status


def test_backups_that_wait_keep_neither_a_restore_nor_another_group_from_running(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queue, "MOST_AT_ONCE", 2)
    monkeypatch.setattr(queue, "_LOOK_PAST_EVERY_S", 0.0)
    (tmp_path / "more").mkdir()
    bench.catalog.media.put_device(Device("more", str(tmp_path / "more"), "GROUP1"))
    bench.ended(bench.backup())
    bench.agent.gate = threading.Event()
    waiting = [bench.backup() for _ in range(3)]
    bench.until(lambda: len(bench.queue.active) == 2)
    restore = bench.restore(
        RestoreScript(
            bench.selection(),
            destination=Destination.DIRECTORY,
            directory=str(tmp_path / "restored").encode(),
        )
    )
    other = submit_backup(bench.catalog, bench.store, replace(FILES, device_group="GROUP1"))
    bench.until(lambda: status(bench, restore) is JobStatus.DONE)
    bench.until(lambda: status(bench, other) is JobStatus.ACTIVE)
    assert bench.catalog.jobs.show(restore.id).last_result is JobResult.FINISHED
    assert [status(bench, job) for job in waiting].count(JobStatus.READY) == 1
    bench.agent.gate.set()
    for job in (*waiting, other):
        assert bench.ended(job).last_result is JobResult.FINISHED


def test_jobs_are_not_taken_for_dead_when_the_clock_jumps_or_the_machine_slept(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    marked: list[str] = []
    at, clock = time.monotonic(), SimpleNamespace(slept=0.0)
    monkeypatch.setattr(bench.queue, "mark_crashed", marked.append)
    monkeypatch.setattr(
        queue, "time", SimpleNamespace(monotonic=lambda: at, time=lambda: at + clock.slept + 1_700_000_000)
    )
    bench.queue.poll(claim=False)
    for step in range(1, 60):
        at += 1.0
        clock.slept += 3600.0 if step == 10 else 0.0
        bench.queue.poll(claim=False)
        if step < 10 + 30:
            assert not marked, step
    assert marked
