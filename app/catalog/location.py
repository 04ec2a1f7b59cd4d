"""Where the catalog of a home is, when it is not the file in it: a PostgreSQL database that servers share.

It is written in `secrets/catalog.json`, mode 0600: who can read that file can open the database.
"""

from __future__ import annotations

import json
import os
import stat
import urllib.parse
from dataclasses import asdict, dataclass, field

from app.model.errors import ArcxoError, UsageError

FILE = os.path.join("secrets", "catalog.json")
INSTALLATION = "installation.id"
"""The setting that says which installation a shared catalog is of. Its making ends with it."""
_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg")
_PORT_MOST = 65_535


@dataclass(frozen=True, slots=True)
class Location:
    """A shared catalog as one server reaches it. `server`: the name under which the others know this one."""

    url: str
    installation: str
    server: str
    password: str = field(default="", repr=False)

    @property
    def full_url(self) -> str:
        """The URL with the password, for the database driver alone."""
        parts = urllib.parse.urlsplit(self.url)
        if not self.password:
            return self.url
        user = parts.username or ""
        _, _, host = parts.netloc.rpartition("@")
        secret = urllib.parse.quote(self.password, safe="")
        return urllib.parse.urlunsplit(parts._replace(netloc=f"{user}:{secret}@{host}"))


def checked_url(url: str) -> str:
    """The URL of a PostgreSQL database as it is kept.

    Raises:
        UsageError: E6045 it is none, or has a password in it, which other users of the machine could read.
    """
    try:
        parts = urllib.parse.urlsplit(url)
        query = urllib.parse.parse_qs(parts.query, strict_parsing=bool(parts.query))
        port = parts.port or 0
    except ValueError as error:
        raise UsageError("E6045", details=str(error)) from error
    if parts.scheme not in _SCHEMES or not parts.path.strip("/") or port > _PORT_MOST or parts.fragment:
        raise UsageError("E6045", details="it has the form postgresql://USER@HOST:PORT/DATABASE")
    if parts.password is not None or "password" in query:
        raise UsageError("E6045", details="the password is given in a file, with --catalog-password-file")
    if not url.isprintable():
        raise UsageError("E6045", details="it has characters that cannot be shown")
    return urllib.parse.urlunsplit(parts._replace(scheme="postgresql+psycopg"))


def database_name(url: str) -> str:
    """How people name the database of a URL: never with a password."""
    parts = urllib.parse.urlsplit(url)
    host = parts.hostname or urllib.parse.parse_qs(parts.query).get("host", ["this machine"])[0]
    where = f"{host}:{parts.port}" if parts.port else host
    return f"{urllib.parse.unquote(parts.path.strip('/'))} on {where}"


def read_location(home: str) -> Location | None:
    """Where the shared catalog of a home is; None for a home with a catalog of its own.

    Raises:
        ArcxoError: E5122 others may read the file, E6047 it cannot be understood.
    """
    path = os.path.join(home, FILE)
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    with open(descriptor, "rb") as file:
        if stat.S_IMODE(os.fstat(file.fileno()).st_mode) & 0o077:
            raise ArcxoError("E5122", path=path)
        content = file.read(65_536)
    try:
        fields = json.loads(content)
        return Location(**{name: str(fields[name]) for name in ("url", "installation", "server", "password")})
    except (ValueError, KeyError, TypeError) as error:
        raise ArcxoError("E6047", path=path) from error


def content_of(location: Location) -> bytes:
    """What `secrets/catalog.json` of a home holds."""
    return json.dumps(asdict(location)).encode()
