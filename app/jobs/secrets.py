"""The sealed secrets of a home: job credentials and session passwords, encrypted with an installation key.

The key lies in `secrets/installation.key` with mode 0600: who can read that file can open the secrets.
Sealed values may be stored anywhere (the catalog); they are never logged.
"""

from __future__ import annotations

import os
import stat

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.jobs.durable import write_new
from app.model.errors import ArcxoError

_VERSION = b"\x01"
_NONCE_BYTES = 12
_KEY_BYTES = 32


class SecretStore:
    """Seals and opens small values with the installation key of one home. Usable from any thread."""

    def __init__(self, home: str) -> None:
        self._path = os.path.join(home, "secrets", "installation.key")
        self._cipher: AESGCM | None = None

    def create(self, key: bytes = b"") -> None:
        """Make the installation key, or take that of an installation, durably. One that exists is kept."""
        os.makedirs(os.path.dirname(self._path), mode=0o700, exist_ok=True)
        try:
            write_new(self._path, key or os.urandom(_KEY_BYTES), mode=0o600)
        except FileExistsError:
            return

    def seal(self, plain: bytes, purpose: str = "") -> bytes:
        """Encrypt `plain`; it opens only with the same `purpose` (what the value is for)."""
        nonce = os.urandom(_NONCE_BYTES)
        return _VERSION + nonce + self._key().encrypt(nonce, plain, _VERSION + purpose.encode())

    def open(self, sealed: bytes, purpose: str = "") -> bytes:
        """Decrypt what `seal` returned.

        Raises:
            ArcxoError: E5121 when it was sealed with another key or for something else, or is damaged.
        """
        nonce, content = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _VERSION or len(nonce) != _NONCE_BYTES:
            raise ArcxoError("E5121", purpose=purpose)
        try:
            return self._key().decrypt(nonce, content, _VERSION + purpose.encode())
        except InvalidTag as error:
            raise ArcxoError("E5121", purpose=purpose) from error

    def key(self) -> bytes:
        """The installation key, for an invitation. Raises ArcxoError E5120, E5122."""
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError as error:
            raise ArcxoError("E5120", path=self._path) from error
        try:
            if stat.S_IMODE(os.fstat(descriptor).st_mode) & 0o077:
                raise ArcxoError("E5122", path=self._path)
            key = os.read(descriptor, _KEY_BYTES + 1)
        finally:
            os.close(descriptor)
        if len(key) != _KEY_BYTES:
            raise ArcxoError("E5120", path=self._path)
        return key

    def _key(self) -> AESGCM:
        if self._cipher is None:
            self._cipher = AESGCM(self.key())
        return self._cipher
