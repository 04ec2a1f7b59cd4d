"""Scenarios over several hosts: each replica's host lets the scenario in, the master's is told the way.

The definition lives with its master alone. On another host a replica needs a grant, made there with an
administrator's log-in of this home, and the master needs the address, certificate and key that go with it.
Everything here may be repeated: a creation that was cut short is completed by the next run of the scenario.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import replace

from app.agent.api import Agent, Peer
from app.agent.names import LOCAL_NAMES, is_masters_own
from app.agent.tls import check_fingerprint
from app.model.errors import ArcxoError, UsageError
from app.model.host import CheckResult
from app.model.scenario import NewScenario, ReplicaSpec, Scenario, ScenarioStatus
from app.services.connections import Connections, is_unreachable


def far_replicas(scenario: NewScenario | Scenario) -> Sequence[ReplicaSpec]:
    """The replicas that are on other hosts than the master."""
    return [spec for spec in scenario.replicas if not is_masters_own(spec.host, scenario.master)]


class Placing:
    """Calls block on the hosts concerned."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def named(self, scenario: NewScenario) -> NewScenario:
        """The scenario with hosts that mean the same to all servers which share the catalog."""
        named = self._connections.named
        if named(LOCAL_NAMES[0]) in LOCAL_NAMES:
            return scenario
        replicas = tuple(replace(spec, host=named(spec.host)) for spec in scenario.replicas)
        return replace(scenario, master=named(scenario.master), replicas=replicas)

    def check(self, scenario: NewScenario) -> Sequence[CheckResult]:
        """What the hosts of the other replicas say of their directories.

        Raises:
            UsageError: E1153 `localhost` as the replica of a master on another host.
            NotFoundError: E6012 no such host is known.
        """
        if not self._connections.is_here(scenario.master):
            for spec in scenario.replicas:
                if spec.host in LOCAL_NAMES:
                    raise UsageError("E1153", master=scenario.master)
        results: list[CheckResult] = []
        for spec in far_replicas(scenario):
            results += self._connections.agent_of(spec.host).check_roots(spec.paths)
        return results

    def admit(self, master: Agent, scenario: Scenario) -> None:
        """Have every other host's replica let the scenario in as it is now, and tell the master's host.

        A host that cannot be reached is left out when it let the scenario in before.

        Raises:
            ArcxoError: what a host has against it, first of all AE1036; AE1001 a new one is not reached.
        """
        specs = far_replicas(scenario)
        if not specs:
            return
        known, certificate = master.peers(scenario.id)
        definition = master.export_scenario(scenario.id)
        for spec in specs:
            host = self._connections.catalog.hosts.show(spec.host)
            before = next((peer for peer in known if peer.replica == spec.host), None)
            try:
                there = self._connections.agent_of(spec.host)
                given = there.admit_scenario(definition, spec.host, certificate)
            except ArcxoError as error:
                same = before is not None and before.address == host.address
                if is_unreachable(error) and same:
                    continue
                raise
            check_fingerprint(given.certificate, host.fingerprint, spec.host)
            master.set_peer(Peer(scenario.id, spec.host, host.address, given.certificate, given.key))

    def dismiss(self, scenario: Scenario) -> None:
        """Have the other hosts let it in no more. One that cannot be asked keeps a grant without a use."""
        for spec in far_replicas(scenario):
            with contextlib.suppress(ArcxoError):
                self._connections.agent_of(spec.host).dismiss_scenario(scenario.id)

    def with_own_figures(self, status: ScenarioStatus) -> ScenarioStatus:
        """The status with what only the hosts of the other replicas know, where they answer."""
        far = {spec.host for spec in far_replicas(status.scenario)}
        found = []
        for replica in status.replicas:
            if replica.host in far:
                # The figures are an extra; the state of the scenario is the master's and is told regardless.
                with contextlib.suppress(ArcxoError):
                    own = self._connections.status_agent_of(replica.host).replica_status(status.scenario.id)
                    replica = replica.with_own(own)  # noqa: PLW2901  # the same replica, completed
            found.append(replica)
        return replace(status, replicas=tuple(found))
