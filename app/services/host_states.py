"""How the known hosts are now: all agents asked at once, none waited for long."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from app.model.errors import ArcxoError
from app.model.host import Host, HostState
from app.services.connections import Connections

_AT_ONCE = 16


def host_states(connections: Connections) -> Sequence[HostState]:
    """This machine first, then by name. A host that did not answer lately is not asked for some seconds."""
    hosts = list(connections.catalog.hosts.list())
    registered = connections.registered().registrations
    here = {host.name for host in hosts if connections.is_here(host.name)}

    def users(host: Host) -> tuple[str, ...]:
        names = here if host.name in here else {host.name}
        return tuple(one.name for one in registered if names & {one.master, *one.replicas})

    def ask(host: Host) -> HostState:
        try:
            info = connections.status_agent_of(host.name).hello()
        except ArcxoError as error:
            connections.found_silent(host.name, error)
            return HostState(host, None, error.code, dict(error.params), users(host))
        return HostState(host, info, scenarios=users(host))

    if not hosts:
        return ()
    with ThreadPoolExecutor(min(_AT_ONCE, len(hosts)), thread_name_prefix="host-states") as pool:
        found = list(pool.map(ask, hosts))
    return sorted(found, key=lambda state: (state.host.name not in here, state.host.name.casefold()))
