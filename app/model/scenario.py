"""Scenarios: what is replicated, from one master to one or more replicas, and how it stands."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from app.model.errors import Problem


class ServerType(StrEnum):
    """What a scenario replicates."""

    FILE_SERVER = "file-server"
    SQL_SERVER = "sql-server"
    EXCHANGE = "exchange"


class ProductType(StrEnum):
    """DR: replication and data recovery. HA: with switchover."""

    DR = "DR"
    HA = "HA"


class SyncMethod(StrEnum):
    """How synchronisation compares: whole files, or blocks of files."""

    FILE = "file"
    BLOCK = "block"


class DriftHandling(StrEnum):
    """What becomes of a file that somebody else changed on a replica."""

    REPORT = "report"
    """It is reported and left as it is until the master changes that file."""
    REVERT = "revert"
    """It is reported, kept aside, and the master's state put back."""


class HostRole(StrEnum):
    """What a host is in a scenario."""

    MASTER = "master"
    REPLICA = "replica"


class ScenarioState(StrEnum):
    """What a scenario does now. One setter in the engine records and publishes it."""

    STOPPED = "stopped"
    STARTING = "starting"
    SYNCHRONIZING = "synchronizing"
    REPLICATING = "replicating"
    STOPPING = "stopping"
    PROBLEM = "problem"
    NOT_AUTHORIZED = "not_authorized"
    UNKNOWN = "unknown"
    """Its host cannot be asked; set by readers, never by an engine."""


class ReplicaState(StrEnum):
    """What one replica of a scenario does now."""

    STOPPED = "stopped"
    CONNECTING = "connecting"
    SYNCHRONIZING = "synchronizing"
    REPLICATING = "replicating"
    SUSPENDED = "suspended"
    ASSURED_RECOVERY = "assured_recovery"
    REWINDING = "rewinding"
    BRAKED = "braked"
    DISCONNECTED = "disconnected"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Root:
    """One replicated directory: where it is on the master. Absolute, clean, bytes."""

    master_path: bytes


@dataclass(frozen=True, slots=True)
class Override:
    """One property that differs on one replica; `value` in the text form of `scenario set`."""

    name: str
    value: str


@dataclass(frozen=True, slots=True)
class ReplicaSpec:
    """One replica: the host's name and, root by root (same order), its target directory there.

    `overrides` are its own values of properties that may differ by replica (`app.model.properties`).
    """

    host: str
    paths: tuple[bytes, ...]
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class Filters:
    """Name patterns (`*`, `?`, `[…]`; with a slash: against the relative path). Exclude beats include."""

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ScenarioProperties:
    """Editable properties with their defaults; names are those of `scenario set NAME KEY=VALUE`.

    `app.model.properties` has their limits and text forms, and tells which may differ by replica.
    Scripts are command lines without a shell; "" = none. Minutes, hours or sizes of 0 mean never or no limit.
    """

    sync: SyncMethod = SyncMethod.FILE
    ignore_same_size_time: bool = True
    run_after_reboot: bool = True
    assured_recovery: bool = False
    suspend_enabled: bool = True
    rewind_enabled: bool = True
    rewind_minutes: int = 7 * 24 * 60
    rewind_mb: int = 20_480
    spool_max_mb: int = 0
    spool_min_free_mb: int = 1_024
    spool_threshold_percent: int = 80
    brake_percent: int = 20
    sweep_minutes: int = 10
    timeout_seconds: int = 180
    keep_deleted_during_sync: bool = False
    snapshots_to_keep: int = 10
    block_whole_file_percent: int = 70
    keep_deleted_during_replication: bool = False
    audit_minutes: int = 24 * 60
    drift: DriftHandling = DriftHandling.REPORT
    compress_transfer: bool = False
    bandwidth: str = ""
    stop_if_spool_full: bool = True
    spool_directory: str = ""
    bookmark_minutes: int = 0
    script_before_sync: str = ""
    script_after_sync: str = ""
    replica_script_before_sync: str = ""
    replica_script_after_sync: str = ""
    trigger_file: str = ""
    script_on_trigger: str = ""
    script_timeout_seconds: int = 600
    notify_script: str = ""
    notify_os_log: bool = False
    notify_on: str = "lost-connection,queue-overflow,error"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A scenario's definition. `id` never changes; `version` grows with every saved change."""

    id: int
    name: str
    server_type: ServerType
    product: ProductType
    master: str
    roots: tuple[Root, ...]
    replicas: tuple[ReplicaSpec, ...]
    group: str = "Scenarios"
    filters: Filters = Filters()
    properties: ScenarioProperties = ScenarioProperties()
    version: int = 1

    @property
    def product_label(self) -> str:
        """The Product column: `DR`, with `/ARC` as every scenario is backed up."""
        return f"{self.product.value}/ARC"


