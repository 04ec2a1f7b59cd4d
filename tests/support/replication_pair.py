"""A master's and a replica's engine in one process, joined by links in memory."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

from app.model.errors import ArcxoError
from app.model.scenario import (
    Filters,
    NewScenario,
    ReplicaSpec,
    Root,
    Scenario,
    ScenarioProperties,
    ScenarioState,
)
from app.replication.events import EventStore
from app.replication.master.engine import MasterEngine
from app.replication.replica.engine import ReplicaEngine
from tests.support.replica_link import MemoryLink, pair
from tests.support.trees import picture


def until(condition: Callable[[], object], timeout_s: float = 20.0, what: str = "condition") -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, f"timed out: {what}"
        time.sleep(0.005)


class MemoryConnector:
    """Connects to a replica's engine in this process; `reachable` can be taken away.

    `hold_after`: see `MemoryLink`.
    """

    def __init__(self, engine: Callable[[], ReplicaEngine]) -> None:
        self._engine = engine
        self.reachable = True
        self.hold_after: int | None = None
        self.links: list[MemoryLink] = []
        self.threads: list[threading.Thread] = []

    def connect(self, _scenario: Scenario, replica: ReplicaSpec, _timeout_s: float) -> MemoryLink:
        if not self.reachable:
            raise ArcxoError("ER00202", host=replica.host, reason="switched off by the test")
        ours, theirs = pair()
        ours.hold_after = self.hold_after
        thread = threading.Thread(target=self._engine().serve, args=(theirs,), name="replica-stream")
        thread.start()
        self.links.append(ours)
        self.threads.append(thread)
        return ours

    def cut(self) -> None:
        for link in self.links:
            link.close()
        self.links.clear()


class Pair:
    """`master` and `replica` directories, engines of both, and one scenario "files"."""

    def __init__(self, base: Path, master: Path | None = None) -> None:
        self.base = base
        self.master = master or base / "master"
        self.replica = base / "replica"
        self.master.mkdir(exist_ok=True)
        self.replica.mkdir()
        self.home = base / "home"
        (self.home / "engine").mkdir(parents=True)
        (base / "other").mkdir()
        self.events = EventStore(str(self.home / "engine/events.sqlite3"), "localhost")
        self.replica_engine = ReplicaEngine(str(base / "other"), "localhost", self.events)
        self.replica_engine.start()
        self.connector = MemoryConnector(lambda: self.replica_engine)
        self.engine = self.open_engine()
        self.id = 0

    def open_engine(self) -> MasterEngine:
        engine = MasterEngine(
            self.home / "engine", "localhost", self.connector, self.events, (os.fsencode(self.home),)
        )
        engine.start()
        return engine

    def create(self, filters: Filters = Filters(), **properties: object) -> int:
        properties.setdefault("spool_min_free_mb", 0)
        scenario = NewScenario(
            "files",
            "localhost",
            (ReplicaSpec("localhost", (os.fsencode(self.replica),)),),
            (Root(os.fsencode(self.master)),),
            filters=filters,
            properties=ScenarioProperties(**properties),
        )
        self.id = self.engine.create(scenario).id
        return self.id

    def run(self, filters: Filters = Filters(), **properties: object) -> None:
        if not self.id:
            self.create(filters, **properties)
        self.engine.run(self.id)
        self.wait()

    def wait(self, state: ScenarioState = ScenarioState.REPLICATING, timeout_s: float = 30.0) -> None:
        until(
            lambda: self.engine.status(self.id).state is state,
            timeout_s,
            f"{state}, not {self.engine.status(self.id)}",
        )

    def settle(self, timeout_s: float = 30.0) -> None:
        self.engine.barrier(self.id, timeout_s)

    def assert_equal(self) -> None:
        self.settle()
        ours, theirs = picture(self.master), picture(self.replica)
        assert ours.keys() == theirs.keys(), ours.keys() ^ theirs.keys()
        assert {k: (ours[k], theirs[k]) for k in ours if ours[k] != theirs[k]} == {}

    def restart_master(self) -> None:
        self.engine.close()
        self.engine = self.open_engine()
        self.wait()

    def codes(self) -> list[str]:
        return [event.code for event in self.events.newer_than(0, 100_000)]

    def close(self) -> None:
        self.engine.close()
        self.replica_engine.close()
        for thread in self.connector.threads:
            thread.join(10)
        self.events.close()
