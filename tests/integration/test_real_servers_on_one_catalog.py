"""Two whole servers on one PostgreSQL: one is killed, the database is stopped; every job is done once."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.jobs.process import running
from app.model.job import BackupScript, Job, JobResult, JobStatus
from app.model.source import DirectSource
from app.services.api import BackupRequest
from app.services.local import LocalServices, open_local
from tests.support.arcxo_command import Arcxo
from tests.support.postgresql import Cluster, cluster

pytestmark = [pytest.mark.deep, pytest.mark.timeout(900)]
JOBS = 200


class Site:
    """Servers `one` and `two`; `services` are those of the second, which stays."""

    def __init__(self, place: Path, database: Cluster) -> None:
        self.place, self.database = place, database
        (place / "pw").write_text("a password of caroot")
        self.one, self.two = Arcxo(place / "one"), Arcxo(place / "two")
        password = ("--password-file", str(place / "pw"))
        self.one.text("init", "--catalog", database.url, "--name", "one", *password)
        invited = self.one.json("server", "invite", str(place / "invitation"))
        (place / "code").write_text(invited["code"])
        code = ("--code-file", str(place / "code"))
        self.two.text("server", "join", "--key", str(place / "invitation"), *code, *password, "--name", "two")
        self.one.start()
        self.two.start()
        self.services: LocalServices = open_local(str(self.two.home))
        # Each becomes known when its agent answers.
        self.until(lambda: {"one", "two"} <= {host.name for host in self.services.hosts.list()}, 120)

    def submit(self, count: int, *, seconds: float = 0.0) -> list[int]:
        """Backups of a directory each, of either host; each with one more attempt."""
        made = []
        for number in range(count):
            directory = self.place / "data" / str(number)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "file").write_bytes(os.urandom(2000) * (1 + int(seconds * 10_000)))
            source = DirectSource(("one", "two")[number % 2], os.fsencode(directory))
            script = BackupScript((), (), retries=2, retry_minutes=1, sources=(source,), streams=16)
            made.append(self.services.backups.submit(BackupRequest(script)).id)
        return made

    def jobs(self) -> list[Job]:
        """All, also those that did again what a crash cut off."""
        return list(self.services.jobs.list())

    def until(self, condition: Callable[[], bool], seconds: float) -> None:
        """Wait for something."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, Counter((j.status, j.last_result) for j in self.jobs())
            time.sleep(0.5)

    def all_done(self) -> bool:
        return all(job.status is JobStatus.DONE for job in self.jobs())

    def check(self, submitted: list[int]) -> list[Job]:
        """Each was done once, or crashed and was then done by the job that did it again; the crashed ones."""
        jobs = {job.id: job for job in self.jobs()}
        sessions = Counter(session.job_id for session in self.services.media.sessions())
        again = {j.script.makeup_of: j for j in jobs.values() if isinstance(j.script, BackupScript)}
        crashed = [jobs[number] for number in submitted if jobs[number].last_result is JobResult.CRASHED]
        for number in submitted:
            job = jobs[number] if jobs[number] not in crashed else again[number]
            assert job.last_result is JobResult.FINISHED, job
            assert sessions[job.id] == 1, job
        return crashed


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with cluster() as database:
        made = Site(tmp_path, database)
        try:
            yield made
        finally:
            made.services.close()
            made.one.text("server", "stop")
            made.two.text("server", "stop")


def test_of_200_jobs_each_is_done_once_though_a_server_is_killed(site: Site) -> None:
    submitted = site.submit(JOBS)
    site.until(lambda: sum(job.status is JobStatus.DONE for job in site.jobs()) > JOBS // 10, 200)
    first = running(str(site.one.home))
    assert first is not None
    os.kill(first.pid, signal.SIGKILL)
    site.until(site.all_done, 600)
    crashed = site.check(submitted)
    assert crashed
    states = {one.name: one.state for one in site.services.server.servers()}
    assert states == {"one": "silent", "two": "running"}
    codes = {record.code for record in site.services.log.list(limit=5000)}
    assert {"E5133", "W5788"} <= codes


def test_no_job_is_lost_when_the_database_is_stopped_meanwhile(site: Site) -> None:
    submitted = site.submit(40)
    site.until(lambda: any(job.status is JobStatus.DONE for job in site.jobs()), 60)
    site.database.server.stop()
    assert "E6040" in site.one.text("job", "list", expect=6)
    time.sleep(8)
    site.database.server.start()
    site.until(site.all_done, 300)
    site.check(submitted)
    site.database.server.stop()
    time.sleep(35)  # longer than anyone waits
    site.database.server.start()
    more = site.submit(4)
    site.until(site.all_done, 120)
    site.check(more)
    codes = [record.code for record in site.services.log.list(limit=5000)]
    assert codes.count("W5787") >= 2
