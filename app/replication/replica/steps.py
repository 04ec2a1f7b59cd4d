"""The five reversible steps that every change of a replica root is made of, done and undone.

Whatever is created is prepared in the side store first and then moved into place; whatever goes is moved
aside. So the state of roots and aside files together is a function of the position in the undo log, and a
step names the inodes it is about: undoing it twice, or where it never happened, does nothing.

| step | fields after the kind |
|---|---|
| MOVE | root, area and path from, area and path to, inode, 1 for a directory |
| REPLACE | root, path, area and path the new comes from, new inode, side path the old is kept at, old inode |
| METADATA | root, path, inode, packed old metadata |
| BLOCKS | root, path, inode, old size, [[offset, old bytes], …] |
| TIMES | root, path, inode, mtime: of a directory whose names change in this batch |
| NAMES | root, path, [relative path, …]: what the directory that the MOVE before it moved had in it |

NAMES is for listings only: nothing is done for it, nor undone.
"""

from __future__ import annotations

import contextlib
import os
import stat
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from app.model.entry import Metadata
from app.model.errors import Problem
from app.replication.codec import unpack_metadata
from app.replication.metadata import apply_metadata
from app.replication.records import Extent
from app.replication.replica.holes import punch
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import NEW, SideStore
from app.replication.replica.trouble import PathTrouble

MOVE, REPLACE, METADATA, BLOCKS, TIMES, NAMES = range(1, 7)
TREE, SIDE = 0, 1

Step = tuple[Any, ...]


class Operation(IntEnum):
    """What an entry of the undo log was, for listings of rewind points."""

    CONTENT = 1
    BLOCKS = 2
    ENTRY = 3
    LINK = 4
    REMOVE = 5
    RENAME = 6
    METADATA = 7
    REWIND = 8
    RESTORE = 9
    TREE = 10
    """A new directory with all that is in it."""
    REPAIR = 11
    """Puts back what others had changed; no rewind takes it back."""
    OVERWRITE = 12
    """Puts something newer over what others had changed: what the master had before is not known."""


@dataclass(slots=True)
class ReplicaTree:
    """One root on the replica and its side store. `precise`: its times are known to keep fractions."""

    index: int
    tree: Rooted
    side: Rooted
    store: SideStore
    precise: bool = False

    def area(self, area: int) -> Rooted:
        """The tree or the side store by the number a step has."""
        return self.tree if area == TREE else self.side

    def forget(self) -> None:
        """Drop kept descriptors; see `Rooted.forget`."""
        self.tree.forget()
        self.side.forget()


@dataclass(frozen=True, slots=True)
class NewBlocks:
    """What a BLOCKS step is to write: `data` holds the extents' bytes, one after another.

    `file_fd` was opened while planning, so that neither a permission nor a new name can stop it later.
    """

    extents: tuple[Extent, ...]
    data: bytes | None
    stage_fd: int
    metadata: Metadata
    old: Metadata
    file_fd: int
    holes: tuple[Extent, ...] = ()


def inode_at(place: Rooted, path: bytes) -> int:
    """The inode at `path`, 0 where there is none."""
    status = place.status_or_none(path)
    return 0 if status is None else status.st_ino


def do_move(tree: ReplicaTree, step: Step) -> None:
    """Carry out a MOVE; what is at the destination must be nothing. Raises OSError, PathTrouble."""
    _, _, from_area, from_path, to_area, to_path, _, is_directory = step
    rename(tree, from_area, from_path, to_area, to_path)
    # A new directory leads to nothing that was known beneath it.
    if is_directory and not (from_area == SIDE and from_path.startswith(NEW + b"/")):
        tree.forget()


def rename(tree: ReplicaTree, from_area: int, from_path: bytes, to_area: int, to_path: bytes) -> None:
    """One rename between two places of a root and its side store."""
    from_fd, from_name = tree.area(from_area).place(from_path)
    to_fd, to_name = tree.area(to_area).place(to_path)
    os.rename(from_name, to_name, src_dir_fd=from_fd, dst_dir_fd=to_fd)


def do_replace(tree: ReplicaTree, step: Step) -> None:
    """Carry out a REPLACE: the old keeps a name in the side store, the new takes its place at once."""
    _, _, path, from_area, from_path, _, aside, _ = step
    fd, name = tree.tree.place(path)
    aside_fd, aside_name = tree.side.place(aside)
    os.link(name, aside_name, src_dir_fd=fd, dst_dir_fd=aside_fd, follow_symlinks=False)
    from_fd, from_name = tree.area(from_area).place(from_path)
    os.rename(from_name, name, src_dir_fd=from_fd, dst_dir_fd=fd)


def do_metadata(tree: ReplicaTree, step: Step, wanted: Metadata, old: Metadata) -> list[Problem]:
    """Carry out a METADATA; what cannot be set comes back as problems."""
    fd, name = tree.tree.place(step[2])
    return apply_metadata(name, wanted, dir_fd=fd, current=old)


def do_blocks(tree: ReplicaTree, step: Step, new: NewBlocks) -> list[Problem]:
    """Carry out a BLOCKS, the new metadata included; `file_fd` stays open, to be made durable."""
    write_extents(new.file_fd, new.extents, new.data, new.stage_fd)
    punch(new.file_fd, new.holes)
    if os.fstat(new.file_fd).st_size != new.metadata.size_bytes:
        os.ftruncate(new.file_fd, new.metadata.size_bytes)
    fd, name = tree.tree.place(step[2])
    return apply_metadata(name, new.metadata, dir_fd=fd, current=new.old)


