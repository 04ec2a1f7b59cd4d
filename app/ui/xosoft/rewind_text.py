"""Rewind points, plans and results in words. Qt-free."""

from __future__ import annotations

from collections.abc import Mapping

from app.model.paths import shown
from app.model.rewind import PointKind, ReplicatedBack, RewindAction, RewindPoint
from app.ui import formats

ACTIONS = {
    RewindAction.CREATE: "create",
    RewindAction.OVERWRITE: "overwrite",
    RewindAction.RENAME: "rename",
    RewindAction.METADATA: "attributes",
    RewindAction.DELETE: "delete",
}


def point_name(point: RewindPoint) -> str:
    """What a button or sentence calls a point: a bookmark by its name, any other by its time."""
    named = point.kind in (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
    return point.text if named and point.text else f"{formats.local(point.at):%H:%M:%S}"


def counts_text(counts: Mapping[RewindAction, int]) -> str:
    """The counts of a plan in one line."""
    parts = [f"{formats.count(counts.get(action, 0))} {word}" for action, word in ACTIONS.items()]
    return " · ".join(parts)


def kept_text(back: ReplicatedBack) -> str:
    """Where what was replaced on the master is."""
    until = f" until {formats.moment(back.kept_until)}" if back.kept_until is not None else ""
    return f"What was replaced or removed is kept in {', '.join(shown(p) for p in back.kept_in)}{until}"
