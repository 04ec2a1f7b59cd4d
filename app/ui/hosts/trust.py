"""What a person types to know a host, and what to think of the certificate it shows. Qt-free."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import Enum

from app.model.host import Host
from app.model.job import Credentials

DEFAULT_PORT = 25000
LOCAL = "localhost"


class Trust(Enum):
    """How a certificate stands to the one that was confirmed."""

    NEW = "new"
    SAME = "same"
    CHANGED = "changed"


@dataclass(slots=True)
class HostEntry:
    """The fields of one host. With `known`, a host is changed; its name stays."""

    name: str = ""
    address: str = ""
    user: str = ""
    password: str = ""
    known: Host | None = None

    @classmethod
    def of(cls, host: Host) -> HostEntry:
        """The fields to change a known host."""
        return cls(host.name, host.address, host.user, "", host)

    @property
    def host(self) -> str:
        """The name it will have: what was typed, or the computer in the address."""
        return (
            self.name.strip() or self.address.strip().rpartition(":")[0].strip("[]") or self.address.strip()
        )

    @property
    def where(self) -> str:
        """The address with its port, the usual one when none was typed."""
        return with_port(self.address)

    @property
    def credentials(self) -> Credentials:
        """The log-in typed."""
        return Credentials(self.user.strip(), self.password)

    def faults(self, names: Collection[str] = ()) -> dict[str, str]:
        """What is wrong, by field; `names` are in use already."""
        found: dict[str, str] = {}
        if not self.address.strip():
            found["address"] = "Type the computer's name or IP address, and its port if it is not 25000"
        elif not is_address(self.where):
            found["address"] = "Type HOST or HOST:PORT, such as branch1.example.org:25000"
        name = self.host
        if self.known is None and name and not found:
            if name.casefold() == LOCAL:
                found["name"] = "localhost is this computer. Give the host another name"
            elif len(name) > 255 or not name.isprintable():
                found["name"] = "A name has at most 255 printable characters"
            elif name in names:
                found["name"] = f"{name} is known already. Change its log-in instead, or choose another name"
        for field, words, typed in (
            ("user", "user name", self.user.strip()),
            ("password", "password", self.password),
        ):
            if not typed:
                found[field] = f"A {words} is missing"
        return found

    def trust(self, fingerprint: str) -> Trust:
        """How the certificate shown now stands to the one confirmed before."""
        if self.known is None or not self.known.fingerprint:
            return Trust.NEW
        return Trust.SAME if bare(self.known.fingerprint) == bare(fingerprint) else Trust.CHANGED


def with_port(address: str) -> str:
    """HOST:PORT; the usual port when `address` has none. IPv6 addresses stand in brackets."""
    text = address.strip()
    if text.startswith("["):
        return text if "]:" in text else f"{text}:{DEFAULT_PORT}"
    if text.count(":") > 1:
        return f"[{text}]:{DEFAULT_PORT}"
    return text if ":" in text or not text else f"{text}:{DEFAULT_PORT}"


def is_address(address: str) -> bool:
    """Whether it is HOST:PORT with a port that exists."""
    host, colon, port = address.rpartition(":")
    bare_host = host.strip("[]")
    if not colon or not bare_host or any(char.isspace() for char in bare_host):
        return False
    return port.isascii() and port.isdecimal() and 0 < int(port[:6]) < 65_536


def bare(fingerprint: str) -> str:
    """A fingerprint without colons, in small letters."""
    return fingerprint.replace(":", "").replace(" ", "").lower()


def spaced(fingerprint: str) -> str:
    """As people compare it: pairs with colons, sixteen to a line."""
    digits = bare(fingerprint).upper()
    pairs = [digits[start : start + 2] for start in range(0, len(digits), 2)]
    return "\n".join(":".join(pairs[start : start + 16]) for start in range(0, len(pairs), 16))


FIELD_OF_ERROR = {
    "AE1001": "address",
    "AE1016": "address",
    "AE1027": "address",
    "AE1030": "address",
    "E1154": "address",
    "AE1041": "name",
    "AE1012": "user",
    "AE1018": "user",
    "AE1026": "password",
}
"""The field whose value a refusal speaks of; others are told below all fields."""
