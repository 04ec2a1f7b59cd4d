"""Reading a file's content: extents that have data, and a hash per 64 KiB block."""

from __future__ import annotations

import errno
import os
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from blake3 import blake3

from app.replication.records import BLOCK_BYTES, Extent

HASH_BYTES = 16
WINDOW_BYTES = 16 * BLOCK_BYTES
EXTENTS_LIMIT = 4_096
ZERO_BLOCK = blake3(bytes(BLOCK_BYTES)).digest(HASH_BYTES)


def open_file(path: bytes) -> int:
    """Open a file to read, never following a link and never waiting for the other end of a fifo."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
    try:
        return os.open(path, flags | os.O_NOATIME)
    except PermissionError:
        return os.open(path, flags)


def data_extents(fd: int, status: os.stat_result) -> tuple[Extent, ...]:
    """Where the file has data. One extent over everything when it is not sparse or the system can't say."""
    size = status.st_size
    if size == 0:
        return ()
    whole = (Extent(0, size),)
    if status.st_blocks * 512 >= size:
        return whole
    found: list[Extent] = []
    position = 0
    while position < size:
        try:
            start = os.lseek(fd, position, os.SEEK_DATA)
            end = min(size, os.lseek(fd, start, os.SEEK_HOLE))
        except OSError as error:
            if error.errno == errno.ENXIO:
                break
            return whole
        if start >= size or end <= start:
            break
        found.append(Extent(start, end - start))
        position = end
        if len(found) > EXTENTS_LIMIT:
            return whole
    return tuple(found)


def is_hole(extents: tuple[Extent, ...], offset: int, length: int) -> bool:
    """Whether none of `extents` (in order) has anything of a range."""
    at = bisect_right(extents, offset, key=lambda extent: extent.offset)
    before = extents[at - 1] if at else None
    if before is not None and before.offset + before.length > offset:
        return False
    return at >= len(extents) or extents[at].offset >= offset + length


def read_exact(fd: int, offset: int, length: int) -> bytes:
    """`length` bytes at `offset`, zeros where the file has become shorter meanwhile."""
    data = os.pread(fd, length, offset)
    if len(data) == length:
        return data
    parts = [data]
    got = len(data)
    while got < length and parts[-1]:
        parts.append(os.pread(fd, length - got, offset + got))
        got += len(parts[-1])
    return b"".join(parts) + bytes(length - got)


def hash_blocks(data: bytes) -> bytes:
    """The hashes of the blocks of `data` (which starts at a block boundary)."""
    if len(data) <= BLOCK_BYTES:
        return blake3(data).digest(HASH_BYTES) if data else b""
    view = memoryview(data)
    return b"".join(
        blake3(view[start : start + BLOCK_BYTES]).digest(HASH_BYTES)
        for start in range(0, len(data), BLOCK_BYTES)
    )


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a file: its bytes (None: a hole) and the hashes of its blocks."""

    offset: int
    length: int
    data: bytes | None
    hashes: bytes


def windows(fd: int, size: int, extents: tuple[Extent, ...]) -> Iterator[Window]:
    """The whole file in windows of `WINDOW_BYTES`; holes are not read."""
    index = 0
    for offset in range(0, size, WINDOW_BYTES):
        length = min(WINDOW_BYTES, size - offset)
        while index < len(extents) and extents[index].offset + extents[index].length <= offset:
            index += 1
        if index < len(extents) and extents[index].offset < offset + length:
            data = read_exact(fd, offset, length)
            yield Window(offset, length, data, hash_blocks(data))
        else:
            blocks, rest = divmod(length, BLOCK_BYTES)
            hashes = ZERO_BLOCK * blocks + (blake3(bytes(rest)).digest(HASH_BYTES) if rest else b"")
            yield Window(offset, length, None, hashes)


def data_of(window: Window, extents: tuple[Extent, ...]) -> bytes:
    """The bytes of a window that extents cover, one after another."""
    if window.data is None:
        return b""
    if len(extents) == 1 and extents[0].offset == 0:
        return window.data
    parts = []
    end = window.offset + window.length
    for extent in extents:
        if extent.offset >= end:
            break
        start = max(extent.offset, window.offset)
        stop = min(extent.offset + extent.length, end)
        if start < stop:
            parts.append(window.data[start - window.offset : stop - window.offset])
    return b"".join(parts)


def changed_blocks(window: Window, old_hashes: bytes) -> list[int]:
    """Offsets of the window's blocks whose hash is not the old one."""
    first = window.offset // BLOCK_BYTES * HASH_BYTES
    old = old_hashes[first : first + len(window.hashes)]
    if old == window.hashes:
        return []
    return [
        window.offset + number * BLOCK_BYTES
        for number in range(len(window.hashes) // HASH_BYTES)
        if window.hashes[number * HASH_BYTES : (number + 1) * HASH_BYTES]
        != old[number * HASH_BYTES : (number + 1) * HASH_BYTES]
    ]


def hash_range(fd: int, offset: int, length: int) -> bytes:
    """The hashes of the blocks in a range of a file that begins at a block; holes are not read.

    What a file that became shorter lacks counts as zeros. Most of the time is spent without the GIL.
    """
    end = offset + length
    parts = []
    position = offset
    while position < end:
        data_at = _next_data(fd, position, end)
        if data_at > position:
            # Whole blocks of nothing but a hole; the last of the file may be shorter.
            hole_end = end if data_at >= end else data_at // BLOCK_BYTES * BLOCK_BYTES
            blocks, rest = divmod(hole_end - position, BLOCK_BYTES)
            parts.append(ZERO_BLOCK * blocks)
            if rest:
                parts.append(blake3(bytes(rest)).digest(HASH_BYTES))
            if hole_end > position:
                position = hole_end
                continue
        window = min(WINDOW_BYTES, end - position)
        parts.append(hash_blocks(read_exact(fd, position, window)))
        position += window
    return b"".join(parts)


def _next_data(fd: int, position: int, end: int) -> int:
    """Where the next data at or after `position` begins, `end` if there is none before it."""
    try:
        return min(end, os.lseek(fd, position, os.SEEK_DATA))
    except OSError as error:
        return end if error.errno == errno.ENXIO else position
