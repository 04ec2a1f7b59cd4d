"""What may have changed and has not been compared yet: hints with the moment they are due.

The first hint of a quiet path is due at once when its writer closed it, else after 5 ms. The following
ones of a path that was recorded shortly before wait, so that many changes become one record; the wait grows
but is bounded, and a file whose reading takes long is read the less often: `COST_FACTOR` times what it took
goes by in between. How far that lets the records stay behind is told. Usable from any thread.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

Key = tuple[int, bytes]

FIRST_S = 0.005
PAIRING_S = 0.012
MERGE_LEAST_S = 0.05
MERGE_MOST_S = 1.0
QUIET_S = 0.25
COST_FACTOR = 4.0
COST_MOST_S = 900.0
_RECENT_MOST = 50_000


def wait_for_cost(cost_s: float) -> float:
    """Seconds to let a file alone whose reading took `cost_s`."""
    return max(MERGE_LEAST_S, min(COST_MOST_S, cost_s * COST_FACTOR))


@dataclass(slots=True)
class Hint:
    """One path to compare. `tree`: all beneath it too; `force`: send its full state whatever is known.

    `prove`: only take an unread content as proved, now that what was told of it has been compared.
    """

    root: int
    path: bytes
    content: bool = False
    tree: bool = False
    force: bool = False
    prove: bool = False
    due: float = 0.0
    ticket: int = 0
    told: float = 0.0
    swept: bool = False


@dataclass(frozen=True, slots=True)
class Behind:
    """Changes that were told and are not recorded yet: how many paths, and the one that was told of first.

    `due_s`: in how many seconds that is looked at; None while it is. `cost_s`: what reading it took last.
    """

    seconds: float
    paths: int
    root: int
    path: bytes
    due_s: float | None
    cost_s: float


@dataclass(slots=True)
class _Recent:
    at: float
    wait: float
    cost: float


class Hints:
    """The collection."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._pending: dict[Key, Hint] = {}
        self._due: list[tuple[float, int, bytes]] = []
        self._moves: OrderedDict[Key, tuple[bytes, int]] = OrderedDict()
        self._recent: OrderedDict[Key, _Recent] = OrderedDict()
        self._ticket = 0
        self._busy: list[int] = []
        self._busy_with: Hint | None = None
        self._busy_paths = 0
        self._flushed = 0
        self._closed = False

    # telling

    def add(
        self,
        root: int,
        path: bytes,
        *,
        content: bool = False,
        tree: bool = False,
        force: bool = False,
        settled: bool = False,
        delay: float | None = None,
        ticket: int | None = None,
        swept: bool = False,
    ) -> None:
        """A path may have changed. `delay` overrides when it is due, `ticket` keeps a retry's age."""
        now = time.monotonic()
        with self._lock:
            known = self._pending.get((root, path))
            self._add(root, path, now, content, tree, force, settled, delay, ticket)
            self._pending[root, path].swept = swept and (known is None or known.swept)

    def _add(
        self,
        root: int,
        path: bytes,
        now: float,
        content: bool,
        tree: bool,
        force: bool,
        settled: bool,
        delay: float | None,
        ticket: int | None,
    ) -> None:
        key = (root, path)
        if delay is None:
            delay = 0.0 if settled or tree else FIRST_S
            recent = self._recent.get(key)
            if recent is not None:
                delay = max(delay, recent.at + recent.wait - now)
        hint = self._pending.get(key)
        if hint is None:
            self._ticket += 1
            hint = Hint(root, path, due=now + delay, ticket=ticket or self._ticket, told=now)
            self._pending[key] = hint
        elif ticket is not None and ticket < hint.ticket:
            # A barrier that waits for the older one has to wait for what takes its place.
            hint.ticket = ticket
            hint.due = min(hint.due, now + delay)
        elif now + delay < hint.due:
            hint.due = now + delay
        else:
            hint.content |= content
            hint.tree |= tree
            hint.force |= force
            return
        hint.content |= content
        hint.tree |= tree
        hint.force |= force
        heapq.heappush(self._due, (hint.due, root, path))
        if self._due[0][0] >= hint.due:
            self._news.notify()

    def left(self, root: int, path: bytes) -> None:
        """A path was moved away: compared once there was time to learn where to."""
        now = time.monotonic()
        with self._lock:
            self._add(root, path, now, False, True, False, False, PAIRING_S, None)

    def moved(self, root: int, path: bytes, new_path: bytes, *, directory: bool) -> None:
        """A path is another now; hints for it and beneath it move along, in the order things happened."""
        now = time.monotonic()
        with self._lock:
            self._ticket += 1
            earlier = self._moves.pop((root, path), None)
            origin = path if earlier is None else earlier[0]
            replaced = self._moves.pop((root, new_path), None)
            # What is not told as one move any more is compared: a place on the way, and where something
            # came from that was replaced at once.
            unexplained = [] if earlier is None else [(path, earlier[1])]
            unexplained += [] if replaced is None else [replaced]
            # Only its content matters on: that it left (`left` asked for a walk) is explained now.
            hint = self._pending.pop((root, path), None)
            if hint is not None:
                ticket = hint.ticket
                self._add(root, new_path, now, hint.content, False, hint.force, True, 0.0, ticket)
                self._older(root, new_path, hint.told)
            if directory:
                self._rekey_beneath(root, path, new_path)
            self._moves[root, new_path] = (origin, self._ticket)
            for other, ticket in unexplained:
                self._add(root, other, now, True, True, False, True, 0.0, ticket)
            self._add(root, new_path, now, False, False, False, True, 0.0, None)

    def _rekey(self, root: int, path: bytes, new_path: bytes) -> None:
        hint = self._pending.pop((root, path), None)
        if hint is not None:
            self._add(root, new_path, hint.due, hint.content, hint.tree, hint.force, True, 0.0, hint.ticket)
            self._older(root, new_path, hint.told)
        recent = self._recent.pop((root, path), None)
        if recent is not None:
            self._recent[root, new_path] = recent

    def _older(self, root: int, path: bytes, told: float) -> None:
        hint = self._pending[root, path]
        hint.told = min(hint.told, told)

    def _rekey_beneath(self, root: int, path: bytes, new_path: bytes) -> None:
        prefix = path + b"/"
        for other in [key for key in self._pending if key[0] == root and key[1].startswith(prefix)]:
            self._rekey(root, other[1], new_path + other[1][len(path) :])

    # taking

    def take(self, most: int, timeout_s: float) -> tuple[list[tuple[int, bytes, bytes]], list[Hint]]:
        """Moves (root, from, to) and up to `most` hints that are due, parents before what is in them.

        Waits up to `timeout_s`. What is taken counts as waiting until `done`.
        """
        deadline = time.monotonic() + timeout_s
        with self._lock:
            while True:
                now = time.monotonic()
                hints = self._pop_due(now, most)
                if hints or self._closed:
                    break
                wake = min(deadline, self._due[0][0]) if self._due else deadline
                if wake - now <= 0 and deadline <= now:
                    break
                self._news.wait(max(0.0, wake - now))
            moves = [(root, origin, path) for (root, path), (origin, _) in self._moves.items()]
            self._busy = [hint.ticket for hint in hints] + [ticket for _, ticket in self._moves.values()]
            self._busy_with = min(hints, key=lambda hint: hint.told, default=None)
            if hints or not moves:
                self._busy_paths = len(hints)
            else:
                root, _, path = moves[0]
                self._busy_with, self._busy_paths = Hint(root, path, told=now), len(moves)
            self._moves.clear()
        hints.sort(key=lambda hint: (hint.root, hint.path.replace(b"/", b"\0")))
        return moves, hints

    def _pop_due(self, now: float, most: int) -> list[Hint]:
        hints: list[Hint] = []
        while self._due and self._due[0][0] <= now and len(hints) < most:
            due, root, path = heapq.heappop(self._due)
            hint = self._pending.get((root, path))
            if hint is not None and hint.due <= due:
                del self._pending[root, path]
                hints.append(hint)
        return hints

    def oldest_taken(self) -> int | None:
        """The ticket of the oldest that was taken and is not recorded yet."""
        return min(self._busy, default=None)

    def recorded(self, root: int, path: bytes, cost_s: float) -> None:
        """A change of `path` was just recorded; reading it took `cost_s`. Later hints of it wait a little."""
        now = time.monotonic()
        key = (root, path)
        with self._lock:
            recent = self._recent.pop(key, None)
            if recent is None or now - recent.at > recent.wait + QUIET_S:
                wait = MERGE_LEAST_S
            else:
                wait = min(MERGE_MOST_S, recent.wait * 1.5)
            wait = max(wait, wait_for_cost(cost_s))
            self._recent[key] = _Recent(now, wait, cost_s)
            hint = self._pending.get(key)
            rest = now + min(COST_MOST_S, cost_s * COST_FACTOR)
            if hint is not None and hint.due < rest and hint.ticket > self._flushed:
                # Told while it was read.
                hint.due = rest
                heapq.heappush(self._due, (rest, root, path))
            while len(self._recent) > _RECENT_MOST:
                self._recent.popitem(last=False)

    def done(self) -> None:
        """What was taken is recorded, durably."""
        with self._news:
            self._busy = []
            self._busy_with = None
            self._busy_paths = 0
            self._news.notify_all()

    def is_pending(self, root: int, path: bytes) -> bool:
        """Whether a hint for exactly this path waits."""
        return (root, path) in self._pending

    def is_written(self, root: int, path: bytes) -> bool:
        """Whether a hint for exactly this path waits that tells of its content."""
        hint = self._pending.get((root, path))
        return hint is not None and hint.content

    def waiting(self) -> int:
        """Hints and moves not recorded yet."""
        with self._lock:
            return len(self._pending) + len(self._moves) + len(self._busy)

    def behind(self) -> Behind | None:
        """How far recording is behind what was told; None when nothing waits."""
        now = time.monotonic()
        with self._lock:
            first = min(self._pending.values(), key=lambda hint: hint.told, default=None)
            busy = self._busy_with
            is_busy = busy is not None and (first is None or busy.told <= first.told)
            one = busy if is_busy else first
            if one is None:
                return None
            recent = self._recent.get((one.root, one.path))
            return Behind(
                max(0.0, now - one.told),
                len(self._pending) + self._busy_paths,
                one.root,
                one.path,
                None if is_busy else max(0.0, one.due - now),
                recent.cost if recent is not None else 0.0,
            )

    # barriers

    def newest(self) -> int:
        """The ticket of the last hint told, for `wait_for`."""
        return self._ticket

    def flush(self) -> int:
        """Make everything due now, merge delays or not; returns a ticket for `wait_for`."""
        now = time.monotonic()
        with self._lock:
            self._due = []
            for (root, path), hint in self._pending.items():
                hint.due = min(hint.due, now)
                self._due.append((hint.due, root, path))
            heapq.heapify(self._due)
            self._flushed = self._ticket
            self._news.notify_all()
            return self._ticket

    def wait_for(self, ticket: int, timeout_s: float) -> bool:
        """Whether everything told up to `ticket` is recorded; waits up to `timeout_s`."""

        def recorded() -> bool:
            if self._closed:
                return True
            if any(busy <= ticket for busy in self._busy):
                return False
            if any(number <= ticket for _, number in self._moves.values()):
                return False
            return all(hint.ticket > ticket for hint in self._pending.values())

        with self._news:
            self._news.wait_for(recorded, timeout_s)
            return recorded() and not self._closed

    def close(self) -> None:
        """Wake all who wait."""
        with self._news:
            self._closed = True
            self._news.notify_all()
