"""Known hosts and their directories."""

from __future__ import annotations

from collections.abc import Sequence

from app.model.host import DirectoryEntry, Host, HostInfo
from app.model.job import Credentials
from app.services.connections import Connections


class LocalHosts:
    """`HostService` on the catalog's hosts and their agents."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self) -> Sequence[Host]:
        """All known hosts; this machine is `localhost`."""
        return self._connections.catalog.hosts.list()

    def info(self, name: str) -> HostInfo:
        """What the agent of a host says of itself."""
        return self._connections.agent_of(name).hello()

    def check_login(self, name: str, credentials: Credentials) -> HostInfo:
        """Log in to a host's agent with user and password. Raises CredentialsError AE0459."""
        from app.agent.client import connect
        from app.agent.home import AgentHome
        from app.jobs.hosts import is_local
        from app.model.errors import BusyError

        if is_local(name):
            info = AgentHome(self._connections.home).running()
            if info is None:
                raise BusyError("E1120", home=self._connections.home)
            address, fingerprint = info.address, info.fingerprint
        else:
            known = self._connections.catalog.hosts.show(name)
            address, fingerprint = known.address, known.fingerprint
        agent = connect(address, credentials, fingerprint)
        try:
            return agent.hello()
        finally:
            agent.close()

    def browse(self, name: str, path: bytes) -> Sequence[DirectoryEntry]:
        """The entries of a directory on a host."""
        return self._connections.agent_of(name).browse(path)

    def make_directory(self, name: str, path: bytes) -> None:
        """Make a directory on a host."""
        self._connections.agent_of(name).make_directory(path)
