"""The activity log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from app.model.events import ActivityRecord, Severity
from app.services.connections import Connections


class LocalActivityLog:
    """`ActivityLogService` on the catalog."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(
        self,
        *,
        job_id: int | None = None,
        severities: Sequence[Severity] = (),
        newer_than: int = 0,
        older_than: int = 0,
        text: str = "",
        limit: int = 1000,
    ) -> Sequence[ActivityRecord]:
        """Newest first."""
        return self._connections.catalog.log.list(
            job_id=job_id,
            severities=severities,
            newer_than=newer_than,
            older_than=older_than,
            text=text,
            limit=limit,
        )

    def purge(self, older_than: datetime) -> int:
        """Delete the lines older than a time; returns how many."""
        return self._connections.catalog.log.prune(older_than)
