"""What a restore would do, exactly, before it does anything."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from app.model.owners import OwnerCount


class RestoreAction(StrEnum):
    """What happens to one path."""

    CREATE = "create"
    OVERWRITE = "overwrite"
    RENAME = "rename"
    SKIP = "skip"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class RestorePart:
    """Paths of one session (absolute, the master's; empty = all), and where which prefixes go."""

    media_path: str
    session: int
    paths: tuple[bytes, ...]
    targets: tuple[tuple[bytes, bytes], ...]
    data_key: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class RestoreItem:
    """One path of a plan. `source` is the master's path in the session, `target` the one to be written."""

    source: bytes
    target: bytes
    action: RestoreAction
    size_bytes: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unlisted:
    """A directory of a session of which the media does not tell what is in it, so that no count has that.

    `part`: of which of the selections. `files`, `size_bytes`: what the catalog says; None where it cannot.
    """

    path: bytes
    reason: str
    part: int = 0
    files: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """Counts are exact, but for what is in `unlisted`; `items` may be cut at a limit (`truncated`).

    `kept_bytes` of what is replaced or removed are kept aside for `undo_days` (0 = not at all), if they are
    within `undo_max_bytes` (0 = no limit); else the restore is refused.
    """

    counts: dict[RestoreAction, int]
    size_bytes: int
    items: tuple[RestoreItem, ...]
    host: str
    free_bytes: int | None
    stops_scenario: str = ""
    truncated: bool = False
    kept_bytes: int = 0
    undo_days: int = 0
    undo_max_bytes: int = 0
    owners: tuple[OwnerCount, ...] = ()
    """Whose entries are written, and whose they become."""
    out_of_reach: tuple[str, ...] = ()
    """What of the sessions cannot be read now, as media of their sets cannot be reached: a sentence each."""
    unlisted: tuple[Unlisted, ...] = ()
    """Directories that cannot be read: what is in them is in no count."""
    into_replica: str = ""
    """The scenario that keeps the directory like its master's: what is restored there does not stay."""


class UndoAction(StrEnum):
    """What an undo does to one path."""

    REMOVE = "remove"
    BRING_BACK = "bring_back"
    KEEP = "keep"
    """Changed since, so it is left as it is."""


@dataclass(frozen=True, slots=True)
class UndoItem:
    """One path of an undo, with the reason where it is left as it is."""

    target: bytes
    action: UndoAction
    size_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class UndoResult:
    """What an undo did, or would do. `changed` counts what people changed since and was left."""

    removed: int
    brought_back: int
    changed: int
    problems: int
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class UndoPlan:
    """What an undo would do. Counts are exact; `items` may be cut at a limit (`truncated`)."""

    removed: int
    brought_back: int
    changed: int
    size_bytes: int
    items: tuple[UndoItem, ...]
    truncated: bool = False


@dataclass(frozen=True, slots=True)
class PendingReplacement:
    """A restored file that waits beside the one it replaces until no program has that open."""

    job_id: int
    target: bytes
    waiting: bytes
    since_ns: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class KeptRestore:
    """A restore that can be undone: until when, and what is kept aside for it on a host."""

    job_id: int
    until_ns: int
    kept_bytes: int
    pending: int = 0
