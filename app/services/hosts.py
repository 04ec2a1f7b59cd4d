"""Known hosts and their directories."""

from __future__ import annotations

from collections.abc import Sequence

from app.model.errors import BusyError, UsageError
from app.model.host import CheckResult, DirectoryEntry, Host, HostInfo, HostState
from app.model.job import Credentials
from app.services.connections import Connections


class LocalHosts:
    """`HostService` on the catalog's hosts and their agents."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self) -> Sequence[Host]:
        """All known hosts; this machine is `localhost`."""
        return self._connections.catalog.hosts.list()

    def states(self) -> Sequence[HostState]:
        """All known hosts with what their agents say now; see `app.services.host_states`."""
        from app.services.host_states import host_states

        return host_states(self._connections)

    def show(self, name: str) -> Host:
        """One of them. Raises NotFoundError E6012."""
        return self._connections.catalog.hosts.show(name)

    def fingerprint(self, address: str, authority: str = "") -> str:
        """The fingerprint of the certificate shown at HOST:PORT, for a person to compare.

        With an `authority` (a file) that has signed it for that host there is nothing to compare.

        Raises:
            UsageError: E1154 no address. ArcxoError: AE1001 nothing answers, AE1074 the file cannot be used.
            CredentialsError: AE1073 the authority has not signed it, or for another host.
        """
        from app.agent.client import fetch_fingerprint

        return fetch_fingerprint(clean_address(address), authority=authority)

    def add(self, name: str, address: str, credentials: Credentials, fingerprint: str) -> HostInfo:
        """Log in to the agent at `address`, whose certificate must be that one, and keep the way to it.

        A host that is known is replaced: that is how a new certificate or password is taken.

        Raises:
            UsageError: E1154 no address, AE1041 no name, AE1012 not an account, AE1076 no fingerprint.
            CredentialsError: AE1006 another certificate, AE1075 one whose time is over, AE1026 refused,
                AE1018 not an administrator.
            ArcxoError: AE1001 nothing answers, AE1031 a version that does not fit.
        """
        from app.agent.client import connect
        from app.agent.names import LOCAL_NAMES
        from app.agent.tls import plain_fingerprint
        from app.jobs.host_logins import HostLogins

        where = clean_address(address)
        if name in LOCAL_NAMES:
            raise UsageError("AE1041", name=name)
        wanted = plain_fingerprint(fingerprint)
        agent = connect(where, credentials, wanted, name=name)
        try:
            info = agent.hello()
            agent.set_name(name)
        finally:
            agent.close()
        catalog = self._connections.catalog
        # The log-in first: a host without one would be listed and not reached.
        HostLogins(self._connections.home, catalog).put(name, credentials)
        catalog.hosts.put(Host(name, where, credentials.user, wanted))
        self._connections.forget_host(name)
        return info

    def remove(self, name: str) -> None:
        """Forget a host and the log-in to it.

        Raises:
            NotFoundError: E6012. BusyError: E1155 a registered scenario has it.
        """
        from app.jobs.host_logins import HostLogins

        catalog = self._connections.catalog
        catalog.hosts.show(name)
        using = [one.name for one in catalog.registrations.list() if name in (one.master, *one.replicas)]
        if using:
            raise BusyError("E1155", host=name, scenarios=", ".join(using))
        catalog.hosts.remove(name)
        HostLogins(self._connections.home, catalog).forget(name)
        self._connections.forget_host(name)

    def preflight(self, name: str, paths: Sequence[bytes] = ()) -> Sequence[CheckResult]:
        """Each thing that stands between this home and the use of a host, with cause and way out."""
        from app.services.host_checks import preflight

        return preflight(self._connections, name, paths)

    def info(self, name: str) -> HostInfo:
        """What the agent of a host says of itself."""
        return self._connections.agent_of(name).hello()

    def check_login(self, name: str, credentials: Credentials) -> HostInfo:
        """Log in to a host's agent with user and password. Raises CredentialsError AE0459."""
        from app.agent.client import connect
        from app.agent.home import AgentHome

        if self._connections.is_here(name):
            info = AgentHome(self._connections.home).running()
            if info is None:
                raise BusyError("E1120", home=self._connections.home)
            address, fingerprint = info.address, info.fingerprint
        else:
            known = self._connections.catalog.hosts.show(name)
            address, fingerprint = known.address, known.fingerprint
        agent = connect(address, credentials, fingerprint, name=name)
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


def clean_address(address: str) -> str:
    """HOST:PORT as it is kept. Raises UsageError E1154."""
    host, colon, port = address.strip().rpartition(":")
    bare = host.strip("[]")
    if not colon or not bare or not port.isascii() or not port.isdecimal() or not 0 < int(port[:6]) < 65_536:
        raise UsageError("E1154", address=address)
    return f"[{bare}]:{int(port)}" if ":" in bare else f"{bare}:{int(port)}"
