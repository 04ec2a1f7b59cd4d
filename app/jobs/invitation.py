"""An invitation brings a further server into an installation: where its catalog is, and its installation key.

The file is sealed with a code of 128 random bits that is printed when it is made, so that the file alone, on
its way to the other machine, opens nothing.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from dataclasses import dataclass, field

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from app.catalog.location import Location
from app.jobs.durable import write_new
from app.model.errors import ArcxoError, CredentialsError, UsageError

_CODE_BYTES = 16
_GROUP = 4
_NONCE_BYTES = 12
_FORM = "arcxo invitation 1"
_MOST_BYTES = 65_536


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a server is given that joins."""

    url: str
    installation: str
    password: str = field(repr=False)
    key: bytes = field(repr=False)


def write_invitation(path: str, location: Location, key: bytes) -> str:
    """Make the file of an invitation, mode 0600; the code that opens it. UsageError E5789 it is there."""
    raw = secrets.token_bytes(_CODE_BYTES)
    content = {
        "url": location.url,
        "installation": location.installation,
        "password": location.password,
        "key": base64.b64encode(key).decode("ascii"),
    }
    nonce = os.urandom(_NONCE_BYTES)
    sealed = nonce + _cipher(raw).encrypt(nonce, json.dumps(content).encode(), _FORM.encode())
    file = {"form": _FORM, "sealed": base64.b64encode(sealed).decode("ascii")}
    try:
        write_new(path, json.dumps(file).encode() + b"\n", mode=0o600)
    except FileExistsError as error:
        raise UsageError("E5789", path=path) from error
    text = base64.b32encode(raw).decode("ascii").rstrip("=")
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read_invitation(path: str, code: str) -> Invitation:
    """What an invitation holds.

    Raises:
        ArcxoError: E5780 the file is none. CredentialsError: E5781 the code is another's.
    """
    try:
        with open(path, "rb") as file:
            fields = json.loads(file.read(_MOST_BYTES))
        if fields["form"] != _FORM:
            raise ArcxoError("E5780", path=path)
        sealed = base64.b64decode(fields["sealed"], validate=True)
    except (ValueError, KeyError, TypeError) as error:
        raise ArcxoError("E5780", path=path) from error
    letters = "".join(code.split()).replace("-", "").upper()
    try:
        raw = base64.b32decode(letters + "=" * (-len(letters) % 8))
        nonce, rest = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
        plain = _cipher(raw).decrypt(nonce, rest, _FORM.encode())
    except (InvalidTag, ValueError) as error:
        raise CredentialsError("E5781", path=path) from error
    content = json.loads(plain)
    key = base64.b64decode(content["key"])
    return Invitation(content["url"], content["installation"], content["password"], key)


def _cipher(code: bytes) -> AESGCM:
    return AESGCM(hashlib.blake2b(code, digest_size=32, person=b"arcxo invite").digest())
