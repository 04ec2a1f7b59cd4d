"""Changing who opens a data key: slots are added and removed, what is sealed with the key stays as it is.

A slot object is never changed. Removing one begins with a mark, `keys/<key>.<slot>.<id>.removed`; whoever
then finds a mark of a living process on the slot that is to stay gives up. So two who remove different slots
at once, each in favour of the other's, cannot leave a key that nothing opens.
"""

from __future__ import annotations

import re
import secrets
import time
from base64 import b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.media.document import Document, decode_document, encode_document
from app.media.keys import key_cost, open_slot, secret_forms, slot_key
from app.media.store import DirectoryMediaStore
from app.media.temporary import is_abandoned, owner_prefix
from app.media.values import KeyInfo, SlotInfo
from app.model.errors import ArcxoError, BusyError, CredentialsError, NotFoundError
from app.model.media_keys import SlotKind

_SLOT = re.compile(r"([0-9a-f]{16})\.(\d{1,9})")
_MARK = re.compile(r"([0-9a-f]{16}\.\d{1,9})\.[0-9a-f]{16}\.removed")
_GONE = ".gone"
_UNREADABLE = "E4134"


@dataclass(frozen=True, slots=True)
class _Slot:
    key_id: str
    number: int

    @property
    def name(self) -> str:
        return f"keys/{self.key_id}.{self.number}"

    @property
    def gone(self) -> str:
        """What says that it was removed for good: copies of it are not to come back from other media."""
        return self.name + _GONE


def _slots(store: DirectoryMediaStore) -> list[_Slot]:
    """The slots that open something, by key and number."""
    names = {name for name, _ in store.names("keys")}
    found = [_SLOT.fullmatch(name) for name in names if name + _GONE not in names]
    return sorted(
        (_Slot(one[1], int(one[2])) for one in found if one), key=lambda slot: (slot.key_id, slot.number)
    )


def _gone(store: DirectoryMediaStore) -> list[_Slot]:
    """The slots that were removed for good."""
    names = [name.removesuffix(_GONE) for name, _ in store.names("keys") if name.endswith(_GONE)]
    return [_Slot(one[1], int(one[2])) for one in map(_SLOT.fullmatch, names) if one]


def slot_fields(
    key: KeyInfo, secret: str, kind: SlotKind, name: str, *, minimal: bool | None = None
) -> Document:
    """What a slot says, but its number. Blocks for argon2id. UsageError E4133, E4140 for the secret."""
    salt, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
    time_cost, memory_kib, lanes = key_cost(minimal=minimal)
    sealing = slot_key(secret_forms(secret)[0], salt, time_cost, memory_kib, lanes)
    return {
        "format": "arcxo key slot",
        "key": key.key_id,
        "kind": kind.value,
        "name": name,
        "made_at": datetime.now(UTC).isoformat(),
        "kdf": "argon2id",
        "time_cost": time_cost,
        "memory_kib": memory_kib,
        "lanes": lanes,
        "salt": b64encode(salt).decode(),
        "nonce": b64encode(nonce).decode(),
        "sealed": b64encode(AESGCM(sealing).encrypt(nonce, key.data_key, key.key_id.encode())).decode(),
    }


def put_slot(
    media_path: str, key: KeyInfo, secret: str, kind: SlotKind, name: str, *, minimal: bool | None = None
) -> KeyInfo:
    """One more way to open a data key; durable when it returns. E4141 full, E4142 read-only."""
    store = DirectoryMediaStore(media_path)
    fields = slot_fields(key, secret, kind, name, minimal=minimal)
    taken = [slot.number for slot in (*_slots(store), *_gone(store)) if slot.key_id == key.key_id]
    number = max([-1, *taken]) + 1
    while not store.put_if_absent(f"keys/{key.key_id}.{number}", encode_document(fields | {"slot": number})):
        number += 1
    return KeyInfo(key.key_id, number, key.data_key)


def list_slots(media_path: str) -> list[SlotInfo]:
    """See `app.media.api.list_slots`."""
    store = DirectoryMediaStore(media_path)
    found = []
    for slot in _slots(store):
        try:
            fields = _read(store, slot)
            made = fields.get("made_at")
            found.append(
                SlotInfo(
                    key_id=slot.key_id,
                    slot=slot.number,
                    kind=SlotKind(fields.get("kind", SlotKind.PASSWORD.value)),
                    name=str(fields.get("name", "")),
                    made_at=datetime.fromisoformat(made) if isinstance(made, str) else None,
                )
            )
        except (ArcxoError, ValueError) as error:
            if isinstance(error, ArcxoError) and store.size(slot.name) is None:
                continue  # removed since it was listed
            found.append(SlotInfo(slot.key_id, slot.number, SlotKind.PASSWORD, "", None, damaged=True))
    return found


