"""A master's engine and several replicas' engines in one process, each replica a host of its own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from app.model.errors import ArcxoError
from app.model.scenario import (
    NewScenario,
    Override,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    Scenario,
    ScenarioProperties,
    ScenarioState,
)
from app.replication.events import EventStore
from app.replication.master.engine import MasterEngine
from app.replication.replica.engine import ReplicaEngine
from tests.support.replica_link import MemoryLink, pair
from tests.support.replication_pair import until
from tests.support.trees import picture


class ReplicaHost:
    """One host that keeps replicas; can be cut off, silenced and restarted."""

    def __init__(self, name: str, base: Path, events: EventStore) -> None:
        self.name = name
        self.base = base
        self.directory = base / f"on-{name}"
        self.directory.mkdir()
        self._home = base / f"home-{name}"
        self._home.mkdir()
        self._events = events
        self.reachable = True
        self.links: list[MemoryLink] = []
        self.threads: list[threading.Thread] = []
        self.engine = self._open()

    def _open(self) -> ReplicaEngine:
        engine = ReplicaEngine(str(self._home), self.name, self._events)
        engine.start()
        return engine

    def connect(self) -> MemoryLink:
        if not self.reachable:
            raise ArcxoError("ER00202", host=self.name, reason="switched off by the test")
        ours, theirs = pair()
        thread = threading.Thread(target=self.engine.serve, args=(theirs,), name=f"stream-{self.name}")
        thread.start()
        self.links += [ours, theirs]
        self.threads.append(thread)
        return ours

    def cut(self) -> None:
        """Close the links there are."""
        for link in self.links:
            link.close()
        self.links.clear()

    def silence(self) -> None:
        """Nothing passes over the links there are, which stay open."""
        for link in self.links:
            link.stall()

    def restart(self) -> None:
        self.cut()
        self.engine.close()
        self.engine = self._open()

    def close(self) -> None:
        self.cut()
        self.engine.close()
        for thread in self.threads:
            thread.join(10)


class Group:
    """`master` with one root replicated to the hosts named; the scenario is "files"."""

    def __init__(self, base: Path, *names: str, master: Path | None = None) -> None:
        self.base = base
        self.master = master or base / "master"
        self.master.mkdir(exist_ok=True)
        self.home = base / "home"
        (self.home / "engine").mkdir(parents=True)
        self.events = EventStore(str(self.home / "engine/events.sqlite3"), "localhost")
        self.hosts = {name: ReplicaHost(name, base, self.events) for name in names}
        self.engine = self.open_engine()
        self.id = 0

    def open_engine(self) -> MasterEngine:
        engine = MasterEngine(self.home / "engine", "localhost", self, self.events, (os.fsencode(self.home),))
        engine.start()
        return engine

    def connect(self, _scenario: Scenario, replica: ReplicaSpec, _timeout_s: float) -> MemoryLink:
        return self.hosts[replica.host].connect()

    def create(
        self, *, own: dict[str, dict[str, str]] | None = None, name: str = "files", **properties: object
    ) -> int:
        """`own` are properties of single replicas as text, by host."""
        properties.setdefault("spool_min_free_mb", 0)
        specs = tuple(
            ReplicaSpec(
                host,
                (os.fsencode(self.hosts[host].directory / name),),
                tuple(Override(key, value) for key, value in (own or {}).get(host, {}).items()),
            )
            for host in self.hosts
        )
        scenario = NewScenario(
            name,
            "localhost",
            specs,
            (Root(os.fsencode(self.master)),),
            properties=ScenarioProperties(**properties),  # type: ignore[arg-type]
        )
        self.id = self.engine.create(scenario).id
        return self.id

    def run(self, *, own: dict[str, dict[str, str]] | None = None, **properties: object) -> None:
        if not self.id:
            self.create(own=own, **properties)
        self.engine.run(self.id)
        self.wait_all(ReplicaState.REPLICATING)

    def status(self, host: str) -> ReplicaStatus:
        return next(one for one in self.engine.status(self.id).replicas if one.host == host)

    def wait_all(self, state: ReplicaState, timeout_s: float = 30.0) -> None:
        for host in self.hosts:
            self.wait(host, state, timeout_s)

    def wait(self, host: str, state: ReplicaState, timeout_s: float = 30.0) -> None:
        until(lambda: self.status(host).state is state, timeout_s, f"{host} {state}: {self.status(host)}")

    def wait_scenario(self, state: ScenarioState, timeout_s: float = 30.0) -> None:
        try:
            until(lambda: self.engine.status(self.id).state is state, timeout_s, str(state))
        except AssertionError as error:
            error.add_note(str(self.engine.status(self.id)))
            raise

    def same(self, host: str, name: str = "files") -> bool:
        return picture(self.master) == picture(self.hosts[host].directory / name)

    def wait_same(self, host: str, timeout_s: float = 30.0) -> None:
        until(lambda: self.same(host), timeout_s, f"{host} is the same")

    def restart_master(self) -> None:
        self.engine.close()
        self.engine = self.open_engine()

    def codes(self, of: str = "") -> list[str]:
        """The codes of all events, or of those about one replica."""
        events = self.events.newer_than(0, 100_000)
        return [event.code for event in events if not of or event.params.get("replica") == of]

    def close(self) -> None:
        self.engine.close()
        for host in self.hosts.values():
            host.close()
        self.events.close()
