"""Packs: blocks of compressed, encrypted chunks, and the table that says where each chunk lies.

See `resources/docs/formats/media.md`. The hash of a pack covers its header and table, and the table holds
a hash of every stored block, so each byte is covered and no block is hashed twice.
"""

from __future__ import annotations

import itertools
import struct
import sys
from array import array
from dataclasses import dataclass

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.media.keys import derive
from app.model.errors import ArcxoError

HEADER = struct.Struct("<8sHHB3x16s32s")
FOOTER = struct.Struct("<QQ32s8s")
MAGIC = b"ARCXPACK"
END = b"ARCXPEND"
INDEX_MAGIC = b"ARCXINDX"
ENCRYPTED, MOVED = 1, 2
DATA, TREE = 0, 1
COMPRESSED = 1
BLOCK_LIMIT_BYTES = 64 * 1024 * 1024
_SEALED_MORE_BYTES = 1024
"""More than what sealing a block adds to it."""
HASH_BYTES = 32
_COUNTS = struct.Struct("<II")
_AAD = struct.Struct("<16sIIB")
_FLAGS = (0, ENCRYPTED, ENCRYPTED | MOVED)
_ORIGIN = struct.Struct("<16s32s")
Origin = tuple[bytes, bytes]
"""The pack in which a block was sealed (16 bytes), and that pack's salt."""


@dataclass(frozen=True, slots=True)
class PackHeader:
    """The first bytes of a pack."""

    kind: int
    key_id: str
    salt: bytes
    moved: bool = False
    """Its blocks were sealed in other packs, and are as they were there."""

    def encode(self) -> bytes:
        """The 64 bytes."""
        flags = (ENCRYPTED if self.key_id else 0) | (MOVED if self.moved else 0)
        return HEADER.pack(MAGIC, 1, flags, self.kind, self.key_id.encode("ascii"), self.salt)

    @classmethod
    def decode(cls, data: bytes) -> PackHeader:
        """Raises ValueError for anything else than a pack of this version."""
        magic, version, flags, kind, key_id, salt = HEADER.unpack(data[: HEADER.size])
        if magic != MAGIC or version != 1 or flags not in _FLAGS or kind not in (DATA, TREE):
            raise ValueError("not a pack of version 1")
        name = key_id.rstrip(b"\0").decode("ascii")
        if bool(name) != bool(flags & ENCRYPTED):
            raise ValueError("key and flags disagree")
        return cls(kind, name, salt, bool(flags & MOVED))


def _little(column: array[int]) -> bytes:
    if sys.byteorder == "big":
        column = column[:]
        column.byteswap()
    return column.tobytes()


def _column(kind: str, data: bytes) -> array[int]:
    column: array[int] = array(kind, data)
    if sys.byteorder == "big":
        column.byteswap()
    return column


