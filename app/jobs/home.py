"""The making of a home: the directory that holds everything of one installation."""

from __future__ import annotations

import contextlib
import fcntl
import itertools
import json
import os
import shutil
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from app.jobs.durable import replace
from app.model.errors import BusyError, UsageError
from app.model.job import Credentials
from app.model.media import Device, MediaInfo

if TYPE_CHECKING:
    from app.catalog.api import Catalog
    from app.jobs.secrets import SecretStore
    from app.model.server import CatalogChoice

HOME_RECORD = "home.json"
DEFAULT_GROUP = "GROUP0"
DEFAULT_DEVICE = "media"
OWNER = "caroot"
_MAKING = "home.making"
_FORMAT = 1


def is_home(home: str) -> bool:
    """Whether `home` was made completely."""
    return os.path.isfile(os.path.join(home, HOME_RECORD))


def home_id(home: str) -> str:
    """The identity of a home, which its server has too."""
    with open(os.path.join(home, HOME_RECORD), "rb") as record:
        return str(json.load(record)["id"])


def automatic_media_name(at: datetime, taken: Collection[str] = ()) -> str:
    """The name a media gets when none is given: the local date and time, as `5/29/07 10:56 AM`.

    One that is `taken`, by a media made in the same minute, gets a number: a name is how media are chosen,
    and formatting one erases what has its name.
    """
    local = at.astimezone()
    hour = local.hour % 12 or 12
    name = f"{local.month}/{local.day}/{local:%y} {hour}:{local:%M %p}"
    numbers = itertools.count(2)
    free = name
    while free in taken:
        free = f"{name} ({next(numbers)})"
    return free


def create_home(
    home: str,
    *,
    caroot_password: str,
    media_name: str = "",
    more: Callable[[Catalog, SecretStore], None] = lambda _catalog, _store: None,
    choice: CatalogChoice | None = None,
) -> None:
    """Make a home; `home.json`, written last, makes it one. What a cut-short making left is made again.

    `more` puts what else it is to have into its catalog. `choice`: the database that its catalog is in.

    Raises:
        UsageError: E5101 a home is there already, E5106 it holds other things, AE1012 a bad password, E6043
            the database has an installation's catalog already.
        BusyError: E5107 someone else makes it now.
    """
    make_home(home, lambda: _fill(home, caroot_password, media_name, more, choice))


def make_home(home: str, fill: Callable[[], str]) -> None:
    """Make the directory of a home, which `fill` fills and gives its identity. Raises as `create_home`."""
    if is_home(home):
        raise UsageError("E5101", home=home)
    os.makedirs(home, mode=0o700, exist_ok=True)
    names = os.listdir(home)
    if names and _MAKING not in names:
        raise UsageError("E5106", home=home, name=min(names))
    marker = os.path.join(home, _MAKING)
    descriptor = os.open(marker, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BusyError("E5107", home=home) from None
        if is_home(home):
            raise UsageError("E5101", home=home)
        os.chmod(home, 0o700)
        _clear(home)
        identity = fill()
        record = {"format": _FORMAT, "id": identity, "created_at": datetime.now(UTC).isoformat()}
        replace(os.path.join(home, HOME_RECORD), json.dumps(record).encode())
        with contextlib.suppress(FileNotFoundError):
            os.unlink(marker)
    finally:
        os.close(descriptor)


def _clear(home: str) -> None:
    """Take away what a making that was cut short left: it holds nothing of anyone's."""
    for name in os.listdir(home):
        if name == _MAKING:
            continue
        path = os.path.join(home, name)
        if os.path.isdir(path) and not os.path.islink(path):
            shutil.rmtree(path)
        else:
            os.unlink(path)


def make_agent_part(home: str, caroot_password: str) -> str:
    """What the home of every server has of its own: its agent with the account caroot; its identity."""
    from app.agent.accounts import Accounts, Role
    from app.agent.home import AgentHome
    from app.agent.home_key import HomeKey

    for name in ("logs", "secrets"):
        os.mkdir(os.path.join(home, name), 0o700)
    agent_home = AgentHome(home)
    Accounts(agent_home).add(OWNER, caroot_password, Role.ADMINISTRATOR)
    HomeKey(home).set_password(caroot_password)
    return agent_home.id


def _fill(
    home: str,
    caroot_password: str,
    media_name: str,
    more: Callable[[Catalog, SecretStore], None],
    choice: CatalogChoice | None,
) -> str:
    from app.catalog import open_catalog
    from app.catalog.location import INSTALLATION
    from app.jobs.host_logins import HostLogins
    from app.jobs.secrets import SecretStore
    from app.jobs.shared_home import checked_choice, make_installation
    from app.media import api as media

    identity = make_agent_part(home, caroot_password)
    os.mkdir(os.path.join(home, DEFAULT_DEVICE), 0o700)
    secrets = SecretStore(home)
    secrets.create()
    catalog: Catalog
    installation = ""
    if choice is not None:
        choice = checked_choice(choice)
        catalog, installation = make_installation(home, choice, os.path.join(home, _MAKING))
    else:
        catalog = open_catalog(home)
    device_path = os.path.join(home, DEFAULT_DEVICE)
    now = datetime.now(UTC)
    try:
        found = media.format_media(device_path, media_name or automatic_media_name(now))
        assert found.label is not None
        label = found.label
        catalog.media.put_group(DEFAULT_GROUP)
        catalog.media.put_device(Device(DEFAULT_DEVICE, device_path, DEFAULT_GROUP))
        catalog.media.put_media(
            MediaInfo(
                name=label.name,
                media_id=label.media_id,
                serial=label.serial,
                sequence=label.sequence,
                set_id=label.set_id,
                device=DEFAULT_DEVICE,
                group=DEFAULT_GROUP,
                created_at=label.created_at,
            )
        )
        more(catalog, secrets)
        if choice is not None:
            HostLogins(home, catalog).put(choice.server, Credentials(OWNER, caroot_password))
            catalog.settings.put(INSTALLATION, installation)
    finally:
        catalog.close()
    return identity
