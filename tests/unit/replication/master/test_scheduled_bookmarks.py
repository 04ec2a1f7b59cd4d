from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from app.model.errors import ArcxoError
from app.model.properties import default_properties
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import ScenarioProperties, ScenarioState, ServerType, SyncMethod
from app.replication.master.scheduled_bookmarks import ScheduledBookmarks
from tests.support.cli_services import scenario

START = 1_800_000_000.0


class Run:
    """A scenario that replicates and counts; `now` is the clock."""

    def __init__(self, minutes: int = 120) -> None:
        self.scenario = replace(scenario(), properties=ScenarioProperties(bookmark_minutes=minutes))
        self.state = ScenarioState.REPLICATING
        self.recorded_operations = 0
        self.now = START
        self.set: list[tuple[str, PointKind]] = []
        self.events: list[str] = []
        self.refuse: ArcxoError | None = None

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        if self.refuse is not None:
            raise self.refuse
        self.set.append((text, kind))
        return RewindPoint("x", kind, datetime.now(UTC), 1)

    def event(self, code: str, severity: Any, **params: object) -> None:
        self.events.append(code)


@pytest.fixture
def run() -> Run:
    return Run()


def at(run: Run, bookmarks: ScheduledBookmarks, minutes: float) -> bool:
    run.now = START + minutes * 60
    return bookmarks.look()


def test_one_is_set_every_interval_while_something_changes(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    assert not at(run, bookmarks, 119)
    assert at(run, bookmarks, 120)
    assert not at(run, bookmarks, 121)
    run.recorded_operations = 6
    assert at(run, bookmarks, 240)
    assert [kind for _, kind in run.set] == [PointKind.SCHEDULED_BOOKMARK] * 2
    assert run.set[0][0].startswith("Scheduled 2027-01-15 ")


def test_none_is_set_when_nothing_changed_since_the_last(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    assert at(run, bookmarks, 120)
    assert not at(run, bookmarks, 240)
    assert not at(run, bookmarks, 360)
    run.recorded_operations = 6
    assert at(run, bookmarks, 480)


def test_missed_ones_are_not_made_up_after_sleep(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    assert at(run, bookmarks, 1_000)
    run.recorded_operations = 6
    assert not at(run, bookmarks, 1_001)
    assert at(run, bookmarks, 1_120)
    assert len(run.set) == 2


def test_a_clock_set_back_does_not_stop_them(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    assert not at(run, bookmarks, -10_000)
    assert at(run, bookmarks, -10_000 + 120)


def test_none_is_set_while_the_scenario_does_not_replicate(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    run.state = ScenarioState.SYNCHRONIZING
    assert not at(run, bookmarks, 121)
    run.state = ScenarioState.REPLICATING
    assert at(run, bookmarks, 122)


def test_one_that_cannot_be_set_is_told_and_tried_again_when_the_next_is_due(run: Run) -> None:
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    run.recorded_operations = 5
    run.refuse = ArcxoError("ER00251", scenario="files", state="stopping")
    assert not at(run, bookmarks, 120)
    assert run.events == ["WR00285"]
    run.refuse = None
    assert not at(run, bookmarks, 121)
    assert at(run, bookmarks, 240)


def test_without_an_interval_there_is_no_thread() -> None:
    run = Run(0)
    bookmarks = ScheduledBookmarks(run, lambda: run.now)
    bookmarks.start()
    assert not bookmarks._thread.is_alive()
    bookmarks.close()


def test_databases_begin_with_a_bookmark_every_two_hours() -> None:
    assert default_properties(ServerType.FILE_SERVER).bookmark_minutes == 0
    for kind in (ServerType.SQL_SERVER, ServerType.EXCHANGE):
        assert default_properties(kind).bookmark_minutes == 120


def test_databases_are_compared_by_blocks_and_content() -> None:
    found = default_properties(ServerType.EXCHANGE)
    assert (found.sync, found.ignore_same_size_time) == (SyncMethod.BLOCK, False)
    files = default_properties(ServerType.FILE_SERVER)
    assert (files.sync, files.ignore_same_size_time) == (SyncMethod.FILE, True)
