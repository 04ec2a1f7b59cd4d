"""How the scenarios stand whose masters are other hosts: all hosts asked at once, none waited for long.

Whoever looks at a list asks several times a second. A host that said the same twice is asked once a second.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from app.catalog.api import Registration
from app.model.errors import ArcxoError
from app.model.scenario import ScenarioStatus
from app.services.connections import Connections

_AT_ONCE = 16
QUIET_S = 0.9
"""What a host said lately is taken as it is for so long, once it has said it twice."""
Statuses = dict[int, ScenarioStatus]


@dataclass(frozen=True, slots=True)
class _Said:
    at: float
    statuses: Sequence[ScenarioStatus]
    again: bool


class Elsewhere:
    """See the module. Any thread; blocks on the hosts that are asked."""

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._guard = threading.Lock()
        self._said: dict[str, _Said] = {}

    def statuses(self, registrations: Sequence[Registration]) -> tuple[Statuses, dict[str, ArcxoError]]:
        """(status by scenario id, why not by host) of the registrations whose masters are other hosts."""
        hosts = sorted({one.master for one in registrations if not self._connections.is_here(one.master)})
        # A host speaks for the scenarios whose master it is, and for no others.
        wanted = {(one.id, one.master) for one in registrations}
        found: Statuses = {}
        silent: dict[str, ArcxoError] = {}

        def ask(host: str) -> None:
            try:
                self._take(found, wanted, host, self._asked(host))
            except ArcxoError as error:
                self._connections.found_silent(host, error)
                silent[host] = error

        due = []
        for host in hosts:
            with self._guard:
                said = self._said.get(host)
            if said is not None and said.again and self._clock() - said.at < QUIET_S:
                self._take(found, wanted, host, said.statuses)
            else:
                due.append(host)
        if due:
            with ThreadPoolExecutor(min(_AT_ONCE, len(due)), thread_name_prefix="other-hosts") as pool:
                list(pool.map(ask, due))
        return found, silent

    def _asked(self, host: str) -> Sequence[ScenarioStatus]:
        with self._guard:
            before = self._said.pop(host, None)
        statuses = self._connections.status_agent_of(host).scenarios()
        again = before is not None and before.statuses == statuses
        with self._guard:
            self._said[host] = _Said(self._clock(), statuses, again)
        return statuses

    def _take(
        self,
        found: Statuses,
        wanted: set[tuple[int, str]],
        host: str,
        statuses: Sequence[ScenarioStatus],
    ) -> None:
        found |= {one.scenario.id: one for one in statuses if (one.scenario.id, host) in wanted}
