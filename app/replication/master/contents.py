"""Contents of files compared with those of the replica, by the hashes of their blocks; nothing is sent.

Synchronisation sends what differs; a difference report and an audit ask `compare_contents` for a verdict.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from app.replication.content import HASH_BYTES, ZERO_BLOCK, hash_range, open_file
from app.replication.master.compare import ComparedRoot
from app.replication.records import BLOCK_BYTES, Extent
from app.replication.sync_frames import NO_FILE, BlockHashes, HashedPart, HashItem

RANGE_BYTES = 32 * 1024 * 1024
"""How much of a large file one request is about."""

_AHEAD = 4


class HashSource(Protocol):
    """Where the replica's hashes come from: an `Exchange`. Both raise ArcxoError when the stream ends."""

    def ask_hashes(self, root: int, items: Sequence[HashItem], stage: int = 0) -> int:
        """Ask for hashes; the number by which `take_hashes` gives them."""

    def take_hashes(self, number: int) -> BlockHashes:
        """The answer to a request, waited for."""

    def forget_hashes(self, number: int) -> None:
        """Drop the answer to a request."""


@dataclass(frozen=True, slots=True)
class Scanned:
    """One range of a file: the runs of whole blocks (the last one as long as the file) that differ."""

    offset: int
    length: int
    different: tuple[Extent, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a file compares. `size_there` is `NO_FILE` where the replica has none that can be read."""

    size_bytes: int
    size_there: int
    different_bytes: int

    @property
    def same(self) -> bool:
        """Whether both have the same content."""
        return self.size_bytes == self.size_there and not self.different_bytes


def compare_contents(source: HashSource, root: ComparedRoot, path: bytes) -> Verdict:
    """Compare one file, all of it. Blocks on both disks.

    Raises:
        OSError: the master's file cannot be read.
        ArcxoError: the stream has ended, and why.
    """
    fd = open_file(root.whole(path))
    try:
        size = os.fstat(fd).st_size
        with ThreadPoolExecutor(2, thread_name_prefix="compare") as pool:
            scan = Scan(source, root.number, path, fd, size, pool)
            different = sum(extent.length for part in scan for extent in part.different)
        return Verdict(size, scan.size_there, different)
    finally:
        os.close(fd)


class Scan:
    """Iterate over it once: the ranges of a file, compared, hashed on both sides at the same time.

    `size_there` is known from the first range on. A replica without the file has all different.
    """

    def __init__(
        self, source: HashSource, root: int, path: bytes, fd: int, size: int, pool: ThreadPoolExecutor
    ) -> None:
        self.size_there = NO_FILE
        self._source = source
        self._root = root
        self._path = path
        self._fd = fd
        self._size = size
        self._pool = pool

    def __iter__(self) -> Iterator[Scanned]:
        waiting: deque[tuple[int, int, int, Future[bytes]]] = deque()
        try:
            # An empty file is asked about as well: for the size the replica has.
            for offset in range(0, max(self._size, 1), RANGE_BYTES):
                number = self._source.ask_hashes(self._root, [HashItem(self._path, offset, RANGE_BYTES)])
                length = min(RANGE_BYTES, self._size - offset)
                hashes = self._pool.submit(hash_range, self._fd, offset, length)
                waiting.append((number, offset, length, hashes))
                if len(waiting) >= _AHEAD:
                    yield self._compared(*waiting.popleft())
            while waiting:
                yield self._compared(*waiting.popleft())
        finally:
            for number, _, _, hashes in waiting:
                hashes.cancel()
                self._source.forget_hashes(number)

    def _compared(self, number: int, offset: int, length: int, hashes: Future[bytes]) -> Scanned:
        ours = hashes.result()
        part = self._source.take_hashes(number).parts[0]
        self.size_there = part.size_bytes
        return Scanned(offset, length, different(ours, part, offset, length))


def different(ours: bytes, theirs: HashedPart, offset: int, length: int) -> tuple[Extent, ...]:
    """The runs of blocks in a range that differ. Beyond their end, what is all zeros here is no difference:
    there it will be a hole.
    """
    there = theirs.hashes
    if ours == there:
        return ()
    runs: list[Extent] = []
    for at in range(0, len(ours), HASH_BYTES):
        ours_here = ours[at : at + HASH_BYTES]
        if ours_here == (there[at : at + HASH_BYTES] or ZERO_BLOCK):
            continue
        start = at // HASH_BYTES * BLOCK_BYTES
        size = min(BLOCK_BYTES, length - start)
        if runs and runs[-1].offset + runs[-1].length == offset + start:
            runs[-1] = Extent(runs[-1].offset, runs[-1].length + size)
        else:
            runs.append(Extent(offset + start, size))
    return tuple(runs)


def joined_runs(runs: Sequence[Extent]) -> list[Extent]:
    """Runs of successive ranges as one list, those that touch put together."""
    found: list[Extent] = []
    for run in runs:
        if found and found[-1].offset + found[-1].length == run.offset:
            found[-1] = Extent(found[-1].offset, found[-1].length + run.length)
        else:
            found.append(run)
    return found


def at_most(runs: list[Extent], count: int) -> list[Extent]:
    """`runs` with the smallest gaps closed until there are no more than `count` of them."""
    gap = BLOCK_BYTES
    while len(runs) > count:
        closed: list[Extent] = []
        for run in runs:
            end = closed[-1].offset + closed[-1].length if closed else 0
            if closed and run.offset - end <= gap:
                closed[-1] = Extent(closed[-1].offset, run.offset + run.length - closed[-1].offset)
            else:
                closed.append(run)
        runs, gap = closed, gap * 2
    return runs
