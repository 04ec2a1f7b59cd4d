"""Replica drift: what somebody else than replication changed on a replica, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.model.scenario import DriftHandling


class DriftKind(StrEnum):
    """How a path on a replica differs from what replication left there."""

    CREATED = "created"
    REMOVED = "removed"
    CHANGED = "changed"
    """Its content or its time: which of them cannot be told without reading it."""
    RENAMED = "renamed"
    METADATA = "metadata"
    """Permissions, owner, extended attributes, or a folder's time."""


@dataclass(frozen=True, slots=True)
class DriftItem:
    """One path. `path` and `other` (where a renamed one was) are the replica's, absolute.

    `changed_at`: when it was changed, where that can be told. `beneath`: entries in a created, removed or
    renamed folder, which are not items of their own. `reverting`: the master's state was asked for and is
    not there yet.
    """

    path: bytes
    kind: DriftKind
    found_at: datetime
    changed_at: datetime | None = None
    size_bytes: int = 0
    other: bytes = b""
    beneath: int = 0
    reverting: bool = False


@dataclass(frozen=True, slots=True)
class KeptEdit:
    """An edit that was kept aside before the master's state was put back: where it is, and until when."""

    path: bytes
    kind: DriftKind
    kept_path: bytes
    kept_at: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class DriftReport:
    """The drift of one replica now. `count` counts all items, of which `items` may be the first ones.

    `checked_at`: when every path was last compared. `watched`: changes are told of as they happen; without
    it (no watches left, another system) they are found by the regular comparison alone.
    """

    replica: str
    handling: DriftHandling
    count: int = 0
    items: tuple[DriftItem, ...] = ()
    truncated: bool = False
    kept: tuple[KeptEdit, ...] = ()
    checked_at: datetime | None = None
    watched: bool = False
