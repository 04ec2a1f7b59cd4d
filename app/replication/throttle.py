"""The bandwidth limit of one stream: how fast bytes may leave, by the hour of the week."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import datetime

from app.model.bandwidth import BandwidthSchedule

PIECE_OVERHEAD_BYTES = 48
"""What the layers beneath add to each piece on the way: message, HTTP/2, TLS."""

PIECE_MOST_BYTES = 512 * 1024
"""Under a limit; without one a fast link takes larger ones."""
_PIECE_LEAST_BYTES = 96
_PIECES_A_SECOND = 50
_SLACK_S = 0.03
_BYTES_PER_KBPS = 125
_HELD_S = 2.0


def local_now() -> datetime:
    """The time of this host's own clock and zone."""
    return datetime.now().astimezone()


class Throttle:
    """Says when bytes may leave. Any thread.

    A second's worth is never exceeded by more than a piece and a small slack, which together are a
    twentieth: what leaves must be cut to `piece_bytes`. Without a limit nothing waits.
    """

    def __init__(
        self,
        schedule: BandwidthSchedule,
        *,
        now: Callable[[], datetime] = local_now,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._schedule = schedule
        self._now = now
        self._clock = clock
        self._lock = threading.Lock()
        self._free_at = 0.0
        self._held_at = float("-inf")

    @property
    def kbps(self) -> int:
        """The limit of this hour in Kbps; 0 = none."""
        if self._schedule.unlimited:
            return 0
        now = self._now()
        return self._schedule.at(now.weekday(), now.hour)

    @property
    def bytes_per_second(self) -> int:
        """The limit of this hour; 0 = none."""
        return self.kbps * _BYTES_PER_KBPS

    @property
    def holding(self) -> bool:
        """Whether something had to wait a moment ago."""
        return self._clock() - self._held_at < _HELD_S

    def piece_bytes(self) -> int:
        """How much may leave at once."""
        rate = self.bytes_per_second
        if not rate:
            return PIECE_MOST_BYTES
        return max(_PIECE_LEAST_BYTES, min(PIECE_MOST_BYTES, rate // _PIECES_A_SECOND) - PIECE_OVERHEAD_BYTES)

    def reserve(self, size: int) -> float:
        """Count `size` bytes as leaving next; the seconds after which they may."""
        rate = self.bytes_per_second
        with self._lock:
            now = self._clock()
            if not rate:
                self._free_at = now
                return 0.0
            start = max(self._free_at, now - _SLACK_S)
            self._free_at = start + (size + PIECE_OVERHEAD_BYTES) / rate
            wait_s = start - now
            if wait_s > 0:
                self._held_at = now
            return max(0.0, wait_s)


UNLIMITED = Throttle(BandwidthSchedule())
"""The throttle of a stream that has no limit."""
