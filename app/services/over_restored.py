"""A run replaces what a restore put on a replica: it must be agreed to."""

from __future__ import annotations

from app.model.errors import BusyError
from app.model.scenario import ScenarioState, ScenarioStatus


def refuse_over_restored(status: ScenarioStatus) -> None:
    """Raise BusyError E5189 when running this stopped scenario would replace restored files."""
    if status.state is not ScenarioState.STOPPED:
        return
    for replica in status.replicas:
        if replica.restored_at is not None:
            at = replica.restored_at.isoformat(" ", "seconds")
            raise BusyError("E5189", name=status.scenario.name, host=replica.host, at=at)