class PackTable:
    """Where the blocks of a pack and the chunks in them are. Columns, so that loading costs no loop."""

    def __init__(self) -> None:
        self.offsets: array[int] = array("Q")
        self.stored: array[int] = array("I")
        self.raw: array[int] = array("I")
        self.flags: array[int] = array("B")
        self.hashes = bytearray()
        self.ids = bytearray()
        self.chunk_block: array[int] = array("I")
        self.chunk_offset: array[int] = array("I")
        self.chunk_length: array[int] = array("I")
        self.origins: list[Origin] = []
        self.block_origin: array[int] = array("I")
        self.block_number: array[int] = array("I")

    def __len__(self) -> int:
        return len(self.chunk_block)

    def add_block(
        self, offset: int, stored: bytes, raw: int, flags: int, chunks: list[tuple[bytes, int]]
    ) -> None:
        """Append a block and the (id, length) of the chunks in it."""
        number = len(self.offsets)
        self.offsets.append(offset)
        self.stored.append(len(stored))
        self.raw.append(raw)
        self.flags.append(flags)
        self.hashes += blake3(stored).digest()
        lengths = [length for _, length in chunks]
        self.ids += b"".join([chunk_id for chunk_id, _ in chunks])
        self.chunk_block.extend([number] * len(chunks))
        self.chunk_offset.extend(itertools.accumulate(lengths[:-1], initial=0) if lengths else ())
        self.chunk_length.extend(lengths)

    def encode(self) -> bytes:
        """The bytes of the table."""
        return b"".join(
            (
                _COUNTS.pack(len(self.offsets), len(self.chunk_block)),
                _little(self.offsets),
                _little(self.stored),
                _little(self.raw),
                _little(self.flags),
                bytes(self.hashes),
                bytes(self.ids),
                _little(self.chunk_block),
                _little(self.chunk_offset),
                _little(self.chunk_length),
                self._encoded_origins() if self.origins else b"",
            )
        )

    def _encoded_origins(self) -> bytes:
        return b"".join(
            (
                struct.pack("<I", len(self.origins)),
                *(pack_id for pack_id, _ in self.origins),
                *(salt for _, salt in self.origins),
                _little(self.block_origin),
                _little(self.block_number),
            )
        )

    @staticmethod
    def encoded_size(blocks: int, chunks: int, origins: int) -> int:
        """The bytes of a table; without origins it says nothing of where its blocks come from."""
        moved = 4 + origins * _ORIGIN.size + 8 * blocks if origins else 0
        return _COUNTS.size + blocks * (8 + 4 + 4 + 1 + 32) + chunks * (32 + 12) + moved

    @classmethod
    def decode(cls, data: bytes, *, moved: bool = False) -> PackTable:
        """Raises ValueError when the sizes do not add up."""
        blocks, chunks = _COUNTS.unpack_from(data)
        origins = 0
        if moved:
            (origins,) = struct.unpack_from("<I", data, cls.encoded_size(blocks, chunks, 0))
        if len(data) != cls.encoded_size(blocks, chunks, origins) or (moved and not origins):
            raise ValueError("the table's length does not fit its counts")
        table, position = cls(), _COUNTS.size

        def take(length: int) -> bytes:
            nonlocal position
            part = data[position : position + length]
            position += length
            return part

        table.offsets = _column("Q", take(8 * blocks))
        table.stored = _column("I", take(4 * blocks))
        table.raw = _column("I", take(4 * blocks))
        table.flags = _column("B", take(blocks))
        table.hashes = bytearray(take(32 * blocks))
        table.ids = bytearray(take(32 * chunks))
        table.chunk_block = _column("I", take(4 * chunks))
        table.chunk_offset = _column("I", take(4 * chunks))
        table.chunk_length = _column("I", take(4 * chunks))
        if chunks and (not blocks or max(table.chunk_block) >= blocks):
            raise ValueError("a chunk names a block that is not there")
        largest = BLOCK_LIMIT_BYTES + _SEALED_MORE_BYTES
        if blocks and (max(table.stored) > largest or max(table.raw) > largest):
            raise ValueError("a block claims an impossible size")
        if blocks and max(table.offsets) >= 1 << 62:
            raise ValueError("a block claims an impossible place")
        if moved:
            position += 4
            ids, salts = take(16 * origins), take(32 * origins)
            table.origins = [(ids[16 * n :][:16], salts[32 * n :][:32]) for n in range(origins)]
            table.block_origin = _column("I", take(4 * blocks))
            table.block_number = _column("I", take(4 * blocks))
            if blocks and max(table.block_origin) >= origins:
                raise ValueError("a block names a pack that is not there")
        return table

    def block_hash(self, block: int) -> bytes:
        """The hash of a stored block."""
        return bytes(self.hashes[32 * block : 32 * block + 32])

    def chunk_id(self, ordinal: int) -> bytes:
        """The id of a chunk."""
        return bytes(self.ids[32 * ordinal : 32 * ordinal + 32])


class CountedTable(PackTable):
    """A table of which nothing but its length is wanted any more."""

    def __init__(self, table: PackTable) -> None:
        super().__init__()
        self._count = len(table)

    def __len__(self) -> int:
        return self._count


def pack_hash(header: bytes, table: bytes) -> bytes:
    """What sessions keep of a pack."""
    return blake3(header + table).digest()


def footer(table_offset: int, header: bytes, table: bytes) -> bytes:
    """The last bytes of a pack."""
    return FOOTER.pack(table_offset, len(table), pack_hash(header, table), END)


