"""How the scenarios stand whose masters are other hosts: all hosts asked at once, none waited for long."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from app.catalog.api import Registration
from app.model.errors import ArcxoError
from app.model.scenario import ScenarioStatus
from app.services.connections import Connections

_AT_ONCE = 16
Statuses = dict[int, ScenarioStatus]


def statuses_elsewhere(
    connections: Connections, registrations: Sequence[Registration]
) -> tuple[Statuses, dict[str, ArcxoError]]:
    """(status by scenario id, why not by host) of the registrations whose masters are other hosts."""
    hosts = sorted({one.master for one in registrations if not connections.is_here(one.master)})
    if not hosts:
        return {}, {}
    wanted = {one.id for one in registrations}
    found: Statuses = {}
    silent: dict[str, ArcxoError] = {}

    def ask(host: str) -> None:
        try:
            for status in connections.status_agent_of(host).scenarios():
                if status.scenario.id in wanted:
                    found[status.scenario.id] = status
        except ArcxoError as error:
            connections.found_silent(host, error)
            silent[host] = error

    with ThreadPoolExecutor(min(_AT_ONCE, len(hosts)), thread_name_prefix="other-hosts") as pool:
        list(pool.map(ask, hosts))
    return found, silent
