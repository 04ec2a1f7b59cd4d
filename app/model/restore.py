"""What a restore would do, exactly, before it does anything."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class RestoreAction(StrEnum):
    """What happens to one path."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    RENAME = "rename"
    SKIP = "skip"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RestoreItem:
    """One path of a plan. `source` is the master's path in the session, `target` the one to be written."""

    source: bytes
    target: bytes
    action: RestoreAction
    size_bytes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """Counts are exact; `items` may be cut at a limit (`truncated`)."""

    counts: dict[RestoreAction, int]
    size_bytes: int
    items: tuple[RestoreItem, ...]
    host: str
    free_bytes: int | None
    stops_scenario: str = ""
    truncated: bool = False