def write_extents(fd: int, extents: tuple[Extent, ...], data: bytes | None, stage_fd: int) -> None:
    """Write the extents' bytes, from `data` or from an open staged content."""
    position = 0
    view = None if data is None else memoryview(data)
    for extent in extents:
        if view is not None:
            write_at(fd, extent.offset, view[position : position + extent.length])
        else:
            copy_range(stage_fd, position, fd, extent.offset, extent.length)
        position += extent.length


def write_at(fd: int, offset: int, view: memoryview) -> None:
    """All of `view` at `offset`."""
    while view:
        written = os.pwrite(fd, view, offset)
        view = view[written:]
        offset += written


def copy_range(source: int, source_offset: int, fd: int, offset: int, length: int) -> None:
    """Copy bytes between files, sharing blocks where the file system can. Raises OSError when short."""
    while length > 0:
        try:
            copied = os.copy_file_range(source, fd, min(length, 1 << 30), source_offset, offset)
        except OSError:
            chunk = os.pread(source, min(length, 1 << 20), source_offset)
            write_at(fd, offset, memoryview(chunk))
            copied = len(chunk)
        if copied == 0:
            raise OSError(5, "staged content ends too early")
        source_offset += copied
        offset += copied
        length -= copied


def undo(tree: ReplicaTree, step: Step) -> None:
    """Take a step back if it happened. May be repeated, and killed anywhere. Raises OSError, PathTrouble."""
    kind = step[0]
    if kind == MOVE:
        _undo_move(tree, step)
    elif kind == REPLACE:
        _undo_replace(tree, step)
    elif kind == METADATA:
        _undo_metadata(tree, step)
    elif kind == BLOCKS:
        _undo_blocks(tree, step)
    elif kind == TIMES:
        _undo_times(tree, step)


def _undo_move(tree: ReplicaTree, step: Step) -> None:
    _, _, from_area, from_path, to_area, to_path, inode, is_directory = step
    if inode_at(tree.area(to_area), to_path) != inode or inode_at(tree.area(from_area), from_path):
        return
    _make_room(tree, from_area, from_path)
    rename(tree, to_area, to_path, from_area, from_path)
    if is_directory:
        tree.forget()


def _make_room(tree: ReplicaTree, area: int, path: bytes) -> None:
    """What was prepared in a directory of the side store may outlive it when the power fails.

    In the root others may have removed the directory, empty as it was. Raises PathTrouble where they put
    something else there.
    """
    above = path.rpartition(b"/")[0]
    if area == TREE and above and tree.tree.status_or_none(above) is None:
        _make_room(tree, area, above)
        fd, name = tree.tree.place(above)
        os.mkdir(name, 0o700, dir_fd=fd)
    if area == SIDE and path.count(b"/") > 1:
        fd, name = tree.side.place(path.rpartition(b"/")[0])
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=fd)


def _undo_replace(tree: ReplicaTree, step: Step) -> None:
    _, _, path, from_area, from_path, new_inode, aside, old_inode = step
    now = inode_at(tree.tree, path)
    if inode_at(tree.side, aside) != old_inode:
        return
    if now == old_inode:
        fd, name = tree.side.place(aside)
        os.unlink(name, dir_fd=fd)
    elif now == new_inode:
        fd, name = tree.tree.place(path)
        if not inode_at(tree.area(from_area), from_path):
            _make_room(tree, from_area, from_path)
            from_fd, from_name = tree.area(from_area).place(from_path)
            os.link(name, from_name, src_dir_fd=fd, dst_dir_fd=from_fd, follow_symlinks=False)
        aside_fd, aside_name = tree.side.place(aside)
        os.rename(aside_name, name, src_dir_fd=aside_fd, dst_dir_fd=fd)


def _undo_metadata(tree: ReplicaTree, step: Step) -> None:
    _, _, path, inode, packed = step
    if inode_at(tree.tree, path) != inode:
        return
    fd, name = tree.tree.place(path)
    apply_metadata(name, unpack_metadata(list(packed)), dir_fd=fd)


def _undo_blocks(tree: ReplicaTree, step: Step) -> None:
    _, _, path, inode, old_size, blocks = step
    if inode_at(tree.tree, path) != inode:
        return
    fd, name = tree.tree.place(path)
    file = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    try:
        if os.fstat(file).st_size != old_size:
            os.ftruncate(file, old_size)
        for offset, data in blocks:
            write_at(file, offset, memoryview(data))
        os.fsync(file)
    finally:
        os.close(file)


def _undo_times(tree: ReplicaTree, step: Step) -> None:
    _, _, path, inode, modified_ns = step
    if inode_at(tree.tree, path) == inode:
        set_time(tree, path, modified_ns)


def set_time(tree: ReplicaTree, path: bytes, modified_ns: int) -> None:
    """Put a directory's time back; a directory that is gone, or someone else's, is left alone."""
    with contextlib.suppress(PathTrouble, FileNotFoundError, PermissionError):
        fd, name = tree.tree.place(path)
        if stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
            os.utime(name, ns=(modified_ns, modified_ns), dir_fd=fd, follow_symlinks=False)
