"""The key that seals what the media keep of a home, and who opens it: caroot's password, recovery keys.

It lies in `secrets/home.key` with mode 0600. Its slots go with every record: on another machine the password
is all that is needed.
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import stat
from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime

from app.agent.home import replace_durably
from app.media.document import Document
from app.media.keys import DATA_KEY_BYTES
from app.media.slots import slot_fields
from app.media.values import KeyInfo
from app.model.errors import ArcxoError
from app.model.media_keys import SlotKind

_RECOVERY_KEPT = 8


@dataclass(frozen=True, slots=True)
class KeyOfHome:
    """The key with its slots."""

    key: KeyInfo
    slots: tuple[Document, ...]


OWNER = "caroot"
_RECORD = "home.json"
_log = logging.getLogger(__name__)


def keep_key_with(home: str, user: str, password: str) -> None:
    """Where a home of an earlier version has no key, the password with which caroot logs in opens one now.

    An agent's home has nothing to keep. What stands in the way is logged, and tried at the next log-in.
    """
    if user != OWNER or not os.path.isfile(os.path.join(home, _RECORD)):
        return
    key = HomeKey(home)
    try:
        if key.read() is None:
            key.set_password(password)
            _log.info("what media keep of this home opens with the password of %s from now on", user)
    except (OSError, ArcxoError) as error:
        _log.warning("what media keep of this home has no key yet: %s", error)


class HomeKey:
    """`secrets/home.key` of one home. Blocks on the disk, and for argon2id where a secret is given."""

    def __init__(self, home: str) -> None:
        self._path = os.path.join(home, "secrets", "home.key")

    def read(self) -> KeyOfHome | None:
        """The key; None for a home whose caroot had no password set since homes have one.

        Raises:
            ArcxoError: E5122 others may read the file, E5120 it cannot be understood.
        """
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with open(descriptor, "rb") as file:
            if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
                raise ArcxoError("E5122", path=self._path)
            content = file.read()
        try:
            fields = json.loads(content)
            key = KeyInfo(str(fields["key_id"]), 0, b64decode(fields["key"]))
            slots = tuple(dict(one) for one in fields["slots"])
        except (ValueError, KeyError, TypeError) as error:
            raise ArcxoError("E5120", path=self._path) from error
        if len(key.data_key) != DATA_KEY_BYTES:
            raise ArcxoError("E5120", path=self._path)
        return KeyOfHome(key, slots)

    def set_password(self, password: str) -> None:
        """Let this password open it, and none that did before; recovery keys stay. Durable on return."""
        known = self.read()
        key = known.key if known else KeyInfo(secrets.token_hex(8), 0, secrets.token_bytes(DATA_KEY_BYTES))
        stay = [one for one in known.slots if one.get("kind") == SlotKind.RECOVERY] if known else []
        self._write(KeyOfHome(key, (slot_fields(key, password, SlotKind.PASSWORD, "caroot"), *stay)))

    def add_recovery(self, recovery_key: str, made_at: datetime) -> bool:
        """Let a recovery key open it, too; False when the home has no key yet. The oldest of many go."""
        known = self.read()
        if known is None:
            return False
        name = f"kit of {made_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
        others = [one for one in known.slots if one.get("kind") == SlotKind.RECOVERY][-(_RECOVERY_KEPT - 1) :]
        passwords = [one for one in known.slots if one.get("kind") != SlotKind.RECOVERY]
        made = slot_fields(known.key, recovery_key, SlotKind.RECOVERY, name)
        self._write(KeyOfHome(known.key, (*passwords, *others, made)))
        return True

    def _write(self, made: KeyOfHome) -> None:
        fields = {
            "key_id": made.key.key_id,
            "key": b64encode(made.key.data_key).decode(),
            "slots": list(made.slots),
        }
        replace_durably(self._path, json.dumps(fields).encode())
