"""Data keys and their slots: a password opens a slot, a slot holds the data key."""

from __future__ import annotations

import os
import secrets
from base64 import b64decode, b64encode

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.media.api import KeyInfo
from app.media.document import Document, decode_document, encode_document
from app.media.store import DirectoryMediaStore
from app.model.errors import ArcxoError, CredentialsError, UsageError

DATA_KEY_BYTES = 32
PUBLIC_CHUNK_KEY = b"arcxo: chunk ids, not encrypted."
_MAX_MEMORY_KIB = 4 * 1024 * 1024


def derive(data_key: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """32 bytes for one purpose out of a data key (HKDF-SHA256)."""
    return HKDF(SHA256(), 32, salt or None, purpose).derive(data_key)


def chunk_key(data_key: bytes | None) -> bytes:
    """The key of chunk ids in the domain of a data key."""
    return PUBLIC_CHUNK_KEY if data_key is None else derive(data_key, b"arcxo chunk ids")


def _cost(*, minimal: bool | None) -> tuple[int, int, int]:
    if minimal if minimal is not None else os.environ.get("ARCXO_ARGON2") == "minimal":
        return 1, 8, 1
    return 3, 64 * 1024, 2


def _stretch(password: str, salt: bytes, time_cost: int, memory_kib: int, lanes: int) -> bytes:
    return hash_secret_raw(password.encode(), salt, time_cost, memory_kib, lanes, 32, Type.ID)


def create_key(media_path: str, password: str, *, minimal: bool | None = None) -> KeyInfo:
    """See `app.media.api.create_key`."""
    if not password:
        raise UsageError("E4133")
    key_id, data_key = secrets.token_hex(8), secrets.token_bytes(DATA_KEY_BYTES)
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    time_cost, memory_kib, lanes = _cost(minimal=minimal)
    slot_key = _stretch(password, salt, time_cost, memory_kib, lanes)
    fields: Document = {
        "format": "arcxo key slot",
        "key": key_id,
        "slot": 0,
        "kdf": "argon2id",
        "time_cost": time_cost,
        "memory_kib": memory_kib,
        "lanes": lanes,
        "salt": b64encode(salt).decode(),
        "nonce": b64encode(nonce).decode(),
        "sealed": b64encode(AESGCM(slot_key).encrypt(nonce, data_key, key_id.encode())).decode(),
    }
    DirectoryMediaStore(media_path).put_if_absent(f"keys/{key_id}.0", encode_document(fields))
    return KeyInfo(key_id, 0, data_key)


def _open_slot(fields: Document, password: str) -> bytes | None:
    time_cost, memory_kib, lanes = int(fields["time_cost"]), int(fields["memory_kib"]), int(fields["lanes"])
    if not (1 <= time_cost <= 64 and 8 <= memory_kib <= _MAX_MEMORY_KIB and 1 <= lanes <= 64):
        return None
    slot_key = _stretch(password, b64decode(fields["salt"]), time_cost, memory_kib, lanes)
    try:
        return AESGCM(slot_key).decrypt(
            b64decode(fields["nonce"]), b64decode(fields["sealed"]), str(fields["key"]).encode()
        )
    except InvalidTag:
        return None


def unlock(media_path: str, password: str, key_id: str = "") -> KeyInfo:
    """See `app.media.api.unlock`. A damaged slot is passed over; E4134 when all that fit are damaged."""
    store = DirectoryMediaStore(media_path)
    damaged = ""
    for name, _ in store.names("keys"):
        if key_id and not name.startswith(key_id + "."):
            continue
        try:
            fields = decode_document(store.get(f"keys/{name}"), "E4134", media=media_path, slot=name)
            data_key = _open_slot(fields, password)
        except (KeyError, ValueError, TypeError):
            damaged = name
            continue
        except ArcxoError as error:
            if error.code != "E4134":
                raise
            damaged = name
            continue
        if data_key is not None:
            return KeyInfo(str(fields["key"]), int(fields["slot"]), data_key)
    if damaged:
        raise ArcxoError("E4134", media=media_path, slot=damaged, reason="it cannot be read")
    raise CredentialsError("E4131", media=media_path)


def unlock_or_create(media_path: str, password: str) -> KeyInfo:
    """See `app.media.api.unlock_or_create`."""
    try:
        return unlock(media_path, password)
    except CredentialsError:
        return create_key(media_path, password)
