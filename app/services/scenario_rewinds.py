"""Rewind points of scenarios, and going back to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from app.agent.api import Agent
from app.catalog.api import Registration
from app.model.errors import BusyError, UsageError
from app.model.rewind import (
    PointKind,
    ReplicatedBack,
    RewindDensity,
    RewindPlan,
    RewindPoint,
    RewindResult,
)
from app.model.scenario import ScenarioState
from app.services.connections import Connections
from app.services.finding import Finding
from app.services.points import resolve_point
from app.services.registrations import log_scenario


class ScenarioRewinds:
    """What `ScenarioService` does with the rewind log of replicas."""

    def __init__(self, connections: Connections, finding: Finding) -> None:
        self._connections = connections
        self._finding = finding

    def rewind_points(
        self,
        name: str,
        *,
        kinds: Sequence[PointKind] = (),
        path: bytes = b"",
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        replica: str = "",
        limit: int = 1000,
    ) -> Sequence[RewindPoint]:
        """Points of a replica, newest first; the page after the point `after`."""
        registration, host = self._replica(name, replica)
        return host.rewind_points(
            registration.id, kinds=kinds, path=path, since=since, until=until, after=after, limit=limit
        )

    def rewind_density(
        self,
        name: str,
        *,
        since: datetime,
        until: datetime,
        parts: int,
        path: bytes = b"",
        replica: str = "",
    ) -> RewindDensity:
        """How many changes at or beneath `path` (b"" = any) a replica applied, in equal parts of a time."""
        registration, host = self._replica(name, replica)
        return host.rewind_density(registration.id, path=path, since=since, until=until, parts=parts)

    def plan_rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindPlan:
        """Exactly what rewinding to `to` would change; with `replicate_back` on the master as well.

        Raises as `rewind`.
        """
        registration, agent = self._finding.agent(name)
        spec, host = self._chosen(registration, agent, replica)
        point = self._point(registration, host, to)
        plan = host.plan_rewind(registration.id, point.id, paths)
        if not replicate_back:
            return plan
        self._check_stopped(registration, agent)
        return replace(plan, master=agent.plan_replicate_back(registration.id, spec, paths, point.id))

    def rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindResult:
        """Take the replica back to `to`: a bookmark's text, a point's id, or a UTC time.

        `replicate_back` then makes the master (or only `paths`) equal to it; interrupted there, rewinding to
        the same point again goes on.

        Raises:
            NotFoundError: E1125, E1126 no such point. BusyError: E1130 the scenario is not stopped.
            UsageError: E1195 it has several replicas, and `replica` says none.
        """
        registration, agent = self._stopped(name)
        spec, host = self._chosen(registration, agent, replica)
        point = self._point(registration, host, to)
        result = host.rewind(registration.id, point.id, paths)
        log_scenario(self._connections.catalog, "I1154", registration.id, registration.name)
        if replicate_back:
            result = replace(result, master=agent.replicate_back(registration.id, spec, paths))
        return result

    def plan_recovery(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        """What `recover` would change on the master. Raises as `recover`."""
        registration, agent = self._stopped(name)
        spec, _ = self._chosen(registration, agent, replica)
        return agent.plan_replicate_back(registration.id, spec, paths, "")

    def recover(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        """Make the master (or only `paths`) equal to what a replica has now.

        Raises:
            BusyError: E1130 the scenario is not stopped. UsageError: E1195 as `rewind`.
        """
        registration, agent = self._stopped(name)
        spec, _ = self._chosen(registration, agent, replica)
        log_scenario(self._connections.catalog, "I1155", registration.id, registration.name)
        return agent.replicate_back(registration.id, spec, paths)

    def _replica(self, name: str, replica: str) -> tuple[Registration, Agent]:
        """The scenario, and the host of the replica."""
        registration, agent = self._finding.agent(name)
        _, host = self._finding.replica_of(registration, agent, replica)
        return registration, host

    def _chosen(self, registration: Registration, agent: Agent, replica: str) -> tuple[str, Agent]:
        """The replica that is meant: nobody guesses which of several is to be changed, or copied back."""
        if not replica:
            specs = agent.scenario(registration.id).scenario.replicas
            if len(specs) > 1:
                hosts = ", ".join(spec.host for spec in specs)
                raise UsageError("E1195", scenario=registration.name, hosts=hosts)
        return self._finding.replica_of(registration, agent, replica)

    def _stopped(self, name: str) -> tuple[Registration, Agent]:
        """The scenario, which is stopped, and its master."""
        registration, agent = self._finding.agent(name)
        self._check_stopped(registration, agent)
        return registration, agent

    def _check_stopped(self, registration: Registration, agent: Agent) -> None:
        state = agent.scenario(registration.id).state
        if state not in (ScenarioState.STOPPED, ScenarioState.PROBLEM):
            raise BusyError("E1130", name=registration.name, state=state.value)

    def _point(self, registration: Registration, host: Agent, to: str) -> RewindPoint:
        def find(
            kinds: Sequence[PointKind], limit: int, until: datetime | None = None
        ) -> Sequence[RewindPoint]:
            return host.rewind_points(registration.id, kinds=kinds, until=until, limit=limit)

        return resolve_point(find, to, registration.name)
