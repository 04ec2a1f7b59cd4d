"""Writing blocks of a file: in place with an undo of what was there, or to a copy of it."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence

from app.replication.records import Extent, WriteBlocks
from app.replication.replica.batch import Batch
from app.replication.replica.holes import punch
from app.replication.replica.stages import Stages
from app.replication.replica.steps import SIDE, NewBlocks, write_extents
from app.replication.replica.trouble import PathTrouble

_UNDO_IN_PLACE_MAX = 32 * 1024 * 1024
_OPEN = os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


class BlockWriter:
    """Plans `WriteBlocks` into a batch. One thread."""

    def __init__(self, batch: Batch, stages: Stages) -> None:
        self._batch = batch
        self._stages = stages

    def write(self, record: WriteBlocks) -> None:
        """Plan writing in place, or to a copy where something else holds the content.

        Raises:
            PathTrouble: ER00404 the file is not there, or not what the blocks were made for.
            OSError: the disk fails.
        """
        batch, root, path = self._batch, record.root, record.path
        old = batch.status(root, path)
        if old is None or not stat.S_ISREG(old.st_mode):
            raise PathTrouble("ER00404", path)
        tree = batch.tree(root)
        names = [path] if old.st_nlink == 1 else batch.names(root, path, old.st_ino)
        # Another name of it may have been written in this round, which is carried out now.
        old = batch.status(root, path) or old
        if not batch.trusts(root, path, old):
            # Somebody else changed it: the blocks are those of another content.
            raise PathTrouble("ER00404", path)
        fd, name = tree.tree.place(path)
        try:
            file = os.open(name, _OPEN, dir_fd=fd)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EPERM, errno.ETXTBSY):
                raise PathTrouble("ER00404", path) from None
            raise
        batch.written_later(file)
        stage_fd = self._stages.open(record)
        size = record.metadata.size_bytes
        ranges = _undone_ranges((*record.extents, *record.holes), old.st_size, size)
        metadata, inode, links = batch.current(root, path)
        if links > len(names) or sum(length for _, length in ranges) > _UNDO_IN_PLACE_MAX:
            self._write_copy(record, names, file, stage_fd)
            return
        kept = [(offset, os.pread(file, length, offset)) for offset, length in ranges]
        batch.change_metadata(root, path, inode, metadata, record.metadata, log_only=True)
        new = NewBlocks(record.extents, record.data, stage_fd, record.metadata, metadata, file, record.holes)
        batch.change_blocks(root, path, inode, old.st_size, kept, new)

    def _write_copy(self, record: WriteBlocks, names: Sequence[bytes], file: int, stage_fd: int) -> None:
        """Copy before write: a snapshot, an aside file or too much undo holds the old content."""
        batch, root = self._batch, record.root
        tree = batch.tree(root)
        size = record.metadata.size_bytes
        made, copy = batch.preparer.copy(tree, file, min(size, os.fstat(file).st_size))
        try:
            write_extents(copy, record.extents, record.data, stage_fd)
            punch(copy, record.holes)
            os.ftruncate(copy, size)
            batch.preparer.finish(copy, root, record.path, record.metadata)
            inode = os.fstat(copy).st_ino
        finally:
            os.close(copy)
        sources = [made] + [batch.preparer.link(tree, SIDE, made) for _ in names[1:]]
        for name, source in zip(names, sources, strict=True):
            old = tree.tree.status(name)
            batch.place(root, name, old, (SIDE, source, inode))
            batch.placed_whole(root, name, inode, record.metadata)
        if len(names) > 1:
            for name in names:
                batch.store.links.add(root, name, inode)


def _undone_ranges(extents: Sequence[Extent], old_size: int, new_size: int) -> list[tuple[int, int]]:
    """What of the old content the extents and a shorter size destroy."""
    ranges = []
    for extent in extents:
        length = min(extent.length, old_size - extent.offset)
        if length > 0:
            ranges.append((extent.offset, length))
    if new_size < old_size:
        ranges = [(offset, min(length, new_size - offset)) for offset, length in ranges if offset < new_size]
        ranges.append((new_size, old_size - new_size))
    return ranges
