"""What is in a directory of a session, counted without making its entries."""

from __future__ import annotations

from dataclasses import dataclass

from app.media.node import CONTENT, DIRECTORY, EXTRA, KIND, KINDS, SIZE, Entry, decode_node
from app.media.reader import ChunkReader
from app.model.errors import ArcxoError
from app.native import native

_native = native("nodes")
_ONE = b"\x92\x01\x91"
"""Before the bytes of an entry: a node that has it alone."""


@dataclass(frozen=True, slots=True)
class Counted:
    """The entries of a directory. `directories` are the ids of their nodes, `odd` files that have extras."""

    entries: int
    files: int
    size_bytes: int
    """Of the files that are not odd."""
    directories: list[bytes]
    odd: list[Entry]


def counted(reader: ChunkReader, node_id: bytes) -> Counted:
    """Count the entries of a directory node. Raises what `ChunkReader.node` does."""
    data = bytes(reader.chunk(node_id))
    try:
        return count_node(data)
    except ValueError as error:
        media = reader.store.location
        raise ArcxoError("E4125", media=media, object=node_id.hex(), reason=str(error)) from error


def count_node(data: bytes) -> Counted:
    """Count the entries of a node. Raises ValueError for names or shapes no writer makes."""
    found = None if _native is None else _native.counted(data, len(KINDS))
    if found is None:
        return count_entries(decode_node(data))
    entries, files, size, directories, rows = found
    odd = [decode_node(_ONE + row)[0] for row in rows]
    return Counted(entries, files, size, directories, [one for one in odd if one[KIND] != DIRECTORY])


def count_entries(entries: list[Entry]) -> Counted:
    """The same of entries that were read."""
    files = [one for one in entries if one[KIND] != DIRECTORY]
    return Counted(
        len(entries),
        len(files),
        sum(one[SIZE] for one in files if one[EXTRA] is None),
        [one[CONTENT] for one in entries if one[KIND] == DIRECTORY],
        [one for one in files if one[EXTRA] is not None],
    )
