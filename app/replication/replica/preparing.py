"""New contents and entries, made in the side store with all their metadata before they move into place."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Sequence

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.metadata import NO_OWNER, apply_metadata, apply_metadata_fd, metadata_of
from app.replication.records import Extent
from app.replication.replica.side_store import NEW
from app.replication.replica.steps import ReplicaTree, copy_range, write_extents

_FICLONE = 0x40049409
_CREATE = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DEVICE_TYPES = {
    EntryKind.FIFO: 0o010000,
    EntryKind.SOCKET: 0o140000,
    EntryKind.CHARACTER_DEVICE: 0o020000,
    EntryKind.BLOCK_DEVICE: 0o060000,
}


class Preparer:
    """Makes new entries under `new/` of the side stores. Problems with metadata are collected."""

    def __init__(self) -> None:
        self._number = 0
        self._own = (os.geteuid(), os.getegid())
        self.problems: list[tuple[int, Problem]] = []
        """Root and path of what could not be given all its metadata."""

    def name(self) -> bytes:
        """A side path nothing has yet."""
        self._number += 1
        return b"%s/%x" % (NEW, self._number)

    def file(
        self,
        tree: ReplicaTree,
        path: bytes,
        metadata: Metadata,
        extents: tuple[Extent, ...],
        data: bytes | None,
        stage_fd: int,
    ) -> tuple[bytes, int]:
        """A whole new file for `path`; returns its side path and inode. Raises OSError."""
        made = self.name()
        parent, name = tree.side.place(made)
        fd = os.open(name, _CREATE, 0o600, dir_fd=parent)
        try:
            if data is not None and len(extents) == 1 and extents[0].offset == 0:
                view = memoryview(data)
                while view:
                    view = view[os.write(fd, view) :]
            else:
                write_extents(fd, extents, data, stage_fd)
            end = extents[-1].offset + extents[-1].length if extents else 0
            if end != metadata.size_bytes:
                os.ftruncate(fd, metadata.size_bytes)
            self.finish(fd, tree.index, path, metadata)
            return made, os.fstat(fd).st_ino
        finally:
            os.close(fd)

    def copy(self, tree: ReplicaTree, source: int, keep_bytes: int) -> tuple[bytes, int]:
        """A new file with the first `keep_bytes` of `source`; returns its side path and open descriptor."""
        made = self.name()
        parent, name = tree.side.place(made)
        fd = os.open(name, _CREATE, 0o600, dir_fd=parent)
        try:
            try:
                fcntl.ioctl(fd, _FICLONE, source)
            except OSError:
                _copy_data(source, fd, keep_bytes)
            os.ftruncate(fd, keep_bytes)
        except BaseException:
            os.close(fd)
            raise
        return made, fd

    def finish(self, fd: int, root: int, path: bytes, metadata: Metadata) -> None:
        """Give a new open file its metadata."""
        if metadata.xattrs:
            current = metadata_of(os.fstat(fd), (), b"")
            self.note(root, path, apply_metadata_fd(fd, metadata, current))
            return
        if (metadata.uid, metadata.gid) != self._own:
            try:
                os.fchown(fd, metadata.uid, metadata.gid)
            except OSError as error:
                if error.errno not in NO_OWNER:
                    raise
                cause = os.strerror(error.errno or 0)
                self.note(root, path, [Problem("WR00311", params={"what": "owner", "cause": cause})])
        os.fchmod(fd, metadata.permissions)
        os.utime(fd, ns=(metadata.modified_ns, metadata.modified_ns))

    def entry(self, tree: ReplicaTree, path: bytes, metadata: Metadata) -> tuple[bytes, int]:
        """A new directory, link, fifo, socket or device. Raises OSError."""
        made = self.name()
        fd, name = tree.side.place(made)
        if metadata.kind is EntryKind.DIRECTORY:
            os.mkdir(name, 0o700, dir_fd=fd)
        elif metadata.kind is EntryKind.SYMLINK:
            os.symlink(metadata.link_target, name, dir_fd=fd)
        elif metadata.kind in _DEVICE_TYPES:
            os.mknod(name, _DEVICE_TYPES[metadata.kind] | 0o600, metadata.device, dir_fd=fd)
        else:
            os.close(os.open(name, _CREATE, 0o600, dir_fd=fd))
        self.note(tree.index, path, apply_metadata(name, metadata, dir_fd=fd))
        return made, os.stat(name, dir_fd=fd, follow_symlinks=False).st_ino

    def link(self, tree: ReplicaTree, area: int, existing: bytes) -> bytes:
        """Another name of what is at `existing`. Raises OSError."""
        made = self.name()
        from_fd, from_name = tree.area(area).place(existing)
        fd, name = tree.side.place(made)
        os.link(from_name, name, src_dir_fd=from_fd, dst_dir_fd=fd, follow_symlinks=False)
        return made

    def note(self, root: int, path: bytes, problems: Sequence[Problem]) -> None:
        """Keep problems of `path` for the report."""
        self.problems += [(root, Problem(problem.code, path, problem.params)) for problem in problems]


def _copy_data(source: int, fd: int, size: int) -> None:
    """Copy what is not a hole."""
    offset = 0
    while offset < size:
        try:
            start = os.lseek(source, offset, os.SEEK_DATA)
            end = min(size, os.lseek(source, start, os.SEEK_HOLE))
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return
        if start >= size:
            return
        copy_range(source, start, fd, start, end - start)
        offset = end