@dataclass(frozen=True, slots=True)
class RootStatistics:
    """Counters of one root since the scenario started. Sizes in bytes; None = not known yet."""

    master_path: bytes
    size_bytes: int | None = None
    files: int | None = None
    folders_created: int = 0
    files_changed: int = 0
    removed: int = 0
    renamed: int = 0
    changed_bytes: int = 0
    last_change_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class SyncProgress:
    """A running synchronisation. Totals are None until they are counted, and so is the time left, a range.

    `bytes_compared` of the master's `bytes_total` need not be looked at any more. Within `current_path`, when
    it is large, `file_bytes_done` of `file_bytes_total` are compared or sent (0 of 0: it is not large).
    """

    files_compared: int = 0
    files_total: int | None = None
    files_sent: int = 0
    sent_bytes: int = 0
    current_path: bytes = b""
    started_at: datetime | None = None
    bytes_compared: int = 0
    bytes_total: int | None = None
    file_bytes_done: int = 0
    file_bytes_total: int = 0
    eta_low_seconds: float | None = None
    eta_high_seconds: float | None = None

    @property
    def share(self) -> float | None:
        """How much is compared, 0 to 1, of files and bytes in equal parts; None while not counted."""
        if self.files_total is None or self.bytes_total is None:
            return None
        files = self.files_compared / self.files_total if self.files_total else 1.0
        size = self.bytes_compared / self.bytes_total if self.bytes_total else 1.0
        return min(1.0, (files + size) / 2)


@dataclass(frozen=True, slots=True)
class ReplicaStatus:
    """How one replica stands. `lag_seconds` is the age of the oldest change not yet applied (0 = none).

    `waiting` says in words why changes wait ("" = none do, or they are just being sent); `waiting_bytes`
    is what of the spool the replica has not applied. `sent_bytes` went over the link, compressed perhaps;
    they were `uncompressed_bytes`. `in_sync_at` is when equality was last proven (a barrier answered with
    nothing waiting). `drifted` counts what somebody else changed on the replica, `files` what replication
    left there; None = not known here. `restored_at`: since then it holds what a restore put there, which the
    next run replaces. `suspended_until`: when a suspended one is resumed by itself.
    """

    host: str
    state: ReplicaState
    reason: str = ""
    lag_seconds: float | None = None
    spool_bytes: int = 0
    waiting_operations: int = 0
    synchronized_bytes: int = 0
    changed_bytes: int = 0
    files: int | None = None
    applied_operations: int = 0
    in_sync_at: datetime | None = None
    sync: SyncProgress | None = None
    rewind_oldest_at: datetime | None = None
    rewind_bytes: int = 0
    waiting_bytes: int = 0
    waiting: str = ""
    sent_bytes: int = 0
    uncompressed_bytes: int = 0
    drifted: int | None = None
    restored_at: datetime | None = None
    suspended_until: datetime | None = None

    def with_own(self, own: ReplicaStatus) -> ReplicaStatus:
        """The master's view of a replica with what only the replica's host knows."""
        return replace(
            self,
            rewind_oldest_at=own.rewind_oldest_at,
            rewind_bytes=own.rewind_bytes,
            drifted=own.drifted,
            files=own.files,
            restored_at=own.restored_at,
        )


@dataclass(frozen=True, slots=True)
class ScenarioStatus:
    """A scenario as its master's agent sees it now. `reason` is a sentence when the state is not good."""

    scenario: Scenario
    state: ScenarioState
    reason: str = ""
    since: datetime | None = None
    replicas: tuple[ReplicaStatus, ...] = ()
    roots: tuple[RootStatistics, ...] = ()
    watched_directories: int = 0
    unwatched_directories: int = 0
    captured_operations: int = 0
    captured_bytes: int = 0
    problems: tuple[Problem, ...] = ()
    problem_count: int = 0
    revision: int = 0


@dataclass(frozen=True, slots=True)
class NewScenario:
    """What `scenario create` and the wizard ask for. Paths absolute; roots and paths in the same order."""

    name: str
    master: str
    replicas: tuple[ReplicaSpec, ...]
    roots: tuple[Root, ...]
    server_type: ServerType = ServerType.FILE_SERVER
    product: ProductType = ProductType.DR
    group: str = "Scenarios"
    filters: Filters = Filters()
    properties: ScenarioProperties = field(default_factory=ScenarioProperties)
