"""The content of files, as records: small ones whole, of large ones the blocks that changed."""

from __future__ import annotations

import os
import time

from app.model.entry import Metadata, kept_ns
from app.replication.content import (
    changed_blocks,
    data_extents,
    data_of,
    hash_blocks,
    is_hole,
    open_file,
    read_exact,
    windows,
)
from app.replication.master.following import Followers, Guard
from app.replication.master.names import Names
from app.replication.master.observe import entry_of, same_metadata, same_status
from app.replication.master.outlet import Outlet
from app.replication.master.proofs import Proofs
from app.replication.master.recordable import read_xattrs
from app.replication.master.roots import ComparedRoot
from app.replication.master.shadow import ShadowEntry
from app.replication.metadata import metadata_of
from app.replication.records import (
    BLOCK_BYTES,
    INLINE_MAX_BYTES,
    Extent,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)

BLOCKWISE_MIN_BYTES = 1024 * 1024
TORN_TRIES = 3


class Files:
    """For the recorder's thread; blocks on the disk."""

    def __init__(
        self, outlet: Outlet, followers: Followers, guard: Guard, names: Names, proofs: Proofs
    ) -> None:
        self._outlet = outlet
        self._followers = followers
        self._guard = guard
        self._names = names
        self._proofs = proofs

    def compare(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        status: os.stat_result,
        *,
        content: bool,
        force: bool,
    ) -> None:
        """Record what changed of a file that is there, `status` being a fresh look at it. Raises OSError."""
        if status.st_nlink > 1 and not force and self._names.link(root, path, row, status):
            return
        began = time.monotonic()
        whole = root.whole(path)
        # Same inode, size and time, and nobody told of writing: only the metadata can have changed.
        same = (
            row is not None
            and not force
            and row.inode == status.st_ino & ((1 << 63) - 1)
            and row.size == status.st_size
            and row.modified_ns == kept_ns(status.st_mtime_ns)
        )
        if same and not content and row is not None and row.changed_ns:
            xattrs = read_xattrs(whole)
            if not same_status(status, os.lstat(whole)):
                self._followers.again(root.number, path, content=True, tree=False, delay=0.0)
                return
            now = self._proofs.unread(root, row, entry_of(path, status, xattrs, b"", root.device, row.hashes))
            if not same_metadata(row, now):
                self._outlet.put(SetMetadata(root.number, path, metadata_of(status, xattrs, b"")))
                self._names.counted(root, row, now, 0)
            self._names.put(root, now)
            self._followers.fine(root.number, path, full=False)
            return
        fd = open_file(whole)
        try:
            for attempt in range(TORN_TRIES):
                looked_ns = time.time_ns()
                before = os.fstat(fd)
                if before.st_size > INLINE_MAX_BYTES:
                    done = self._large(root, path, row, fd, before, looked_ns, force=force)
                else:
                    last = attempt == TORN_TRIES - 1
                    done = self._small(root, path, row, fd, before, looked_ns, force=force, last=last)
                if done:
                    break
        finally:
            os.close(fd)
        self._followers.recorded(root.number, path, time.monotonic() - began)
        self._followers.fine(root.number, path, full=force)

    def _small(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        fd: int,
        before: os.stat_result,
        looked_ns: int,
        *,
        force: bool,
        last: bool,
    ) -> bool:
        size = before.st_size
        data = read_exact(fd, 0, size) if size else b""
        extents = data_extents(fd, before)
        xattrs = read_xattrs(fd)
        agrees = self._agrees(root, path, fd, before)
        if not agrees and not last:
            return False
        hashes = hash_blocks(data)
        now = entry_of(path, before, xattrs, b"", root.device, hashes)
        now = self._proofs.read_now(root, now, looked_ns, agrees=agrees)
        metadata = metadata_of(before, xattrs, b"")
        known = row is not None and not force and row.hashes == hashes and row.size == size
        if known and row is not None and (row.inode == now.inode or self._names.stands_alone(root, row)):
            if not same_metadata(row, now):
                self._outlet.put(SetMetadata(root.number, path, metadata))
                self._names.counted(root, row, now, 0)
            self._names.put(root, now)
            return True
        if extents and not (len(extents) == 1 and extents[0].length == size):
            sent = b"".join(data[e.offset : e.offset + e.length] for e in extents)
        else:
            sent = data if extents else b""
        if row is not None and not force:
            self._guard.rewriting(root.number, row, whole=_is_rewritten(row, now))
        if self._names.keeps_links(root, row, now) and not force:
            whole = (Extent(0, size),) if size else ()
            self._outlet.put(WriteBlocks(root.number, path, metadata, whole, data))
        else:
            self._outlet.put(ReplaceFile(root.number, path, metadata, extents, sent))
        self._names.counted(root, row, now, len(sent))
        self._names.put(root, now, again=force)
        return True

    def _large(
        self,
        root: ComparedRoot,
        path: bytes,
        row: ShadowEntry | None,
        fd: int,
        before: os.stat_result,
        looked_ns: int,
        *,
        force: bool,
    ) -> bool:
        """Content over the inline limit. One pass whatever happens meanwhile; a file that is being written
        is compared again afterwards.
        """
        known = None
        if row is not None and not force and row.hashes and row.size > BLOCKWISE_MIN_BYTES:
            same_inode = row.inode == before.st_ino & ((1 << 63) - 1)
            known = row.hashes if same_inode or row.links == 1 else None
        xattrs = read_xattrs(fd)
        metadata = metadata_of(before, xattrs, b"")
        if known is not None and row is not None:
            hashes, sent = self._blocks(root, path, fd, before, known, metadata, row)
        else:
            now = entry_of(path, before, xattrs, b"", root.device)
            in_place = self._names.keeps_links(root, row, now) and not force
            if row is not None and not force:
                self._guard.rewriting(root.number, row, whole=_is_rewritten(row, now))
            hashes, sent = self._whole(root, path, fd, before, metadata, in_place=in_place)
        try:
            agrees = self._agrees(root, path, fd, before)
        except OSError:
            # Its directory went while it was read. Its records are made: unless they are noted, nobody would
            # record that it is gone.
            agrees = False
            self._followers.again(root.number, path, content=True, tree=False, delay=0.0)
        now = entry_of(path, before, xattrs, b"", root.device, hashes)
        now = self._proofs.read_now(root, now, looked_ns, agrees=agrees)
        if sent or row is None or force or not same_metadata(row, now) or row.size != now.size:
            self._names.counted(root, row, now, sent)
        self._names.put(root, now, again=force)
        return True

    def _whole(
        self,
        root: ComparedRoot,
        path: bytes,
        fd: int,
        before: os.stat_result,
        metadata: Metadata,
        *,
        in_place: bool,
    ) -> tuple[bytes, int]:
        extents = (Extent(0, before.st_size),) if in_place else data_extents(fd, before)
        stage = self._outlet.new_stage()
        hashes = []
        sent = 0
        for window in windows(fd, before.st_size, extents):
            hashes.append(window.hashes)
            data = data_of(window, extents)
            if data:
                self._outlet.put(StageContent(stage, sent, data))
                sent += len(data)
        made = WriteBlocks if in_place else ReplaceFile
        if sent:
            self._outlet.put(made(root.number, path, metadata, extents, None, stage))
        else:
            self._outlet.put(made(root.number, path, metadata, (), b""))
        return b"".join(hashes), sent

    def _blocks(
        self,
        root: ComparedRoot,
        path: bytes,
        fd: int,
        before: os.stat_result,
        known: bytes,
        metadata: Metadata,
        row: ShadowEntry,
    ) -> tuple[bytes, int]:
        size = before.st_size
        extents = data_extents(fd, before)
        hashes = []
        holes: list[Extent] = []
        runs: list[Extent] = []
        kept: list[bytes] = []
        stage = 0
        sent = 0
        for window in windows(fd, size, extents):
            hashes.append(window.hashes)
            changed = changed_blocks(window, known)
            if not changed:
                continue
            data = window.data if window.data is not None else bytes(window.length)
            for offset in changed:
                block = data[offset - window.offset : offset - window.offset + BLOCK_BYTES]
                # What was written into a hole since it was asked for is no hole.
                if is_hole(extents, offset, len(block)) and not block.strip(b"\0"):
                    _add_run(holes, offset, len(block))
                    continue
                _add_run(runs, offset, len(block))
                kept.append(block)
            if stage or sum(map(len, kept)) > INLINE_MAX_BYTES:
                stage = stage or self._outlet.new_stage()
                sent = self._stage_parts(stage, sent, kept)
        total = sent + sum(map(len, kept))
        emptied = sum(hole.length for hole in holes)
        if not runs and not holes and size == row.size:
            if not same_metadata(row, entry_of(path, before, metadata.xattrs, b"", root.device)):
                self._outlet.put(SetMetadata(root.number, path, metadata))
            return b"".join(hashes), 0
        self._guard.rewriting(root.number, row, whole=2 * (total + emptied) > row.size)
        data_or_stage = None if stage else b"".join(kept)
        self._outlet.put(
            WriteBlocks(root.number, path, metadata, tuple(runs), data_or_stage, stage, tuple(holes))
        )
        return b"".join(hashes), total + emptied

    def _stage_parts(self, stage: int, offset: int, kept: list[bytes]) -> int:
        data = b"".join(kept)
        kept.clear()
        for start in range(0, len(data), INLINE_MAX_BYTES):
            part = data[start : start + INLINE_MAX_BYTES]
            self._outlet.put(StageContent(stage, offset + start, part))
        return offset + len(data)

    def _agrees(self, root: ComparedRoot, path: bytes, fd: int, before: os.stat_result) -> bool:
        """Whether the file is still what it was before reading, and still the one at the path."""
        if not same_status(before, os.fstat(fd)):
            return False
        return same_status(before, os.lstat(root.whole(path)))


def _is_rewritten(row: ShadowEntry, now: ShadowEntry) -> bool:
    """Whether anything tells that a file's content is another: where it was never read, size or time.

    One that was only opened, or is in the place of one it is a copy of, is sent and is no loss.
    """
    return row.hashes is not None or (row.size, row.modified_ns) != (now.size, now.modified_ns)


def _add_run(runs: list[Extent], offset: int, length: int) -> None:
    """Add a range to runs in order, to the last one where it goes on with it."""
    if runs and runs[-1].offset + runs[-1].length == offset:
        runs[-1] = runs[-1]._replace(length=runs[-1].length + length)
    else:
        runs.append(Extent(offset, length))
