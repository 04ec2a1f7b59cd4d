"""Large files, as a synchronisation sends them: staged in parts, or only the blocks that differ.

What is staged under a path's number outlives the stream. When the same file is sent again after an
interruption, parts that the replica still has, by their hashes, are not sent again.
"""

from __future__ import annotations

import os
import stat
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import accumulate

from blake3 import blake3

from app.model.entry import Metadata
from app.replication.codec import encode
from app.replication.content import HASH_BYTES, data_extents, hash_blocks, open_file, read_exact
from app.replication.master.compare import ComparedRoot
from app.replication.master.contents import RANGE_BYTES, HashSource, Scan, at_most, joined_runs
from app.replication.master.observe import same_inode, same_state, same_status
from app.replication.master.recordable import read_xattrs
from app.replication.master.sends import Became, Doubt, Report, Send, Sent
from app.replication.metadata import metadata_of
from app.replication.records import (
    BLOCK_BYTES,
    INLINE_MAX_BYTES,
    SYNC_STAGE_FIRST,
    Extent,
    Remove,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.sync_frames import NO_FILE, HashItem

RESUME_MIN_BYTES = 8 * 1024 * 1024
"""For less it is not worth asking what is staged already."""

_EXTENTS_MOST = 20_000
_AHEAD = 3


@dataclass(frozen=True, slots=True)
class SyncMode:
    """How a synchronisation treats contents: `blocks` of a file that is there, or the whole of it; from
    `whole_percent` different blocks on the whole file, too.
    """

    blocks: bool = False
    whole_percent: int = 70


def stage_of(root: int, path: bytes) -> int:
    """The number that the content of `path` is staged under; above all numbers of the spool's stages."""
    digest = blake3(b"%d/%b" % (root, path)).digest(8)
    return SYNC_STAGE_FIRST | (int.from_bytes(digest, "big") & (SYNC_STAGE_FIRST - 1))


class Stream:
    """The bytes of a file's extents, one after another."""

    def __init__(self, fd: int, extents: Sequence[Extent]) -> None:
        self._fd = fd
        self._extents = extents
        self._starts = [0, *accumulate(extent.length for extent in extents)]
        self.size = self._starts.pop()

    def read(self, offset: int, length: int) -> bytes:
        """`length` bytes from `offset`, all within the stream. Raises OSError."""
        parts = []
        at = bisect_right(self._starts, offset) - 1
        while length:
            extent = self._extents[at]
            within = offset - self._starts[at]
            size = min(length, extent.length - within)
            parts.append(read_exact(self._fd, extent.offset + within, size))
            offset, length, at = offset + size, length - size, at + 1
        return parts[0] if len(parts) == 1 else b"".join(parts)

    def hashes(self, offset: int, length: int) -> bytes:
        """The hashes of the blocks of a range that begins at a block."""
        return b"".join(
            hash_blocks(self.read(at, min(INLINE_MAX_BYTES, offset + length - at)))
            for at in range(offset, offset + length, INLINE_MAX_BYTES)
        )


class LargeFiles:
    """Those of one root. `pool` hashes; all else happens in the caller's thread, which waits on disks."""

    def __init__(
        self,
        root: ComparedRoot,
        source: HashSource,
        mode: SyncMode,
        pool: ThreadPoolExecutor,
        report: Report,
        doubt: Doubt,
    ) -> None:
        self._root = root
        self._source = source
        self._mode = mode
        self._pool = pool
        self._report = report
        self._doubt = doubt

    def send(self, send: Send) -> Iterator[Sent]:
        """Records of one file, in parts, read as they are taken."""
        try:
            fd = open_file(self._root.whole(send.path))
        except FileNotFoundError:
            self._doubt(self._root.number, send, False)
            return
        except OSError as error:
            self._report(self._root.number, send, error)
            return
        try:
            before = os.fstat(fd)
            check(self._root, send, before, self._doubt)
            if stat.S_ISREG(before.st_mode):
                yield from self._compared(send, fd, before) if send.compare else self._whole(send, fd, before)
                if not same_status(before, os.fstat(fd)):
                    check(self._root, send, os.fstat(fd), self._doubt)
        except OSError as error:
            self._report(self._root.number, send, error)
        finally:
            os.close(fd)

    def _compared(self, send: Send, fd: int, status: os.stat_result) -> Iterator[Sent]:
        size = status.st_size
        scan = Scan(self._source, self._root.number, send.path, fd, size, self._pool)
        runs: list[Extent] = []
        for part in scan:
            runs += part.different
            yield Sent(send.path, (), 0, part.length, part.offset + part.length, size)
        different = sum(run.length for run in runs)
        metadata = metadata_of(status, read_xattrs(fd), b"")
        if not different and scan.size_there == size:
            if send.metadata:
                record = SetMetadata(self._root.number, send.path, metadata)
                yield Sent(send.path, (encode(record),), 0, became=Became.METADATA)
            return
        whole = different * 100 >= self._mode.whole_percent * size
        if not self._mode.blocks or whole or scan.size_there == NO_FILE:
            yield from self._whole(send, fd, status, passed=True)
        else:
            yield from self._blocks(send, fd, metadata, at_most(joined_runs(runs), _EXTENTS_MOST))

    def _blocks(self, send: Send, fd: int, metadata: Metadata, runs: list[Extent]) -> Iterator[Sent]:
        stream = Stream(fd, runs)
        root, path, extents = self._root.number, send.path, tuple(runs)
        if stream.size <= INLINE_MAX_BYTES:
            data = stream.read(0, stream.size)
            record = WriteBlocks(root, path, metadata, extents, data)
            yield Sent(path, (encode(record),), len(data), became=Became.CONTENT)
            return
        stage = stage_of(root, path)
        yield from self._staged(path, stage, stream, passed=True)
        record = WriteBlocks(root, path, metadata, extents, None, stage)
        yield Sent(path, (encode(record),), 0, became=Became.CONTENT)

    def _whole(self, send: Send, fd: int, status: os.stat_result, *, passed: bool = False) -> Iterator[Sent]:
        root, path, size = self._root.number, send.path, status.st_size
        metadata = metadata_of(status, read_xattrs(fd), b"")
        extents = data_extents(fd, status)
        stream = Stream(fd, extents)
        first = (encode(Remove(root, path)),) if send.remove else ()
        left = 0 if passed else size - stream.size
        if not stream.size:
            record = ReplaceFile(root, path, metadata, (), b"")
        else:
            stage = stage_of(root, path)
            yield from self._staged(path, stage, stream, passed=passed)
            record = ReplaceFile(root, path, metadata, extents, None, stage)
        yield Sent(path, (*first, encode(record)), 0, left, became=Became.CONTENT)

    def _staged(self, path: bytes, stage: int, stream: Stream, *, passed: bool) -> Iterator[Sent]:
        """Stage a content, but for what is there already. `passed`: its bytes count as passed already."""
        kept = self._kept(stage, stream) if stream.size >= RESUME_MIN_BYTES else iter(())
        for offset in range(0, stream.size, INLINE_MAX_BYTES):
            length = min(INLINE_MAX_BYTES, stream.size - offset)
            moved = 0 if passed else length
            if next(kept, False):
                yield Sent(path, (), 0, moved, offset + length, stream.size)
                continue
            if not offset:
                # Written from its beginning on, a staged content begins anew.
                kept = iter(())
            data = stream.read(offset, length)
            record = encode(StageContent(stage, offset, data))
            yield Sent(path, (record,), length, moved, offset + length, stream.size)

    def _kept(self, stage: int, stream: Stream) -> Iterator[bool]:
        """Per part of the inline size, whether the replica has it staged; hashed ahead on both sides."""
        first = self._ask(stage, 0)
        there = self._source.take_hashes(first).parts[0]
        if there.size_bytes <= 0 or there.size_bytes > stream.size:
            return
        whole_parts = there.size_bytes // INLINE_MAX_BYTES * INLINE_MAX_BYTES
        waiting: deque[tuple[int, Future[bytes]]] = deque()
        ahead = iter(range(0, whole_parts, RANGE_BYTES))
        try:
            while True:
                while len(waiting) < _AHEAD and (offset := next(ahead, None)) is not None:
                    length = min(RANGE_BYTES, whole_parts - offset)
                    ours = self._pool.submit(stream.hashes, offset, length)
                    waiting.append((self._ask(stage, offset) if offset else 0, ours))
                if not waiting:
                    return
                number, future = waiting.popleft()
                theirs = self._source.take_hashes(number).parts[0] if number else there
                yield from _same_parts(future.result(), theirs.hashes)
        finally:
            for number, future in waiting:
                future.cancel()
                self._source.forget_hashes(number)

    def _ask(self, stage: int, offset: int) -> int:
        return self._source.ask_hashes(self._root.number, [HashItem(b"", offset, RANGE_BYTES)], stage)


def check(root: ComparedRoot, send: Send, status: os.stat_result, doubt: Doubt) -> None:
    """Tell of a doubt when what was opened is not what is recorded."""
    row = send.row
    if row is None or not same_inode(row, status, root.device):
        doubt(root.number, send, False)
    elif row.hashes is not None and not same_state(row, status, root.device):
        # What changed it is recorded later, but only where it differs from what was recorded before.
        doubt(root.number, send, True)


def _same_parts(ours: bytes, theirs: bytes) -> list[bool]:
    step = INLINE_MAX_BYTES // BLOCK_BYTES * HASH_BYTES
    return [ours[at : at + step] == theirs[at : at + step] for at in range(0, len(ours), step)]
