"""Jobs: status (what it does now) is kept apart from last result (how the last run ended)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.backup_filters import NO_BACKUP_FILTERS, BackupFilters
from app.model.commands import JobCommands
from app.model.job_log import JobLogLevel
from app.model.owners import OwnerChange, OwnerRule
from app.model.rotation import Rotation
from app.model.source import DirectSource


class JobStatus(StrEnum):
    """What a job does now."""

    READY = "ready"
    ACTIVE = "active"
    HOLD = "hold"
    DONE = "done"


class JobResult(StrEnum):
    """How the last run ended."""

    FINISHED = "finished"
    INCOMPLETE = "incomplete"
    CANCELED = "canceled"
    FAILED = "failed"
    RUN_FAILED = "run_failed"
    CRASHED = "crashed"


class JobKind(StrEnum):
    """What a job is for; one file per kind in `app/jobs`."""

    BACKUP = "backup"
    RESTORE = "restore"
    RESTORE_UNDO = "restore_undo"
    MEDIA_FORMAT = "media_format"
    MEDIA_ERASE = "media_erase"
    MEDIA_VERIFY = "media_verify"
    MEDIA_MERGE = "media_merge"
    MEDIA_PURGE = "media_purge"
    MEDIA_RENAME = "media_rename"
    MEDIA_RETIRE = "media_retire"
    MEDIA_SCAN = "media_scan"
    MEDIA_COMPARE = "media_compare"
    MEDIA_COPY = "media_copy"
    MEDIA_PRUNE = "media_prune"
    RESTORE_TEST = "restore_test"


class JobPhase(StrEnum):
    """Steps of a run, in the order the job monitor shows them."""

    WAITING = "waiting"
    CONNECT = "connect"
    STOP_SCENARIO = "stop_scenario"
    SNAPSHOT = "snapshot"
    BACK_UP = "back_up"
    RESTORE = "restore"
    VERIFY = "verify"
    CATALOG = "catalog"
    FINISH = "finish"


class VerifyMode(StrEnum):
    """Verification of a backup: none, read back from media, compare with the snapshot.

    An audit looks at everything instead of what is listed as changed, and so proves the list complete.
    """

    NONE = "none"
    SCAN = "scan"
    COMPARE = "compare"
    AUDIT = "audit"


@dataclass(frozen=True, slots=True)
class Schedule:
    """When a job runs: at `run_at` (None = now), then by `repeat` (an RFC 5545 RRULE; "" = once).

    `excluded`: days without runs, MO to SU and dates YYYY-MM-DD. `catch_up`: a run that was missed (machine
    asleep, server down) is made once, late; else it is left out.
    """

    run_at: datetime | None = None
    repeat: str = ""
    time_zone: str = ""
    excluded: tuple[str, ...] = ()
    catch_up: bool = True
    rotation: Rotation | None = None


class MediaMethod(StrEnum):
    """Which media a backup begins with.

    Append to media of the group (or of that name); or overwrite the media of that name, else use blank
    ones; or, when there is neither, overwrite any media of the group that is not protected.
    """

    APPEND = "append"
    OVERWRITE_SAME = "overwrite-same"
    OVERWRITE_ANY = "overwrite-any"


@dataclass(frozen=True, slots=True)
class BackupScript:
    """What a backup job does: scenarios and directories. `child` jobs name exactly one of them.

    `span_method` is the rule for the media that follow when one is full (never append). The waits are in
    minutes, None = what the installation has set. `protect_days`: new media are not overwritten for so long.
    Jobs with the same `run` share the media that one of them made. `retries`: how often what was missed is
    tried again, `retry_minutes` later, by a job that says whose makeup it is. `streams`: so many backups
    write to the group at a time. `node_commands`: by scenario or label of a source.
    """

    scenario_ids: tuple[int, ...]
    scenario_names: tuple[str, ...]
    replica: str = ""
    device_group: str = "GROUP0"
    media_name: str = ""
    encrypt: bool = False
    verify: VerifyMode = VerifyMode.NONE
    version: int = 1
    pool: str = ""
    method: MediaMethod = MediaMethod.APPEND
    span_method: MediaMethod = MediaMethod.OVERWRITE_SAME
    media_wait_minutes: int | None = None
    span_wait_minutes: int | None = None
    protect_days: int = 0
    run: str = ""
    sources: tuple[DirectSource, ...] = ()
    retries: int = 0
    retry_minutes: int = 10
    makeup_of: int = 0
    streams: int = 4
    commands: JobCommands = field(default_factory=JobCommands)
    node_commands: tuple[tuple[str, JobCommands], ...] = ()
    retry_at: str = ""
    """When what was missed is tried again, HH:MM in the schedule's time zone; "" = after `retry_minutes`."""
    job_log: JobLogLevel = JobLogLevel.SUMMARY
    filters: BackupFilters = NO_BACKUP_FILTERS

    def commands_of(self, node: str) -> JobCommands:
        """The commands around one node."""
        return dict(self.node_commands).get(node, JobCommands())

    @property
    def has_children(self) -> bool:
        """Whether it names several: each is a job of its own."""
        return len(self.scenario_ids) + len(self.sources) > 1


