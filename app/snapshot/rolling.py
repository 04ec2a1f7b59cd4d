"""Putting a snapshot of changed paths over an older whole one, which becomes that of the newer state.

Hard links and reflinks have no directories that two trees could share. So a kept snapshot is made of the
changed paths alone, beside the list of them, and stands on the one before. When that one is given up, what
changed since is moved into its tree: both cost as much as there are changes, however large the tree is.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass

import msgpack

from app.model.errors import ArcxoError
from app.model.paths import check_relative, shown
from app.snapshot import tree
from app.snapshot.api import Snapshot
from app.snapshot.reflink import dress

CHANGES = b"changes"
LAYERS = b"layers"
_MAGIC = "arcxo-changes"


@dataclass(frozen=True, slots=True)
class Changed:
    """A path that the snapshot holds anew. `deep`: with all beneath it; not `there`: it is gone."""

    path: bytes
    deep: bool
    there: bool


def write_changes(snapshot: Snapshot, listed: Sequence[tuple[bytes, bool]]) -> None:
    """Keep what a snapshot of changed paths was made of: (path, whether with all beneath). Durable."""
    rows = [
        [path, deep, os.path.lexists(_at(snapshot.path, path))]
        for path, deep in sorted(listed, key=lambda one: one[0].replace(b"/", b"\0"))
    ]
    data = msgpack.packb([_MAGIC, 1, rows])
    descriptor = os.open(
        os.path.join(snapshot.container, CHANGES), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600
    )
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(descriptor, view) :]
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_changes(snapshot: Snapshot) -> list[Changed]:
    """What `write_changes` wrote. Raises ArcxoError E4194 when it is gone or damaged."""
    return _read(snapshot.container)


def roll_forward(older: Snapshot, newer: Snapshot) -> Snapshot:
    """Make the tree of `older` (whole) that of `newer` (the changed paths); `newer` is spent after.

    May be repeated, also after a crash in it. Returns the whole snapshot under the newer one's id. Its
    metadata are those of `older.manifest` with the manifests in `layers`, in their order, put over it.

    Raises:
        ArcxoError: E4194 when the list of changes cannot be read, E4192 when something cannot be removed.
        OSError: Anything else the file system says.
    """
    layers = os.path.join(older.container, LAYERS)
    with contextlib.suppress(FileExistsError):
        os.mkdir(layers, 0o700)
    listed = os.path.join(newer.container, CHANGES)
    if os.path.lexists(listed):
        for one in _read(newer.container):
            _roll(_at(newer.path, one.path), _at(older.path, one.path), one)
        _dress_directories(newer, older)
        number = b"%06d" % _layers(layers, newer.id)
        name = os.path.join(layers, number + b"-" + newer.id.encode())
        if newer.manifest is not None:
            with contextlib.suppress(FileNotFoundError):
                os.rename(newer.manifest, name + b".manifest")
        # Last: without the list there is nothing left to do.
        os.rename(listed, name + b".changes")
    return Snapshot(
        newer.id, older.provider, older.root, older.path, older.container, older.manifest, partial=False
    )


def _at(directory: bytes, path: bytes) -> bytes:
    return os.path.join(directory, path) if path else directory


def _layers(directory: bytes, newer_id: str) -> int:
    """The number of the next layer; that of this one when it was begun."""
    names = os.listdir(directory)
    for name in names:
        if name.endswith(b"-" + newer_id.encode() + b".manifest"):
            return int(name[:6])
    return max((int(name[:6]) for name in names if name[:6].isdigit()), default=0) + 1


def _roll(source: bytes, target: bytes, one: Changed) -> None:
    if not one.there:
        _clear(target)
        return
    try:
        mode = os.lstat(source).st_mode
    except (FileNotFoundError, NotADirectoryError):
        return  # it was moved before a crash
    if stat.S_ISDIR(mode) and not one.deep:
        try:
            if stat.S_ISDIR(os.lstat(target).st_mode):
                return
        except FileNotFoundError:
            pass
        _clear(target)
        os.mkdir(target, 0o700)
        return
    _clear(target)
    os.rename(source, target)


def _clear(path: bytes) -> None:
    try:
        directory = stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    if directory:
        tree.remove_tree(path)
    else:
        os.unlink(path)


def _dress_directories(newer: Snapshot, older: Snapshot) -> None:
    """Where directories have their own metadata: those above what was moved have changed by it."""
    if newer.manifest is not None:
        return
    directories = [path for path, status in tree.entries(newer.path, None) if stat.S_ISDIR(status.st_mode)]
    for path in reversed(directories):
        metadata, _ = tree.describe(_at(newer.path, path))
        target = _at(older.path, path)
        if os.path.isdir(target):
            dress(target, metadata)


def _read(container: bytes) -> list[Changed]:
    return changes_in(os.path.join(container, CHANGES))


def changes_in(name: bytes) -> list[Changed]:
    """What `write_changes` wrote into a file. Raises ArcxoError E4194 when it is gone or damaged."""
    try:
        with open(name, "rb") as file:
            magic, version, rows = msgpack.unpackb(file.read(), strict_map_key=False)
        found = [Changed(check_relative(path), bool(deep), bool(there)) for path, deep, there in rows]
    except (OSError, ValueError, TypeError, ArcxoError, msgpack.UnpackException) as error:
        raise ArcxoError("E4194", path=shown(name), cause=str(error)) from error
    if (magic, version) != (_MAGIC, 1):
        raise ArcxoError("E4194", path=shown(name), cause="it is another file")
    return found
