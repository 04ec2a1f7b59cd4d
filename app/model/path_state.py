"""How the entries of a directory of the master stand on a replica."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from app.model.entry import EntryKind


class PathState(StrEnum):
    """What is known of one entry."""

    IN_SYNC = "in_sync"
    """The replica has what was recorded, and the master is as it was then."""
    WAITING = "waiting"
    """It changed, and the replica does not have that yet."""
    EXCLUDED = "excluded"
    """It does not take part."""
    PROBLEM = "problem"
    """It cannot be read, or the replica cannot take it."""
    UNKNOWN = "unknown"
    """Nothing is recorded now that could tell."""


@dataclass(frozen=True, slots=True)
class PathStatus:
    """One entry. `reason` says why it waits or what is wrong; of what is left out, the pattern that does it.

    `gone`: the master has it no more, the replica still does. `beneath` counts the paths below a directory
    that wait.
    """

    name: bytes
    kind: EntryKind
    size_bytes: int
    state: PathState
    reason: str = ""
    gone: bool = False
    beneath: int = 0


@dataclass(frozen=True, slots=True)
class DirectoryStates:
    """The entries of a directory, directories first, then by name; cut (`truncated`) when there are many."""

    replica: str
    entries: tuple[PathStatus, ...]
    truncated: bool = False
