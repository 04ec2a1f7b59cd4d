"""What a job that is due waits for: which server, why that one, and what hinders it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.catalog.api import ServerRecord
from app.jobs.awaited import any_lives, awaited
from app.jobs.upcoming import next_run
from app.messages import render
from app.model.job import BackupScript, Job, JobKind, JobStatus
from app.model.upcoming import NextRun
from tests.unit.jobs.test_affinity import BLIND, A, B, Servers, backup, server

ALONE = server("alone")


class Shared(Servers):
    """A catalog that several servers share, with a queue and settings as given."""

    def __init__(self, home: Path, *servers: ServerRecord) -> None:
        super().__init__(home, *servers)
        self.shared = True
        self.values: dict[str, str] = {}
        self.settings = self

    def get(self, key: str, default: str = "") -> str:
        return self.values.get(key, default)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Any]:
    opened: list[Shared] = []

    def made(*servers: ServerRecord) -> Shared:
        opened.append(Shared(tmp_path, *servers))
        return opened[0]

    yield made
    for one in opened:
        one.close()


def asked(site: Any, job: Job, *, late: bool = True) -> NextRun:
    job = replace(job, execution_at=datetime.now(UTC) + timedelta(hours=-1 if late else 1))
    return awaited(site, job, next_run(job, datetime.now(UTC), server_runs=True))


def words(run: NextRun) -> str:
    return render(run.code, run.params).text


def test_the_server_that_sees_the_media_is_named_with_its_reason(place: Any) -> None:
    site = place(A, BLIND)
    found = asked(site, backup(site))
    assert found.code == "N5725"
    assert "as soon as a takes it: it sees d1" in words(found)


def test_the_server_of_the_host_is_named(place: Any) -> None:
    site = place(A, B)
    text = words(asked(site, backup(site, "b")))
    assert "as soon as b takes it: it sees d2 and it is the host b" in text


def test_where_each_may_take_it_none_is_named(place: Any) -> None:
    site = place(A, B)
    assert asked(site, backup(site)).code == "N5711"


def test_a_server_that_gives_no_sign_of_life_is_not_waited_for(place: Any) -> None:
    site = place(replace(A, silent_s=60.0), BLIND)
    assert asked(site, backup(site)).code == "N5711"
    assert any_lives(site)
    site._servers = (replace(A, silent_s=60.0),)
    assert not any_lives(site)


def test_a_server_that_runs_as_many_as_it_takes_is_told(place: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    site = place(A, BLIND)
    job = backup(site)
    running = [replace(job, id=100 + n, status=JobStatus.ACTIVE, server="a" if n else "c") for n in range(33)]
    # A parent only waits for its children.
    several = replace(
        job, id=99, status=JobStatus.ACTIVE, server="a", script=BackupScript((1, 2), ("x", "y"))
    )
    monkeypatch.setattr(type(site.jobs), "list", lambda *_a, **_k: [*running[:-1], several])
    assert asked(site, job).code == "N5725"
    monkeypatch.setattr(type(site.jobs), "list", lambda *_a, **_k: [*running, several])
    found = asked(site, job)
    assert found.code == "N5726"
    assert "a runs as many jobs" in words(found)
    other = replace(job, device_group="H")
    assert asked(site, other).code == "N5725"


def test_a_queue_that_is_looked_through_seldom_is_told(place: Any) -> None:
    site = place(ALONE)
    site.shared = False
    job = backup(site)
    assert asked(site, job).code == "N5711"
    site.values["queue_scan_seconds"] = "600"
    assert "every 600 s" in words(asked(site, job))


def test_a_job_that_is_not_due_keeps_its_own_reason(place: Any) -> None:
    site = place(A, BLIND)
    job = backup(site)
    assert asked(site, job, late=False).code == "N5717"
    assert job.kind is JobKind.BACKUP
