"""The key that a backup seals its session with."""

from __future__ import annotations

from app.jobs.control import JobControl
from app.media import api as media
from app.media.api import KeyInfo
from app.model.errors import CredentialsError


def key_for_backup(control: JobControl, media_path: str, name: str, password: str) -> KeyInfo | None:
    """The key a password opens; a new one, with a warning where others are there; None without a password.

    A new key is right where a password is meant to be another, and shares nothing with earlier sessions.
    Where it was mistyped, this says so while it still is known. Blocks for argon2id.
    """
    if not password:
        return None
    try:
        return media.unlock(media_path, password)
    except CredentialsError:
        if any(not slot.damaged for slot in media.list_slots(media_path)):
            control.warn("W5249", media=name)
        return media.create_key(media_path, password)
