"""What archiving and restoring tell while they run and when they end; plain values that cross processes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from app.model.entry import EntryKind
from app.model.errors import Problem
from app.model.job import JobPhase
from app.model.restore import RestoreItem, RestorePlan, UndoItem, UndoResult


@dataclass(frozen=True, slots=True)
class Progress:
    """A step of a running archive or restore; figures are totals so far."""

    phase: JobPhase
    path: bytes = b""
    files: int = 0
    directories: int = 0
    read_bytes: int = 0
    changed_bytes: int = 0
    stored_bytes: int = 0
    files_total: int | None = None
    bytes_total: int | None = None


class CatalogRow(NamedTuple):
    """One changed entry for the catalog (`path` absolute, the master's). `removed` ends its interval."""

    path: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    content_id: str
    removed: bool = False


@dataclass(frozen=True, slots=True)
class CatalogRows:
    """A batch of rows, relative to the base session when `incremental`, else the whole session."""

    rows: tuple[CatalogRow, ...]
    incremental: bool


@dataclass(frozen=True, slots=True)
class ArchiveResult:
    """The committed session."""

    session: int
    files: int
    directories: int
    size_bytes: int
    new_bytes: int
    stored_bytes: int
    problems: int
    incremental: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class RestoreResult:
    """What was written and checked. `mismatches` counts files whose check after writing failed.

    `deleted` entries were removed by an exact restore, `kept_bytes` kept aside for an undo, `pending` files
    wait beside those that programs have open, `resumed` ones were there from a run before (and count as
    files).
    """

    files: int
    directories: int
    written_bytes: int
    skipped: int
    renamed: int
    verified_files: int
    mismatches: int
    problems: int
    deleted: int = 0
    kept_bytes: int = 0
    pending: int = 0
    resumed: int = 0


@dataclass(frozen=True, slots=True)
class CompareResult:
    """What was compared of a session; `read_bytes` of the disk. `differences` counts paths."""

    files: int
    directories: int
    read_bytes: int
    differences: int


CompareEvent = Progress | Problem | CompareResult

ArchiveEvent = Progress | Problem | CatalogRows | ArchiveResult
"""A stream ends with an `ArchiveResult` or an error."""


@dataclass(frozen=True, slots=True)
class RestoreItems:
    """Some paths of a plan, in order."""

    items: tuple[RestoreItem, ...]


@dataclass(frozen=True, slots=True)
class UndoItems:
    """Some paths of an undo, in order."""

    items: tuple[UndoItem, ...]


RestoreEvent = Progress | Problem | RestoreItems | UndoItems | RestorePlan | RestoreResult | UndoResult
