"""Staging on the home's catalog."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from app.model.staging import StagingPlan, StagingPolicy
from app.services.connections import Connections


class LocalStaging:
    """`StagingService` on the catalog; a server of the home carries it out."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def plans(self) -> Sequence[StagingPlan]:
        """Each staging group as it is now."""
        from app.jobs.staging import plan, policies

        catalog, now = self._connections.catalog, datetime.now(UTC)
        return [plan(catalog, policy, now) for policy in policies(catalog)]

    def put(self, policy: StagingPolicy) -> None:
        """Keep a policy. Raises UsageError E5116, E5760."""
        from app.jobs.staging import put_policy

        put_policy(self._connections.catalog, policy)

    def remove(self, group: str) -> None:
        """Forget a policy. Raises UsageError E5761."""
        from app.jobs.staging import remove_policy

        remove_policy(self._connections.catalog, group)

    def run(self) -> int:
        """Submit what is due."""
        from app.jobs.hosts import server_name
        from app.jobs.staging import carry_out
        from app.messages import load
        from app.model.events import Severity

        catalog = self._connections.catalog

        def report(code: str, **params: Any) -> None:
            message = load().get(code)
            severity = message.severity if message is not None else Severity.INFORMATION
            catalog.log.append(code, severity, server=server_name(), **params)

        return carry_out(catalog, datetime.now(UTC), report)
