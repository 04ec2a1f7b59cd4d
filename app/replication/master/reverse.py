"""What must change on the master for its roots to be as the replica has them: two listings, merged."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from app.model.entry import EntryKind, kept_ns, kind_of_mode, order_key
from app.model.errors import ArcxoError
from app.model.paths import is_beneath
from app.model.rewind import RewindAction
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.sync_frames import ListedEntry

Ours = tuple[bytes, os.stat_result]


@dataclass(frozen=True, slots=True)
class ReverseStep:
    """One path to change. `entry` is what the replica has (None: nothing, so it is removed here).

    `link_to`: the path is to be another name of the file there. `along` entries go with a directory above
    that gives way to another thing. `parent` says what the directory's times are to be afterwards.
    """

    path: bytes
    action: RewindAction
    entry: ListedEntry | None
    size_bytes: int = 0
    link_to: bytes | None = None
    along: bool = False
    directory: bool = False
    parent: tuple[bytes, int] = (b"", 0)


@dataclass(frozen=True, slots=True)
class SameFile:
    """A file that has the same size and time here (`status`) and there; see `ReverseStep` for `parent`."""

    path: bytes
    status: os.stat_result
    entry: ListedEntry
    parent: tuple[bytes, int]


def reverse_steps(
    root: bytes,
    ours: Iterator[Ours],
    theirs: Iterator[ListedEntry],
    chosen: frozenset[bytes] | None,
    on_same: Callable[[SameFile], object] = lambda _: None,
) -> Iterator[ReverseStep]:
    """What differs, in order. `chosen`: only these paths and what is beneath them (None: everything).

    `ours` and `theirs` hold what takes part, in the order of `order_key`. Contents of equal size and time
    are taken to be equal here, and `on_same` is told of them. Blocks on the disk; raises ArcxoError ER00301
    for a listing not in order.
    """
    groups = _Groups()
    above: list[tuple[bytes, int]] = []
    gone = b""
    for path, status, entry in _merged(ours, theirs):
        while above and not is_beneath(path, above[-1][0]):
            above.pop()
        parent = above[-1] if above else (b"", 0)
        wanted = chosen is None or any(is_beneath(path, one) for one in chosen)
        if not wanted:
            way = chosen is not None and any(is_beneath(one, path) for one in chosen)
            missing = status is None and entry is not None and entry.kind is EntryKind.DIRECTORY
            if not (way and missing):
                if status is not None and stat.S_ISDIR(status.st_mode):
                    above.append((path, kept_ns(status.st_mtime_ns)))
                continue
        if entry is not None and entry.kind is EntryKind.DIRECTORY:
            above.append((path, entry.modified_ns))
        elif entry is None and status is not None and stat.S_ISDIR(status.st_mode):
            above.append((path, kept_ns(status.st_mtime_ns)))
        if entry is None:
            if status is not None:
                along = bool(gone) and path.startswith(gone)
                yield ReverseStep(
                    path,
                    RewindAction.DELETE,
                    None,
                    _size(status),
                    along=along,
                    directory=stat.S_ISDIR(status.st_mode),
                    parent=parent,
                )
            continue
        if status is not None and stat.S_ISDIR(status.st_mode) and entry.kind is not EntryKind.DIRECTORY:
            gone = path + b"/"
        action, link_to = _difference(root, path, status, entry, groups)
        if status is not None and entry.kind is EntryKind.FILE and action in (None, RewindAction.METADATA):
            on_same(SameFile(path, status, entry, parent))
        if action is not None:
            yield ReverseStep(path, action, entry, entry.size_bytes, link_to, parent=parent)


def _merged(
    ours: Iterator[Ours], theirs: Iterator[ListedEntry]
) -> Iterator[tuple[bytes, os.stat_result | None, ListedEntry | None]]:
    mine, other = next(ours, None), next(theirs, None)
    last: bytes | None = None
    while mine is not None or other is not None:
        key = order_key(other.path) if other is not None else b""
        if other is not None and last is not None and key <= last:
            # Merged, it would show entries as missing, and what is missing there is removed here.
            raise ArcxoError("ER00301", cause="a listing that is not in order")
        if other is None or (mine is not None and order_key(mine[0]) < key):
            assert mine is not None
            yield mine[0], mine[1], None
            mine = next(ours, None)
            continue
        last = key
        if mine is not None and mine[0] == other.path:
            yield other.path, mine[1], other
            mine = next(ours, None)
        else:
            yield other.path, None, other
        other = next(theirs, None)


class _Groups:
    """Which names share a file there, and which share one here."""

    def __init__(self) -> None:
        self._leaders: dict[tuple[int, int], tuple[bytes, int]] = {}
        self._owners: dict[int, tuple[int, int]] = {}

    def leader(self, entry: ListedEntry, inode: int) -> tuple[bytes, int] | None:
        """(first name, its inode here or 0) of the file there that this is another name of."""
        if entry.links < 2:
            return None
        found = self._leaders.get((entry.device, entry.inode))
        if found is None:
            self._leaders[entry.device, entry.inode] = entry.path, inode
        return found

    def shared_wrongly(self, entry: ListedEntry, status: os.stat_result) -> bool:
        """Whether this name shares a file here with one that is another file there."""
        if status.st_nlink < 2:
            return False
        theirs = (entry.device, entry.inode)
        return self._owners.setdefault(status.st_ino, theirs) != theirs


def _difference(
    root: bytes, path: bytes, status: os.stat_result | None, entry: ListedEntry, groups: _Groups
) -> tuple[RewindAction | None, bytes | None]:
    is_file = entry.kind is EntryKind.FILE
    same = status is not None and kind_of_mode(status.st_mode) is entry.kind
    if status is not None and same and is_file:
        same = (status.st_size, kept_ns(status.st_mtime_ns)) == (entry.size_bytes, entry.modified_ns)
        same = same and not groups.shared_wrongly(entry, status)
    leader = groups.leader(entry, status.st_ino if status is not None and same else 0) if is_file else None
    if status is None:
        return RewindAction.CREATE, leader[0] if leader else None
    if leader is not None and (not same or leader[1] != status.st_ino):
        return RewindAction.OVERWRITE, leader[0]
    if not same:
        return RewindAction.OVERWRITE, None
    whole = root + b"/" + path if path else root
    if entry.kind is EntryKind.SYMLINK and os.readlink(whole) != entry.link_target:
        return RewindAction.OVERWRITE, None
    if entry.kind in (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE) and status.st_rdev != entry.rdev:
        return RewindAction.OVERWRITE, None
    if (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid, kept_ns(status.st_mtime_ns)) != (
        entry.permissions,
        entry.uid,
        entry.gid,
        entry.modified_ns,
    ) or xattr_digest(read_xattrs(whole)) != entry.xattrs:
        return RewindAction.METADATA, None
    return None, None


def _size(status: os.stat_result) -> int:
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
