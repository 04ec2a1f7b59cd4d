"""What a session refers to: packs, and which of their chunks. Readable without any password."""

from __future__ import annotations

from dataclasses import dataclass

import msgpack
from blake3 import blake3

_MAGIC = b"ARCXREFS"
_HASH = 32


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
    rows = [
        [bytes.fromhex(one.pack_id), one.size, one.hash, one.chunks, one.used]
        for one in sorted(references, key=lambda one: one.pack_id)
    ]
    body: bytes = _MAGIC + msgpack.packb(rows)
    return body + blake3(body).digest()


def decode_refs(data: bytes) -> list[PackReference]:
    """Raises ValueError when a byte is not as written."""
    body, checksum = data[:-_HASH], data[-_HASH:]
    if body[:8] != _MAGIC or blake3(body).digest() != checksum:
        raise ValueError("the checksum does not match")
    try:
        return [
            PackReference(bytes(name).hex(), int(size), bytes(digest), int(chunks), used)
            for name, size, digest, chunks, used in msgpack.unpackb(body[8:])
        ]
    except (TypeError, msgpack.UnpackException) as error:
        raise ValueError("the rows are not as expected") from error


def refs_hash(data: bytes) -> bytes:
    """What the header keeps of the refs object."""
    return blake3(data).digest()
