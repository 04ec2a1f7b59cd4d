"""The conversation with one replica over a link: greeted, synchronised when needed, then sent the spool."""

from __future__ import annotations

import contextlib
import threading
from typing import Protocol

from app.model.errors import BusyError, Problem
from app.model.events import Severity
from app.model.properties import properties_of
from app.model.scenario import ReplicaSpec, ReplicaState, Scenario
from app.replication.definition import to_xml
from app.replication.frames import (
    PROTOCOL_VERSION,
    BatchKind,
    Committed,
    Hello,
    Note,
    Trouble,
    Welcome,
)
from app.replication.link import Link
from app.replication.master.connection import Connection
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.recorder import Recorder
from app.replication.master.run_reports import SyncItems
from app.replication.master.shadow import ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.standing import Standing
from app.replication.master.streaming import Streaming
from app.replication.master.sync_run import SyncRun
from app.replication.master.synchroniser import ask_listings
from app.replication.master.troubles import Troubles
from app.replication.scripts.around_sync import AroundSync

_IDLE_S = 0.5
_RECORDED_POLL_S = 0.1


class Surroundings(Protocol):
    """What a sender tells to the scenario it belongs to. Called in threads of the sender."""

    around: AroundSync
    """The scripts before and after synchronisations."""

    def changed(self) -> None:
        """Something about a replica changed."""

    def event(self, code: str, severity: Severity, **params: object) -> None:
        """Something happened that people may want to read."""

    def synchronized(self, host: str, items: SyncItems, sent_bytes: int) -> None:
        """A synchronisation has ended; what it sent and removed."""


