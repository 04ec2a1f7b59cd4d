"""Several servers share the queue of one PostgreSQL catalog, and one of them dies or freezes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.catalog.api import NewJob
from app.catalog.store import SqlCatalog, open_catalog
from app.model.job import BackupScript, JobKind, JobResult, JobStatus
from tests.support.job_server_process import LEASE_S
from tests.support.postgresql import cluster

JOBS = 200
FEW = 20
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def url() -> Iterator[str]:
    with cluster() as one:
        yield one.driver_url


@pytest.fixture
def catalog(tmp_path: Path, url: str) -> Iterator[SqlCatalog]:
    opened = open_catalog(str(tmp_path), url=url)
    yield opened
    opened.close()


@pytest.fixture
def start(
    tmp_path: Path, url: str, catalog: SqlCatalog, lease_s: float
) -> Iterator[Callable[[str], subprocess.Popen[bytes]]]:
    running: list[subprocess.Popen[bytes]] = []

    def start_one(name: str) -> subprocess.Popen[bytes]:
        home = tmp_path / name
        home.mkdir()
        command = (sys.executable, "-m", "tests.support.job_server_process")
        arguments = (str(home), url, name, str(tmp_path / "done"), str(lease_s))
        process = subprocess.Popen((*command, *arguments), stdout=subprocess.PIPE)
        running.append(process)
        return process

    yield start_one
    for process in running:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


@pytest.fixture
def lease_s() -> float:
    return LEASE_S


def submit_all(catalog: SqlCatalog, count: int) -> None:
    for number in range(count):
        script = BackupScript((number + 1,), (f"S{number}",), retries=1)
        catalog.jobs.submit(NewJob(JobKind.BACKUP, f"Job {number}", script, "caroot"))


def until(condition: Callable[[], bool], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize(
    ("fate", "count", "lease_s"),
    [
        pytest.param(signal.SIGKILL, FEW, 1.0, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, JOBS, LEASE_S, marks=pytest.mark.deep),
        pytest.param(signal.SIGSTOP, JOBS, LEASE_S, marks=pytest.mark.deep),
    ],
)
def test_each_job_is_done_once_or_crashed_and_done_again(
    fate: signal.Signals,
    count: int,
    catalog: SqlCatalog,
    start: Start,
    tmp_path: Path,
):
    submit_all(catalog, count)
    servers = [start("first"), start("second")]
    for one in servers:
        assert one.stdout is not None
        assert one.stdout.readline() == b"ready\n"
    first = servers[0]
    done = tmp_path / "done"

    def lines() -> list[list[str]]:
        return [line.split() for line in done.read_text().splitlines()] if done.exists() else []

    def is_amidst() -> bool:
        of_first = Counter(word for word, _, name in lines() if name == "first")
        return of_first["ended"] > count // 10 and of_first["began"] > of_first["ended"]

    until(is_amidst, 60)
    os.kill(first.pid, fate)
    if fate is signal.SIGSTOP:
        # It comes back when its claims are another's.
        until(lambda: any(job.last_result is JobResult.CRASHED for job in catalog.jobs.list()), 60 + LEASE_S)
        os.kill(first.pid, signal.SIGCONT)
    until(lambda: all(job.status is JobStatus.DONE for job in catalog.jobs.list()), 120)
    scripts = [(job, job.script) for job in catalog.jobs.list()]
    backups = [(job, script) for job, script in scripts if isinstance(script, BackupScript)]
    originals = [job for job, script in backups if not script.makeup_of]
    makeups = {script.makeup_of: job for job, script in backups}
    assert len(originals) == count
    crashed = [job for job in originals if job.last_result is JobResult.CRASHED]
    assert len(crashed) <= 4
    assert crashed or count == FEW  # so few may just have ended
    ended = Counter(int(number) for word, number, _ in lines() if word == "ended")
    for job in originals:
        if job.last_result is JobResult.FINISHED:
            assert ended[job.id] == 1, job
        else:
            assert job.last_result is JobResult.CRASHED
            assert makeups[job.id].last_result is JobResult.FINISHED
            assert ended[makeups[job.id].id] == 1
    assert {name for _, _, name in lines()} == {"first", "second"}
