"""Reports of state: what a synchronisation, a comparison or a while of replication did or found."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.scenario import RootStatistics


class ReportKind(StrEnum):
    """What a report is about."""

    SYNCHRONIZATION = "synchronization"
    REPLICATION = "replication"
    DIFFERENCE = "difference"
    SCENARIO = "scenario"


class ReportedChange(StrEnum):
    """What a report says of one path."""

    MISSING = "missing"
    """The replica does not have it."""
    EXTRA = "extra"
    """Only the replica has it, with all in it."""
    TYPE = "type"
    """It is of another kind there, or another link target or device."""
    SIZE = "size"
    TIME = "time"
    CONTENT = "content"
    METADATA = "metadata"
    LINK = "link"
    """Names that are one file on one side are not on the other."""
    MODIFIED = "modified"
    """It was sent."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class ReportItem:
    """One path, the master's, absolute. Sizes in bytes, 0 where there is none.

    `in_flight`: the difference is of a change that was on its way, not a real one.
    """

    path: bytes
    change: ReportedChange
    kind: str = "file"
    size_bytes: int = 0
    replica_size_bytes: int = 0
    in_flight: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """A report as it is kept on the master's host.

    `figures`: numbers by name, as its kind has them. `items` may be the first of `item_count`; `file` is the
    file on the host that has them all (JSON lines), "" when there are none.
    """

    id: str
    kind: ReportKind
    scenario_id: int
    scenario: str
    replica: str
    began_at: datetime
    created_at: datetime
    figures: dict[str, int] = field(default_factory=dict)
    roots: tuple[RootStatistics, ...] = ()
    items: tuple[ReportItem, ...] = ()
    item_count: int = 0
    truncated: bool = False
    file: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ComparisonProgress:
    """How far a comparison is: entries, and bytes of content."""

    entries: int
    content_bytes: int
