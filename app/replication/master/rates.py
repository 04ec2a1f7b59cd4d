"""How many files were removed or rewritten lately, and whether that is too many."""

from __future__ import annotations

from collections import deque

WINDOW_S = 60.0
LEAST_FILES = 1_000
_MINUTES_KEPT = 60


class Rates:
    """Counts removals and rewrites of files. Times are monotonic seconds, never going back. One thread.

    `percent` of the scenario's files, and `least` files at least, within `WINDOW_S`, is the limit;
    0 percent means that there is none.
    """

    def __init__(self, percent: int, least: int = LEAST_FILES) -> None:
        self.percent = percent
        self._least = least
        self._events: deque[tuple[float, int]] = deque()
        self._sum = 0
        self._minutes: deque[tuple[int, int]] = deque(maxlen=_MINUTES_KEPT)

    def note(self, files: int, now: float) -> None:
        """This many files were removed or rewritten; negative: some proved to have been moved only."""
        if not files:
            return
        self._events.append((now, files))
        self._sum += files
        minute = int(now // 60)
        if self._minutes and self._minutes[-1][0] == minute:
            self._minutes[-1] = (minute, self._minutes[-1][1] + files)
        else:
            self._minutes.append((minute, files))

    def count(self, now: float) -> int:
        """Files within the window."""
        while self._events and self._events[0][0] <= now - WINDOW_S:
            self._sum -= self._events.popleft()[1]
        return max(0, self._sum)

    def limit(self, files_before: int) -> int:
        """How many files of `files_before` may go within the window; 0 = any."""
        if not self.percent:
            return 0
        return max(self._least, -(-files_before * self.percent // 100))

    def exceeded(self, files_now: int, now: float) -> bool:
        """Whether too many went. `files_now` is what the scenario has left."""
        count = self.count(now)
        limit = self.limit(files_now + count)
        return bool(limit) and count >= limit

    def usual_per_minute(self, now: float) -> float:
        """Files per minute over the hour before the window."""
        first = int((now - WINDOW_S) // 60)
        earlier = [count for minute, count in self._minutes if first - _MINUTES_KEPT <= minute < first]
        return max(0, sum(earlier)) / _MINUTES_KEPT

    def forget(self) -> None:
        """Begin counting anew: what was counted has been decided about."""
        self._events.clear()
        self._sum = 0
