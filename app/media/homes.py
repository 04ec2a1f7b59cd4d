"""Records of homes: what an installation knows beside its sessions, sealed, on the media its backups go to.

A record is a document, `homes/<home id>.NNNNNN`. Its content is encrypted with the home's own data key, and
it carries the key slots of that key: whoever knows the password of caroot, or a recovery key, opens it with
nothing but the media.
"""

from __future__ import annotations

import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import zstandard
from blake3 import blake3
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.media.document import Document, decode_document, encode_document
from app.media.keys import derive, open_slot
from app.media.store import DirectoryMediaStore
from app.media.values import KeyInfo
from app.model.errors import ArcxoError

_DIRECTORY = "homes"
_NAME = re.compile(r"([0-9a-f-]{8,64})\.(\d{6,9})")
_FORMAT = "arcxo home record"
_VERSION = 1
_KEPT = 2
_CONTENT_MAX = 64 << 20
_SLOTS_MAX = 64
_DAMAGED = "E4181"


@dataclass(frozen=True, slots=True)
class HomeRecord:
    """One record, not opened. `digest` tells contents apart, to who has the key."""

    home_id: str
    number: int
    server: str
    made_at: datetime
    digest: str
    slots: tuple[Document, ...]
    salt: bytes
    nonce: bytes
    sealed: bytes

    @property
    def slot_ids(self) -> frozenset[str]:
        """What tells one choice of slots from another."""
        return frozenset(str(one.get("sealed")) for one in self.slots)


def put_home(
    media_path: str,
    home_id: str,
    server: str,
    content: bytes,
    key: KeyInfo,
    slots: Sequence[Document],
    made_at: datetime,
) -> bool:
    """Put a record of `content` on a media; False when its newest one says the same. Durable on return.

    The two newest records of a home stay; those with other key slots (a password was changed) go.

    Raises:
        ArcxoError: E4141 the media is full, E4142 it cannot be written.
    """
    store = DirectoryMediaStore(media_path)
    digest = blake3(content, key=derive(key.data_key, b"arcxo home digest")).hexdigest()
    known = [one for one in home_records(media_path) if one.home_id == home_id]
    ids = frozenset(str(one.get("sealed")) for one in slots)
    if known and known[-1].digest == digest and known[-1].slot_ids == ids:
        return False
    salt, nonce = secrets.token_bytes(32), secrets.token_bytes(12)
    packed = zstandard.ZstdCompressor(level=9).compress(content)
    cipher = AESGCM(derive(key.data_key, b"arcxo home record", salt))
    fields: Document = {
        "format": _FORMAT,
        "format_version": _VERSION,
        "home": home_id,
        "server": server,
        "made_at": made_at.astimezone(UTC).isoformat(),
        "digest": digest,
        "slots": list(slots),
        "salt": b64encode(salt).decode(),
        "nonce": b64encode(nonce).decode(),
        "sealed": b64encode(cipher.encrypt(nonce, packed, home_id.encode())).decode(),
    }
    store.make_directory(_DIRECTORY)
    number = max([0, *(number for found, number in _names(store) if found == home_id)]) + 1
    while not store.put_if_absent(f"{_DIRECTORY}/{home_id}.{number:06}", encode_document(fields)):
        number += 1
    old = [one for one in known if one.slot_ids != ids or one not in known[-(_KEPT - 1) :]]
    for one in old:
        store.delete(f"{_DIRECTORY}/{one.home_id}.{one.number:06}")
    if old:
        store.synchronize_directory(_DIRECTORY)
    return True


def home_records(media_path: str) -> list[HomeRecord]:
    """The readable records of a media, by home and number; damaged ones are left out (verify names them)."""
    store = DirectoryMediaStore(media_path)
    found = []
    for home_id, number in _names(store):
        name = f"{_DIRECTORY}/{home_id}.{number:06}"
        try:
            found.append(_read(decode_document(store.get(name), _DAMAGED, object=name), home_id, number))
        except (ArcxoError, KeyError, ValueError, TypeError, AttributeError):
            continue
    return found


def open_home(record: HomeRecord, secret: str) -> tuple[KeyInfo, bytes] | None:
    """The key and the content of a record; None when the secret opens it not. Blocks for argon2id.

    Raises:
        ArcxoError: E4181 the key opens and the content does not: it was changed.
        UsageError: E4133, E4140 what cannot be a secret.
    """
    for fields in record.slots:
        try:
            data_key = open_slot(fields, secret)
            if data_key is None:
                continue
            key = KeyInfo(str(fields["key"]), 0, data_key)
        except (KeyError, ValueError, TypeError):
            continue
        return key, _content(record, key)
    return None


def _content(record: HomeRecord, key: KeyInfo) -> bytes:
    name = f"{_DIRECTORY}/{record.home_id}.{record.number:06}"
    cipher = AESGCM(derive(key.data_key, b"arcxo home record", record.salt))
    try:
        packed = cipher.decrypt(record.nonce, record.sealed, record.home_id.encode())
        if zstandard.frame_content_size(packed) > _CONTENT_MAX:
            raise ArcxoError(_DAMAGED, object=name, reason="it is too large")
        return zstandard.ZstdDecompressor().decompress(packed, max_output_size=_CONTENT_MAX)
    except (InvalidTag, ValueError, zstandard.ZstdError) as error:
        raise ArcxoError(_DAMAGED, object=name, reason="it was changed") from error


def _names(store: DirectoryMediaStore) -> list[tuple[str, int]]:
    found = [_NAME.fullmatch(name) for name, _ in store.names(_DIRECTORY)]
    return sorted((one[1], int(one[2])) for one in found if one)


def _read(fields: Document, home_id: str, number: int) -> HomeRecord:
    if fields["format"] != _FORMAT or int(fields["format_version"]) != _VERSION or fields["home"] != home_id:
        raise ValueError(home_id)
    made_at = datetime.fromisoformat(fields["made_at"])
    if made_at.tzinfo is None:
        raise ValueError(home_id)
    return HomeRecord(
        home_id,
        number,
        str(fields["server"]),
        made_at,
        str(fields["digest"]),
        tuple(dict(one) for one in fields["slots"][:_SLOTS_MAX]),
        b64decode(fields["salt"]),
        b64decode(fields["nonce"]),
        b64decode(fields["sealed"]),
    )
