"""From a host's name in a scenario to its agent."""

from __future__ import annotations

import os
import socket
from typing import Protocol

from app.agent.api import Agent
from app.agent.client import DEFAULT_TIMEOUT_S, connect, connect_local
from app.agent.home import AgentHome
from app.catalog.api import Catalog
from app.catalog.location import read_location
from app.jobs.host_logins import HostLogins
from app.model.errors import CredentialsError
from app.model.job import Credentials

LOCAL_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


class Agents(Protocol):
    """Where jobs get agents from. The caller closes what it got."""

    def agent_of(self, host: str, credentials: Credentials | None) -> Agent:
        """The agent of a host. Blocks on the network; raises what its connection raises."""
        ...


class KnownHosts:
    """Agents of the catalog's hosts; this machine's own is reached as the home's owner or a named account."""

    def __init__(self, home: str, catalog: Catalog) -> None:
        self._home = home
        self._catalog = catalog

    def agent_of(
        self, host: str, credentials: Credentials | None, timeout_s: float = DEFAULT_TIMEOUT_S
    ) -> Agent:
        """The agent of a host. Without credentials another host is reached by the log-in kept for it.

        Raises:
            ArcxoError: AE1001 it does not answer.
            CredentialsError: AE1026 the log-in was refused, E5132 none is known.
            NotFoundError: no host of that name is known.
        """
        if is_here(host, self._home, self._catalog):
            given = credentials is not None and (credentials.user or credentials.password)
            running = AgentHome(self._home).running() if given else None
            if credentials is None or running is None:
                return connect_local(self._home)
            # Whoever names an account wants its rights, not the owner's.
            return connect(running.address, credentials, running.fingerprint)
        known = self._catalog.hosts.show(host)
        given_here = credentials or HostLogins(self._home, self._catalog).get(host)
        if given_here is None:
            raise CredentialsError("E5132", host=host)
        return connect(known.address, given_here, known.fingerprint, timeout_s, name=host, far=True)


def is_local(host: str) -> bool:
    """Whether a host's name in a scenario means this machine."""
    return host in LOCAL_NAMES or host == socket.gethostname()


def is_here(host: str, home: str, catalog: Catalog) -> bool:
    """The same, or the name under which other hosts know the agent of `home`."""
    location = read_location(home)
    if is_local(host) or (location is not None and location.server == host):
        return True
    running = AgentHome(home).running()
    return running is not None and any(
        known.name == host and known.fingerprint == running.fingerprint for known in catalog.hosts.list()
    )


def server_name(home: str = "") -> str:
    """How this server is named in the activity log.

    The name it has among those that share its home's catalog, else ARCXO_SERVER_NAME, else the machine's.
    """
    location = read_location(home) if home else None
    if location is not None:
        return location.server
    return os.environ.get("ARCXO_SERVER_NAME") or socket.gethostname()
