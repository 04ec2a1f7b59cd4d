"""Which scenarios of this host run: begun, ended and begun again, one change of each at a time."""

from __future__ import annotations

import itertools
import os
import threading
from datetime import UTC, datetime

from app.model.errors import BusyError
from app.model.events import Severity
from app.model.scenario import Scenario, ScenarioState
from app.replication.events import EventStore
from app.replication.link import ReplicaConnector
from app.replication.master.home_disk import RoomWatch, StoppedRun
from app.replication.master.library import Library, remove_tree
from app.replication.master.running import Running
from app.replication.scripts.running import Scripts


class Runs:
    """See the module. Methods may be called from any thread; they block on disk and replicas.

    `directory` is the `engine/` directory of the home, `lock` guards which scenario runs.
    """

    def __init__(
        self,
        directory: str,
        library: Library,
        connector: ReplicaConnector,
        events: EventStore,
        lock: threading.RLock,
    ) -> None:
        self._directory = directory
        self._library = library
        self._connector = connector
        self._events = events
        self._lock = lock
        self._running: dict[int, Running] = {}
        self._acting: dict[int, threading.Lock] = {}
        self._revisions: dict[int, int] = {}
        self._counter = itertools.count(1)
        self._stopped_at: dict[int, datetime] = {}
        self._scripts = Scripts(os.path.dirname(os.path.abspath(directory)))
        self._room = RoomWatch(lambda: list(self._running.values()), self._go_on, directory)

    def start(self) -> None:
        """Have runs that stop for a full disk begun again from now on."""
        self._room.start()

    def close(self) -> None:
        """End all of them without waiting for replicas. Blocks until all threads have ended."""
        self._room.close()
        with self._lock:
            running = list(self._running.values())
            self._running.clear()
        for run in running:
            run.close(drain=False)
        self._scripts.close()

    def act(self, scenario_id: int) -> threading.Lock:
        """One change of a scenario's run at a time: to be held for it."""
        with self._lock:
            return self._acting.setdefault(scenario_id, threading.Lock())

    def get(self, scenario_id: int) -> Running | None:
        """The run of a scenario; None while it is stopped."""
        with self._lock:
            return self._running.get(scenario_id)

    def of(self, scenario: Scenario) -> Running:
        """The run of a scenario. Raises BusyError ER00251 while it is stopped."""
        running = self.get(scenario.id)
        if running is None:
            raise BusyError("ER00251", scenario=scenario.name, state=ScenarioState.STOPPED.value)
        return running

    def begin(
        self, scenario: Scenario, *, fresh: bool, suspended: list[str], adopt_roots: bool = False
    ) -> None:
        """Have a scenario run that is stopped; returns at once. See `Opening` for what is asked for."""
        running = Running(
            scenario,
            self._library.directory(scenario.id),
            self._cookies(scenario.id),
            self._connector,
            self._events,
            self._scripts,
            fresh=fresh,
            suspended=suspended,
            adopt_roots=adopt_roots,
            on_change=lambda: self.changed(scenario.id),
        )
        with self._lock:
            self._running[scenario.id] = running
        running.start()

    def end(self, scenario_id: int, *, drain: bool) -> None:
        """End a run; see `Running.close`."""
        running = self._running[scenario_id]
        running.close(drain=drain)
        with self._lock:
            self._running.pop(scenario_id, None)
            self._stopped_at[scenario_id] = datetime.now(UTC)
        self.changed(scenario_id)

    def _go_on(self, stopped: StoppedRun, directory: str) -> None:
        """Begin a run again that had stopped for its disk, from where it stopped."""
        scenario = stopped.scenario
        with self.act(scenario.id):
            running = self._running.get(scenario.id)
            if running is not stopped or running is None:
                return
            suspended = running.suspended()
            self.end(scenario.id, drain=False)
            self.begin(scenario, fresh=False, suspended=suspended)
        self._events.append(
            "SR00296", Severity.SIGNIFICANT, scenario_id=scenario.id, scenario_name=scenario.name,
            scenario=scenario.name, directory=directory,
        )  # fmt: skip

    def forget(self, scenario_id: int) -> None:
        """Remove what runs of a deleted scenario left beside its definition."""
        remove_tree(self._cookies(scenario_id))

    def _cookies(self, scenario_id: int) -> str:
        return os.path.join(self._directory, "cookies", str(scenario_id))

    # what was shown

    def changed(self, scenario_id: int) -> None:
        """Something of a scenario that is shown changed."""
        self._revisions[scenario_id] = next(self._counter)

    def revision(self, scenario_id: int) -> int:
        """Grows with each change of what is shown."""
        return self._revisions.get(scenario_id, 0)

    def stopped_at(self, scenario_id: int) -> datetime | None:
        """When the last run ended, if one did since the engine began."""
        return self._stopped_at.get(scenario_id)
