"""What a session refers to: packs, and which of their chunks. Readable without any password."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgpack
from blake3 import blake3

from app.media.object_names import check_names

_MAGIC = b"ARCXREFS"
_MOVED_MAGIC = b"ARCXREFM"
_HASH = 32
_ID = 16


@dataclass(frozen=True, slots=True)
class PackReference:
    """A pack as a session knows it. `used` has bit n set for chunk n; None = every chunk."""

    pack_id: str
    size: int
    hash: bytes
    chunks: int
    used: bytes | None


def encode_refs(references: list[PackReference]) -> bytes:
    """The refs object, sorted by pack."""
    body: bytes = _MAGIC + msgpack.packb(_rows(references))
    return body + blake3(body).digest()


def _rows(references: list[PackReference]) -> list[list[object]]:
    return [
        [bytes.fromhex(one.pack_id), one.size, one.hash, one.chunks, one.used]
        for one in sorted(references, key=lambda one: one.pack_id)
    ]


@dataclass(frozen=True, slots=True)
class MovedRefs:
    """Refs that stand in for those a session was committed with, after packs were repacked.

    `header_hash` is the `refs_hash` of the session's header, `writer` the intent of who put them.
    """

    generation: int
    header_hash: bytes
    writer: str
    references: list[PackReference]


def encode_moved_refs(moved: MovedRefs) -> bytes:
    """The object `NNNNNN.refs.<generation>`."""
    document = [moved.generation, moved.header_hash, moved.writer, _rows(moved.references)]
    body: bytes = _MOVED_MAGIC + msgpack.packb(document)
    return body + blake3(body).digest()


def decode_moved_refs(data: bytes) -> MovedRefs:
    """Raises ValueError when a byte is not as written."""
    document = _document(data, _MOVED_MAGIC)
    if type(document) is not list or len(document) != 4:
        raise ValueError("it has another shape")
    generation, header_hash, writer, rows = document
    if type(generation) is not int or type(header_hash) is not bytes:
        raise ValueError("it has another shape")
    check_names([writer])
    return MovedRefs(generation, header_hash, writer, _references(rows))


def decode_refs(data: bytes) -> list[PackReference]:
    """Raises ValueError when a byte is not as written."""
    return _references(_document(data, _MAGIC))


def _document(data: bytes, magic: bytes) -> Any:
    body, checksum = data[:-_HASH], data[-_HASH:]
    if body[:8] != magic or blake3(body).digest() != checksum:
        raise ValueError("the checksum does not match")
    try:
        return msgpack.unpackb(body[8:])
    except msgpack.UnpackException as error:
        raise ValueError("it is not MessagePack") from error


def _references(rows: Any) -> list[PackReference]:
    try:
        return [_reference(*row) for row in rows]
    except TypeError as error:
        raise ValueError("the rows are not as expected") from error


def _reference(pack_id: object, size: object, digest: object, chunks: object, used: object) -> PackReference:
    """One row. TypeError, ValueError for what no writer makes: nothing is turned into what it is not."""
    if not (type(pack_id) is bytes and type(digest) is bytes and type(size) is int and type(chunks) is int):
        raise TypeError("a row has another shape")
    if used is not None and type(used) is not bytes:
        raise TypeError("the chunks in use are told by something else than bits")
    if (len(pack_id), len(digest)) != (_ID, _HASH) or not 0 <= size < 1 << 63 or not 0 <= chunks < 1 << 32:
        raise ValueError("a row says what cannot be")
    if used is not None and len(used) > (chunks + 7) // 8:
        raise ValueError("a row has more chunks in use than there are")
    return PackReference(pack_id.hex(), size, digest, chunks, used)


def refs_hash(data: bytes) -> bytes:
    """What the header keeps of the refs object."""
    return blake3(data).digest()