def _read(store: DirectoryMediaStore, slot: _Slot) -> Document:
    return decode_document(
        store.get(slot.name), _UNREADABLE, media=store.location, slot=f"{slot.key_id}.{slot.number}"
    )


def open_slots(media_path: str, secret: str) -> list[KeyInfo]:
    """See `app.media.api.open_slots`. Damaged slots are passed over."""
    secret_forms(secret)
    store = DirectoryMediaStore(media_path)
    found = []
    for slot in _slots(store):
        try:
            data_key = open_slot(_read(store, slot), secret)
        except (ArcxoError, KeyError, ValueError, TypeError) as error:
            if isinstance(error, ArcxoError) and error.code not in (_UNREADABLE, "E4142"):
                raise
            continue
        if data_key is not None:
            found.append(KeyInfo(slot.key_id, slot.number, data_key))
    return found


def remove_slot(media_path: str, key_id: str, number: int, stays: KeyInfo) -> None:
    """See `app.media.api.remove_slot`."""
    store = DirectoryMediaStore(media_path)
    slot, other = _Slot(key_id, number), _Slot(stays.key_id, stays.slot)
    if store.size(slot.name) is None or store.size(slot.gone) is not None:
        raise NotFoundError("E4135", media=media_path, key=key_id, slot=number)
    if slot == other or key_id != stays.key_id:
        raise CredentialsError("E4136", media=media_path, key=key_id, slot=number)
    mark = f"{slot.name}.{secrets.token_hex(8)}.removed"
    fields: Document = {"format": "arcxo removed key slot", "stays": other.number, "writer": owner_prefix()}
    store.put_if_absent(mark, encode_document(fields))
    try:
        # Marks first, then the slot: a removal that is done has left neither.
        going = _is_marked(store, other) or store.size(other.gone) is not None
        if going or store.size(other.name) is None or store.size(mark) is None:
            raise BusyError("E4139", media=media_path, key=key_id, slot=other.number)
        store.put_if_absent(slot.gone, encode_document(_removed_now()))
        store.delete(slot.name)
        store.synchronize_directory("keys")
    finally:
        store.delete(mark)


def _removed_now() -> Document:
    return {"format": "arcxo removed key slot", "removed_at": datetime.now(UTC).isoformat()}


def _is_marked(store: DirectoryMediaStore, slot: _Slot) -> bool:
    """Whether a living process removes the slot."""
    finish_slot_removals(store)
    marks = [_MARK.fullmatch(name) for name, _ in store.names("keys")]
    return any(mark is not None and f"keys/{mark[1]}" == slot.name for mark in marks)


def finish_slot_removals(store: DirectoryMediaStore) -> None:
    """Take away slots that are gone, and the marks of processes that are: what they had not removed stays."""
    for slot in _gone(store):
        store.delete(slot.name)
    for name, _ in store.names("keys"):
        if _MARK.fullmatch(name) is None:
            continue
        at = store.modified(f"keys/{name}")
        if at is None:
            continue
        try:
            fields = decode_document(store.get(f"keys/{name}"), _UNREADABLE, media=store.location, slot=name)
            writer = str(fields["writer"])
        except (ArcxoError, KeyError):
            writer = ""  # gone meanwhile, or damaged: its age decides
        if is_abandoned(f"{writer}-", time.time() - at):
            store.delete(f"keys/{name}")


def copy_slots(source: str, target: str) -> int:
    """See `app.media.api.copy_slots`."""
    origin, store = DirectoryMediaStore(source), DirectoryMediaStore(target)
    removed = {slot.name for slot in _gone(store)}
    came = sum(
        store.put_if_absent(slot.name, origin.get(slot.name))
        for slot in _slots(origin)
        if slot.name not in removed
    )
    for slot in _gone(origin):
        # What was removed there goes here as well, as long as something else opens the key.
        left = [one for one in _slots(store) if one.key_id == slot.key_id and one != slot]
        if left and store.put_if_absent(slot.gone, encode_document(_removed_now())):
            store.delete(slot.name)
    return came
