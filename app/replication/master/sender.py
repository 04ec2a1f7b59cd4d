"""One replica's stream: connects, synchronises when needed, then sends the spool at the replica's pace.

A thread per replica, independent of all others; whatever goes wrong is shown and tried again.
"""

from __future__ import annotations

import threading
import time
from datetime import datetime

from app.model.errors import ArcxoError, BusyError, Problem
from app.model.scenario import ReplicaSpec, ReplicaState, ReplicaStatus, Scenario
from app.replication.link import ReplicaConnector
from app.replication.master.compare import RootLostError
from app.replication.master.connection import Connection
from app.replication.master.conversation import Conversation, Surroundings
from app.replication.master.exchange import Exchange
from app.replication.master.filters import PathFilter
from app.replication.master.home_disk import DiskFailure, disk_error
from app.replication.master.recorder import Recorder
from app.replication.master.spool import Spool
from app.replication.master.standing import Standing
from app.replication.master.waiting import Wait, explain, shown_state


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
        self._surroundings = surroundings
        self._standing = Standing(
            spec.host,
            spool,
            surroundings.changed,
            suspended=suspended,
            anew=recorder.brake.needs_synchronization(spec.host),
        )
        self._conversation = Conversation(
            scenario,
            spec,
            self._connection,
            self._standing,
            spool,
            recorder,
            filters,
            surroundings,
            recorded,
        )
        self._thread = threading.Thread(
            target=self._run, name=f"sender {scenario.name} {spec.host}", daemon=True
        )

    # control

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def close(self) -> None:
        """End the stream; blocks until its threads have ended."""
        standing = self._standing
        standing.stopping.set()
        with standing.news:
            exchange = self._conversation.exchange
            standing.news.notify_all()
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
        standing = self._standing
        with standing.news:
            if standing.state is ReplicaState.SYNCHRONIZING:
                raise BusyError("ER00240", replica=self.spec.host, scenario=self._scenario.name)
            standing.suspended = True
            done = standing.news.wait_for(
                lambda: not standing.unanswered or self._conversation.exchange is None, timeout_s
            )
            if not done:
                standing.suspended = False
        self._spool.wake()
        if not done:
            raise BusyError("ER00241", replica=self.spec.host, scenario=self._scenario.name)
        self._surroundings.changed()

    def stop_for_good(self, why: str) -> None:
        """Send nothing more until `resume`: what waited for this replica is not kept any longer."""
        standing = self._standing
        with standing.news:
            standing.stopped_why = why
            standing.suspended = False
            standing.committed = None
            exchange = self._conversation.exchange
            standing.news.notify_all()
        self._spool.wake()
        if exchange is not None:
            exchange.abort()
        self._surroundings.changed()

    def _start_again(self) -> None:
        """Take part again, if stopped for good; what it lacks is synchronised. Raises OSError."""
        standing = self._standing
        if not standing.stopped_why:
            return
        self._spool.start_replica(self.spec.host)
        with standing.news:
            standing.stopped_why = ""
            standing.want_synchronization(instead=True)

    def resume(self) -> None:
        """Go on sending. Raises OSError when it cannot be noted that a stopped replica goes on."""
        self._start_again()
        standing = self._standing
        with standing.news:
            standing.suspended = False
            standing.hurry()
        self._spool.wake()
        self._surroundings.changed()

    def fetcher(self) -> Exchange | None:
        """The open stream, to fetch from; None when there is none now."""
        return self._conversation.exchange

    def request_synchronization(self, *, instead: bool = False) -> None:
        """Synchronise as soon as the replica is there, whatever it has; `instead` of what is not sent yet.

        While it is suspended that waits until it is resumed; a restart does not forget it. Raises OSError.
        """
        self._start_again()
        self._spool.set_proved(self.spec.host, proved=False)
        standing = self._standing
        with standing.news:
            standing.want_synchronization(instead=instead)
            standing.hurry()
        self._spool.wake()

    @property
    def suspended(self) -> bool:
        """Whether sending is held."""
        return self._standing.suspended

    @property
    def state(self) -> ReplicaState:
        """What the replica does now."""
        standing = self._standing
        if standing.suspended and standing.state is not ReplicaState.SYNCHRONIZING:
            return ReplicaState.SUSPENDED
        if standing.sync_wanted and standing.state is ReplicaState.REPLICATING:
            # It was asked for and begins at once.
            return ReplicaState.SYNCHRONIZING
        return standing.state

    @property
    def faulty(self) -> bool:
        """Whether the replica refused what it was sent, and has not taken it since."""
        return bool(self._standing.fault)

    @property
    def reason(self) -> str:
        """A sentence when the state is not good."""
        return self._standing.reason

    def in_sync(self, at: datetime) -> None:
        """It was found to have everything then."""
        self._standing.in_sync_at = at

    @property
    def committed(self) -> int | None:
        """Up to where the replica has everything durably; None while it has not said so itself."""
        return self._standing.committed

    def wait_committed(self, seq: int, timeout_s: float) -> bool:
        """Whether the replica has durably applied `seq` and is not synchronising; waits for it."""
        return self._standing.wait_committed(seq, timeout_s)

    @property
    def trouble_count(self) -> int:
        """Paths recorded anew: the replica could not take them, or it was sent what may be another's."""
        return self._conversation.trouble_count

    def problems(self) -> list[Problem]:
        """Paths the replica could not take."""
        return self._conversation.problems()

    def is_refused(self, root: int, path: bytes, *, metadata: bool) -> bool:
        """See `Troubles.covers`."""
        return self._conversation.is_refused(root, path, metadata=metadata)

    def hasten(self, root: int, path: bytes) -> bool:
        """See `Troubles.hasten`."""
        return self._conversation.hasten(root, path)

    def status(self) -> ReplicaStatus:
        """How this replica stands."""
        standing, run = self._standing, self._conversation.synchronizing
        last = self._spool.last_seq
        committed = self._known_position()
        lag = 0.0 if self.committed is not None else None
        if committed is not None and committed < last:
            lag = self._spool.age_of(committed + 1)
        sent_bytes, uncompressed_bytes = self._connection.figures()
        waiting_bytes = self._spool.bytes_after(committed) if committed is not None else 0
        exchange = self._conversation.exchange
        state, reason = shown_state(self.state, standing.reason, exchange.silent_s if exchange else 0.0)
        return ReplicaStatus(
            host=self.spec.host,
            state=state,
            reason=reason,
            lag_seconds=lag,
            spool_bytes=self._spool.size_bytes() if committed is None else waiting_bytes,
            waiting_operations=last - committed if committed is not None else 0,
            synchronized_bytes=self._conversation.synchronized_bytes + (run.figures.sent_bytes if run else 0),
            changed_bytes=standing.stream_bytes,
            applied_operations=standing.applied,
            in_sync_at=standing.in_sync_at,
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
        standing = self._standing
        committed = self._known_position()
        exchange, throttle = self._conversation.exchange, self._connection.throttle
        busy = bool(standing.unanswered) or self._conversation.synchronizing is not None
        return explain(
            Wait(
                self.state,
                standing.reason,
                None if committed is None else self._spool.last_seq - committed,
                unanswered=bool(standing.unanswered),
                kbps=throttle.kbps if busy and throttle.holding else 0,
                silent_s=exchange.silent_s if exchange is not None and busy else 0.0,
            )
        )

    # the thread

    def _run(self) -> None:
        standing = self._standing
        while not standing.stopping.is_set():
            if standing.stopped_why:
                standing.set(ReplicaState.PROBLEM, standing.stopped_why)
                with standing.news:
                    standing.news.wait_for(lambda: not standing.stopped_why or standing.stopping.is_set())
                continue
            try:
                self._conversation.hold(self._connection.open())
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
            standing.pause(self._connection.pause_s())
        standing.set(ReplicaState.STOPPED, "")

    # states

    def _failed(self, error: ArcxoError) -> None:
        standing = self._standing
        if standing.stopping.is_set() or standing.stopped_why:
            return
        lost, reason = self._connection.failed(error)
        if not lost:
            standing.fault = reason
        standing.set(ReplicaState.DISCONNECTED if lost else ReplicaState.PROBLEM, reason)


def wait_all(senders: list[Sender], seq: int, timeout_s: float) -> list[str]:
    """Wait until all have committed `seq`; the hosts that have not in time."""
    deadline = time.monotonic() + timeout_s
    return [
        sender.spec.host
        for sender in senders
        if not sender.wait_committed(seq, max(0.0, deadline - time.monotonic()))
    ]
