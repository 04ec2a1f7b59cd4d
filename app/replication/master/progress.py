"""How far a synchronisation is and how long it may still take, all from what was really done."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime
from typing import NamedTuple

from app.model.scenario import SyncProgress
from app.replication.master.sends import Became, Sent, SentRun

_KNOWN_AFTER_S = 2.0
_SAMPLE_EVERY_S = 1.0
_RECENT_SAMPLES = 30
_JUST_NOW_S = 3.0


class _Sample(NamedTuple):
    """What was done at a time: files, bytes, and of these the bytes that were not just passed over."""

    at: float
    files: int = 0
    size: int = 0
    worked: int = 0


class SyncFigures:
    """Written by the synchronising thread, read by any: single values, each right by itself."""

    def __init__(self) -> None:
        self.started_at = datetime.now(UTC)
        self.files_total: int | None = None
        self.bytes_total: int | None = None
        self.files_compared = 0
        self.bytes_compared = 0
        self.files_sent = 0
        self.metadata_sent = 0
        """Files of which only metadata differed."""
        self.removed = 0
        self.sent_bytes = 0
        self.current_path = b""
        self._file = (0, 0)
        self._worked_bytes = 0
        self._samples: deque[_Sample] = deque(maxlen=_RECENT_SAMPLES)
        self._next_sample = 0.0
        self._first: _Sample | None = None

    def begin(self) -> None:
        """Comparing begins now."""
        self._first = _Sample(time.monotonic())

    def total(self, files: int, size_bytes: int) -> None:
        """What there is on the master is counted."""
        self.files_total, self.bytes_total = files, size_bytes

    def same(self, size_bytes: int) -> None:
        """A file needs nothing."""
        self.files_compared += 1
        self.bytes_compared += size_bytes

    def same_files(self, files: int, size_bytes: int) -> None:
        """Several files need nothing."""
        self.files_compared += files
        self.bytes_compared += size_bytes

    def sent(self, part: Sent) -> None:
        """A part of something was read or compared."""
        self.current_path = part.path
        self.sent_bytes += part.content_bytes
        self.files_sent += part.became is Became.CONTENT
        self.metadata_sent += part.became is Became.METADATA
        self.bytes_compared += part.passed_bytes
        self._worked_bytes += part.passed_bytes
        self._file = (part.file_at, part.file_of)
        self._sample()

    def sent_run(self, run: SentRun) -> None:
        """Several new entries were read at once."""
        self.current_path = run.path
        self.sent_bytes += run.content_bytes
        self.files_sent += run.files
        self.bytes_compared += run.passed_bytes
        self._worked_bytes += run.passed_bytes
        self._file = (0, 0)
        self._sample()

    def progress(self) -> SyncProgress:
        """For people."""
        at, of = self._file
        low, high = self._left()
        return SyncProgress(
            files_compared=self.files_compared,
            files_total=self.files_total,
            files_sent=self.files_sent,
            sent_bytes=self.sent_bytes,
            current_path=self.current_path,
            started_at=self.started_at,
            bytes_compared=self.bytes_compared,
            bytes_total=self.bytes_total,
            file_bytes_done=at,
            file_bytes_total=of,
            eta_low_seconds=low,
            eta_high_seconds=high,
        )

    def _sample(self) -> None:
        """Keep what is done by now, where the last sample is old enough."""
        at = time.monotonic()
        if at >= self._next_sample:
            self._next_sample = at + _SAMPLE_EVERY_S
            self._samples.append(self._done(at))

    def _done(self, at: float) -> _Sample:
        return _Sample(at, self.files_compared, self.bytes_compared, self._worked_bytes)

    def _left(self) -> tuple[float | None, float | None]:
        """Seconds left, least and most, by several rates: from the start, lately, and just now.

        By files and by bytes, and as if all that is left had to be read or sent: what is the same costs
        little.
        """
        first, files, size = self._first, self.files_total, self.bytes_total
        if first is None or files is None or size is None:
            return None, None
        self._sample()
        now = self._done(time.monotonic())
        if now.at - first.at < _KNOWN_AFTER_S:
            return None, None
        left_files, left_bytes = files - now.files, size - now.size
        known = tuple(self._samples)
        just_now = next((one for one in reversed(known) if now.at - one.at >= _JUST_NOW_S), first)
        found = []
        for since in (first, known[0], just_now):
            rates = (
                (now.files - since.files, left_files),
                (now.size - since.size, left_bytes),
                (now.worked - since.worked, left_bytes),
            )
            elapsed = now.at - since.at
            found += [elapsed * left / done for done, left in rates if left > 0 and done > 0 and elapsed > 0]
        if not found:
            # Nothing moved, or only small things are left: what is under way cannot be told.
            return None, None
        return min(found), max(found)
