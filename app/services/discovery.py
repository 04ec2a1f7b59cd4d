"""Looking on all known hosts for scenarios that are not registered here: all asked at once."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from app.model.discovery import Discovery
from app.model.errors import ArcxoError, Problem
from app.model.scenario import ScenarioStatus
from app.services.connections import Connections

_AT_ONCE = 16


def discover(connections: Connections) -> Discovery:
    """By name. Hosts that do not answer are told and keep nothing back. Blocks for up to ten seconds."""
    hosts = [host.name for host in connections.catalog.hosts.list()]
    known = {one.id for one in connections.registered().registrations}
    found: dict[int, ScenarioStatus] = {}
    silent: list[Problem] = []

    def ask(host: str) -> None:
        try:
            for status in connections.status_agent_of(host).scenarios():
                if status.scenario.id not in known:
                    found[status.scenario.id] = status
        except ArcxoError as error:
            connections.found_silent(host, error)
            silent.append(Problem(error.code, b"", {**error.params, "host": host}))

    if hosts:
        with ThreadPoolExecutor(min(_AT_ONCE, len(hosts)), thread_name_prefix="discovery") as pool:
            list(pool.map(ask, hosts))
    by_name = sorted(found.values(), key=lambda status: (status.scenario.name.casefold(), status.scenario.id))
    return Discovery(tuple(by_name), tuple(sorted(silent, key=lambda one: one.params["host"])))
