"""Data keys and their slots: a password opens a slot, a slot holds the data key."""

from __future__ import annotations

import functools
import os
import secrets
import unicodedata
from base64 import b64decode

from argon2.low_level import Type, hash_secret_raw
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.media import derived
from app.media.document import Document, decode_document
from app.media.mediaset import open_set
from app.media.recovery import folded, mistyped_groups
from app.media.values import KeyInfo
from app.model.errors import ArcxoError, CredentialsError, UsageError
from app.model.media_keys import SlotKind

DATA_KEY_BYTES = 32
PUBLIC_CHUNK_KEY = b"arcxo: chunk ids, not encrypted."
SECRET_MAX_BYTES = 4096
_MAX_MEMORY_KIB = 4 * 1024 * 1024
_SALT_LEAST, _SALT_MOST = 8, 64


def derive(data_key: bytes, purpose: bytes, salt: bytes = b"") -> bytes:
    """32 bytes for one purpose out of a data key (HKDF-SHA256)."""
    return HKDF(SHA256(), 32, salt or None, purpose).derive(data_key)


def chunk_key(data_key: bytes | None) -> bytes:
    """The key of chunk ids in the domain of a data key."""
    return PUBLIC_CHUNK_KEY if data_key is None else derive(data_key, b"arcxo chunk ids")


def key_cost(*, minimal: bool | None) -> tuple[int, int, int]:
    """(passes, memory in KiB, lanes) of new key slots."""
    if minimal if minimal is not None else os.environ.get("ARCXO_ARGON2") == "minimal":
        return 1, 8, 1
    return 3, 64 * 1024, 2


def secret_forms(secret: str) -> list[bytes]:
    """What a slot may have been made from; new ones are made from the first.

    A recovery key in its canonical form; else the text in Unicode's composed form (NFC), as one keyboard
    types an accented letter as one character and another as two; and the text as it is.

    Raises:
        UsageError: E4133 it is empty, E4140 it is longer than 4096 bytes.
    """
    if not secret:
        raise UsageError("E4133")
    plain = unicodedata.normalize("NFC", secret).encode("utf-8", "surrogatepass")
    typed = secret.encode("utf-8", "surrogatepass")
    if max(len(plain), len(typed)) > SECRET_MAX_BYTES:
        raise UsageError("E4140", limit=SECRET_MAX_BYTES)
    forms = [plain, typed]
    canonical = folded(secret)
    if canonical is not None and not mistyped_groups(secret):
        forms.insert(0, canonical.encode())
    return list(dict.fromkeys(forms))


def slot_key(secret: bytes, salt: bytes, time_cost: int, memory_kib: int, lanes: int) -> bytes:
    """The key that a slot's data key is sealed with."""
    return hash_secret_raw(secret, salt, time_cost, memory_kib, lanes, 32, Type.ID)


def create_key(media_path: str, password: str, *, minimal: bool | None = None) -> KeyInfo:
    """See `app.media.api.create_key`."""
    from app.media.slots import put_slot

    secret_forms(password)
    key = KeyInfo(secrets.token_hex(8), 0, secrets.token_bytes(DATA_KEY_BYTES))
    return put_slot(media_path, key, password, SlotKind.PASSWORD, "", minimal=minimal)


def open_slot(fields: Document, secret: str) -> bytes | None:
    """The data key of a slot, None when the secret does not open it.

    KeyError, ValueError and TypeError for fields that no writer makes.
    """
    time_cost, memory_kib, lanes = int(fields["time_cost"]), int(fields["memory_kib"]), int(fields["lanes"])
    if not (1 <= time_cost <= 64 and 8 <= memory_kib <= _MAX_MEMORY_KIB and 1 <= lanes <= 64):
        return None
    salt = b64decode(fields["salt"])
    if not _SALT_LEAST <= len(salt) <= _SALT_MOST or memory_kib < 8 * lanes:
        raise ValueError("no salt or cost that a key is made with")
    for form in secret_forms(secret):
        handle = derived.handle_of(form, salt, time_cost, memory_kib, lanes)
        sealing = derived.kept_or_made(
            handle, functools.partial(slot_key, form, salt, time_cost, memory_kib, lanes)
        )
        try:
            opened = AESGCM(sealing).decrypt(
                b64decode(fields["nonce"]), b64decode(fields["sealed"]), str(fields["key"]).encode()
            )
        except InvalidTag:
            continue
        derived.keep(handle, sealing)
        return opened
    return None


def unlock(media_path: str, password: str, key_id: str = "") -> KeyInfo:
    """See `app.media.api.unlock`. A damaged slot is passed over; E4134 when all that fit are damaged."""
    if not password:
        raise CredentialsError("E4131", media=media_path)
    secret_forms(password)
    store = open_set(media_path)
    damaged = ""
    names = [name for name, _ in store.names("keys")]
    for name in names:
        if name.count(".") != 1 or f"{name}.gone" in names:
            continue
        if key_id and not name.startswith(key_id + "."):
            continue
        try:
            fields = decode_document(store.get(f"keys/{name}"), "E4134", media=media_path, slot=name)
            data_key = open_slot(fields, password)
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
