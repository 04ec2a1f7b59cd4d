"""Replicas that are held until a time: what is due, and the thread that resumes it.

The times are kept with what was asked for of a scenario (`Library.intent`), so that they hold over restarts.
What cannot be resumed yet, as the scenario is only starting, is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from app.model.scenario import ReplicaState, ScenarioStatus

_AGAIN_S = 2.0
_LONGEST_WAIT_S = 30.0
"""The clock of the machine may be set: it is looked at no less often."""


class Pauses:
    """`resume(scenario id, host)` is called when a time has come; False: not possible yet. Any thread."""

    def __init__(self, resume: Callable[[int, str], bool]) -> None:
        self._resume = resume
        self._until: dict[int, dict[str, datetime]] = {}
        self._news = threading.Condition()
        self._closed = False
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look at the time."""
        self._thread = threading.Thread(target=self._look, name="suspended-until", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Resume no more; waits for one that is being resumed."""
        with self._news:
            self._closed = True
            self._news.notify_all()
        if self._thread is not None:
            self._thread.join()

    def put(self, scenario_id: int, until: Mapping[str, datetime]) -> None:
        """The replicas of a scenario that are held until a time are these now."""
        with self._news:
            if until:
                self._until[scenario_id] = dict(until)
            else:
                self._until.pop(scenario_id, None)
            self._news.notify_all()

    def of(self, scenario_id: int) -> dict[str, datetime]:
        """Until when each replica of a scenario is held; the others are not, or without a time."""
        with self._news:
            return dict(self._until.get(scenario_id, {}))

    def shown(self, status: ScenarioStatus) -> ScenarioStatus:
        """A status with the times of the replicas that are suspended."""
        until = self.of(status.scenario.id)
        if not until:
            return status
        replicas = tuple(
            replace(one, suspended_until=until.get(one.host)) if one.state is ReplicaState.SUSPENDED else one
            for one in status.replicas
        )
        return replace(status, replicas=replicas)

    def _look(self) -> None:
        while True:
            with self._news:
                if self._closed:
                    return
                now = datetime.now(UTC)
                due = [
                    (scenario_id, host)
                    for scenario_id, hosts in self._until.items()
                    for host, at in hosts.items()
                    if at <= now
                ]
                if not due:
                    left = [
                        (at - now).total_seconds() for hosts in self._until.values() for at in hosts.values()
                    ]
                    self._news.wait(min([_LONGEST_WAIT_S, *left]) if left else None)
                    continue
            # Without the lock: resuming asks for the times itself. One that fails must not starve the others.
            failed = [one for one in due if not self._resume(*one)]
            if failed:
                with self._news:
                    self._news.wait_for(lambda: self._closed, _AGAIN_S)
