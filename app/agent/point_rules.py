"""What holds for every backup point: who makes its snapshots and where, and what can be built on it."""

from __future__ import annotations

import os

from app.agent.api import ArchiveOrder
from app.agent.point_files import SavedPoint
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.model.scenario import Scenario, ServerType
from app.snapshot.api import SnapshotProvider
from app.snapshot.choice import choose

SNAPSHOT_AREA = b"snapshots"


def builds_on(saved: SavedPoint, order: ArchiveOrder) -> bool:
    """Whether what a point holds is enough for a session that builds on the order's base."""
    if saved.against is not None:
        return (order.base_incarnation, order.base_change) == saved.against
    return order.base_incarnation == saved.incarnation and order.base_change >= saved.since


def provider_for(root: bytes, side: bytes) -> tuple[SnapshotProvider, bytes]:
    """Who makes the snapshot of a root, and where."""
    area = side + b"/" + SNAPSHOT_AREA
    try:
        os.makedirs(area, 0o700, exist_ok=True)
    except OSError as error:
        raise ArcxoError("E4191", root=shown(root), provider=shown(area), cause=error.strerror) from error
    return choose(root, area), area


def keeps_snapshots(scenario: Scenario) -> bool:
    """Whether the snapshots of a scenario's backups stay on the Replica."""
    return scenario.server_type is ServerType.FILE_SERVER and scenario.properties.snapshots_to_keep > 0
