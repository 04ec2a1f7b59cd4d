"""Which of several servers takes a job."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.catalog.api import NewJob, ServerRecord
from app.catalog.store import open_catalog
from app.jobs.affinity import Affinity
from app.model.job import BackupScript, Job, JobKind
from app.model.media import Device
from app.model.source import DirectSource

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Servers:
    """The part of a catalog that an affinity asks, with servers as given."""

    def __init__(self, home: Path, *servers: ServerRecord) -> None:
        opened = open_catalog(str(home))
        opened.media.put_group("G")
        opened.media.put_device(Device("d1", "/d1", "G"))
        opened.media.put_device(Device("d2", "/d2", "G"))
        self.media, self.registrations, self.jobs = opened.media, opened.registrations, opened.jobs
        self.close = opened.close
        self.servers = self
        self._servers = servers

    def list(self) -> tuple[ServerRecord, ...]:
        return self._servers

    def takers(self, job: Job) -> str:
        able = [one.name for one in self._servers if Affinity(self, one.id).able(job)]  # type: ignore[arg-type]  # the part of it
        return "".join(able)


def server(name: str, *can: str, silent_s: float = 1.0, pid: int = 7) -> ServerRecord:
    return ServerRecord(name, name, pid, "1", NOW, NOW, can, silent_s)


def backup(site: Servers, host: str = "elsewhere") -> Job:
    script = BackupScript((), (), device_group="G", sources=(DirectSource(host, b"/x"),))
    return site.jobs.submit(NewJob(JobKind.BACKUP, "b", script, "caroot", device_group="G"))


A, B = server("a", "host:a", "device:d1"), server("b", "host:b", "device:d2")
BLIND = server("c", "host:c")


@pytest.mark.parametrize(
    ("servers", "host", "takers"),
    [
        ((A, B), "elsewhere", "ab"),
        ((A, B), "b", "b"),
        ((A, BLIND), "elsewhere", "a"),
        ((A, BLIND), "c", "a"),  # media that is not seen cannot be written; a host can be reached
        ((BLIND,), "elsewhere", "c"),  # it fails there, and says why
        ((replace(A, silent_s=60.0), BLIND), "elsewhere", "c"),
        ((replace(A, pid=0), B), "a", "b"),
    ],
)
def test_a_job_goes_to_a_server_that_sees_its_media_and_is_its_host(
    tmp_path: Path, servers: tuple[ServerRecord, ...], host: str, takers: str
) -> None:
    site = Servers(tmp_path, *servers)
    living = [one.name for one in servers if one.pid and one.silent_s < 20]
    assert [name for name in site.takers(backup(site, host)) if name in living] == list(takers)
    site.close()


def test_a_media_job_goes_to_the_server_that_sees_the_device(tmp_path: Path) -> None:
    site = Servers(tmp_path, A, B)
    job = site.jobs.submit(NewJob(JobKind.MEDIA_FORMAT, "f", {"device": "d2", "name": "m"}, "caroot"))
    assert site.takers(job) == "b"
    site.close()


def test_a_job_about_something_that_is_gone_is_taken_by_any(tmp_path: Path) -> None:
    site = Servers(tmp_path, A, B)
    job = site.jobs.submit(NewJob(JobKind.MEDIA_VERIFY, "v", {"media": "gone"}, "caroot"))
    assert site.takers(job) == "ab"
    site.close()
