"""The sending of what the spool has to one replica, at its pace."""

from __future__ import annotations

from collections.abc import Callable

from app.messages import render
from app.model.errors import ArcxoError
from app.model.events import Severity
from app.model.scenario import ReplicaState
from app.replication.frames import Batch, BatchKind
from app.replication.master.brake import Brake
from app.replication.master.exchange import Exchange
from app.replication.master.spool import Spool
from app.replication.master.standing import Standing
from app.replication.throttle import Throttle

BATCH_BYTES = 4 * 1024 * 1024
BATCH_RECORDS = 4_000
WINDOW_BATCHES = 8
WINDOW_BYTES = 24 * 1024 * 1024
_LIMITED_WINDOW_S = 4.0
_LIMITED_LEAST_BYTES = 64 * 1024
_IDLE_S = 0.5


class Streaming:
    """See the module. For the thread of the sender. `event(code, severity, **params)` keeps an event."""

    def __init__(
        self,
        host: str,
        standing: Standing,
        spool: Spool,
        brake: Brake,
        throttle: Throttle,
        event: Callable[..., None],
    ) -> None:
        self._host = host
        self._standing = standing
        self._spool = spool
        self._brake = brake
        self._throttle = throttle
        self._event = event

    def show(self) -> None:
        """What the replica does while it is sent to, as its state."""
        standing, braked = self._standing, self._brake.braked
        if standing.fault and (standing.committed or 0) < self._spool.last_seq:
            standing.set(ReplicaState.PROBLEM, standing.fault)
        elif braked is None:
            standing.set(ReplicaState.REPLICATING, "")
        else:
            standing.set(ReplicaState.BRAKED, render(braked.code, braked.params).text)

    def run(self, exchange: Exchange) -> None:
        """Send what the spool has until asked to stop or to synchronise.

        What was recorded before it was asked for goes first: a comparison by size and time may not see it.
        """
        standing = self._standing
        while True:
            wakes = self._spool.wakes
            if standing.stopping.is_set():
                return
            exchange.check()
            if standing.state in (ReplicaState.REPLICATING, ReplicaState.BRAKED, ReplicaState.PROBLEM):
                self.show()
            if standing.suspended:
                standing.wait_resumed(_IDLE_S)
                continue
            if standing.sync_wanted and standing.sent >= standing.drained_at:
                if exchange.wait(lambda: not standing.unanswered, _IDLE_S):
                    return
                continue
            bound = self._brake.bound()
            if bound is not None and standing.sent >= bound:
                self._spool.wait_woken(wakes, _IDLE_S)
                continue
            if not self._spool.wait_beyond(standing.sent, wakes, _IDLE_S):
                continue
            if standing.suspended or standing.stopping.is_set():
                continue
            self._send_some(exchange)

    def drain(self, exchange: Exchange, position: int) -> None:
        """Send what was recorded up to `position`: a comparison by size and time may not see it.

        What may not be sent now is left to the synchronisation, which then compares contents.
        """
        standing = self._standing
        while (
            standing.committed is not None
            and standing.sent < position
            and standing.drained_at
            and not standing.suspended
            and not standing.stopping.is_set()
            and self._brake.bound() is None
        ):
            exchange.check()
            self._send_some(exchange, position)
        while standing.unanswered and not standing.stopping.is_set():
            exchange.wait(lambda: not standing.unanswered, _IDLE_S)

    def _window(self) -> tuple[int, int]:
        """(batches, bytes) that may be without an answer: what a limit of bandwidth takes seconds to send."""
        rate = self._throttle.bytes_per_second
        size = WINDOW_BYTES
        if rate:
            size = max(_LIMITED_LEAST_BYTES, min(size, int(rate * _LIMITED_WINDOW_S)))
        # What was refused is offered again one batch at a time.
        return (1 if self._standing.fault else WINDOW_BATCHES), size

    def _send_some(self, exchange: Exchange, most: int | None = None) -> None:
        """Send the next records, up to sequence `most`, once there is room for a batch."""
        standing = self._standing
        batches, size = self._window()

        def room() -> bool:
            return len(standing.unanswered) < batches and standing.unanswered_bytes < size

        if not exchange.wait(room, _IDLE_S):
            return
        try:
            records = self._spool.read(standing.sent, min(BATCH_BYTES, max(size // 4, 1)), BATCH_RECORDS)
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
        if not standing.send(last, size, len(records)):
            return
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
        self._event(error.code, Severity.ERROR, replica=self._host, **error.params)
        self._spool.doubt(self._host)
        self._standing.want_synchronization(instead=True)
