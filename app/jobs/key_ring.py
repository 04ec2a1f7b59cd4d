"""The data keys of one media that a job's passwords open; each slot is tried once."""

from __future__ import annotations

from collections.abc import Sequence

from app.jobs.credentials import JobSecrets
from app.media import api as media
from app.media.api import SessionHeader
from app.model.errors import CredentialsError


class KeyRing:
    """Opens sessions of one media with any of several passwords. Blocks for argon2id at each new key."""

    def __init__(self, media_path: str, passwords: Sequence[str]) -> None:
        self._media_path = media_path
        self._passwords = passwords
        self._keys: dict[str, bytes | None] = {}

    @classmethod
    def of(cls, media_path: str, secrets: JobSecrets) -> KeyRing:
        """With every password that a job was given."""
        given = [secrets.session_password, *(password for _, _, password in secrets.session_passwords)]
        return cls(media_path, list(dict.fromkeys(one for one in given if one)))

    def check(self, headers: Sequence[SessionHeader]) -> None:
        """Raise CredentialsError E4131 when passwords were given and none opens any of these sessions."""
        encrypted = [header for header in headers if header.encrypted]
        if self._passwords and encrypted and all(self.key_of(header) is None for header in encrypted):
            raise CredentialsError("E4131", media=self._media_path)

    def is_open(self, header: SessionHeader) -> bool:
        """Whether a session can be read."""
        return not header.encrypted or self.key_of(header) is not None

    def key_of(self, header: SessionHeader) -> bytes | None:
        """The data key of an encrypted session; None when no password opens it, or it needs none."""
        if not header.encrypted:
            return None
        if header.key_id not in self._keys:
            self._keys[header.key_id] = self._open(header.key_id)
        return self._keys[header.key_id]

    def _open(self, key_id: str) -> bytes | None:
        for password in self._passwords:
            try:
                return media.unlock(self._media_path, password, key_id).data_key
            except CredentialsError:
                continue
        return None
