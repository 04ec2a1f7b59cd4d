"""Whether the master's roots stood still during a cut: proved from both sides of it, or not claimed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from app.model.errors import ArcxoError
from app.replication.master.barrier import Barrier
from app.replication.master.spool import Spool
from app.replication.master.sweeps import Sweeps


@dataclass(frozen=True, slots=True)
class QuietMark:
    """Everything up to `sequence` of `epoch` was on every replica, and nothing else had happened."""

    epoch: str
    sequence: int


class Quiet:
    """Asked before and after a cut. A change that capture cannot see (a store through a memory map into a
    page that was dirty before) is not proved absent.
    """

    def __init__(
        self, barrier: Barrier, sweeps: Sweeps, spool: Spool, committed: Callable[[], int | None]
    ) -> None:
        """`committed` tells up to where all replicas that take part have everything."""
        self._barrier = barrier
        self._sweeps = sweeps
        self._spool = spool
        self._committed = committed

    def begin(self, timeout_s: float) -> QuietMark | None:
        """The mark before a cut, once the replicas have everything; None when that is not soon."""
        if self._sweeps.unwatched():
            return None
        deadline = time.monotonic() + timeout_s
        try:
            self._barrier.wait(deadline)
            sequence = self._barrier.captured(max(0.0, deadline - time.monotonic()))
        except ArcxoError:
            return None
        # What was written since the replicas were waited for must be there, too.
        committed = self._committed()
        if committed is None or committed < sequence:
            return None
        return QuietMark(self._spool.epoch, sequence)

    def holds(self, mark: QuietMark, timeout_s: float) -> bool:
        """Whether nothing was written to the roots since `mark`."""
        try:
            sequence = self._barrier.captured(timeout_s)
        except ArcxoError:
            return False
        return not self._sweeps.unwatched() and (self._spool.epoch, sequence) == (mark.epoch, mark.sequence)
