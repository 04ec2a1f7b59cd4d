"""File contents out of a session: where each piece goes, each checked by its id while it is written."""

from __future__ import annotations

import os
from collections.abc import Callable

from app.backup.items import Item
from app.media.node import CONTENT, EXTRA, PIECE, SIZE, pieces
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError

_READ_BYTES = 8 << 20


def extents_of(item: Item) -> list[list[int]]:
    """[[offset, length], …] of what is not a hole."""
    extra = item.entry[EXTRA]
    extents: list[list[int]] = extra["s"] if extra and "s" in extra else [[0, item.entry[SIZE]]]
    return extents


def has_holes(item: Item) -> bool:
    """Whether parts of it are holes."""
    extra = item.entry[EXTRA]
    return bool(extra and "s" in extra)


def check_sizes(item: Item) -> None:
    """Raise ArcxoError E4125 when the pieces are not as long as the file."""
    if sum(length for _, length in pieces(item.entry)) != sum(length for _, length in extents_of(item)):
        raise ArcxoError("E4125", media="", object="", reason="its size is not as recorded")


def fill(descriptor: int, item: Item, reader: ChunkReader, tick: Callable[[int], None]) -> None:
    """Write the content, holes left out. `tick(bytes written)` is called after each piece and may raise.

    Raises ArcxoError E4125 when a piece is damaged everywhere.
    """
    os.ftruncate(descriptor, item.entry[SIZE])
    targets = iter(extents_of(item))
    offset, room = next(targets, (0, 0))
    for chunk_id, _ in pieces(item.entry):
        data = reader.chunk(chunk_id)
        size = len(data)
        while data:
            while not room:
                offset, room = next(targets)
            count = os.pwrite(descriptor, data[:room], offset)
            data, offset, room = data[count:], offset + count, room - count
        tick(size)


def is_equal(descriptor: int, item: Item, reader: ChunkReader) -> bool:
    """Whether an open file, which is as long, has the content that the session has."""
    entry = item.entry
    targets = iter(extents_of(item))
    offset, room = next(targets, (0, 0))
    for chunk_id, length in PIECE.iter_unpack(entry[CONTENT]):
        parts, missing = [], length
        while missing:
            while not room:
                offset, room = next(targets)
            data = os.pread(descriptor, min(missing, room, _READ_BYTES), offset)
            if not data:
                return False
            parts.append(data)
            missing, offset, room = missing - len(data), offset + len(data), room - len(data)
        whole = parts[0] if len(parts) == 1 else b"".join(parts)
        if reader.identify(whole) != chunk_id:
            return False
    return True