class Destination(StrEnum):
    """Where restored files go."""

    ORIGINAL_REPLICA = "original-replica"
    ORIGINAL_MASTER = "original-master"
    DIRECTORY = "directory"


class Conflict(StrEnum):
    """What happens to a file that is already there."""

    OVERWRITE = "overwrite"
    RENAME = "rename"
    SKIP = "skip"
    OLDER = "older"


class Structure(StrEnum):
    """How much of the original path is made beneath another directory."""

    NONE = "none"
    BASE = "base"
    FULL = "full"


UNDO_DAYS = 7
UNDO_MAX_MB = 102_400


@dataclass(frozen=True, slots=True)
class RestoreSelection:
    """Paths of one session (empty = all of it). Paths are the master's, absolute."""

    media_serial: str
    session: int
    paths: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreScript:
    """What a restore job does.

    `exact` removes what is in the restored directories and not in the session. What is replaced or removed
    is kept aside for `undo_days` (0 = not at all); more than `undo_max_mb` of it is refused (0 = no limit).
    """

    selections: tuple[RestoreSelection, ...]
    destination: Destination = Destination.ORIGINAL_REPLICA
    host: str = "localhost"
    directory: bytes = b""
    conflict: Conflict = Conflict.OVERWRITE
    structure: Structure = Structure.NONE
    continue_if_not_stopped: bool = False
    version: int = 1
    exact: bool = False
    undo_days: int = UNDO_DAYS
    undo_max_mb: int = UNDO_MAX_MB
    left_out: tuple[bytes, ...] = ()
    """Paths at the destination that stay as they are, with all beneath them, whatever is selected."""
    owners: OwnerRule = OwnerRule.NUMBER
    owner_changes: tuple[OwnerChange, ...] = ()
    commands: JobCommands = field(default_factory=JobCommands)
    """Run on the server before and after the job."""
    job_log: JobLogLevel = JobLogLevel.SUMMARY


@dataclass(frozen=True, slots=True)
class Credentials:
    """A log-in; never logged, sealed wherever it is stored. `repr` hides the password."""

    user: str
    password: str = field(repr=False)


def source_role(host: str) -> str:
    """The role of a log-in to a host whose directories are backed up by themselves (scenario 0)."""
    return f"source {host}"


@dataclass(frozen=True, slots=True)
class JobProgress:
    """Live figures of an active job. Totals None = not known. `rate` in bytes a second."""

    phase: JobPhase = JobPhase.WAITING
    phase_started_at: datetime | None = None
    phases: tuple[tuple[JobPhase, float], ...] = ()
    waits_for: str = ""
    current_path: bytes = b""
    files: int = 0
    files_total: int | None = None
    read_bytes: int = 0
    bytes_total: int | None = None
    changed_bytes: int = 0
    stored_bytes: int = 0
    errors: int = 0
    warnings: int = 0
    session: int | None = None
    media: str = ""
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One entry of the queue."""

    id: int
    kind: JobKind
    name: str
    status: JobStatus
    last_result: JobResult | None
    owner: str
    server: str
    created_at: datetime
    execution_at: datetime | None
    schedule: Schedule
    script: BackupScript | RestoreScript | dict[str, str]
    parent_id: int | None = None
    device_group: str = ""
    waits_for: str = ""
    started_at: datetime | None = None
    finished_at: datetime | None = None
    files: int = 0
    read_bytes: int = 0
    stored_bytes: int = 0
    errors: int = 0
    warnings: int = 0
    progress: JobProgress | None = None
