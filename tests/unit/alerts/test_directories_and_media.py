"""Directories that are backed up by themselves are protected, too; and media jobs end with an alert."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.alerts.freshness import protections
from app.alerts.matching import event_of, key_of
from app.alerts.watchdog import Watchdog
from app.catalog import open_catalog
from app.catalog.api import NewJob
from app.catalog.store import SqlCatalog
from app.model.alert import AlertEvent, Freshness
from app.model.events import ActivityRecord, Severity
from app.model.job import BackupScript, JobKind, Schedule
from app.model.source import DirectSource
from tests.support.catalog_rows import session as session_info

NIGHT = datetime(2026, 3, 2, 2, tzinfo=UTC)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = open_catalog(str(tmp_path))
    sources = (DirectSource("fs", b"/srv", True), DirectSource("fs", b"/home"))
    script = BackupScript((), (), sources=sources)
    schedule = Schedule(NIGHT, "FREQ=DAILY")
    job = NewJob(JobKind.BACKUP, "Nightly", script, "caroot", schedule=schedule, execution_at=NIGHT)
    opened.jobs.submit(job)
    yield opened
    opened.close()


def backed_up(catalog: SqlCatalog, number: int, entity: str, at: datetime) -> None:
    one = replace(
        session_info(number),
        scenario_id=None,
        scenario_name="",
        job_id=number,
        machine="fs",
        entity=entity,
        started_at=at,
        finished_at=at + timedelta(minutes=1),
    )
    catalog.sessions.begin("fs", entity, "set", [entity.encode()]).publish(one)


def test_each_directory_of_a_repeating_job_has_its_own_protection(catalog: SqlCatalog):
    backed_up(catalog, 1, "/srv", NIGHT)
    found = {one.scenario: one for one in protections(catalog, NIGHT + timedelta(hours=37))}
    assert set(found) == {"fs:/srv", "fs:/home"}
    assert found["fs:/srv"].protected_until == NIGHT
    assert found["fs:/srv"].state is Freshness.STALE
    assert found["fs:/srv"].scenario_id == 0
    backed_up(catalog, 2, "/srv", NIGHT + timedelta(days=1))
    (srv,) = [one for one in protections(catalog, NIGHT + timedelta(hours=37)) if one.scenario == "fs:/srv"]
    assert srv.state is Freshness.FRESH


def test_two_late_directories_are_told_apart_and_once(catalog: SqlCatalog):
    for number, entity in ((1, "/srv"), (2, "/home")):
        backed_up(catalog, number, entity, NIGHT)
    for _ in range(2):
        Watchdog(catalog, "server").check(NIGHT + timedelta(hours=37))
    told = [one.params["scenario"] for one in catalog.log.list() if one.code == "E5821"]
    assert sorted(told) == ["fs:/home", "fs:/srv"]


def line(code: str, number: int = 1, job_id: int | None = 4) -> ActivityRecord:
    return ActivityRecord(number, Severity.ERROR, NIGHT, "here", code, job_id=job_id)


@pytest.mark.parametrize(
    ("code", "event"),
    [
        ("N5615", AlertEvent.FINISHED),
        ("W5616", AlertEvent.INCOMPLETE),
        ("W5168", AlertEvent.CANCELED),
        ("E5169", AlertEvent.FAILED),
        ("E5164", AlertEvent.MEDIA),
        ("W5764", AlertEvent.MEDIA),
    ],
)
def test_the_ends_of_media_jobs_are_told(code: str, event: AlertEvent):
    assert event_of(line(code)) is event


def test_a_damaged_media_is_one_message_however_many_objects_it_lost():
    assert key_of(line("E5164", 1)) == key_of(line("E5164", 2))
    assert key_of(line("E5164", 1)) != key_of(line("E5164", 1, job_id=5))
    assert key_of(line("E5169", 1)) != key_of(line("E5169", 2))
