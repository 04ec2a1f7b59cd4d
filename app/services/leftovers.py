"""What hosts keep of replicas beside their directories: with a deletion it goes too, or is named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from app.agent.api import Agent
from app.agent.names import is_masters_own
from app.catalog.api import Registration
from app.messages import render
from app.model.errors import ArcxoError, BusyError, Problem
from app.model.kept_replica import KeptReplica, LeftBehind, LeftoverSearch
from app.services.connections import Connections


class Leftovers:
    """Calls block on the hosts concerned."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def of(self, registration: Registration, master: Agent) -> tuple[list[KeptReplica], list[LeftBehind]]:
        """What the hosts of its replicas keep of a scenario, and which of them do not answer."""
        found: list[KeptReplica] = []
        silent: list[LeftBehind] = []
        for host in registration.replicas:
            try:
                kept = self._agent(registration, master, host).kept_replicas()
            except ArcxoError as error:
                silent.append(LeftBehind(host, registration.id, _cause(error)))
                continue
            found += [replace(one, replica=host) for one in kept if one.scenario_id == registration.id]
        return found, silent

    def remove(self, registration: Registration, master: Agent) -> list[LeftBehind]:
        """Have it removed by every host; what remains where. For a scenario whose definition is gone."""
        left = []
        for host in registration.replicas:
            try:
                self._agent(registration, master, host).forget_replica(registration.id)
            except ArcxoError as error:
                left.append(LeftBehind(host, registration.id, _cause(error)))
        return left

    def everywhere(self) -> LeftoverSearch:
        """What is kept of scenarios that this home does not know, on all hosts, and which do not answer."""
        found: list[KeptReplica] = []
        silent: list[Problem] = []
        known = {one.id for one in self._connections.catalog.registrations.list()}
        known |= {status.scenario.id for status in self._connections.local_agent().scenarios()}
        for host in self._connections.catalog.hosts.list():
            try:
                kept = self._connections.agent_of(host.name).kept_replicas()
            except ArcxoError as error:
                if self._connections.is_here(host.name):
                    raise
                silent.append(Problem(error.code, b"", {**error.params, "host": host.name}))
                continue
            found += [replace(one, replica=host.name) for one in kept if one.scenario_id not in known]
        return LeftoverSearch(tuple(found), tuple(silent))

    def remove_one(self, host: str, scenario_id: int) -> None:
        """Have one host remove it. Raises BusyError E1180 for a scenario that is not deleted, ER00482."""
        known: Sequence[int] = [one.id for one in self._connections.catalog.registrations.list()]
        if scenario_id in known:
            raise BusyError("E1180", id=scenario_id)
        self._connections.agent_of(host).forget_replica(scenario_id)

    def _agent(self, registration: Registration, master: Agent, host: str) -> Agent:
        return master if is_masters_own(host, registration.master) else self._connections.agent_of(host)


def _cause(error: ArcxoError) -> str:
    return render(error.code, error.params).text