def encode_index(header: bytes, table: bytes, size: int) -> bytes:
    """The index object of a pack: what is needed to find chunks without reading the pack."""
    body = INDEX_MAGIC + struct.pack("<Q", size) + header + table
    return body + blake3(body).digest()


@dataclass(frozen=True, slots=True)
class PackIndex:
    """An index object, decoded. `directory`: where the pack itself lies."""

    pack_id: str
    size: int
    header: PackHeader
    table: PackTable
    hash: bytes
    directory: str = "packs"

    @property
    def object_name(self) -> str:
        """The pack's object."""
        return f"{self.directory}/{self.pack_id}"


def decode_index(pack_id: str, data: bytes) -> PackIndex:
    """Raises ValueError when a byte is not as written."""
    body, checksum = data[:-HASH_BYTES], data[-HASH_BYTES:]
    if body[:8] != INDEX_MAGIC or blake3(body).digest() != checksum:
        raise ValueError("the checksum does not match")
    header, table = body[16 : 16 + HEADER.size], body[16 + HEADER.size :]
    try:
        (size,) = struct.unpack_from("<Q", body, 8)
        decoded = PackHeader.decode(header)
        columns = PackTable.decode(table, moved=decoded.moved)
    except struct.error as error:
        raise ValueError("it is cut short") from error
    return PackIndex(pack_id, size, decoded, columns, pack_hash(header, table))


class PackCipher:
    """Seals and opens the blocks of one pack; does nothing for an unencrypted one.

    `table` is needed for a pack whose blocks were moved there: they are opened as where they were sealed.
    """

    def __init__(
        self, pack_id: str, header: PackHeader, data_key: bytes | None, table: PackTable | None = None
    ) -> None:
        self._table = table if header.moved else None
        self._origins: list[Origin] = [(bytes.fromhex(pack_id), header.salt)]
        if self._table is not None:
            self._origins = self._table.origins
        self._ciphers: dict[int, AESGCM] = {}
        self._data_key = data_key
        self._encrypted = bool(header.key_id)
        if self._encrypted and data_key is None:
            raise ArcxoError("E4132", key=header.key_id)

    def _sealing(self, number: int) -> tuple[AESGCM, bytes, int]:
        """(cipher, pack id, number) that block `number` is sealed with."""
        origin = 0
        if self._table is not None:
            origin, number = self._table.block_origin[number], self._table.block_number[number]
        pack, salt = self._origins[origin]
        cipher = self._ciphers.get(origin)
        if cipher is None:
            assert self._data_key is not None
            cipher = self._ciphers[origin] = AESGCM(derive(self._data_key, b"arcxo pack", salt))
        return cipher, pack, number

    def seal(self, number: int, data: bytes, raw: int, flags: int) -> bytes:
        """What is stored of block `number`."""
        if not self._encrypted:
            return data
        cipher, pack, number = self._sealing(number)
        return cipher.encrypt(number.to_bytes(12, "big"), data, _AAD.pack(pack, number, raw, flags))

    def open(self, number: int, stored: bytes, raw: int, flags: int) -> bytes:
        """The raw bytes of block `number`. Raises ValueError when they are not what was sealed."""
        data = stored
        if self._encrypted:
            cipher, pack, sealed_as = self._sealing(number)
            try:
                aad = _AAD.pack(pack, sealed_as, raw, flags)
                data = cipher.decrypt(sealed_as.to_bytes(12, "big"), stored, aad)
            except InvalidTag as error:
                raise ValueError("decryption failed") from error
        if raw > BLOCK_LIMIT_BYTES:
            raise ValueError("a block claims an impossible size")
        if flags & COMPRESSED:
            try:
                # A frame that names its size is unpacked to that size, whatever the limit.
                if zstandard.frame_content_size(data) > raw:
                    raise ValueError("a block unpacks to more than the table says")
                data = zstandard.ZstdDecompressor().decompress(data, max_output_size=raw)
            except zstandard.ZstdError as error:
                raise ValueError("decompression failed") from error
        if len(data) != raw:
            raise ValueError("a block has another size than the table says")
        return data