class Conversation:
    """See the module. `hold` is for the thread of the sender; the figures may be read from any.

    `recorded` is set once the shadow is filled: until then there is no more than a greeting, and the replica
    is asked to list.
    """

    def __init__(
        self,
        scenario: Scenario,
        spec: ReplicaSpec,
        connection: Connection,
        standing: Standing,
        spool: Spool,
        recorder: Recorder,
        filters: PathFilter,
        surroundings: Surroundings,
        recorded: threading.Event | None,
    ) -> None:
        self._scenario = scenario
        self._spec = spec
        self._host = spec.host
        self._connection = connection
        self._standing = standing
        self._spool = spool
        self._recorder = recorder
        self._brake = recorder.brake
        self._filters = filters
        self._surroundings = surroundings
        self._recorded = recorded
        self._streaming = Streaming(
            spec.host, standing, spool, recorder.brake, connection.throttle, surroundings.event
        )
        self._troubles = Troubles(scenario, spec.host, recorder, surroundings.event)
        self._catch_up: int | None = None
        self._doubts = 0
        self.exchange: Exchange | None = None
        """The open stream; None when there is none now."""
        self.synchronizing: SyncRun | None = None
        self.synchronized_bytes = 0

    @property
    def trouble_count(self) -> int:
        """Paths recorded anew: the replica could not take them, or it was sent what may be another's."""
        run = self.synchronizing
        return self._troubles.count + self._doubts + (run.doubts if run is not None else 0)

    def problems(self) -> list[Problem]:
        """Paths the replica could not take."""
        return self._troubles.problems()

    def is_refused(self, root: int, path: bytes, *, metadata: bool) -> bool:
        """See `Troubles.covers`."""
        return self._troubles.covers(root, path, metadata=metadata)

    def hasten(self, root: int, path: bytes) -> bool:
        """See `Troubles.hasten`."""
        return self._troubles.hasten(root, path)

    def hold(self, link: Link) -> None:
        """Until the link is lost, or the stream has to end; blocks. Raises what ended it, as `Exchange`."""
        connection = self._connection
        exchange = Exchange(self._host, link, connection.timeout_s, self._answer, connection.late)
        with self._standing.news:
            self.exchange = exchange
            self._standing.connected()
        try:
            if self._standing.stopping.is_set():
                return
            welcome = exchange.hello(
                Hello(
                    PROTOCOL_VERSION,
                    to_xml(self._scenario),
                    self._host,
                    self._spool.epoch,
                    self._spool.first_seq(),
                    self._spool.last_seq,
                )
            )
            connection.welcomed()
            if self._standing.stopped_why:
                return
            fits = self._fits(welcome)
            if not fits and welcome.epoch == self._spool.epoch:
                self._other_history(welcome.committed_seq)
            self._spool.met(self._host)
            if not self._wait_recorded(exchange, list_now=not fits):
                return
            if fits:
                self._position(welcome.committed_seq, exchange)
            else:
                with self._standing.news:
                    self._standing.committed = None
                if not self._synchronize(exchange):
                    return
            while not self._standing.stopping.is_set():
                self._streaming.show()
                self._streaming.run(exchange)
                wanted = self._standing.sync_wanted and not self._standing.stopping.is_set()
                if wanted and not self._synchronize(exchange):
                    return
        finally:
            with self._standing.news:
                self.exchange = None
                self._standing.disconnected()
            exchange.close()
            connection.ended()

    def _wait_recorded(self, exchange: Exchange, *, list_now: bool) -> bool:
        """Wait until the shadow is filled, or is being filled and may be followed. False: asked to stop."""
        if self._recorded is None or self._recorded.is_set():
            return True
        properties = properties_of(self._scenario, self._spec)
        scripts = properties.script_before_sync or properties.replica_script_before_sync
        # A script, or a person who decides about the brake, may change what would be listed.
        if list_now and not scripts and self._brake.held is None:
            # Both sides walk at the same time, and what was passed is sent.
            ask_listings(exchange, self._recorder.roots)
            return not self._standing.stopping.is_set()
        while not self._recorded.wait(_RECORDED_POLL_S):
            if self._standing.stopping.is_set():
                return False
            exchange.check()
        return True

    def _fits(self, welcome: Welcome) -> bool:
        return welcome.epoch == self._spool.epoch and self._least() <= welcome.committed_seq <= self._reach()

    def _least(self) -> int:
        """The least it must have: what it said it has durably, and what is not here any more."""
        spool, host = self._spool, self._host
        # While a synchronisation is not completed its position is where the stream is to go on.
        said = spool.position(host) if spool.is_proved(host) else None
        return max(spool.first_seq() - 1, 0 if said is None else said)

    def _reach(self) -> int:
        """The most the replica can have been given of this spool, which need not be all that is in it."""
        known = self._spool.reach(self._host)
        return self._standing.sent_most if known is None else known

    def _other_history(self, seq: int) -> None:
        """It is further, or less far, than the spool can have brought it: nothing tells what it lacks."""
        spool, least = self._spool, self._least()
        # Before it is met: a run that is killed before it is synchronised must not take it for another.
        spool.doubt_all(self._host)
        spool.set_proved(self._host, proved=False)
        self._surroundings.event(
            "WR00297",
            Severity.WARNING,
            replica=self._host,
            sequence=seq,
            first=least,
            last=self._reach(),
        )

    def _position(self, seq: int, exchange: Exchange) -> None:
        with self._standing.news:
            exchange.committed_stream = seq
            self._standing.at(seq)
        self._troubles.connected(seq)
        self._spool.set_position(self._host, seq)

    def _wait_for_brake(self, exchange: Exchange) -> bool:
        """Wait while anything is held back, which a synchronisation would send; False: asked to stop."""
        while (held := self._brake.held) is not None:
            if self._standing.stopping.is_set():
                return False
            if held.code:
                self._streaming.show()
            self._brake.wait_change(held, _IDLE_S)
            exchange.check()
        return not self._standing.stopping.is_set()

    def _synchronize(self, exchange: Exchange) -> bool:
        """Whether it was completed (else: asked to stop). The scripts run before and after it."""
        if not self._wait_for_brake(exchange) or not self._wait_resumed(exchange):
            return False
        host, around = self._host, self._surroundings.around
        around.begin(host, exchange.check, lambda reason: self._standing.set(ReplicaState.CONNECTING, reason))
        completed = False
        try:
            completed = self._synchronize_now(exchange)
        finally:
            around.end(host, completed=completed)
        return completed

    def _wait_resumed(self, exchange: Exchange) -> bool:
        """Wait while the replica is suspended, which then stays as it is; False: asked to stop."""
        standing = self._standing
        while standing.suspended and not standing.stopping.is_set():
            standing.wait_resumed(_IDLE_S)
            exchange.check()
        return not standing.stopping.is_set()

    def _synchronize_now(self, exchange: Exchange) -> bool:
        while self._wait_for_brake(exchange) and self._wait_resumed(exchange):
            with contextlib.ExitStack() as stack:
                try:
                    start = stack.enter_context(self._recorder.synchronization(exchange.check))
                except BusyError:
                    continue
                position, reader = start
                self._streaming.drain(exchange, position)
                if self._standing.stopping.is_set():
                    return False
                self._spool.skip_to(self._host, position)
                if self._standing.synchronizes():
                    return self._synchronize_from(exchange, position, reader)
        return False

    def _synchronize_from(self, exchange: Exchange, position: int, reader: ShadowReader) -> bool:
        self._troubles.clear()
        with self._standing.news:
            # It takes this as its position with the last of the synchronisation, which may be lost to us.
            self._standing.sent_most = max(self._standing.sent_most, position)
        run = SyncRun(
            self._scenario,
            self._spec,
            exchange,
            self._recorder,
            self._spool,
            self._filters,
            reader,
            self._surroundings.event,
            self._standing.stopping.is_set,
            again=self._connection.trying_again,
        )
        self.synchronizing = run
        try:
            done = run.run(position)
        except BaseException:
            self._standing.want_synchronization()
            raise
        finally:
            self.synchronized_bytes += run.figures.sent_bytes
            self._doubts += run.doubts
            self.synchronizing = None
        if not done:
            return False
        if run.doubtful:
            self._standing.want_synchronization()
        self._surroundings.synchronized(self._host, run.items, run.figures.sent_bytes)
        self._brake.synchronized(self._host)
        self._connection.progressed()
        self._catch_up = self._spool.last_seq
        self._position(position, exchange)
        self._caught_up()
        return True

    # answers, in the receiving thread

    def _answer(self, answer: Committed | Trouble | Note) -> None:
        match answer:
            case Committed(kind, seq, _):
                if kind is BatchKind.STREAM:
                    self._committed(seq)
            case Trouble():
                self._troubles.take(answer)
            case Note(state, reason):
                self._standing.set(state, reason)

    def _committed(self, seq: int) -> None:
        self._troubles.committed(seq)
        self._standing.answered(seq, is_all=self._is_all)
        self._connection.progressed()
        self._spool.set_position(self._host, seq)
        self._caught_up()
        self._surroundings.changed()

    def _is_all(self) -> bool:
        """Whether nothing is left to be recorded, and no path is lacking."""
        recorder = self._recorder
        return not (recorder.hints.waiting() or recorder.problems() or self._troubles.any)

    def _caught_up(self) -> None:
        target, committed = self._catch_up, self._standing.committed
        if target is not None and committed is not None and committed >= target:
            self._catch_up = None
            self._surroundings.event("SR00139", Severity.SIGNIFICANT, replica=self._host)
