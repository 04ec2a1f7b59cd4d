"""One replica's stream: connects, synchronises when needed, then sends the spool at the replica's pace.

A thread per replica, independent of all others; whatever goes wrong is shown and tried again.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import Protocol

from app.messages import render
from app.model.errors import ArcxoError, BusyError, Problem
from app.model.events import Severity
from app.model.properties import properties_of
from app.model.scenario import ReplicaSpec, ReplicaState, ReplicaStatus, Scenario
from app.replication.definition import to_xml
from app.replication.frames import (
    PROTOCOL_VERSION,
    Batch,
    BatchKind,
    Committed,
    Hello,
    Note,
    Trouble,
    Welcome,
)
from app.replication.link import Link, ReplicaConnector
from app.replication.master.compare import RootLostError
from app.replication.master.connection import Connection
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.home_disk import DiskFailure, disk_error
from app.replication.master.recorder import Recorder
from app.replication.master.run_reports import SyncItems
from app.replication.master.shadow import ShadowReader
from app.replication.master.spool import Spool
from app.replication.master.sync_run import SyncRun
from app.replication.master.synchroniser import ask_listings
from app.replication.master.troubles import Troubles
from app.replication.master.waiting import Wait, explain
from app.replication.scripts.around_sync import AroundSync

BATCH_BYTES = 4 * 1024 * 1024
BATCH_RECORDS = 4_000
WINDOW_BATCHES = 8
WINDOW_BYTES = 24 * 1024 * 1024
_LIMITED_WINDOW_S = 4.0
_LIMITED_LEAST_BYTES = 64 * 1024
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


class Sender:
    """See the module. Made per run of a scenario."""

    def __init__(
        self,
        scenario: Scenario,
        spec: ReplicaSpec,
        connector: ReplicaConnector,
        spool: Spool,
        recorder: Recorder,
        filters: PathFilter,
        surroundings: Surroundings,
        *,
        suspended: bool = False,
        recorded: threading.Event | None = None,
    ) -> None:
        self.spec = spec
        self._scenario = scenario
        self._connection = Connection(scenario, spec, connector, surroundings.event)
        self._spool = spool
        self._recorder = recorder
        self._brake = recorder.brake
        self._filters = filters
        self._surroundings = surroundings
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._state = ReplicaState.CONNECTING
        self._reason = ""
        self._recorded = recorded
        """Set once the shadow is filled: until then the sender only connects and has the replica list."""
        self._sync_wanted = not spool.is_proved(spec.host)
        self._drained_at = spool.last_seq
        if recorder.brake.needs_synchronization(spec.host):
            self._sync_wanted, self._drained_at = True, 0
        self._synchronizing: SyncRun | None = None
        self._stopped_why = spool.stopped_replica(spec.host)
        """Why nothing is sent until somebody starts this replica again."""
        self._suspended = suspended and not self._stopped_why
        self._exchange: Exchange | None = None
        self._sent = 0
        self._open: deque[tuple[int, int, int]] = deque()
        self._open_bytes = 0
        self._catch_up: int | None = None
        self._doubts = 0
        self._synchronized_bytes = 0
        self._stream_bytes = 0
        self._applied = 0
        self._troubles = Troubles(scenario, spec.host, recorder, surroundings.event)
        self._fault = ""
        """Why the replica did not take what was sent last; until it takes something."""
        self._stopping = threading.Event()
        self.in_sync_at: datetime | None = None
        self.committed: int | None = None
        self._thread = threading.Thread(
            target=self._run, name=f"sender {scenario.name} {spec.host}", daemon=True
        )

    # control

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the stream; blocks until its threads have ended."""
        self._stopping.set()
        with self._news:
            exchange = self._exchange
            self._news.notify_all()
        self._spool.wake()
        if exchange is not None:
            exchange.abort()
        if self._thread.is_alive():
            self._thread.join()

    def suspend(self, timeout_s: float) -> None:
        """Send no more; returns when everything sent is durable on the replica.

        Raises:
            BusyError: ER00240 while it synchronises, ER00241 when the replica did not answer in time.
        """
        with self._news:
            if self._state is ReplicaState.SYNCHRONIZING:
                raise BusyError("ER00240", replica=self.spec.host, scenario=self._scenario.name)
            self._suspended = True
            done = self._news.wait_for(lambda: not self._open or self._exchange is None, timeout_s)
            if not done:
                self._suspended = False
        self._spool.wake()
        if not done:
            raise BusyError("ER00241", replica=self.spec.host, scenario=self._scenario.name)
        self._surroundings.changed()

    def stop_for_good(self, why: str) -> None:
        """Send nothing more until `resume`: what waited for this replica is not kept any longer."""
        with self._news:
            self._stopped_why = why
            self._suspended = False
            self.committed = None
            exchange = self._exchange
            self._news.notify_all()
        self._spool.wake()
        if exchange is not None:
            exchange.abort()
        self._surroundings.changed()

    def _start_again(self) -> None:
        """Take part again, if stopped for good; what it lacks is synchronised. Raises OSError."""
        if not self._stopped_why:
            return
        self._spool.start_replica(self.spec.host)
        with self._news:
            self._stopped_why = ""
            self._want_synchronization()
            self._drained_at = 0

    def resume(self) -> None:
        """Go on sending. Raises OSError when it cannot be noted that a stopped replica goes on."""
        self._start_again()
        with self._news:
            self._suspended = False
            self._news.notify_all()
        self._spool.wake()
        self._surroundings.changed()

    def fetcher(self) -> Exchange | None:
        """The open stream, to fetch from; None when there is none now."""
        return self._exchange

    def request_synchronization(self, *, instead: bool = False) -> None:
        """Synchronise as soon as the replica is there, whatever it has; `instead` of what is not sent yet."""
        self._start_again()
        with self._news:
            self._want_synchronization()
            if instead:
                self._drained_at = 0
            self._news.notify_all()
        self._spool.wake()

    def _want_synchronization(self) -> None:
        self._sync_wanted = True
        self._drained_at = self._spool.last_seq

    @property
    def suspended(self) -> bool:
        """Whether sending is held."""
        return self._suspended

    @property
    def state(self) -> ReplicaState:
        """What the replica does now."""
        if self._suspended and self._state is not ReplicaState.SYNCHRONIZING:
            return ReplicaState.SUSPENDED
        return self._state

    @property
    def reason(self) -> str:
        """A sentence when the state is not good."""
        return self._reason

    def wait_committed(self, seq: int, timeout_s: float) -> bool:
        """Whether the replica has durably applied `seq` and is not synchronising; waits for it."""

        def there() -> bool:
            return self._stopping.is_set() or self._reached(seq)

        with self._news:
            self._news.wait_for(there, timeout_s)
            return self._reached(seq)

    def _reached(self, seq: int) -> bool:
        return (
            self.committed is not None
            and self.committed >= seq
            and not self._sync_wanted
            and self._state is ReplicaState.REPLICATING
        )

    @property
    def trouble_count(self) -> int:
        """Paths recorded anew: the replica could not take them, or it was sent what may be another's."""
        run = self._synchronizing
        return self._troubles.count + self._doubts + (run.doubts if run is not None else 0)

    def problems(self) -> list[Problem]:
        """Paths the replica could not take."""
        return self._troubles.problems()

    def status(self) -> ReplicaStatus:
        """How this replica stands."""
        run = self._synchronizing
        last = self._spool.last_seq
        committed = self._known_position()
        lag = 0.0 if self.committed is not None else None
        if committed is not None and committed < last:
            lag = self._spool.age_of(committed + 1)
        sent_bytes, uncompressed_bytes = self._connection.figures()
        waiting_bytes = self._spool.bytes_after(committed) if committed is not None else 0
        return ReplicaStatus(
            host=self.spec.host,
            state=self.state,
            reason=self._reason,
            lag_seconds=lag,
            spool_bytes=self._spool.size_bytes() if committed is None else waiting_bytes,
            waiting_operations=last - committed if committed is not None else 0,
            synchronized_bytes=self._synchronized_bytes + (run.figures.sent_bytes if run else 0),
            changed_bytes=self._stream_bytes,
            applied_operations=self._applied,
            in_sync_at=self.in_sync_at,
            sync=run.figures.progress() if run else None,
            waiting_bytes=waiting_bytes,
            waiting=self.waiting(),
            sent_bytes=sent_bytes,
            uncompressed_bytes=uncompressed_bytes,
        )

    def _known_position(self) -> int | None:
        """What it has applied; as it was last known while it has not said so itself."""
        return self.committed if self.committed is not None else self._spool.position(self.spec.host)

    def waiting(self) -> str:
        """Why changes wait for this replica, in words; "" when none do."""
        committed = self._known_position()
        exchange, throttle = self._exchange, self._connection.throttle
        busy = bool(self._open) or self._synchronizing is not None
        return explain(
            Wait(
                self.state,
                self._reason,
                None if committed is None else self._spool.last_seq - committed,
                unanswered=bool(self._open),
                kbps=throttle.kbps if busy and throttle.holding else 0,
                silent_s=exchange.silent_s if exchange is not None and busy else 0.0,
            )
        )

    # the thread

    def _run(self) -> None:
        while not self._stopping.is_set():
            if self._stopped_why:
                self._set(ReplicaState.PROBLEM, self._stopped_why)
                with self._news:
                    self._news.wait_for(lambda: not self._stopped_why or self._stopping.is_set())
                continue
            try:
                self._converse(self._connection.open())
            except ArcxoError as error:
                self._failed(error)
            except RootLostError as error:
                path = self._scenario.roots[error.root].master_path.decode("utf-8", "replace")
                self._failed(ArcxoError(error.code, path=path))
            except DiskFailure as error:
                self._failed(disk_error(error, self._spool.directory))
            except Exception as error:
                # A bug: shown as such in the state, and raised on to the log with its trace.
                self._failed(ArcxoError("E1011", error=repr(error)))
                raise
            self._stopping.wait(self._connection.pause_s())
        self._set(ReplicaState.STOPPED, "")

    def _converse(self, link: Link) -> None:
        connection = self._connection
        exchange = Exchange(self.spec.host, link, connection.timeout_s, self._answer, connection.late)
        with self._news:
            self._exchange = exchange
            self._open.clear()
            self._open_bytes = 0
        try:
            if self._stopping.is_set():
                return
            welcome = exchange.hello(
                Hello(
                    PROTOCOL_VERSION,
                    to_xml(self._scenario),
                    self.spec.host,
                    self._spool.epoch,
                    self._spool.first_seq(),
                    self._spool.last_seq,
                )
            )
            connection.welcomed()
            if self._stopped_why:
                return
            fits = self._fits(welcome)
            if not self._wait_recorded(exchange, list_now=not fits):
                return
            if fits:
                self._position(welcome.committed_seq, exchange)
            else:
                with self._news:
                    self.committed = None
                if welcome.epoch == self._spool.epoch:
                    # It was further or less far than the spool reaches: nothing tells what it lacks.
                    self._spool.doubt_all(self.spec.host)
                if not self._synchronize(exchange):
                    return
            while not self._stopping.is_set():
                self._set(*self._streaming_state())
                self._stream(exchange)
                if self._sync_wanted and not self._stopping.is_set() and not self._synchronize(exchange):
                    return
        finally:
            with self._news:
                self._exchange = None
                self._open.clear()
                self._news.notify_all()
            exchange.close()
            connection.ended()

    def _wait_recorded(self, exchange: Exchange, *, list_now: bool) -> bool:
        """Wait until the shadow is filled; both sides walk at the same time. False: asked to stop."""
        if self._recorded is None or self._recorded.is_set():
            return True
        properties = properties_of(self._scenario, self.spec)
        scripts = properties.script_before_sync or properties.replica_script_before_sync
        # A script, or a person who decides about the brake, may change what would be listed.
        if list_now and not scripts and self._brake.held is None:
            ask_listings(exchange, self._recorder.roots)
        while not self._recorded.wait(_RECORDED_POLL_S):
            if self._stopping.is_set():
                return False
            exchange.check()
        return True

    def _fits(self, welcome: Welcome) -> bool:
        first = self._spool.first_seq()
        return (
            welcome.epoch == self._spool.epoch and first - 1 <= welcome.committed_seq <= self._spool.last_seq
        )

    def _position(self, seq: int, exchange: Exchange) -> None:
        with self._news:
            exchange.committed_stream = seq
            self.committed = self._sent = seq
            self._news.notify_all()
        self._spool.set_position(self.spec.host, seq)

    def _streaming_state(self) -> tuple[ReplicaState, str]:
        if self._fault and (self.committed or 0) < self._spool.last_seq:
            return ReplicaState.PROBLEM, self._fault
        braked = self._brake.braked
        if braked is None:
            return ReplicaState.REPLICATING, ""
        return ReplicaState.BRAKED, render(braked.code, braked.params).text

    def _wait_for_brake(self, exchange: Exchange) -> bool:
        """Wait while anything is held back, which a synchronisation would send; False: asked to stop."""
        while (held := self._brake.held) is not None:
            if self._stopping.is_set():
                return False
            if held.code:
                self._set(*self._streaming_state())
            self._brake.wait_change(held, _IDLE_S)
            exchange.check()
        return not self._stopping.is_set()

    def _synchronize(self, exchange: Exchange) -> bool:
        """Whether it was completed (else: asked to stop). The scripts run before and after it."""
        if not self._wait_for_brake(exchange):
            return False
        host, around = self.spec.host, self._surroundings.around
        around.begin(host, exchange.check, lambda reason: self._set(ReplicaState.CONNECTING, reason))
        completed = False
        try:
            completed = self._synchronize_now(exchange)
        finally:
            around.end(host, completed=completed)
        return completed

    def _synchronize_now(self, exchange: Exchange) -> bool:
        with contextlib.ExitStack() as stack:
            while True:
                if not self._wait_for_brake(exchange):
                    return False
                try:
                    start = stack.enter_context(self._recorder.synchronization())
                except BusyError:
                    continue
                position, reader = start
                self._drain(exchange, position)
                if self._stopping.is_set():
                    return False
                self._spool.skip_to(self.spec.host, position)
                return self._synchronize_from(exchange, position, reader)

    def _drain(self, exchange: Exchange, position: int) -> None:
        """Send what was recorded up to `position`: a comparison by size and time may not see it.

        What may not be sent now is left to the synchronisation, which then compares contents.
        """
        while (
            self.committed is not None
            and self._sent < position
            and self._drained_at
            and not self._suspended
            and not self._stopping.is_set()
            and self._brake.bound() is None
        ):
            exchange.check()
            self._send_some(exchange, position)
        while self._open and not self._stopping.is_set():
            exchange.wait(lambda: not self._open, _IDLE_S)

    def _synchronize_from(self, exchange: Exchange, position: int, reader: ShadowReader) -> bool:
        with self._news:
            self.committed = None
            self._state = ReplicaState.SYNCHRONIZING
            self._reason = ""
            self._sync_wanted = False
        self._troubles.clear()
        self._surroundings.changed()
        run = SyncRun(
            self._scenario,
            self.spec,
            exchange,
            self._recorder,
            self._spool,
            self._filters,
            reader,
            self._surroundings.event,
            self._stopping.is_set,
        )
        self._synchronizing = run
        try:
            done = run.run(position)
        except BaseException:
            with self._news:
                self._want_synchronization()
            raise
        finally:
            self._synchronized_bytes += run.figures.sent_bytes
            self._doubts += run.doubts
            self._synchronizing = None
        if not done:
            return False
        if run.doubtful:
            with self._news:
                self._want_synchronization()
        self._surroundings.synchronized(self.spec.host, run.items, run.figures.sent_bytes)
        self._brake.synchronized(self.spec.host)
        self._catch_up = self._spool.last_seq
        self._position(position, exchange)
        self._caught_up()
        return True

    def _stream(self, exchange: Exchange) -> None:
        """Send what the spool has until asked to stop or to synchronise.

        What was recorded before it was asked for goes first: a comparison by size and time may not see it.
        """
        while not self._stopping.is_set():
            exchange.check()
            if self._state in (ReplicaState.REPLICATING, ReplicaState.BRAKED, ReplicaState.PROBLEM):
                self._set(*self._streaming_state())
            if self._sync_wanted and (self._sent >= self._drained_at or self._suspended):
                if exchange.wait(lambda: not self._open, _IDLE_S):
                    return
                continue
            if self._suspended:
                with self._news:
                    self._news.wait_for(lambda: not self._suspended or self._stopping.is_set(), _IDLE_S)
                continue
            held, bound = self._brake.held, self._brake.bound()
            if bound is not None and self._sent >= bound:
                self._brake.wait_change(held, _IDLE_S)
                continue
            if not self._spool.wait_beyond(self._sent, _IDLE_S):
                continue
            if self._suspended or self._stopping.is_set():
                continue
            self._send_some(exchange)

    def _window(self) -> tuple[int, int]:
        """(batches, bytes) that may be without an answer: what a limit of bandwidth takes seconds to send."""
        rate = self._connection.throttle.bytes_per_second
        size = WINDOW_BYTES
        if rate:
            size = max(_LIMITED_LEAST_BYTES, min(size, int(rate * _LIMITED_WINDOW_S)))
        # What was refused is offered again one batch at a time.
        return (1 if self._fault else WINDOW_BATCHES), size

    def _send_some(self, exchange: Exchange, most: int | None = None) -> None:
        """Send the next records, up to sequence `most`, once there is room for a batch."""
        batches, size = self._window()

        def room() -> bool:
            return len(self._open) < batches and self._open_bytes < size

        if not exchange.wait(room, _IDLE_S):
            return
        try:
            records = self._spool.read(self._sent, min(BATCH_BYTES, max(size // 4, 1)), BATCH_RECORDS)
        except ArcxoError as error:
            self._unreadable(error)
            return
        # Asked after reading: what must be held back was so before its record could be read.
        bound = self._brake.bound()
        if most is not None:
            bound = most if bound is None else min(bound, most)
        if bound is not None:
            records = [record for record in records if record.seq <= bound]
        if not records:
            return
        size = sum(len(record.data) for record in records)
        first, last = records[0].seq, records[-1].seq
        with self._news:
            if self._suspended:
                return
            self._open.append((last, size, len(records)))
            self._open_bytes += size
            self._sent = last
        exchange.batch(
            Batch(
                BatchKind.STREAM,
                self._spool.epoch,
                first,
                tuple(self._brake.record_for(r.seq, r.data) for r in records),
            )
        )

    def _unreadable(self, error: ArcxoError) -> None:
        """The spool is damaged: what it had is compared instead of sent."""
        self._surroundings.event(error.code, Severity.ERROR, replica=self.spec.host, **error.params)
        self._spool.doubt(self.spec.host)
        with self._news:
            self._want_synchronization()
            self._drained_at = 0

    # answers, in the receiving thread

    def _answer(self, answer: Committed | Trouble | Note) -> None:
        match answer:
            case Committed(kind, seq, _):
                if kind is BatchKind.STREAM:
                    self._committed(seq)
            case Trouble():
                self._troubles.take(answer)
            case Note(state, reason):
                self._set(state, reason)

    def _committed(self, seq: int) -> None:
        with self._news:
            while self._open and self._open[0][0] <= seq:
                _, size, count = self._open.popleft()
                self._open_bytes -= size
                self._stream_bytes += size
                self._applied += count
            self.committed = max(self.committed or 0, seq)
            self._fault = ""
            if self.committed >= self._spool.last_seq and not self._recorder.hints.waiting():
                self.in_sync_at = datetime.now(UTC)
            self._news.notify_all()
        self._connection.progressed()
        self._spool.set_position(self.spec.host, seq)
        self._caught_up()
        self._surroundings.changed()

    def _caught_up(self) -> None:
        target, committed = self._catch_up, self.committed
        if target is not None and committed is not None and committed >= target:
            self._catch_up = None
            self._surroundings.event("SR00139", Severity.SIGNIFICANT, replica=self.spec.host)

    # states

    def _failed(self, error: ArcxoError) -> None:
        if self._stopping.is_set() or self._stopped_why:
            return
        lost, reason = self._connection.failed(error)
        if not lost:
            self._fault = reason
        self._set(ReplicaState.DISCONNECTED if lost else ReplicaState.PROBLEM, reason)

    def _set(self, state: ReplicaState, reason: str) -> None:
        with self._news:
            if (self._state, self._reason) == (state, reason):
                return
            self._state, self._reason = state, reason
            self._news.notify_all()
        self._surroundings.changed()


def wait_all(senders: list[Sender], seq: int, timeout_s: float) -> list[str]:
    """Wait until all have committed `seq`; the hosts that have not in time."""
    deadline = time.monotonic() + timeout_s
    return [
        sender.spec.host
        for sender in senders
        if not sender.wait_committed(seq, max(0.0, deadline - time.monotonic()))
    ]
