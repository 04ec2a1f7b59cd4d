"""How far a synchronisation is and how long it may still take, all from what was really done."""

from __future__ import annotations

import time
from collections import deque
from datetime import UTC, datetime

from app.model.scenario import SyncProgress
from app.replication.master.sends import Became, Sent, SentRun

_KNOWN_AFTER_S = 2.0
_SAMPLE_EVERY_S = 1.0
_RECENT_SAMPLES = 30


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
        self._samples: deque[tuple[float, int, int]] = deque(maxlen=_RECENT_SAMPLES)
        self._first: tuple[float, int, int] | None = None

    def begin(self) -> None:
        """Comparing begins now."""
        self._first = (time.monotonic(), 0, 0)

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
        self._file = (part.file_at, part.file_of)

    def sent_run(self, run: SentRun) -> None:
        """Several new entries were read at once."""
        self.current_path = run.path
        self.sent_bytes += run.content_bytes
        self.files_sent += run.files
        self.bytes_compared += run.passed_bytes
        self._file = (0, 0)

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

    def _left(self) -> tuple[float | None, float | None]:
        """Seconds left, least and most, by the rates of files and of bytes, from the start and lately."""
        first, files, size = self._first, self.files_total, self.bytes_total
        if first is None or files is None or size is None:
            return None, None
        now = (time.monotonic(), self.files_compared, self.bytes_compared)
        if not self._samples or now[0] - self._samples[-1][0] >= _SAMPLE_EVERY_S:
            self._samples.append(now)
        if now[0] - first[0] < _KNOWN_AFTER_S:
            return None, None
        found = []
        for since in (first, self._samples[0]):
            elapsed = now[0] - since[0]
            for done, left in ((now[1] - since[1], files - now[1]), (now[2] - since[2], size - now[2])):
                if left <= 0:
                    found.append(0.0)
                elif done > 0 and elapsed > 0:
                    found.append(elapsed * left / done)
        if not any(found):
            # Nothing moved, or only small things are left: what is under way cannot be told.
            return None, None
        return min(found), max(found)
