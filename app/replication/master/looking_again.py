"""What is looked at again, and when: what a comparison asks for, and what a replica lacks."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.replication.master.following import Again, Due, Lacking
from app.replication.master.hints import Hint, Hints
from app.replication.master.later import Later
from app.replication.master.outlet import Outlet
from app.replication.master.path_problems import PathProblems

_YOUNG_S = 2.0
_RETRY_S = 15.0
_AT_ONCE = 500


class LookingAgain:
    """The `Followers` of a recorder's comparisons. For the recorder's thread."""

    def __init__(self, hints: Hints, path_problems: PathProblems, outlet: Outlet) -> None:
        self._hints = hints
        self._path_problems = path_problems
        self._outlet = outlet
        self._young = Later(_YOUNG_S)
        self._unproved = Later(_YOUNG_S)
        self._retries: dict[tuple[int, bytes], float] = {}
        self._in_full: set[tuple[int, bytes]] = set()
        """Those of the retries that are to record all there is."""
        self.lacking: list[Lacking] = []
        """What the replicas could not take, one for each."""
        self.remind: Callable[[int, bytes], None] = _nothing
        """Records the metadata of a path once more: `Comparer.remind`."""
        self.ticket: int | None = None
        """Of the hint under way: whoever waits for that waits for what follows from it."""
        self.written: set[tuple[int, bytes]] = set()
        """Paths whose content the hints of this batch tell of."""

    def again(self, root: int, path: bytes, *, content: bool, tree: bool, delay: float) -> None:
        """See `Followers`."""
        self._hints.add(root, path, content=content, tree=tree, delay=delay, ticket=self.ticket)

    def changing(self, root: int, path: bytes, delay: float) -> None:
        """See `Followers`."""
        self._hints.add(root, path, content=True, delay=delay)

    def young(self, root: int, path: bytes) -> None:
        """See `Followers`."""
        self._young.add(root, path)

    def unproved(self, root: int, path: bytes) -> None:
        """See `Followers`."""
        self._unproved.add(root, path)

    def recorded(self, root: int, path: bytes, cost_s: float) -> None:
        """See `Followers`."""
        self._hints.recorded(root, path, cost_s)

    def trouble(self, root: int, path: bytes, error: OSError, *, force: bool = False) -> None:
        """See `Followers`."""
        if self._path_problems.report(root, path, error):
            self._retries[root, path] = time.monotonic() + _RETRY_S
            if force:
                self._in_full.add((root, path))

    def fine(self, root: int, path: bytes, *, full: bool) -> None:
        """See `Followers`."""
        if self._path_problems.fine(root, path):
            self._retries.pop((root, path), None)
            if (root, path) in self._in_full:
                self._in_full.discard((root, path))
                if not full:
                    self.again_in_full(root, path)
        seq = self._outlet.newest_seq()
        again = max((one.recorded(root, path, seq, full=full) for one in self.lacking), default=Again.NOTHING)
        if again is Again.FULL:
            self.again_in_full(root, path)
        elif again is Again.METADATA:
            self.remind(root, path)

    def metadata_recorded(self, root: int, path: bytes) -> None:
        """See `Followers`."""
        for one in self.lacking:
            one.metadata_recorded(root, path, self._outlet.newest_seq())

    def gone(self, root: int, path: bytes, *, beneath: bool) -> None:
        """See `Followers`."""
        self._path_problems.gone(root, path, beneath=beneath)
        for one in self.lacking:
            one.gone(root, path, self._outlet.newest_seq(), beneath=beneath)

    def moved(self, root: int, path: bytes, new_path: bytes) -> None:
        """See `Followers`."""
        self._path_problems.gone(root, path, beneath=True)
        for one in self.lacking:
            for there in one.moved(root, path, new_path):
                self.again_in_full(root, there)

    def again_in_full(self, root: int, path: bytes) -> None:
        """See `Followers`."""
        self._hints.add(root, path, content=True, tree=True, force=True, delay=0.0, ticket=self.ticket)

    def is_pending(self, root: int, path: bytes) -> bool:
        """See `Followers`."""
        return self._hints.is_pending(root, path)

    def is_written(self, root: int, path: bytes) -> bool:
        """See `Followers`. What is recorded in this batch counts, too: its order is that of paths."""
        return (root, path) in self.written or self._hints.is_written(root, path)

    def reminders(self) -> list[Due]:
        """What is due of what a replica lacks only metadata of; the rest of what is due becomes hints."""
        due = [found for one in self.lacking for found in one.due(time.monotonic())]
        for found in due:
            if found.what is Again.FULL:
                self.again_in_full(found.root, found.path)
        return [found for found in due if found.what is Again.METADATA]

    def leftovers(self) -> list[Hint]:
        """What is looked at only when nothing else is due: young entries again, unreadable ones again."""
        now = time.monotonic()
        # A barrier that begins from now on waits for what follows from them.
        ticket = self._hints.newest()
        # A path with a hint is compared when that is due, which may be long from now if reading it is costly.
        hints = [
            Hint(root, path, content=True, ticket=ticket)
            for root, path in self._young.due(_AT_ONCE)
            if not self._hints.is_pending(root, path)
        ]
        hints += [Hint(root, path, prove=True, ticket=ticket) for root, path in self._unproved.due(_AT_ONCE)]
        if self._retries:
            for (root, path), due in list(self._retries.items()):
                if due <= now:
                    del self._retries[root, path]
                    force = (root, path) in self._in_full
                    self._in_full.discard((root, path))
                    hints.append(Hint(root, path, content=True, tree=True, force=force, ticket=ticket))
        return hints

    def left(self, root: int, path: bytes) -> None:
        """What is beneath a path was not all compared: look at it again as soon as nothing else is due."""
        self._retries[root, path] = 0.0


def _nothing(_root: int, _path: bytes) -> None:
    """Nobody records yet."""
