"""What of a tree differs from a hard-link snapshot of it, by what every file's inode says of itself.

The link of a snapshot stamps the inode, and its manifest keeps the stamp. Whatever is done to a file later
gives it another one, so an inode with the very stamp, size and time is what the snapshot holds. Only names
and inodes are looked at, in the order of the manifest; nothing of a tree stays in memory but one directory.
"""

from __future__ import annotations

import itertools
import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from typing import Any

import msgpack

from app.model import manifest
from app.model.errors import ArcxoError
from app.snapshot import tree
from app.snapshot.api import Snapshot
from app.snapshot.rolling import CHANGES, LAYERS, Changed, changes_in

_READ_BYTES = 1 << 20
_MOST = 50_000
"""Beyond so many changes, or a fifth of everything, a snapshot of everything takes less."""
_MANY = 1000
PATH, KIND, SIZE, MODIFIED, INODE, STAMP, LINKED = 0, 1, 5, 6, 10, 11, 13
_FIELDS = 14
_FOLDER = "directory"
Row = tuple[Any, ...]
Key = tuple[bytes, ...]


class _Directory:
    """A directory of the snapshot: its own row, and those of what is in it besides directories."""

    __slots__ = ("files", "path", "row")

    def __init__(self, path: bytes, row: Row | None) -> None:
        self.path = path
        self.row = row
        self.files: dict[bytes, Row] = {}


def differences(root: bytes, older: Snapshot, newer: Sequence[Snapshot]) -> list[tuple[bytes, bool]] | None:
    """(path, whether with all beneath) that may differ from a whole snapshot with others put over it.

    `newer` are snapshots of changed paths, in the order of time. None when that is not known, or so much that
    it is of no use. Raises OSError when the tree cannot be read.
    """
    try:
        over = _Overlay(_layers_of(older) + [_layer(one) for one in newer])
        return _join(root, over.known(_rows(older.manifest)))
    except (ArcxoError, _UnknownError):
        return None


class _UnknownError(Exception):
    """Too much, or not in the order that it should be in."""


