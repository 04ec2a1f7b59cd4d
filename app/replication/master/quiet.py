"""Whether the master's roots stood still during a cut: proved from both sides of it, or not claimed."""

from __future__ import annotations

import time
from dataclasses import dataclass

from app.model.errors import ArcxoError
from app.replication.master.barrier import Barrier
from app.replication.master.recorder import Recorder
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

    def __init__(self, barrier: Barrier, sweeps: Sweeps, recorder: Recorder, spool: Spool) -> None:
        self._barrier = barrier
        self._sweeps = sweeps
        self._recorder = recorder
        self._spool = spool

    def begin(self, timeout_s: float) -> QuietMark | None:
        """The mark before a cut, once the replicas have everything; None when that is not soon."""
        if self._sweeps.unwatched():
            return None
        try:
            self._barrier.wait(time.monotonic() + timeout_s)
        except ArcxoError:
            return None
        if self._recorder.hints.waiting():
            return None
        return QuietMark(self._spool.epoch, self._spool.last_seq)

    def holds(self, mark: QuietMark, timeout_s: float) -> bool:
        """Whether nothing was written to the roots since `mark`."""
        try:
            sequence = self._barrier.captured(timeout_s)
        except ArcxoError:
            return False
        return not self._sweeps.unwatched() and (self._spool.epoch, sequence) == (mark.epoch, mark.sequence)
