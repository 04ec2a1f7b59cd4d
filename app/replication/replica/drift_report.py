"""The drift of a replica as people are told of it."""

from __future__ import annotations

from datetime import datetime

from app.model.drift import DriftItem, DriftReport, KeptEdit
from app.model.properties import properties_on
from app.replication.replica.drift import Drift
from app.replication.replica.drift_keeping import KeptEdits
from app.replication.replica.drift_telling import time_of, whole_path
from app.replication.replica.replica import Replica


def drift_report(
    replica: Replica,
    drift: Drift,
    kept: KeptEdits,
    limit: int,
    *,
    checked_at: datetime | None,
    watched: bool,
) -> DriftReport:
    """Up to `limit` items and kept edits. With the replica's lock held."""
    scenario, _ = replica.opened()
    count = drift.refresh()
    items = []
    for root, path, kind, other, found, changed, size, reverting in drift.items(limit):
        top = replica.paths[root]
        items.append(
            DriftItem(
                whole_path(top, path),
                kind,
                time_of(found),
                time_of(changed) if changed else None,
                size,
                whole_path(top, other) if other else b"",
                drift.beneath(root, path),
                reverting,
            )
        )
    edits = [
        KeptEdit(
            whole_path(replica.paths[root], path),
            kind,
            kept.whole_path(root, place, path),
            time_of(at),
            time_of(until),
        )
        for root, place, path, kind, at, until in kept.rows()[:limit]
    ]
    return DriftReport(
        replica.name,
        properties_on(scenario, replica.name).drift,
        count,
        tuple(items),
        count > len(items),
        tuple(edits),
        checked_at,
        watched,
    )
