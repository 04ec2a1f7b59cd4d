"""Puts what a walk finds into the shadow of a root, a part at a time; see `filling`."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from app.model.entry import kept_ns
from app.replication.master.compare import ComparedRoot
from app.replication.master.filters import PathFilter
from app.replication.master.observe import digest_now, seen_of_status
from app.replication.master.shadow import PutRow, SeenRow, Shadow, ShadowRow
from app.replication.master.walker import Report, entries_of

_PASS_FIRST = 1_000
_PASS_MOST = 2_000
"""Entries of a part: the first is there soon, and whoever follows never waits long for a later one."""
_TICK_NS = 20_000_000
"""Longer than what the kernel takes its file times from stands still."""
_U63 = (1 << 63) - 1
_FILE = stat.S_IFREG >> 12
GONE = (FileNotFoundError, NotADirectoryError)

Arm = Callable[[bytes, int, int], object]
"""Told (path, device, inode) of each directory before it is read: watch it."""

Passed = Callable[[int, bytes, Sequence[ShadowRow]], None]
"""Told (root, key, rows) of each key up to which all is kept, with the rows since the one before."""


def watched_walk(
    root: ComparedRoot, filters: PathFilter, report: Report, arm: Arm
) -> Iterator[tuple[bytes, os.stat_result]]:
    """As `walker.walk`, but that each directory is armed first, and seen after that."""
    root.check()
    return walk_beneath(root, b"", os.lstat(root.path), filters, report, arm)


def walk_beneath(
    root: ComparedRoot,
    top: bytes,
    seen: os.stat_result,
    filters: PathFilter,
    report: Report,
    arm: Arm,
) -> Iterator[tuple[bytes, os.stat_result]]:
    """The same of one entry and all beneath it."""
    waiting = [[(top, seen)]]
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
        except GONE:
            continue
        yield path, status
        if stat.S_ISDIR(status.st_mode):
            inside = entries_of(root, path, filters, report)
            inside.reverse()
            waiting.append(inside)


class Filler:
    """Puts what is new, and drops what is gone, a part at a time.

    `new_part` makes what the rows of a part are collected in: a list, or `Rows` of the module of C.
    """

    def __init__(
        self,
        root: ComparedRoot,
        shadow: Shadow,
        report: Report,
        passed: Passed,
        new_part: Callable[[], Any] = list,
    ) -> None:
        self._root = root
        self._shadow = shadow
        self._report = report
        self._passed = passed
        self._new: list[PutRow] = []
        self._plain: list[object] = []
        self._new_part = new_part
        self._part = new_part()
        self._youngest_ns = 0
        self.files = 0
        """How many were kept,"""
        self.size_bytes = 0
        """and how large they are together."""
        self._part_size = _PASS_FIRST

    def fill(
        self,
        found: Iterator[tuple[bytes, os.stat_result]],
        recorded: Iterator[SeenRow],
        stopped: Callable[[], bool],
    ) -> None:
        """Compare what is found with what is recorded, both in the order of their keys."""
        number = self._root.number
        key = b""
        due = self.next_part()
        row = next(recorded, None)
        for count, (path, status) in enumerate(found, 1):
            key = path.replace(b"/", b"\0")
            while row is not None and row[0] < key:
                self._shadow.drop(number, row[0])
                row = next(recorded, None)
            if row is None or row[0] != key:
                self.found(path, key, status, None)
            else:
                self.found(path, key, status, row)
                row = next(recorded, None)
            if count == due:
                if stopped():
                    return
                self.keep(key)
                due += self.next_part()
        while row is not None and not stopped():
            self._shadow.drop(number, row[0])
            row = next(recorded, None)
        self.keep(key)

    def next_part(self) -> int:
        """How many entries the next part is to have."""
        now = self._part_size
        self._part_size = min(2 * now, _PASS_MOST)
        return now

    def found(self, path: bytes, key: bytes, status: os.stat_result, row: SeenRow | None) -> None:
        """What is there, and what is recorded of it."""
        if row is not None and row[1:8] == seen_of_status(status, self._root.device):
            changed, modified, mode, inode, device, links, size, xattrs, target, hashes = row[1:]
            self._part.append(
                (
                    key, mode >> 12, mode & 0o7777, status.st_uid, status.st_gid, size, modified, xattrs,
                    target, _rdev(status), links, device, inode, changed, mode, hashes,
                )
            )  # fmt: skip
        elif not self._put(path, key, status) and row is not None:
            self._shadow.drop(self._root.number, key)

    def add(
        self, part: Sequence[ShadowRow], plain: list[object], gone: list[bytes], youngest_ns: int
    ) -> None:
        """Rows that follow those that were found so far, what of them is to be put, what is gone.

        `plain`: see `Shadow.put_plain`.
        """
        if self._part:
            self._part.extend(part)
        else:
            self._part = part
        self._plain += plain
        for key in gone:
            self._shadow.drop(self._root.number, key)
        self._youngest_ns = max(self._youngest_ns, youngest_ns)

    def _put(self, path: bytes, key: bytes, status: os.stat_result) -> bool:
        """Put what is there now; False for what vanished, or cannot be read."""
        try:
            target, digest = digest_now(self._root.whole(path), status)
        except GONE:
            return False
        except OSError as error:
            self._report(path, error)
            return False
        mode, modified, changed = status.st_mode, kept_ns(status.st_mtime_ns), status.st_ctime_ns
        self._youngest_ns = max(self._youngest_ns, changed)
        device, inode, links = status.st_dev, status.st_ino & _U63, status.st_nlink
        device = 0 if device == self._root.device else device & _U63
        uid, gid = status.st_uid, status.st_gid
        size = status.st_size if stat.S_ISREG(mode) else 0
        rdev = _rdev(status)
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

    def keep_all(self) -> None:
        """Keep what was found, if there is anything, and pass it on."""
        if self._part:
            self.keep(self._part[-1][0])

    def keep(self, key: bytes) -> None:
        """Keep what was found up to a key, and pass it on."""
        self._shadow.put_rows(self._new)
        self._new.clear()
        self._shadow.put_plain(self._root.number, self._plain)
        self._plain.clear()
        self._shadow.commit()
        # Contents are read from now on. None of them may come with a change time that another one had, too.
        while -_TICK_NS < time.time_ns() - self._youngest_ns < _TICK_NS:
            time.sleep(_TICK_NS / 1e9)
        files, size = _files(self._part) if isinstance(self._part, list) else self._part.files()
        self.files += files
        self.size_bytes += size
        self._passed(self._root.number, key, self._part)
        self._part = self._new_part()


def _files(part: list[ShadowRow]) -> tuple[int, int]:
    sizes = [row[5] for row in part if row[1] == _FILE]
    return len(sizes), sum(sizes)


def _rdev(status: os.stat_result) -> int:
    mode = status.st_mode
    return status.st_rdev & _U63 if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0
