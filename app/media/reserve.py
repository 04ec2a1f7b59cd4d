"""The reserve: a little room that is given up when the disk is full, so that things can still be deleted."""

from __future__ import annotations

import os
import secrets

from blake3 import blake3

from app.media.store import DirectoryMediaStore, MediaStore
from app.model.errors import ArcxoError

NAME = "reserve"
RESERVE_BYTES = 1 << 20
_MEDIA_FULL = "E4141"
_SMALLEST_PACK_BYTES = 1 << 20
_ROOM_BYTES = 8 * RESERVE_BYTES
"""With less free than this nothing is set aside: on so small a disk the sessions need the room."""


def keep_reserve(store: DirectoryMediaStore) -> None:
    """Set the reserve aside when there is none and the disk has room for it; never raises for a full disk."""
    if store.size(NAME) is not None:
        return
    try:
        state = os.statvfs(store.location)
    except OSError:
        return
    if state.f_bavail * state.f_frsize < _ROOM_BYTES:
        return
    # Random, so that no file system stores it in less.
    body = secrets.token_bytes(RESERVE_BYTES - 32)
    try:
        store.put_if_absent(NAME, body + blake3(body).digest())
    except ArcxoError as error:
        if error.code != _MEDIA_FULL:
            raise


def pack_target(location: str, most: int) -> int:
    """How large a pack may get: less where little room is left, as a pack that does not fit is lost whole."""
    try:
        state = os.statvfs(location)
    except OSError:
        return most
    return min(most, max(_SMALLEST_PACK_BYTES, state.f_bavail * state.f_frsize // 8))


def put_with_reserve(store: MediaStore, name: str, data: bytes) -> bool:
    """Put an object that deleting needs: on a full disk the reserve makes room. Else as `put_if_absent`."""
    try:
        return store.put_if_absent(name, data)
    except ArcxoError as error:
        if error.code != _MEDIA_FULL:
            raise
    store.delete(NAME)
    return store.put_if_absent(name, data)


def is_damaged(store: MediaStore) -> bool:
    """Whether the reserve is there and no longer as it was written: a sign of the disk's health, no more."""
    if store.size(NAME) is None:
        return False
    data = store.get(NAME)
    return blake3(data[:-32]).digest() != data[-32:]
