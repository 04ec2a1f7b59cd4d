"""Rewind points, bookmarks and what a rewind would change."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.errors import Problem


class PointKind(StrEnum):
    """What made a rewind point."""

    OPERATION = "operation"
    BOOKMARK = "bookmark"
    SCHEDULED_BOOKMARK = "scheduled_bookmark"
    SYNCHRONIZATION = "synchronization"
    SNAPSHOT = "snapshot"
    REWIND = "rewind"


@dataclass(frozen=True, slots=True)
class RewindPoint:
    """A moment one replica can be taken back to: its state just *after* change number `change`.

    An operation's point says what it did: `operation` is one of create, write, remove, rename, link,
    metadata, rewind and restore; `new_path` is where a rename led to, or what a link names. The id with
    `before:` in front is the state just before it.
    """

    id: str
    kind: PointKind
    at: datetime
    change: int
    replica: str = ""
    text: str = ""
    path: bytes = b""
    operation: str = ""
    new_path: bytes = b""


@dataclass(frozen=True, slots=True)
class RewindDensity:
    """How many changes were applied when: one count for each of equal parts of the time asked for.

    `oldest` is the oldest moment that the rewind log reaches back to; None while it holds nothing.
    """

    since: datetime
    until: datetime
    counts: tuple[int, ...]
    oldest: datetime | None = None


class RewindAction(StrEnum):
    """What rewinding does to one path."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    RENAME = "rename"
    METADATA = "metadata"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RewindItem:
    """One path a rewind changes; `path` is the master's absolute path.

    `from_path`: what is there now moves to `path`, with all beneath it; b"" = nothing moves. A file that
    moves and is written as well is one to `OVERWRITE`.
    """

    path: bytes
    action: RewindAction
    size_bytes: int = 0
    from_path: bytes = b""


@dataclass(frozen=True, slots=True)
class ReplicatedBack:
    """What making the master equal to a rewound replica changes there, or has changed.

    What is replaced or removed is kept in `kept_in` (directories on the master, one per root that lost
    something) until `kept_until`. `problems` are paths that stayed as they were.
    """

    counts: dict[RewindAction, int] = field(default_factory=dict)
    items: tuple[RewindItem, ...] = ()
    truncated: bool = False
    size_bytes: int = 0
    problems: tuple[Problem, ...] = ()
    kept_in: tuple[bytes, ...] = ()
    kept_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class RewindPlan:
    """Exact effect of rewinding to `point`. `items` may be cut; `counts` never are."""

    point: RewindPoint
    counts: dict[RewindAction, int]
    items: tuple[RewindItem, ...]
    truncated: bool = False
    size_bytes: int = 0
    master: ReplicatedBack | None = None
    """What replicating back would change on the master as well, when that was asked for."""


@dataclass(frozen=True, slots=True)
class RewindResult:
    """What a finished rewind did. `undo_point` takes it back (on the replica)."""

    point: RewindPoint
    counts: dict[RewindAction, int]
    undo_point: RewindPoint | None = None
    master: ReplicatedBack | None = None