def _join(root: bytes, known: Iterator[_Directory]) -> list[tuple[bytes, bool]]:
    found: dict[bytes, bool] = {}
    names = _Names()
    entries = 0
    walk = _Walk(root)
    theirs = next(known, None)
    mine = walk.next()
    fresh = b"\0"
    while mine is not None or theirs is not None:
        order = -1 if theirs is None else 1 if mine is None else _compare(mine.path, theirs.path)
        if order < 0:
            assert mine is not None
            if not mine.path.startswith(fresh):
                found[mine.path] = True
                fresh = mine.path + b"/"
            for _, status in mine.files:
                names.add(status, listed=True)
            mine = walk.next()
        elif order > 0:
            assert theirs is not None
            found[theirs.path] = True
            gone = theirs.path + b"/"
            theirs = next(known, None)
            while theirs is not None and theirs.path.startswith(gone):
                theirs = next(known, None)
        else:
            assert mine is not None
            assert theirs is not None
            entries += 1 + len(mine.files)
            _look(mine, theirs, found, names)
            if len(found) > _MOST:
                raise _UnknownError
            mine, theirs = walk.next(), next(known, None)
    for path in names.others(root):
        found.setdefault(path, False)
    if len(found) > max(_MANY, entries // 5) or found.get(b""):
        raise _UnknownError
    return list(found.items())


def _look(mine: _Found, theirs: _Directory, found: dict[bytes, bool], names: _Names) -> None:
    row, status = theirs.row, mine.status
    if row is None or (row[INODE], row[MODIFIED], row[STAMP]) != (
        status.st_ino,
        status.st_mtime_ns,
        status.st_ctime_ns,
    ):
        found.setdefault(mine.path, False)
    prefix = mine.path + b"/" if mine.path else b""
    files = theirs.files
    for name, now in mine.files:
        was = files.pop(name, None)
        differs = (
            was is None
            or was[LINKED] != now.st_ctime_ns
            or was[INODE] != now.st_ino
            or was[MODIFIED] != now.st_mtime_ns
            or (was[SIZE] != now.st_size and stat.S_ISREG(now.st_mode))
        )
        if differs:
            found.setdefault(prefix + name, False)
        names.add(now, listed=differs)
    for name in files:
        found[prefix + name] = True


class _Names:
    """Which files have several names in the tree, in eight bytes for each that has another link anywhere.

    A list of changes has all names of a file or none: that they are one file is known by the names in it. The
    stamp of the first of them is not the last that its inode got, so one alone may seem to differ.
    """

    def __init__(self) -> None:
        self._all = array("Q")
        self._listed: set[int] = set()

    def add(self, status: os.stat_result, *, listed: bool) -> None:
        """A file of the tree; whether it is in the list."""
        if status.st_nlink > 1:
            self._all.append(status.st_ino)
            if listed:
                self._listed.add(status.st_ino)

    def others(self, root: bytes) -> Iterator[bytes]:
        """All names of listed files that have several."""
        several = {one for one, following in itertools.pairwise(sorted(self._all)) if one == following}
        wanted = several & self._listed
        pending = [b""] if wanted else []
        while pending:
            path = pending.pop()
            prefix = path + b"/" if path else b""
            with os.scandir(os.path.join(root, path) if path else root) as listing:
                for item in listing:
                    if item.name.startswith(tree.RESERVED_PREFIX):
                        continue
                    if item.is_dir(follow_symlinks=False):
                        pending.append(prefix + item.name)
                    elif item.inode() in wanted:
                        yield prefix + item.name


class _Found:
    """A directory of the tree as it is now."""

    __slots__ = ("files", "path", "status")

    def __init__(self, path: bytes, status: os.stat_result) -> None:
        self.path = path
        self.status = status
        self.files: list[tuple[bytes, os.stat_result]] = []


class _Walk:
    """The directories of a tree, a parent before what is in it, names in the order of their bytes."""

    def __init__(self, root: bytes) -> None:
        self._root = root
        self._pending = [b""]
        self._directories: list[bytes] = []

    def next(self) -> _Found | None:
        """The next one; None at the end."""
        self._pending += self._directories
        self._directories = []
        if not self._pending:
            return None
        path = self._pending.pop()
        source = os.path.join(self._root, path) if path else self._root
        found = _Found(path, os.lstat(source))
        prefix = path + b"/" if path else b""
        with os.scandir(source) as listing:
            for item in listing:
                if item.name.startswith(tree.RESERVED_PREFIX):
                    continue
                if item.is_dir(follow_symlinks=False):
                    self._directories.append(prefix + item.name)
                else:
                    found.files.append((item.name, item.stat(follow_symlinks=False)))
        self._directories.sort(reverse=True)
        return found


class _Layer:
    """A snapshot of changed paths: what it was made of, and what it says of it."""

    def __init__(self, changes: list[Changed], rows: Iterator[Row]) -> None:
        self.changes = changes
        self.rows = rows


def _layers_of(snapshot: Snapshot) -> list[_Layer]:
    """What was put over a whole snapshot since it was made."""
    directory = os.path.join(snapshot.container, LAYERS)
    try:
        names = sorted(os.listdir(directory))
    except FileNotFoundError:
        return []
    found = []
    for name in names:
        if name.endswith(b".changes"):
            listed = os.path.join(directory, name)
            found.append(_Layer(changes_in(listed), _rows(listed[: -len(b"changes")] + b"manifest")))
    return found


def _layer(snapshot: Snapshot) -> _Layer:
    return _Layer(changes_in(os.path.join(snapshot.container, CHANGES)), _rows(snapshot.manifest))


class _Overlay:
    """What snapshots of changed paths say together: rows by path, and where what was before is gone."""

    def __init__(self, layers: list[_Layer]) -> None:
        self._rows: dict[bytes, Row] = {}
        self._gone: set[bytes] = set()
        for layer in layers:
            for one in layer.changes:
                if one.there and not one.deep:
                    self._rows.pop(one.path, None)
                    continue
                self._gone.add(one.path)
                beneath = one.path + b"/"
                for path in [path for path in self._rows if path == one.path or path.startswith(beneath)]:
                    del self._rows[path]
                if len(self._gone) > _MANY:
                    raise _UnknownError  # each looks at all rows
            for row in layer.rows:
                self._rows[row[PATH]] = row
            if len(self._rows) > _MOST:
                raise _UnknownError

    def known(self, rows: Iterator[Row]) -> Iterator[_Directory]:
        """The directories of the whole state, in their order."""
        added = iter(sorted(self._directories(), key=lambda one: _key(one.path)))
        pending = next(added, None)
        for one in _grouped(row for row in rows if not self._replaces(row[PATH])):
            while pending is not None and _compare(pending.path, one.path) < 0:
                yield pending
                pending = next(added, None)
            if pending is not None and pending.path == one.path:
                one.row = pending.row or one.row
                one.files.update(pending.files)
                pending = next(added, None)
            yield one
        while pending is not None:
            yield pending
            pending = next(added, None)

    def _replaces(self, path: bytes) -> bool:
        if not self._gone:
            return False
        at = path
        while at:
            if at in self._gone:
                return True
            at = at.rpartition(b"/")[0]
        return False

    def _directories(self) -> list[_Directory]:
        found: dict[bytes, _Directory] = {}
        for path, row in self._rows.items():
            if row[KIND] == _FOLDER:
                found.setdefault(path, _Directory(path, row)).row = row
                continue
            folder, _, name = path.rpartition(b"/")
            found.setdefault(folder, _Directory(folder, None)).files[name] = row
        return list(found.values())


def _grouped(rows: Iterator[Row]) -> Iterator[_Directory]:
    """A manifest of everything by directories. What is not in its order is not known."""
    at: _Directory | None = None
    for row in rows:
        path = row[PATH]
        if row[KIND] == _FOLDER:
            if at is not None:
                if _compare(at.path, path) >= 0:
                    raise _UnknownError
                yield at
            at = _Directory(path, row)
            continue
        folder, _, name = path.rpartition(b"/")
        if at is None or folder != at.path:
            raise _UnknownError
        at.files[name] = row
    if at is not None:
        yield at


def _rows(name: bytes | None) -> Iterator[Row]:
    """The rows of a manifest. Raises ArcxoError E4190 for one that is not whole."""
    if name is None:
        raise _UnknownError
    count = 0
    try:
        with open(name, "rb") as file:
            items = iter(msgpack.Unpacker(file, raw=False, use_list=False, read_size=_READ_BYTES))
            if next(items) != manifest.MAGIC:
                raise _UnknownError
            for row in items:
                if len(row) == 2 and row == ("end", count):
                    return
                if len(row) != _FIELDS or type(row[PATH]) is not bytes:
                    raise _UnknownError
                count += 1
                yield row
    except (OSError, StopIteration, ValueError, TypeError, msgpack.UnpackException) as error:
        raise _UnknownError from error
    raise _UnknownError


def _key(path: bytes) -> Key:
    return tuple(path.split(b"/")) if path else ()


def _compare(one: bytes, other: bytes) -> int:
    """The order of directories: a parent before what is in it, then names in the order of their bytes."""
    if one == other:
        return 0
    return -1 if _key(one) < _key(other) else 1
