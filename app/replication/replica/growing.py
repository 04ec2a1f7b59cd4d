"""New directories grown whole in the side store, so that one rename puts all that is in them into place.

A directory is grown as the records of one batch come, which name a directory before what is in it. What
does not fit (another name of a file, content that was staged, a second record of a path) is left to be
carried out by itself, after the directory is in place.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.metadata import (
    NO_OWNER,
    apply_metadata,
    apply_metadata_fd,
    metadata_of,
    read_xattrs,
    xattr_digest,
)
from app.replication.records import MakeEntry, Record, Remove, Rename, ReplaceFile
from app.replication.replica.drift_states import StateRow, state_row
from app.replication.replica.grown import Grown, Place
from app.replication.replica.side_store import is_reserved
from app.replication.replica.steps import ReplicaTree, write_extents
from app.replication.replica.walking import remove_tree

DEPTH_MAX = 64
_REFUSALS_MAX = 8
"""After so many of what `run` could not make the rest of a batch is made by `add` alone."""
_OPEN, _WHOLE, _REFUSED, _BROKEN = range(4)
_TAKING_AWAY = (Remove, Rename)
_MAKING = (ReplaceFile, MakeEntry)
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REPLACED = ("mkdir", "open", "write", "utime", "fstat", "fchown", "fchmod", "unlink", "rmdir", "close")
_ORIGINALS = tuple(getattr(os, name) for name in _REPLACED)


@dataclass(slots=True)
class _Open:
    """A directory that still gets entries."""

    path: bytes
    fd: int
    row: int
    """Of the states: it stands before all that is in it, and is known when it is finished."""
    metadata: Metadata

    def plain(self) -> tuple[Any, ...]:
        """As C has it."""
        known = self.metadata
        return (
            self.path, self.fd, self.row, known.permissions, known.uid, known.gid, known.modified_ns,
            not known.xattrs,
        )  # fmt: skip


class Grower:
    """Grows the directories of one batch. One thread.

    `add` makes what a record tells of, if that is part of a new directory, and returns that directory;
    `run` does the same for many at once that are plain, `end` finishes those still open. A directory that
    could not be finished is not among `whole`.

    `records` are those of the batch, where they are read in C.
    """

    def __init__(self, records: Any | None = None) -> None:
        self._records = records if records is not None and _are_untouched() else None
        self._earlier: list[Any] = []
        self._refusals = 0
        self._tree: ReplicaTree | None = None
        self._open: list[_Open] = []
        self._grown: Grown | None = None
        self._named: set[Place] = set()
        self.whole: set[int] = set()
        """`id` of what is finished."""

    def follow(self, records: Any | None) -> bool:
        """Go on with those of the next batch; false where it cannot be, and begins anew."""
        if self._records is None or records is None or not records.follows(self._records):
            return False
        self._earlier.append(self._records)
        self._records = records
        return True

    def run(
        self, at: int, trees: Sequence[ReplicaTree], side: Callable[[], bytes]
    ) -> tuple[int, Grown | None]:
        """Make what the records from the `at`-th on tell of: the next one, and the directory they are in.

        No further than that directory goes; `at` itself for a record that `add` is to be asked about.
        """
        records = self._records
        if records is None or at >= records.ordered or self._refusals >= _REFUSALS_MAX:
            return at, None
        place = records.place(at)
        if place is None or place[0] >= len(trees):
            return at, None
        tree, path = trees[place[0]], place[1]
        if self._open and self._tree is not tree:
            self.end()
        above, name = -1, b""
        if not self._open:
            if not place[2] or is_reserved(path):
                return at, None
            made = side()
            above, name = tree.side.place(made)
            self._tree = tree
            self._grown = Grown(tree.index, path, made)
        grown = self._grown
        assert grown is not None
        opened = [one.plain() for one in self._open]
        following, size_bytes, became, inode = records.grow(at, tree.index, above, name, opened, grown.states)
        self._reopen(grown, opened)
        grown.size_bytes += size_bytes
        if became == _WHOLE:
            grown.inode = inode
            self.whole.add(id(grown))
        elif became == _BROKEN:
            self._give_up(tree, grown)
        self._refusals += became in (_REFUSED, _BROKEN)
        if following > at:
            return following, grown
        # It ended the directory before.
        return self.run(at, trees, side) if became == _WHOLE else (at, None)

    def _reopen(self, grown: Grown, opened: list[tuple[Any, ...]]) -> None:
        """These are open now."""
        before = {one.row: one.metadata for one in self._open}
        self._open = []
        for path, fd, row, permissions, uid, gid, modified_ns, _ in opened:
            metadata = before.get(row) or Metadata(EntryKind.DIRECTORY, permissions, uid, gid, 0, modified_ns)
            self._open.append(_Open(path, fd, row, metadata))
            if row not in before:
                grown.states[row] = _provisional(grown.root, path, metadata)

    def _out_of_order(self) -> None:
        """From here on a path may come a second time: those that `run` made count as well."""
        records, self._records = self._records, None
        assert records is not None
        for read in (*self._earlier, records):
            for number in range(read.ordered):
                place = read.place(number)
                if place is not None:
                    self._named.add(place[:2])

    def add(self, tree: ReplicaTree, at: int, record: Record, side: Callable[[], bytes]) -> Grown | None:
        """The directory that the `at`-th record is made in now, or None. `side` gives a name for a new one.

        Raises OSError when what it tells of cannot be made; nothing is there of it then.
        """
        path: bytes = getattr(record, "path", b"")
        place = (tree.index, path)
        if self._records is not None and at >= self._records.ordered:
            self._out_of_order()
        if place in self._named or isinstance(record, _TAKING_AWAY):
            self.end()
            self._named.add(place)
            return None
        self._named.add(place)
        if not isinstance(record, _MAKING) or not path:
            return None
        opened = self._parent(tree, path)
        if isinstance(record, MakeEntry):
            kind = record.metadata.kind
            if kind is EntryKind.DIRECTORY:
                return self._directory(tree, path, record.metadata, opened, side)
            if opened is None or kind is not EntryKind.SYMLINK:
                return None
            self._link(path, record.metadata, opened)
        elif opened is None or record.data is None:
            return None
        else:
            self._file(record, opened)
        return self._grown

    def end(self) -> None:
        """Nothing more comes for the open directories."""
        while self._open:
            self._finish()
        self._tree = None

    def _parent(self, tree: ReplicaTree, path: bytes) -> _Open | None:
        """The open directory that `path` is in; those it is not beneath are finished."""
        if self._tree is not tree:
            self.end()
        parent = path.rpartition(b"/")[0]
        while self._open:
            last = self._open[-1]
            if last.path == parent:
                return last
            if parent.startswith(last.path + b"/"):
                return None
            self._finish()
        return None

    def _directory(
        self,
        tree: ReplicaTree,
        path: bytes,
        metadata: Metadata,
        opened: _Open | None,
        side: Callable[[], bytes],
    ) -> Grown | None:
        if self._open and (opened is None or len(self._open) >= DEPTH_MAX):
            return None
        if is_reserved(path):
            return None
        made = b""
        if opened is None:
            made = side()
            directory, name = tree.side.place(made)
        else:
            directory, name = opened.fd, path[len(opened.path) + 1 :]
        os.mkdir(name, 0o700, dir_fd=directory)
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=directory)
        except OSError:
            if opened is not None:
                self._unmake(name, opened, directory=True)
            raise
        if opened is None:
            self._tree = tree
            self._grown = Grown(tree.index, path, made)
        assert self._grown is not None
        self._open.append(_Open(path, fd, len(self._grown.states), metadata))
        self._grown.states.append(_provisional(tree.index, path, metadata))
        return self._grown

    def _finish(self) -> None:
        """The innermost open directory gets its metadata, after which nothing is made in it."""
        opened, grown, tree = self._open.pop(), self._grown, self._tree
        assert grown is not None
        assert tree is not None
        try:
            status, digest = self._settle(opened.fd, opened.path, opened.metadata)
        except OSError:
            self._give_up(tree, grown)
            return
        finally:
            os.close(opened.fd)
        grown.wanted[opened.path] = (status.st_ino, opened.metadata)
        # The rename into place moves the change time of the directory that is renamed.
        changed = status.st_ctime_ns if self._open else 0
        grown.states[opened.row] = state_row(grown.root, opened.path, status, changed, digest)
        if not self._open:
            grown.inode = status.st_ino
            self.whole.add(id(grown))

    def _give_up(self, tree: ReplicaTree, grown: Grown) -> None:
        """A disk that fails shows itself where the records are carried out one by one."""
        while self._open:
            os.close(self._open.pop().fd)
        with contextlib.suppress(OSError):
            remove_tree(tree.side, grown.side)

    def _file(self, record: ReplaceFile, opened: _Open) -> None:
        metadata, path = record.metadata, record.path
        name = path[len(opened.path) + 1 :]
        fd = os.open(name, _CREATE, metadata.permissions & 0o777, dir_fd=opened.fd)
        try:
            self._fill(fd, record)
            status, digest = self._settle(fd, path, metadata)
        except OSError:
            self._unmake(name, opened)
            raise
        finally:
            os.close(fd)
        self._made(path, metadata, status, digest)

    def _fill(self, fd: int, record: ReplaceFile) -> None:
        data, extents = record.data, record.extents
        assert data is not None
        end = 0
        if extents:
            last = extents[-1]
            end = last.offset + last.length
            if len(extents) > 1 or extents[0].offset or os.write(fd, data) != len(data):
                write_extents(fd, extents, data, -1)
        if end != record.metadata.size_bytes:
            os.ftruncate(fd, record.metadata.size_bytes)

    def _settle(self, fd: int, path: bytes, metadata: Metadata) -> tuple[os.stat_result, bytes]:
        """Give what is new its metadata; its status and the digest of its attributes then."""
        if metadata.xattrs:
            current = metadata_of(os.fstat(fd), (), b"")
            self._note(path, apply_metadata_fd(fd, metadata, current))
            return os.fstat(fd), xattr_digest(read_xattrs(fd))
        os.utime(fd, ns=(metadata.modified_ns, metadata.modified_ns))
        status = os.fstat(fd)
        if (status.st_uid, status.st_gid) != (metadata.uid, metadata.gid):
            try:
                os.fchown(fd, metadata.uid, metadata.gid)
            except OSError as error:
                if error.errno not in NO_OWNER:
                    raise
                self._note(path, [_not_permitted("owner", error)])
            status = os.fstat(fd)
        if stat.S_IMODE(status.st_mode) != metadata.permissions:
            os.fchmod(fd, metadata.permissions)
            status = os.fstat(fd)
        return status, b""

    def _link(self, path: bytes, metadata: Metadata, opened: _Open) -> None:
        name = path[len(opened.path) + 1 :]
        os.symlink(metadata.link_target, name, dir_fd=opened.fd)
        try:
            status = os.stat(name, dir_fd=opened.fd, follow_symlinks=False)
            current = metadata_of(status, (), metadata.link_target)
            self._note(path, apply_metadata(name, metadata, opened.fd, current))
            status = os.stat(name, dir_fd=opened.fd, follow_symlinks=False)
            digest = b""
            if metadata.xattrs:
                digest = xattr_digest(read_xattrs(b"/proc/self/fd/%d/%s" % (opened.fd, name)))
        except OSError:
            self._unmake(name, opened)
            raise
        self._made(path, metadata, status, digest)

    def _unmake(self, name: bytes, opened: _Open, *, directory: bool = False) -> None:
        """Nothing is to stay of what could not be made; else all of it goes."""
        grown, tree = self._grown, self._tree
        assert grown is not None
        assert tree is not None
        try:
            (os.rmdir if directory else os.unlink)(name, dir_fd=opened.fd)
        except OSError:
            self._give_up(tree, grown)

    def _made(self, path: bytes, metadata: Metadata, status: os.stat_result, digest: bytes) -> None:
        grown = self._grown
        assert grown is not None
        grown.wanted[path] = (status.st_ino, metadata)
        grown.states.append(state_row(grown.root, path, status, status.st_ctime_ns, digest))
        grown.size_bytes += metadata.size_bytes

    def _note(self, path: bytes, problems: list[Problem]) -> None:
        assert self._grown is not None
        self._grown.problems += [Problem(one.code, path, one.params) for one in problems]


def _provisional(root: int, path: bytes, metadata: Metadata) -> StateRow:
    """The state of a directory that is not finished: its inode is not known, nor when it was changed."""
    return (
        root, path.replace(b"/", b"\0"), 0, stat.S_IFDIR | metadata.permissions, metadata.uid, metadata.gid,
        0, metadata.modified_ns, 0, b"",
    )  # fmt: skip


def _are_untouched() -> bool:
    """Whether the functions that C stands for are the system's: else whoever replaced them is to see each."""
    return tuple(getattr(os, name) for name in _REPLACED) == _ORIGINALS


def _not_permitted(what: str, error: OSError) -> Problem:
    return Problem("WR00311", params={"what": what, "cause": os.strerror(error.errno or 0)})
