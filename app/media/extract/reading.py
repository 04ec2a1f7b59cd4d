"""What lies on a media: documents, keys, packs and the chunks in them."""

from __future__ import annotations

import contextlib
import json
import os
import struct
import sys
import unicodedata
from base64 import b64decode
from collections.abc import Sequence
from typing import Any

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

NO_KEY = b"arcxo: chunk ids, not encrypted."
LARGEST_BLOCK = 64 << 20
RECOVERY_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Unreadable(Exception):  # noqa: N818 - it says what something is, as the rest of the product does
    """An object, or a part of one, is not as it was written."""


class Refused(Exception):  # noqa: N818 - as above
    """No key slot opens with what was given."""


def tell(line: str) -> None:
    """Something beside the result."""
    sys.stderr.write(line.encode("utf-8", "replace").decode() + "\n")


def read(path: str) -> bytes:
    """A whole object."""
    with open(path, "rb") as file:
        return file.read()


def names(directory: str) -> list[str]:
    """The names in a directory of a media, none when it is missing."""
    try:
        return sorted(os.listdir(directory))
    except OSError:
        return []


def document(path: str) -> dict[str, Any]:
    """A JSON object with its checksum line."""
    try:
        data = read(path)
    except OSError as error:
        raise Unreadable(f"{path}: {error.strerror}") from error
    body, separator, tail = data[:-1].rpartition(b"\n")
    if data[-1:] != b"\n" or tail != b"blake3 " + blake3(body + separator).hexdigest().encode():
        raise Unreadable(f"{path}: its checksum does not match its content")
    fields = json.loads(body)
    if not isinstance(fields, dict):
        raise Unreadable(f"{path}: it is not a JSON object")
    return fields


def candidates(secret: str) -> list[bytes]:
    """What a slot may have been made from: the text, and the canonical form of a recovery key."""
    plain = unicodedata.normalize("NFC", secret)
    folded = plain.upper().translate(str.maketrans("OIL", "011", "- \t"))
    found = [plain.encode(), secret.encode()]
    if len(folded) == 40 and set(folded) <= set(RECOVERY_ALPHABET):
        found.insert(0, folded.encode())
    return list(dict.fromkeys(found))


def data_key(media: Sequence[str], key_id: str, secret: str) -> bytes:
    """The data key `key_id`, from any slot on any of the media that the secret opens."""
    for place in media:
        for name in names(f"{place}/keys"):
            if not name.startswith(key_id + ".") or not name.rpartition(".")[2].isdigit():
                continue
            if os.path.exists(f"{place}/keys/{name}.gone"):
                continue
            try:
                slot = document(f"{place}/keys/{name}")
                for candidate in candidates(secret):
                    kdf = Argon2id(
                        salt=b64decode(slot["salt"]),
                        length=32,
                        iterations=slot["time_cost"],
                        lanes=slot["lanes"],
                        memory_cost=slot["memory_kib"],
                    )
                    cipher = AESGCM(kdf.derive(candidate))
                    with contextlib.suppress(InvalidTag):
                        return cipher.decrypt(
                            b64decode(slot["nonce"]), b64decode(slot["sealed"]), key_id.encode()
                        )
            except (Unreadable, KeyError, ValueError, TypeError, MemoryError) as error:
                tell(f"a key slot cannot be used: {error}")
    raise Refused(f"what was given opens no key slot of the key {key_id}")


def derived(key: bytes, purpose: bytes, salt: bytes | None) -> bytes:
    """32 bytes for a purpose."""
    return HKDF(SHA256(), 32, salt, purpose).derive(key)


