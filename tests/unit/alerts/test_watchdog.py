from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from app.alerts.freshness import protections
from app.alerts.watchdog import Watchdog
from app.catalog import open_catalog
from app.catalog.api import NewJob, Registration
from app.catalog.store import SqlCatalog
from app.model.alert import Freshness
from app.model.events import EventRecord, Severity
from app.model.job import BackupScript, JobKind, Schedule
from app.model.media import SessionInfo
from tests.support.catalog_rows import session as session_info

NIGHT = datetime(2026, 3, 2, 2, tzinfo=UTC)
NIGHTLY = Schedule(NIGHT, "FREQ=DAILY")


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[SqlCatalog]:
    opened = open_catalog(str(tmp_path))
    opened.registrations.put(Registration(7, "Files", "localhost", ("localhost",), (b"/data",)))
    yield opened
    opened.close()


def scheduled(catalog: SqlCatalog, schedule: Schedule = NIGHTLY) -> int:
    script = BackupScript((7,), ("Files",))
    job = NewJob(JobKind.BACKUP, "Nightly", script, "caroot", schedule=schedule, execution_at=NIGHT)
    return catalog.jobs.submit(job).id


def session(catalog: SqlCatalog, number: int, at: datetime, **values: Any) -> SessionInfo:
    known: dict[str, Any] = {
        "scenario_id": 7,
        "scenario_name": "Files",
        "job_id": number,
        "machine": "localhost",
    }
    one = replace(
        session_info(number), started_at=at, finished_at=at + timedelta(minutes=1), **(known | values)
    )
    staging = catalog.sessions.begin(one.machine, one.entity, "set", [b"/data"])
    staging.publish(one)
    return one


def state(catalog: SqlCatalog, now: datetime) -> Freshness:
    (found,) = protections(catalog, now)
    return found.state


def test_a_scenario_is_late_after_one_interval_and_stale_after_one_and_a_half(catalog: SqlCatalog):
    scheduled(catalog)
    session(catalog, 1, NIGHT)
    assert state(catalog, NIGHT + timedelta(hours=24)) is Freshness.FRESH
    assert state(catalog, NIGHT + timedelta(hours=24, minutes=11)) is Freshness.LATE
    assert state(catalog, NIGHT + timedelta(hours=36, minutes=11)) is Freshness.STALE


def test_a_backup_long_before_its_schedule_does_not_make_the_interval_longer(catalog: SqlCatalog):
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    scheduled(catalog, Schedule(tomorrow, "FREQ=DAILY"))
    session(catalog, 1, tomorrow - timedelta(days=100))
    assert state(catalog, tomorrow - timedelta(minutes=1)) is Freshness.FRESH
    assert state(catalog, tomorrow + timedelta(hours=11)) is Freshness.LATE
    assert state(catalog, tomorrow + timedelta(hours=13)) is Freshness.STALE


def test_days_without_runs_are_no_delay(catalog: SqlCatalog):
    friday = datetime(2026, 3, 6, 2, tzinfo=UTC)
    scheduled(catalog, Schedule(NIGHT, "FREQ=DAILY", excluded=("SA", "SU")))
    session(catalog, 1, friday)
    assert state(catalog, friday + timedelta(hours=70)) is Freshness.FRESH
    assert state(catalog, friday + timedelta(hours=73)) is Freshness.LATE


def test_only_complete_and_sound_sessions_protect(catalog: SqlCatalog):
    scheduled(catalog)
    session(catalog, 1, NIGHT)
    session(catalog, 2, NIGHT + timedelta(days=1), incomplete=True)
    session(catalog, 3, NIGHT + timedelta(days=2), damaged=True)
    (found,) = protections(catalog, NIGHT + timedelta(days=2))
    assert (found.protected_until, found.state) == (NIGHT, Freshness.STALE)


def test_a_volume_that_was_left_out_is_not_protected_by_the_others(catalog: SqlCatalog):
    scheduled(catalog)
    session(catalog, 1, NIGHT, entity="C:", job_id=1)
    session(catalog, 2, NIGHT, entity="D:", job_id=1)
    session(catalog, 3, NIGHT + timedelta(days=1), entity="C:", job_id=2)
    (found,) = protections(catalog, NIGHT + timedelta(days=1, minutes=1))
    assert found.protected_until == NIGHT


def test_what_was_verified_is_told_apart(catalog: SqlCatalog):
    session(catalog, 1, NIGHT, verified_at=NIGHT)
    session(catalog, 2, NIGHT + timedelta(days=1))
    (found,) = protections(catalog, NIGHT)
    assert (found.protected_until, found.verified_until) == (NIGHT + timedelta(days=1), NIGHT)
    assert found.state is Freshness.UNSCHEDULED


def test_a_scenario_that_was_never_backed_up_and_is_not_scheduled_says_so(catalog: SqlCatalog):
    assert state(catalog, NIGHT) is Freshness.NEVER


def test_each_finding_is_told_once_without_any_scheduler(catalog: SqlCatalog):
    job = scheduled(catalog)
    session(catalog, 1, NIGHT)
    for hours in (25, 26, 37, 38):
        for watchdog in (Watchdog(catalog, "one"), Watchdog(catalog, "two")):
            watchdog.check(NIGHT + timedelta(hours=hours))
    told = [(one.code, one.scenario, one.job_id) for one in reversed(catalog.log.list())]
    assert told == [("W5820", "Files", None), ("W5822", "", job), ("E5821", "Files", None)]


class Braking:
    """An agent of which only events are asked."""

    def __init__(self) -> None:
        self.sequence = 3

    def events(self, newer_than: int, limit: int = 1000) -> list[EventRecord]:
        params = {"scenario": "Files", "cause": "too many", "usual": "1", "limit": "1000", "server": "x"}
        event = EventRecord(
            self.sequence, "CR00101", Severity.CRITICAL, NIGHT, "localhost", 7, "Files", params
        )
        return [event] if newer_than < self.sequence else []

    def close(self) -> None: ...


def test_a_stop_of_the_safety_brake_enters_the_log_once(catalog: SqlCatalog):
    agent = Braking()
    watchdog = Watchdog(catalog, "server", lambda _host: agent)  # type: ignore[arg-type,return-value]
    watchdog.check_brakes()
    assert not catalog.log.list(), "what was before anybody looked is not told"
    agent.sequence = 4
    watchdog.check_brakes()
    watchdog.check_brakes()
    (line,) = catalog.log.list()
    assert (line.code, line.scenario, line.params["alert_key"]) == ("CR00101", "Files", "event localhost 4")


def test_the_first_look_leaves_the_queue_time_to_begin_what_is_due(
    catalog: SqlCatalog, monkeypatch: pytest.MonkeyPatch
):
    looked: list[datetime] = []
    clock = SimpleNamespace(at=1000.0)
    monkeypatch.setattr("app.alerts.watchdog.time", SimpleNamespace(monotonic=lambda: clock.at))
    dog = Watchdog(catalog, "server")
    monkeypatch.setattr(dog, "check", looked.append)
    for clock.at in (1001.0, 1019.0, 1021.0, 1050.0, 1082.0):
        dog.look()
    assert len(looked) == 2
