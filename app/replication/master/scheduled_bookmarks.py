"""Bookmarks at regular times, while a scenario replicates and something has changed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import Scenario, ScenarioState

_LOOK_EVERY_S = 10.0


class Bookmarked(Protocol):
    """The run of a scenario, as far as bookmarks need it."""

    scenario: Scenario

    @property
    def state(self) -> ScenarioState:
        """What it does now."""
        ...

    @property
    def recorded_operations(self) -> int:
        """How many changes were recorded since it started."""
        ...

    def bookmark(self, text: str, kind: PointKind) -> RewindPoint:
        """Set one. Blocks until what was written before is recorded."""
        ...

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Keep an event."""
        ...


class ScheduledBookmarks:
    """Looks at the clock in a thread of its own, every few seconds, when `bookmark_minutes` is not 0.

    The first one is due an interval after the start. Those missed while the machine slept are not made up:
    the next is due an interval after the one that was set, or found superfluous.
    """

    def __init__(self, run: Bookmarked, clock: Callable[[], float] = time.time) -> None:
        self._run = run
        self._clock = clock
        self._interval_s = run.scenario.properties.bookmark_minutes * 60.0
        self._due = clock() + self._interval_s
        self._operations = 0
        self._ending = threading.Event()
        name = f"bookmarks {run.scenario.name}"
        self._thread = threading.Thread(target=self._work, name=name, daemon=True)

    def start(self) -> None:
        """Begin, if there is an interval."""
        if self._interval_s > 0:
            self._operations = self._run.recorded_operations
            self._thread.start()

    def close(self) -> None:
        """End; blocks until the thread has ended."""
        self._ending.set()
        if self._thread.is_alive():
            self._thread.join()

    def look(self) -> bool:
        """Set a bookmark if one is due and something changed; whether one was set."""
        now = self._clock()
        if self._due - now > self._interval_s:
            # The clock was set back.
            self._due = now + self._interval_s
        if now < self._due or self._run.state is not ScenarioState.REPLICATING:
            return False
        self._due = now + self._interval_s
        if self._run.recorded_operations == self._operations:
            return False
        text = f"Scheduled {datetime.fromtimestamp(now, UTC):%Y-%m-%d %H:%M} UTC"
        try:
            self._run.bookmark(text, PointKind.SCHEDULED_BOOKMARK)
        except ArcxoError as error:
            cause = render(error.code, error.params).text
            self._run.event("WR00285", Severity.WARNING, scenario=self._run.scenario.name, cause=cause)
            return False
        self._operations = self._run.recorded_operations
        return True

    def _work(self) -> None:
        while not self._ending.wait(min(_LOOK_EVERY_S, self._interval_s / 4)):
            self.look()
