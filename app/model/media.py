"""Devices, media, sessions and versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from app.model.entry import EntryKind


class Consistency(StrEnum):
    """How consistent a point is; proved, not assumed."""

    APPLICATION = "application"
    CRASH = "crash"
    QUIET = "quiet"
    FUZZY = "fuzzy"


@dataclass(frozen=True, slots=True)
class Device:
    """A directory that acts as a device of a group."""

    name: str
    path: str
    group: str
    total_bytes: int | None = None
    free_bytes: int | None = None
    online: bool = True
    problem: str = ""
    identity: str = ""
    """What the device's directory says it is; "" = it is not asked. Tells a disk that is not mounted."""


class PoolSet(StrEnum):
    """Where media of a pool are: protected, or to be used again."""

    NONE = ""
    SAVE = "save"
    SCRATCH = "scratch"


@dataclass(frozen=True, slots=True)
class Pool:
    """Media managed as one. A set leaves the save set when more than `minimum_save` stay in it and
    nothing was
    written to it for `retention_days`.
    """

    name: str
    retention_days: int
    minimum_save: int


@dataclass(frozen=True, slots=True)
class MediaInfo:
    """One media: name, ID (4 hex), serial (unique), sequence within its set.

    Until `expires_at` no backup overwrites it. What follows holds for its whole set: `pool` and
    `pool_set`, when it was last written to, whether it is `retired` (nothing is written to it any more),
    and `run`, the run of a job that made it.
    """

    name: str
    media_id: str
    serial: str
    sequence: int
    set_id: str
    device: str
    group: str
    created_at: datetime
    used_bytes: int | None = None
    sessions: int = 0
    online: bool = True
    expires_at: datetime | None = None
    pool: str = ""
    pool_set: PoolSet = PoolSet.NONE
    last_written_at: datetime | None = None
    retired: bool = False
    run: str = ""


@dataclass(frozen=True, slots=True)
class SessionInfo:
    """One session. Written, verified and restore-tested are three separate facts.

    Without `detail` the catalog does not have the names in it: they are on the media alone. A copy names the
    media and number that it was copied from, the first of all if that was a copy too.
    """

    media_serial: str
    media_name: str
    media_id: str
    number: int
    job_id: int | None
    scenario_id: int | None
    scenario_name: str
    machine: str
    replica: str
    entity: str
    started_at: datetime
    finished_at: datetime
    files: int
    directories: int
    size_bytes: int
    new_bytes: int
    stored_bytes: int
    consistency: Consistency
    snapshot_provider: str
    encrypted: bool = False
    incomplete: bool = False
    problems: int = 0
    written_at: datetime | None = None
    verified_at: datetime | None = None
    restore_tested_at: datetime | None = None
    restore_tested_percent: int = 0
    """How much of it the last restore test brought back, of its files."""
    damaged: bool = False
    detail: bool = True
    origin_serial: str = ""
    origin_number: int = 0
    detail_at: datetime | None = None
    filters: str = ""
    """What it was written with; see `app.model.backup_filters.filters_of`, and `left_out_of`."""
    left_out: str = ""


@dataclass(frozen=True, slots=True)
class PurgePlan:
    """What a purge of a media would do. Bytes are those of the objects deleted, exactly.

    `frees_bytes` includes `garbage_bytes`, which no session refers to already now (left by backups that
    did not finish). Of it `waits_bytes` are freed only when `writers` backups that run now are done. Of
    `frees_bytes`, `repacks_bytes` are freed by writing `repacks_packs` anew with only what is in use;
    what is written is taken off. `partly_dead_bytes` stay: they are in packs, or parts of packs, of which
    sessions that remain use another part.
    """

    media_serial: str
    media_name: str
    sessions: tuple[int, ...]
    remaining: int
    frees_bytes: int
    frees_packs: int
    garbage_bytes: int = 0
    waits_bytes: int = 0
    writers: int = 0
    partly_dead_bytes: int = 0
    partly_dead_packs: int = 0
    repacks_bytes: int = 0
    repacks_packs: int = 0


@dataclass(frozen=True, slots=True)
class SetPlan:
    """What formatting, erasing or retiring a media set would do: all its media, and the sessions that go.

    `missing` are media of the set that cannot be reached. `refused` is why it would not be done ("" = it
    would).
    """

    name: str
    set_id: str
    media: tuple[MediaInfo, ...] = ()
    sessions: tuple[SessionInfo, ...] = ()
    used_bytes: int = 0
    missing: tuple[str, ...] = ()
    refused: str = ""


@dataclass(frozen=True, slots=True)
class PoolMove:
    """What becomes of one set of a pool's save set: it goes to scratch `now`, or why not, and when at the
    earliest.

    `reason` is a message's code: N5231 it goes, N5232 kept until `due_at`, N5233 the pool keeps at least
    so many, N5234 protected until `due_at`.
    """

    pool: str
    name: str
    set_id: str
    now: bool
    reason: str
    due_at: datetime | None
    last_written_at: datetime | None
    sessions: int


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One name in a folder of a session, or as last backed up. `path` is the master's absolute path."""

    path: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    session_number: int
    media_serial: str
    versions: int = 1
    deleted_after: datetime | None = None
    machine: str = ""


@dataclass(frozen=True, slots=True)
class FileVersion:
    """One distinct content of a path: first and last session that hold it."""

    machine: str
    path: bytes
    kind: EntryKind
    size_bytes: int
    modified_ns: int
    content_id: str
    first_session: SessionInfo
    last_session: SessionInfo
