"""The safety brake: what it holds back from the replicas, and what was decided about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.entry import EntryKind
from app.model.errors import Problem


class BrakeChange(StrEnum):
    """What happened to an entry on the master."""

    REMOVED = "removed"
    REWRITTEN = "rewritten"


class BrakeDecision(StrEnum):
    """What is to become of a held change. Undecided ones hold the brake."""

    UNDECIDED = "undecided"
    ACCEPTED = "accepted"
    RESTORED = "restored"


@dataclass(frozen=True, slots=True)
class BrakeItem:
    """One held change. `path` is the master's, absolute; `size_bytes` that of the replica's version."""

    path: bytes
    change: BrakeChange
    kind: EntryKind
    size_bytes: int
    decision: BrakeDecision


@dataclass(frozen=True, slots=True)
class BrakeReview:
    """What the brake of a scenario holds. Everything is empty while it is not braked.

    `root_lost`: a root is gone or another one; nothing of that was recorded, so there are no items.
    `counts`: entries by `removed_files`, `removed_folders`, `removed_others` and the same with `rewritten_`
    (of folders and others: something else has their name now), undecided and decided together, and by
    `undecided`, `accepted`, `restored`. `items` are in the order of names; when they are `truncated`, those
    nobody decided about were taken first. `usual_per_minute`: removals and
    rewrites of files, averaged over the hour before. `point_id`: the bookmark before the first of them.
    """

    braked: bool
    code: str = ""
    reason: str = ""
    since: datetime | None = None
    root_lost: bool = False
    counts: dict[str, int] = field(default_factory=dict)
    size_bytes: int = 0
    items: tuple[BrakeItem, ...] = ()
    truncated: bool = False
    limit_files: int = 0
    usual_per_minute: float = 0.0
    point_id: str = ""


@dataclass(frozen=True, slots=True)
class BrakeResult:
    """What a decision did. `kept_aside`: files whose present version stays beside the one that came back."""

    decided: int
    left: int
    lifted: bool
    restored: int = 0
    restored_bytes: int = 0
    kept_aside: int = 0
    problems: tuple[Problem, ...] = ()
