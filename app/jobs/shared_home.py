"""Homes whose catalog is a database that servers share: the first one made, further ones brought in."""

from __future__ import annotations

import os
import socket
import uuid
from collections.abc import Callable
from dataclasses import replace

import app
from app.catalog.api import Catalog
from app.catalog.location import FILE, INSTALLATION, Location, checked_url, content_of, read_location
from app.jobs.durable import replace as replace_file
from app.jobs.home import OWNER, home_id, make_agent_part, make_home
from app.jobs.host_logins import HostLogins
from app.jobs.invitation import Invitation, write_invitation
from app.jobs.secrets import SecretStore
from app.model.errors import UsageError
from app.model.events import Severity
from app.model.job import Credentials
from app.model.server import CatalogChoice

_NAME_MAX = 64
_ID_MOST = 64


def checked_choice(choice: CatalogChoice) -> CatalogChoice:
    """With the URL as it is kept and the server's name. Raises UsageError E6045, AE1041."""
    return replace(choice, url=checked_url(choice.url), server=_checked_name(choice.server))


def make_installation(home: str, choice: CatalogChoice, marker: str) -> tuple[Catalog, str]:
    """The empty catalog of a new installation, for the home that is being made; and the installation.

    The file `marker` keeps which installation is being made: one that was cut short is begun anew with it.

    Raises:
        UsageError: E6043 another installation is in that database. Others as `open_catalog`.
    """
    from app.catalog.store import open_catalog

    with open(marker, "r+b") as kept:
        unfinished = kept.read(_ID_MOST).decode("ascii", "replace")
        installation = unfinished or uuid.uuid4().hex
        if not unfinished:
            kept.write(installation.encode())
            kept.flush()
            os.fsync(kept.fileno())
    location = Location(choice.url, installation, choice.server, choice.password)
    catalog = open_catalog(home, url=location.full_url)
    try:
        _check_free(catalog, installation)
        catalog.clear()
        replace_file(os.path.join(home, FILE), content_of(location), mode=0o600)
    except BaseException:
        catalog.close()
        raise
    return catalog, installation


def invite(home: str, path: str) -> str:
    """Make an invitation for a further server; the code that opens it.

    Raises:
        UsageError: E5782 the home's catalog cannot be shared, E5789 the file is there.
    """
    location = read_location(home)
    if location is None:
        raise UsageError("E5782", home=home)
    return write_invitation(os.path.abspath(path), location, SecretStore(home).key())


def join(home: str, invitation: Invitation, *, caroot_password: str, server: str = "", url: str = "") -> str:
    """Make a home whose server works on the catalog of the installation that invited; the server's name.

    `url`: how the database is reached from here, when that differs. What a cut-short one left is made again.

    Raises:
        UsageError: E5783 the name is taken, E5101, E5106 the directory, AE1012 a bad password.
        ArcxoError: E6042 the database is another installation's. Others as `open_catalog`.
    """
    from app.catalog.store import check_installation, open_catalog

    name = _checked_name(server)
    location = Location(
        checked_url(url) if url else invitation.url, invitation.installation, name, invitation.password
    )

    def fill() -> str:
        catalog = open_catalog(home, url=location.full_url)
        try:
            check_installation(catalog, invitation.installation)
            taken = {one.name for one in catalog.hosts.list()} | {one.name for one in catalog.servers.list()}
            if name in taken:
                raise UsageError("E5783", name=name)
            identity = make_agent_part(home, caroot_password)
            SecretStore(home).create(invitation.key)
            replace_file(os.path.join(home, FILE), content_of(location), mode=0o600)
            HostLogins(home, catalog).put(name, Credentials(OWNER, caroot_password))
        finally:
            catalog.close()
        return identity

    def finished() -> None:
        catalog = open_catalog(home)
        try:
            catalog.servers.put(home_id(home), name, 0, app.__version__)
            catalog.log.append("N5786", Severity.INFORMATION, server=name, name=name)
        finally:
            catalog.close()

    make_home(home, fill)
    finished()
    return name


def set_location(home: str, *, url: str = "", password: str | None = None) -> None:
    """Lead a home to where its catalog is now. It must be the same installation's.

    Raises:
        UsageError: E5782 the home's catalog is a file. ArcxoError: E6042. Others as `open_catalog`.
    """
    from app.catalog.store import check_installation, open_catalog

    location = read_location(home)
    if location is None:
        raise UsageError("E5782", home=home)
    changed = replace(
        location,
        url=checked_url(url) if url else location.url,
        password=location.password if password is None else password,
    )
    catalog = open_catalog(home, url=changed.full_url)
    try:
        check_installation(catalog, location.installation)
    finally:
        catalog.close()
    replace_file(os.path.join(home, FILE), content_of(changed), mode=0o600)


def _check_free(catalog: Catalog, installation: str) -> None:
    """Raise UsageError E6043 when a catalog is another installation's."""
    if catalog.settings.get(INSTALLATION, "") not in ("", installation):
        raise UsageError("E6043", file=catalog.name)


def _checked_name(name: str) -> str:
    clean = name or socket.gethostname()
    if (
        not 0 < len(clean) <= _NAME_MAX
        or not clean.isprintable()
        or set(clean) & set("/ ,:")
        or (clean in ("localhost", "127.0.0.1"))
    ):
        raise UsageError("AE1041", name=clean[:_NAME_MAX])
    return clean


def note_own_password(home: str, change: Callable[[], None], password: str) -> None:
    """Change the password of caroot here, and the log-in by which other servers reach this one's agent.

    The catalog is opened first: where it does not answer (E6040) nothing is changed.
    """
    from app.catalog.store import open_catalog

    location = read_location(home)
    if location is None:
        change()
        return
    catalog = open_catalog(home)
    try:
        change()
        HostLogins(home, catalog).put(location.server, Credentials(OWNER, password))
    finally:
        catalog.close()
