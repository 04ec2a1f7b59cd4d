"""What differs between two backed-up states of a folder, by counts and path by path."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.model.entry import EntryKind


class Change(StrEnum):
    """What became of a path from the older state to the newer one."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class FolderChange:
    """One path that differs. A size is 0 where it is not there, and of a folder."""

    path: bytes
    kind: EntryKind
    change: Change
    size_before: int
    size_after: int


@dataclass(frozen=True, slots=True)
class FolderComparison:
    """Counts are exact, of everything beneath the folder; `items` may be cut at a limit (`truncated`).

    `files` counts all that is no folder. With `by_time` contents could not be compared (the states lie on
    different media sets, or under different passwords): size and time of modification were.
    """

    files: dict[Change, int]
    folders: dict[Change, int]
    size_before: int
    size_after: int
    items: tuple[FolderChange, ...]
    truncated: bool = False
    by_time: bool = False

    @property
    def differs(self) -> bool:
        """Whether anything but the same was found."""
        return any(
            count for counts in (self.files, self.folders) for what, count in counts.items() if what != "same"
        )
