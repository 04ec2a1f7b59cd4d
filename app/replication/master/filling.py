"""The shadow of a fresh run while it is filled: one walk that watches, looks and records, and who follows it.

A directory is watched before its state is taken and what is in it is listed: what changes after that is told
as a hint, whatever the walk saw. Synchronisations read what the walk has passed, in the order of its rows.
"""

from __future__ import annotations

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence

from app.native import native
from app.replication.master.compare import ComparedRoot
from app.replication.master.filler import Arm, Filler, Passed, watched_walk
from app.replication.master.filters import PathFilter
from app.replication.master.quick_fill import QuickFill
from app.replication.master.shadow import Shadow, ShadowReader, ShadowRow
from app.replication.master.shadow_reading import seen_parts
from app.replication.master.walker import Report

_KEPT_ROWS = 20_000
"""Rows of the last parts, for those who follow closely: they need not read them from the disk."""
_READ_MOST = 10_000
"""Rows that a follower who lags behind takes from the disk at a time: the walk may be a million ahead."""
_POLL_S = 0.2


class Filling:
    """How far the shadow is filled. Its thread tells, any number of readers follow.

    Rows that were passed stay as they are until `filled`; from then on each reader has its own state of them.
    """

    def __init__(self, shadow_path: str) -> None:
        self._shadow_path = shadow_path
        self._news = threading.Condition()
        self._passed: dict[int, bytes] = {}
        self._walked: set[int] = set()
        self._readers: list[FollowingReader] = []
        self._kept: deque[tuple[int, bytes | None, bytes, Sequence[ShadowRow]]] = deque()
        self._kept_rows = 0
        self._filled = False
        self.begun = threading.Event()
        """Set once the whole is known to be done, and recording has begun."""

    def passed(self, root: int, key: bytes, rows: Sequence[ShadowRow]) -> None:
        """All rows of a root up to this key are as they are to be, and kept; `rows`: those since the last."""
        with self._news:
            self._kept.append((root, self._passed.get(root), key, rows))
            self._kept_rows += len(rows)
            while self._kept_rows > _KEPT_ROWS or (self._kept and not self._readers):
                self._kept_rows -= len(self._kept.popleft()[3])
            self._passed[root] = key
            self._news.notify_all()

    def walked(self, root: int) -> None:
        """All rows of a root are; it was the same directory to the end."""
        with self._news:
            self._walked.add(root)
            self._news.notify_all()

    def filled(self) -> None:
        """All of them are; nothing is recorded yet."""
        with self._news:
            for reader in self._readers:
                reader.pin()
            self._filled = True
            self._news.notify_all()

    def reader(self, check: Callable[[], None]) -> ShadowReader:
        """One that follows, or that of a shadow that is filled. `check` raises what ends the waiting."""
        with self._news:
            if self._filled:
                return ShadowReader(self._shadow_path)
            reader = FollowingReader(self._shadow_path, self, check)
            self._readers.append(reader)
            return reader

    def forget(self, reader: ShadowReader) -> None:
        """It is closed."""
        with self._news:
            self._readers = [one for one in self._readers if one is not reader]
            if not self._readers:
                self._kept.clear()
                self._kept_rows = 0

    def wait_whole(self, check: Callable[[], None]) -> None:
        """Return once all roots are walked and recording has begun. Raises what `check` does."""
        while not self.begun.wait(_POLL_S):
            check()

    def part(
        self, reader: FollowingReader, root: int, low: bytes | None
    ) -> tuple[ShadowReader | Sequence[ShadowRow], bytes | None, bool]:
        """The rows of a root after `low` or a state that has them, up to which key, whether it is all.

        Waits for the walk. Raises what the reader's `check` does.
        """
        while True:
            with self._news:
                high, walked = self._passed.get(root), root in self._walked
                if high is not None and high != low:
                    for number, after, key, rows in self._kept:
                        if number == root and after == low:
                            return rows, key, walked and key == high
                if walked or (high is not None and high != low):
                    # With the lock held: nothing is recorded before the reader has its state of the whole.
                    return reader.pinned or ShadowReader(self._shadow_path), high, walked
                self._news.wait(_POLL_S)
            reader.check()


class FollowingReader(ShadowReader):
    """Rows behind the walk that fills the shadow; only `rows` may be used. For one thread, but for `pin`."""

    def __init__(self, path: str, filling: Filling, check: Callable[[], None]) -> None:
        self._path = path
        self._filling = filling
        self.check = check
        self.pinned: ShadowReader | None = None

    def pin(self) -> None:
        """Keep the state of now: what is recorded from now on is not to be seen."""
        self.pinned = ShadowReader(self._path)

    def rows(self, root: int) -> Iterator[ShadowRow]:
        """See `ShadowReader.rows`. Waits for the walk; raises ArcxoError when that has no end."""
        return itertools.chain.from_iterable(self.parts(root))

    def parts(self, root: int) -> Iterator[Sequence[ShadowRow]]:
        """See `ShadowReader.parts`, and `rows`."""
        low: bytes | None = None
        walked = False
        while not walked:
            part, high, walked = self._filling.part(self, root, low)
            if isinstance(part, ShadowReader):
                part = self._read(part, root, low, high)
                if len(part) == _READ_MOST:
                    high, walked = part[-1][0], False
            if part:
                yield part
            low = high

    def _read(
        self, reader: ShadowReader, root: int, low: bytes | None, high: bytes | None
    ) -> list[ShadowRow]:
        try:
            return list(itertools.islice(reader.rows_between(root, low, high), _READ_MOST))
        finally:
            if reader is not self.pinned:
                reader.close()

    @property
    def is_whole(self) -> bool:
        """See `ShadowReader.is_whole`."""
        return self._filling.begun.is_set()

    def wait_whole(self) -> None:
        """See `ShadowReader.wait_whole`."""
        self._filling.wait_whole(self.check)

    def close(self) -> None:
        """Follow no more."""
        self._filling.forget(self)
        if self.pinned is not None:
            self.pinned.close()


def fill(
    root: ComparedRoot,
    shadow: Shadow,
    filters: PathFilter,
    report: Report,
    stopped: Callable[[], bool],
    arm: Arm,
    passed: Passed,
) -> tuple[int, int]:
    """Make the shadow of a root what is there now, without any record; (files, bytes). Blocks for a walk.

    Rows of an earlier run that still hold, by inode and change time, stay: after a pause most do.

    Raises:
        RootLostError: the root is not the directory it was.
    """
    shadow.commit()
    walking, recorded = native("walking"), native("recorded")
    with contextlib.closing(seen_parts(shadow.path, root.number)) as parts:
        if walking is None or recorded is None:
            filler = Filler(root, shadow, report, passed)
            rows = itertools.chain.from_iterable(parts)
            filler.fill(watched_walk(root, filters, report, arm), rows, stopped)
        else:
            filler = Filler(root, shadow, report, passed, recorded.Rows)
            QuickFill(walking, root, filler, filters, report, arm, stopped).fill(parts)
    root.check()
    return filler.files, filler.size_bytes
