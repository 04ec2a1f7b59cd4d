"""The shadow of a fresh run while it is filled: one walk that watches, looks and records, and who follows it.

A directory is watched before its state is taken and what is in it is listed: what changes after that is told
as a hint, whatever the walk saw. Synchronisations read what the walk has passed, in the order of its rows.
"""

from __future__ import annotations

import os
import stat
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter

from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import PathFilter
from app.replication.master.observe import digest_now, seen_of_status
from app.replication.master.shadow import PutRow, Shadow, ShadowReader, ShadowRow
from app.replication.master.walker import Report, entries_of

_PASS_FIRST = 1_000
_PASS_MOST = 2_000
"""Entries of a part: the first is there soon, and whoever follows never waits long for a later one."""
_KEPT_ROWS = 20_000
"""Rows of the last parts, for those who follow closely: they need not read them from the disk."""
_SEEN_OF_ROW = itemgetter(13, 6, 14, 12, 11, 10, 5)
"""What `observe.Seen` is of, in a `ShadowRow`."""
_TICK_NS = 20_000_000
"""Longer than what the kernel takes its file times from stands still."""
_POLL_S = 0.2
_U63 = (1 << 63) - 1
_GONE = (FileNotFoundError, NotADirectoryError)

Arm = Callable[[bytes, int, int], object]
"""Told (path, device, inode) of each directory before it is read: watch it."""

Passed = Callable[[int, bytes, Sequence[ShadowRow]], None]
"""Told (root, key, rows) of each key up to which all is kept, with the rows since the one before."""


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
        low: bytes | None = None
        walked = False
        while not walked:
            part, high, walked = self._filling.part(self, root, low)
            if isinstance(part, ShadowReader):
                part = self._read(part, root, low, high)
            yield from part
            low = high

    def _read(
        self, reader: ShadowReader, root: int, low: bytes | None, high: bytes | None
    ) -> list[ShadowRow]:
        try:
            return list(reader.rows_between(root, low, high))
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
) -> None:
    """Make the shadow of a root what is there now, without any record. Blocks for a walk.

    Rows of an earlier run that still hold, by inode and change time, stay: after a pause most do.

    Raises:
        RootLostError: the root is not the directory it was.
    """
    shadow.commit()
    reader = ShadowReader(shadow.path)
    try:
        _Filler(root, shadow, report, passed).fill(
            _walk(root, filters, report, arm), reader.rows(root.number), stopped
        )
    finally:
        reader.close()
    root.check()


def _walk(
    root: ComparedRoot, filters: PathFilter, report: Report, arm: Arm
) -> Iterator[tuple[bytes, os.stat_result]]:
    """As `walker.walk`, but that each directory is armed first, and seen after that."""
    root.check()
    waiting = [[(b"", os.lstat(root.path))]]
    while waiting:
        level = waiting[-1]
        if not level:
            waiting.pop()
            continue
        path, status = level.pop()
        if not stat.S_ISDIR(status.st_mode):
            yield path, status
            continue
        arm(path, status.st_dev, status.st_ino)
        try:
            status = os.lstat(root.whole(path))
        except _GONE:
            continue
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            inside = entries_of(root, path, filters, report)
            inside.reverse()
            waiting.append(inside)


class _Filler:
    """Puts what is new, and drops what is gone, a part at a time."""

    def __init__(self, root: ComparedRoot, shadow: Shadow, report: Report, passed: Passed) -> None:
        self._root = root
        self._shadow = shadow
        self._report = report
        self._passed = passed
        self._new: list[PutRow] = []
        self._part: list[ShadowRow] = []
        self._youngest_ns = 0

    def fill(
        self,
        found: Iterator[tuple[bytes, os.stat_result]],
        recorded: Iterator[ShadowRow],
        stopped: Callable[[], bool],
    ) -> None:
        number, device = self._root.number, self._root.device
        key = b""
        part = due = _PASS_FIRST
        row = next(recorded, None)
        for count, (path, status) in enumerate(found, 1):
            key = path.replace(b"/", b"\0")
            while row is not None and row[0] < key:
                self._shadow.drop(number, row[0])
                row = next(recorded, None)
            if row is None or row[0] != key:
                self._put(path, key, status)
            else:
                if _SEEN_OF_ROW(row) == seen_of_status(status, device):
                    self._part.append(row)
                elif not self._put(path, key, status):
                    self._shadow.drop(number, key)
                row = next(recorded, None)
            if count == due:
                if stopped():
                    return
                self._keep(key)
                part = min(2 * part, _PASS_MOST)
                due += part
        while row is not None and not stopped():
            self._shadow.drop(number, row[0])
            row = next(recorded, None)
        self._keep(key)

    def _put(self, path: bytes, key: bytes, status: os.stat_result) -> bool:
        """Put what is there now; False for what vanished, or cannot be read."""
        try:
            target, digest = digest_now(self._root.whole(path), status)
        except _GONE:
            return False
        except OSError as error:
            self._report(path, error)
            return False
        mode, modified, changed = status.st_mode, status.st_mtime_ns, status.st_ctime_ns
        self._youngest_ns = max(self._youngest_ns, changed)
        device, inode, links = status.st_dev, status.st_ino & _U63, status.st_nlink
        device = 0 if device == self._root.device else device & _U63
        uid, gid = status.st_uid, status.st_gid
        size = status.st_size if stat.S_ISREG(mode) else 0
        rdev = status.st_rdev & _U63 if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0
        self._new.append(
            (
                self._root.number, key, device, inode, links, mode, uid, gid, size, modified, changed, digest,
                target, rdev, None,
            )
        )  # fmt: skip
        self._part.append(
            (
                key, mode >> 12, mode & 0o7777, uid, gid, size, modified, digest, target, rdev, links, device,
                inode, changed, mode, None,
            )
        )  # fmt: skip
        return True

    def _keep(self, key: bytes) -> None:
        self._shadow.put_rows(self._new)
        self._new.clear()
        self._shadow.commit()
        # Contents are read from now on. None of them may come with a change time that another one had, too.
        while -_TICK_NS < time.time_ns() - self._youngest_ns < _TICK_NS:
            time.sleep(_TICK_NS / 1e9)
        self._passed(self._root.number, key, self._part)
        self._part = []
