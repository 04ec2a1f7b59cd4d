"""The servers that share the catalog of a home."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from app.model.errors import BusyError, NotFoundError
from app.model.server import SILENT_S, ServerInfo

if TYPE_CHECKING:
    from app.catalog.api import ServerRecord
    from app.services.connections import Connections

_DEVICE = "device:"


def servers(connections: Connections) -> Sequence[ServerInfo]:
    """All servers of the installation, by name; of a home with a catalog of its own the one that runs."""
    from app.jobs.home import home_id

    catalog = connections.catalog
    own = home_id(connections.home)
    media = {one.name: one.path for one in catalog.media.devices() if one.online}

    def info(one: ServerRecord) -> ServerInfo:
        seen = [name.removeprefix(_DEVICE) for name in one.capabilities if name.startswith(_DEVICE)]
        running = one.pid > 0 and one.silent_s <= SILENT_S
        tells = running and catalog.shared
        unseen = [f"{name} ({path})" for name, path in media.items() if name not in seen] if tells else []
        return ServerInfo(
            name=one.name,
            own=one.id == own,
            pid=one.pid,
            version=one.version,
            started_at=one.started_at,
            heartbeat_at=one.heartbeat_at,
            silent_s=round(one.silent_s, 1),
            devices=tuple(seen) if catalog.shared else tuple(media),
            unseen=tuple(unseen),
        )

    return [info(one) for one in catalog.servers.list()]


def remove_server(connections: Connections, name: str) -> None:
    """Take a server that does not run out of the installation, and the way to its agent with it.

    Raises:
        NotFoundError: E5791. BusyError: E5792 it runs, E1155 a registered scenario has its host.
    """
    from app.jobs.host_logins import HostLogins

    catalog = connections.catalog
    found = next((one for one in catalog.servers.list() if one.name == name), None)
    if found is None:
        raise NotFoundError("E5791", name=name)
    if found.pid > 0 and found.silent_s <= SILENT_S:
        raise BusyError("E5792", name=name)
    using = [one.name for one in catalog.registrations.list() if name in (one.master, *one.replicas)]
    if using:
        raise BusyError("E1155", host=name, scenarios=", ".join(using))
    if any(host.name == name for host in catalog.hosts.list()):
        catalog.hosts.remove(name)
    HostLogins(connections.home, catalog).forget(name)
    catalog.servers.forget(found.id)