class Pack:
    """A pack by its header and table; `path` is where its blocks are."""

    def __init__(self, path: str, header: bytes, table: bytes) -> None:
        magic, version, flags, _, key_id, salt = struct.unpack("<8sHHB3x16s32s", header)
        if magic != b"ARCXPACK" or version != 1 or flags & ~3:
            raise Unreadable("not a pack that this reader knows")
        self.path = path
        self.key_id = key_id.rstrip(b"\0").decode()
        blocks, chunks = struct.unpack_from("<II", table)
        at = 8

        def column(kind: str, count: int) -> tuple[Any, ...]:
            nonlocal at
            layout = struct.Struct(f"<{count}{kind}")
            at += layout.size
            return layout.unpack_from(table, at - layout.size)

        def strings(size: int, count: int) -> list[bytes]:
            nonlocal at
            at += size * count
            return [table[at - size * (count - n) :][:size] for n in range(count)]

        self.offsets, self.stored = column("Q", blocks), column("I", blocks)
        self.raw, self.flags = column("I", blocks), column("B", blocks)
        strings(32, blocks)
        self.ids = strings(32, chunks)
        self.block, self.offset, self.length = (column("I", chunks) for _ in range(3))
        # Where a block was sealed: here, or in the pack it was moved from.
        self.sealed = [(bytes.fromhex(os.path.basename(path)), salt, number) for number in range(blocks)]
        if flags & 2:
            (count,) = column("I", 1)
            packs, salts = strings(16, count), strings(32, count)
            origins, numbers = column("I", blocks), column("I", blocks)
            self.sealed = [(packs[one], salts[one], n) for one, n in zip(origins, numbers, strict=True)]
        if at != len(table):
            raise Unreadable("its table has another length than it says")

    def open(self, number: int, key: bytes | None) -> bytes:
        """The raw bytes of a block."""
        with open(self.path, "rb") as file:
            file.seek(self.offsets[number])
            data = file.read(self.stored[number])
        raw, flags = self.raw[number], self.flags[number]
        if raw > LARGEST_BLOCK:
            raise Unreadable("a block claims an impossible size")
        if self.key_id:
            pack, salt, sealed_as = self.sealed[number]
            cipher = AESGCM(derived(key or b"", b"arcxo pack", salt))
            label = struct.pack("<16sIIB", pack, sealed_as, raw, flags)
            try:
                data = cipher.decrypt(sealed_as.to_bytes(12, "big"), data, label)
            except InvalidTag as error:
                raise Unreadable("a block does not decrypt") from error
        if flags & 1:
            try:
                if zstandard.frame_content_size(data) > raw:
                    raise Unreadable("a block unpacks to more than the table says")
                data = zstandard.ZstdDecompressor().decompress(data, max_output_size=raw)
            except zstandard.ZstdError as error:
                raise Unreadable("a block does not unpack") from error
        if len(data) != raw:
            raise Unreadable("a block has another size than the table says")
        return data


def pack_of(media: str, directory: str, name: str) -> Pack:
    """A pack, its table from the index object or from its own end."""
    path = f"{media}/{directory}/{name}"
    with contextlib.suppress(OSError, Unreadable, struct.error):
        index = read(f"{media}/index/{name}")
        if index[:8] == b"ARCXINDX" and blake3(index[:-32]).digest() == index[-32:]:
            return Pack(path, index[16:80], index[80:-32])
    with open(path, "rb") as file:
        header = file.read(64)
        file.seek(-56, os.SEEK_END)
        offset, length, told, end = struct.unpack("<QQ32s8s", file.read(56))
        file.seek(offset)
        table = file.read(min(length, 1 << 30))
    if end != b"ARCXPEND" or blake3(header + table).digest() != told:
        raise Unreadable("its end is damaged")
    return Pack(path, header, table)


class Chunks:
    """The chunks of one deduplication domain on all media of a set."""

    def __init__(self, media: Sequence[str], key_id: str, key: bytes | None) -> None:
        self._key = key
        self._id_key = NO_KEY if key is None else derived(key, b"arcxo chunk ids", None)
        self._places: dict[bytes, list[tuple[Pack, int]]] = {}
        self._cached: tuple[Pack | None, int, bytes] = (None, 0, b"")
        self._media = media
        self._key_id = key_id
        self._listed: set[str] = set()
        self._look()

    def _look(self) -> bool:
        """Add the packs that came since; whether there were any. Collecting moves chunks into others."""
        came = False
        for place in self._media:
            for directory in ("packs", "quarantine"):
                for name in names(f"{place}/{directory}"):
                    path = f"{place}/{directory}/{name}"
                    if path in self._listed:
                        continue
                    self._listed.add(path)
                    try:
                        pack = pack_of(place, directory, name)
                    except FileNotFoundError:
                        continue
                    except (OSError, Unreadable, ValueError, struct.error) as error:
                        tell(f"pack {name} cannot be used: {error}")
                        continue
                    if pack.key_id == self._key_id:
                        came = True
                        for number, chunk_id in enumerate(pack.ids):
                            self._places.setdefault(chunk_id, []).append((pack, number))
        return came

    def get(self, chunk_id: bytes) -> bytes:
        """A chunk, from any pack that holds it whole; the packs are listed anew as long as others come."""
        try:
            return self._get(chunk_id)
        except Unreadable:
            if not self._look():
                raise
        return self.get(chunk_id)

    def _get(self, chunk_id: bytes) -> bytes:
        reason = "no pack holds it"
        for pack, number in self._places.get(chunk_id, ()):
            try:
                block = pack.block[number]
                if self._cached[:2] != (pack, block):
                    self._cached = (pack, block, pack.open(block, self._key))
                start = pack.offset[number]
                data = self._cached[2][start : start + pack.length[number]]
                if blake3(data, key=self._id_key).digest() == chunk_id:
                    return data
                reason = "its content has changed"
            except (OSError, Unreadable, IndexError) as error:
                reason = str(error)
        raise Unreadable(reason)
