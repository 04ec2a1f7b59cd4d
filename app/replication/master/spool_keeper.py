"""The spool of one run: opened where it belongs, its limits told of, and room made when they are reached."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.scenario import ReplicaState, Scenario
from app.replication.master.durable import free_bytes
from app.replication.master.outlet import RECORDED_FACT
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.master.spool_place import place_spool

_NEARLY_THERE_S = 5.0
_TOLD_AGAIN_S = 60.0
_LOOK_AGAIN_S = 0.05
_TAKING = (ReplicaState.REPLICATING, ReplicaState.CONNECTING, ReplicaState.SYNCHRONIZING)
_READ_BYTES = 4 * 1024 * 1024
_DISK_CHECK_S = 1.0


class Events(Protocol):
    """The run, as far as the keeper tells it something."""

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Keep an event of the scenario."""


class Stoppable(Protocol):
    """The sender of one replica."""

    @property
    def state(self) -> ReplicaState:
        """What the replica does now."""

    def stop_for_good(self, why: str) -> None:
        """Send nothing more until somebody starts the replica again."""


class SpoolKeeper:
    """See the module. `sender_of(host)` gives the sender of a replica, None before there are senders."""

    def __init__(
        self,
        run: Events,
        scenario: Scenario,
        directory: str,
        sender_of: Callable[[str], Stoppable | None],
    ) -> None:
        self._run = run
        self._scenario = scenario
        self._properties = scenario.properties
        self._directory = directory
        self._sender_of = sender_of
        self._spool: Spool | None = None
        self._closing = threading.Event()
        self._told = False
        self._told_at = float("-inf")
        self._disk_told = False
        self._disk_checked = float("-inf")

    def open(self) -> Spool:
        """The spool, where it belongs.

        Raises:
            ArcxoError: ER00291 its directory is not there, ER00299 it is another home's.
            OSError: its disk fails.
        """
        properties = self._properties
        self._spool = Spool(
            place_spool(self._directory, self._scenario.id, properties.spool_directory),
            max_bytes=properties.spool_max_mb << 20,
            min_free_bytes=properties.spool_min_free_mb << 20,
            relieve=self._relieve,
        )
        return self._spool

    def close(self) -> None:
        """Wait for room no longer."""
        self._closing.set()

    def continues(self, spool: Spool, shadow: Shadow) -> bool:
        """Whether spool and shadow go on together; tells of damage. Else all is begun anew."""
        complete = shadow.fact("complete")
        if not spool.epoch and not spool.damaged_file:
            if complete:
                # Which changes the replicas lack is not known: only contents themselves can tell.
                for spec in self._scenario.replicas:
                    spool.doubt_all(spec.host)
                self._damaged(spool.directory, 1)
            return False
        if spool.damaged_file:
            self._damaged(spool.damaged_file, spool.last_seq + 1)
            return False
        if not complete or complete != spool.epoch:
            return False
        recorded = shadow.fact(RECORDED_FACT)
        known = int(recorded) if recorded.isdecimal() else 0
        if known > spool.last_seq:
            spool.damaged_file = spool.directory
            self._damaged(spool.directory, spool.last_seq + 1)
            return False
        return self._readable(spool, max(known, spool.first_seq() - 1))

    def _readable(self, spool: Spool, after: int) -> bool:
        """Whether what the shadow does not know of yet can be read."""
        try:
            while after < spool.last_seq:
                after = spool.read(after, _READ_BYTES)[-1].seq
        except ArcxoError as error:
            self._run.event(error.code, Severity.ERROR, **error.params)
            return False
        return True

    def _damaged(self, file: str, sequence: int) -> None:
        self._run.event("ER00212", Severity.ERROR, file=file, sequence=sequence)

    # limits

    def check_threshold(self) -> None:
        """Tell, once each time, that a limit is near."""
        spool = self._spool
        if spool is None:
            return
        size, percent = spool.size_bytes(), self._properties.spool_threshold_percent
        limit = self._properties.spool_max_mb << 20
        self._tell(bool(limit) and size * 100 >= limit * percent, size, limit)
        now = time.monotonic()
        if self._properties.spool_min_free_mb and now - self._disk_checked > _DISK_CHECK_S:
            self._disk_checked = now
            with contextlib.suppress(FileNotFoundError):
                free = free_bytes(spool.directory)
                least = self._properties.spool_min_free_mb << 20
                self._tell_disk(free * percent <= least * 100, spool, free)

    def _tell_disk(self, over: bool, spool: Spool, free: int) -> None:
        if over and not self._disk_told:
            self._run.event(
                "WR00294",
                Severity.WARNING,
                directory=spool.directory,
                free_mb=free >> 20,
                limit_mb=self._properties.spool_min_free_mb,
                scenario=self._scenario.name,
            )
        self._disk_told = over

    def _tell(self, over: bool, size: int, limit: int) -> None:
        if over and not self._told:
            self._told_at = time.monotonic()
            self._run.event(
                "WR00216",
                Severity.WARNING,
                size_mb=size >> 20,
                limit_mb=limit >> 20,
                scenario=self._scenario.name,
            )
        # What fills it again and again while all replicas take it is told once in a while.
        self._told = over or time.monotonic() - self._told_at < _TOLD_AGAIN_S

    def _relieve(self, error: ArcxoError | OSError) -> bool:
        """Wait for replicas that take what they are sent, else stop those that hold the spool back.

        Whether there is more room, or will be. In the recorder's thread.
        """
        spool = self._spool
        assert spool is not None
        late = self._late(spool, spool.size_bytes())
        if late is None:
            return True
        # People hear of it before anything is dropped, however sudden it came.
        self._tell_now(spool, error)
        if not late or self._properties.stop_if_spool_full:
            return False
        cause = _words(error)
        for host in late:
            position = spool.position(host)
            count = spool.last_seq - position if position is not None else 0
            params = {"replica": host, "scenario": self._scenario.name, "count": f"{count:,}", "cause": cause}
            why = render("ER00290", params).text
            sender = self._sender_of(host)
            if sender is not None:
                sender.stop_for_good(why)
            spool.stop_replica(host, why)
            self._run.event("ER00290", Severity.ERROR, **params)
        return True

    def _tell_now(self, spool: Spool, error: ArcxoError | OSError) -> None:
        if isinstance(error, ArcxoError) and error.code == "ER00210":
            self._tell(over=True, size=spool.size_bytes(), limit=self._properties.spool_max_mb << 20)
        else:
            self._tell_disk(over=True, spool=spool, free=free_bytes(spool.directory))

    def _late(self, spool: Spool, room: int) -> Iterable[str] | None:
        """Who holds the oldest records; None when room was made while one that takes them was waited for.

        It is waited for as long as it gets on: the limits are for what waits, not for what passes through.
        """
        reached, deadline = -1, 0.0
        while True:
            late = spool.behind()
            if not late and reached >= 0:
                return None
            idle = [host for host in late if not self._takes(host)]
            position = sum(spool.position(host) or 0 for host in late)
            if position != reached:
                reached, deadline = position, time.monotonic() + _NEARLY_THERE_S
            if idle or not late or time.monotonic() > deadline or self._closing.is_set():
                return idle or late
            self._closing.wait(_LOOK_AGAIN_S)
            if spool.size_bytes() < room:
                return None

    def _takes(self, host: str) -> bool:
        """Whether a replica is taking what it is sent, or about to."""
        sender = self._sender_of(host)
        return sender is None or sender.state in _TAKING


def _words(error: ArcxoError | OSError) -> str:
    if isinstance(error, ArcxoError):
        return render(error.code, error.params).text
    return error.strerror or str(error)
