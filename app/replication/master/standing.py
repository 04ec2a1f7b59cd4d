"""How one replica stands with its stream: its state, what was sent to it and what it has, what is wanted."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from app.model.scenario import ReplicaState
from app.replication.master.spool import Spool


class Standing:
    """See the module. From any thread; whoever waits for something is told by `news`.

    `anew`: whatever it has, it is synchronised first. `changed` is called after what is shown has changed.
    """

    def __init__(
        self, host: str, spool: Spool, changed: Callable[[], None], *, suspended: bool, anew: bool
    ) -> None:
        self._spool = spool
        self._changed = changed
        self.news = threading.Condition()
        self.state = ReplicaState.CONNECTING
        self.reason = ""
        self.stopping = threading.Event()
        """Set when the stream has to end."""
        self.sync_wanted = anew or not spool.is_proved(host)
        self.drained_at = 0 if anew else spool.last_seq
        """A synchronisation that is wanted waits until this was sent."""
        self.stopped_why = spool.stopped_replica(host)
        """Why nothing is sent until somebody starts this replica again."""
        self.suspended = suspended and not self.stopped_why
        self.fault = ""
        """Why the replica did not take what was sent last; until it takes something."""
        self.committed: int | None = None
        """Up to where it has everything durably; None while it has not said so itself."""
        self.in_sync_at: datetime | None = None
        self._hurried = False
        self.sent = 0
        self.sent_most = 0
        """The most it can have been given in this run of the scenario."""
        self.unanswered: deque[tuple[int, int, int]] = deque()
        """(last sequence, bytes, records) of the batches sent and not answered."""
        self.unanswered_bytes = 0
        self.stream_bytes = 0
        self.applied = 0

    def set(self, state: ReplicaState, reason: str) -> None:
        """The one setter: notes and publishes."""
        with self.news:
            if (self.state, self.reason) == (state, reason):
                return
            self.state, self.reason = state, reason
            self.news.notify_all()
        self._changed()

    def want_synchronization(self, *, instead: bool = False) -> None:
        """To be synchronised, after what is recorded by now; `instead` of it."""
        with self.news:
            self.sync_wanted = True
            self.drained_at = 0 if instead else self._spool.last_seq

    def synchronizes(self) -> bool:
        """A synchronisation begins, of all that was wanted; False: it must not, as sending is held."""
        with self.news:
            if self.suspended:
                return False
            self.committed = None
            self.state = ReplicaState.SYNCHRONIZING
            self.reason = ""
            self.sync_wanted = False
        self._changed()
        return True

    def connected(self) -> None:
        """A new stream: nothing was sent in it."""
        with self.news:
            self.unanswered.clear()
            self.unanswered_bytes = 0

    def disconnected(self) -> None:
        """What was not answered never will be."""
        with self.news:
            self.unanswered.clear()
            self.news.notify_all()

    def at(self, seq: int) -> None:
        """It has everything up to `seq`; what follows is sent next."""
        with self.news:
            self.committed = self.sent = seq
            self.sent_most = max(self.sent_most, seq)
            self.news.notify_all()

    def send(self, last: int, size: int, records: int) -> bool:
        """A batch is about to be sent; False: it must not be, as sending is held."""
        with self.news:
            if self.suspended:
                return False
            self.unanswered.append((last, size, records))
            self.unanswered_bytes += size
            self.sent = last
            self.sent_most = max(self.sent_most, last)
            return True

    def answered(self, seq: int, *, is_all: Callable[[], bool]) -> None:
        """It has everything up to `seq`; `is_all` tells whether nothing more is to be recorded either."""
        with self.news:
            while self.unanswered and self.unanswered[0][0] <= seq:
                _, size, count = self.unanswered.popleft()
                self.unanswered_bytes -= size
                self.stream_bytes += size
                self.applied += count
            self.committed = max(self.committed or 0, seq)
            self.fault = ""
            if self.committed >= self._spool.last_seq and is_all():
                self.in_sync_at = datetime.now(UTC)
            self.news.notify_all()

    def hurry(self) -> None:
        """Somebody wants something of the replica: it is tried again at once."""
        with self.news:
            self._hurried = True
            self.news.notify_all()

    def pause(self, seconds: float) -> None:
        """Wait before the replica is tried again; ended by `hurry`, and when the stream has to end."""
        with self.news:
            self.news.wait_for(lambda: self._hurried or self.stopping.is_set(), seconds)
            self._hurried = False

    def wait_resumed(self, timeout_s: float) -> None:
        """Wait until sending is not held any longer, or the stream has to end."""
        with self.news:
            self.news.wait_for(lambda: not self.suspended or self.stopping.is_set(), timeout_s)

    def wait_committed(self, seq: int, timeout_s: float) -> bool:
        """Whether the replica has durably applied `seq` and is not synchronising; waits for it."""

        def there() -> bool:
            return self.stopping.is_set() or self._reached(seq)

        with self.news:
            self.news.wait_for(there, timeout_s)
            return self._reached(seq)

    def _reached(self, seq: int) -> bool:
        return (
            self.committed is not None
            and self.committed >= seq
            and not self.sync_wanted
            and self.state is ReplicaState.REPLICATING
        )
