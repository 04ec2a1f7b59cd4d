"""What an agent can be asked for: the protocol its gRPC client implements and its handlers serve.

All calls have a deadline (`timeout_s` of the client, default 180 s → AE0469), may be made from any thread
and block the caller. Errors arrive as the `ArcxoError` that was raised on the host.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from app.agent.peers import Peer
from app.model.archive import (
    ArchiveEvent,
    ArchiveResult,
    CatalogRow,
    CatalogRows,
    CompareEvent,
    Progress,
    RestoreEvent,
    RestoreResult,
)
from app.model.brake import BrakeResult, BrakeReview
from app.model.drift import DriftReport
from app.model.events import EventRecord
from app.model.filters import FilterPreview
from app.model.host import CheckResult, DirectoryEntry, HostInfo
from app.model.job import Conflict, Structure, VerifyMode
from app.model.kept_replica import KeptReplica
from app.model.media import Consistency
from app.model.owners import HostOwners, OwnerChange
from app.model.path_state import DirectoryStates
from app.model.paths import shown
from app.model.report import ComparisonProgress, Report
from app.model.restore import (
    KeptRestore,
    PendingReplacement,
    RestorePart,
    RestorePlan,
    UndoResult,
)
from app.model.rewind import PointKind, ReplicatedBack, RewindDensity, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import Filters, NewScenario, ReplicaStatus, Scenario, ScenarioStatus, SyncMethod
from app.model.source import DirectSource

__all__ = [
    "Admission",
    "Agent",
    "AnyPoint",
    "ArchiveEvent",
    "ArchiveOrder",
    "ArchiveResult",
    "BackupPoint",
    "CatalogRow",
    "CatalogRows",
    "EntityPoint",
    "Peer",
    "Progress",
    "RestoreEvent",
    "RestoreOrder",
    "RestorePart",
    "RestorePlan",
    "RestoreResult",
    "SourcePoint",
    "UndoOrder",
    "UndoResult",
]


@dataclass(frozen=True, slots=True)
class EntityPoint:
    """One entity frozen for a backup: the volume on the master, and the roots of it in the snapshot."""

    entity: str
    roots: tuple[tuple[bytes, bytes], ...]
    """(master path, directory of the snapshot on the replica's host) per root."""


@dataclass(frozen=True, slots=True)
class BackupPoint:
    """A frozen state of a scenario's replica, ready to be archived. Lives until released or adopted."""

    id: str
    scenario: Scenario
    replica: str
    taken_at: datetime
    consistency: Consistency
    provider: str
    incarnation: str
    change: int
    entities: tuple[EntityPoint, ...]

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return self.scenario.name

    @property
    def machine(self) -> str:
        """Whose paths its sessions have."""
        return self.scenario.master

    @property
    def scenario_id(self) -> int:
        """Of which scenario it is."""
        return self.scenario.id

    @property
    def scenario_name(self) -> str:
        """The name of that."""
        return self.scenario.name


@dataclass(frozen=True, slots=True)
class SourcePoint:
    """A directory of a host, ready to be archived as it is or from a snapshot of its volume.

    As a `BackupPoint`, of one entity and of no scenario.
    """

    id: str
    machine: str
    path: bytes
    taken_at: datetime
    consistency: Consistency
    provider: str

    @property
    def label(self) -> str:
        """How it is called in messages."""
        return f"{self.machine}:{shown(self.path)}"

    @property
    def replica(self) -> str:
        """The host that it is read on."""
        return self.machine

    @property
    def scenario_id(self) -> int:
        """None."""
        return 0

    @property
    def scenario_name(self) -> str:
        """None."""
        return ""

    @property
    def entities(self) -> tuple[EntityPoint, ...]:
        """The one entity: it is named by the path."""
        return (EntityPoint(shown(self.path), ((self.path, self.path),)),)


AnyPoint = BackupPoint | SourcePoint


@dataclass(frozen=True, slots=True)
class ArchiveOrder:
    """Archive one entity of a backup point into a media. `data_key` is None for an unencrypted session.

    `base_session` is the newest committed session of the same entity, set and key (0 = none); the agent
    decides whether its change list may be used (`base_incarnation`, `base_change` equal the live ones).
    It is on `base_media`, another media of the same set, when that is given. `include` and `exclude` are
    patterns (`app.model.filters`); whoever orders says no `base_incarnation` when the base has others.
    """

    point_id: str
    entity: str
    media_path: str
    job_id: int
    fence: int
    base_session: int = 0
    base_incarnation: str = ""
    base_change: int = 0
    data_key: bytes | None = field(default=None, repr=False)
    key_id: str = ""
    verify: VerifyMode = VerifyMode.NONE
    server: str = ""
    base_media: str = ""
    owners: HostOwners | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RestoreOrder:
    """Write paths of sessions to a directory, or into a scenario's replica roots through the applier.

    `targets` maps master path prefixes to directories on this host, longest prefix wins.
    `scenario_id` set: the directories are roots of that scenario's replica here, written by its applier.
    The rest is as in `app.backup.api.RestoreTask`; the agent adds what it protects itself. With `plan_only`
    up to `items_max` paths (0 = all) come as `RestoreItems`, and a `RestorePlan` last.

    An order of a job that has not come to its end goes on where the one before left off.
    """

    job_id: int
    fence: int
    media_path: str
    session: int
    paths: tuple[bytes, ...]
    targets: tuple[tuple[bytes, bytes], ...]
    conflict: Conflict
    structure: Structure
    scenario_id: int | None = None
    data_key: bytes | None = field(default=None, repr=False)
    plan_only: bool = False
    more: tuple[RestorePart, ...] = ()
    exact: bool = False
    undo_days: int = 0
    undo_max_bytes: int = 0
    protected: tuple[bytes, ...] = ()
    leave_open: bool = False
    items_max: int = 0
    left_out: tuple[bytes, ...] = ()
    owners_by_name: bool = False
    owner_changes: tuple[OwnerChange, ...] = ()
    tell_items: bool = False

    def parts(self) -> tuple[RestorePart, ...]:
        """All parts, the first one included."""
        first = RestorePart(self.media_path, self.session, self.paths, self.targets, self.data_key)
        return (first, *self.more)


@dataclass(frozen=True, slots=True)
class UndoOrder:
    """Take back what the restore `undone_job` did on this host, for the job `job_id`.

    With `plan_only` every path comes as `UndoItems`, and nothing is changed.
    """

    job_id: int
    fence: int
    undone_job: int
    force: bool = False
    plan_only: bool = False


@dataclass(frozen=True, slots=True)
class Admission:
    """What a replica's host gives when it lets a scenario in: the key, and the certificate (PEM) it shows."""

    key: str = field(repr=False)
    certificate: bytes


@dataclass(frozen=True, slots=True)
class CompareOrder:
    """What `Agent.compare_session` does, as `app.backup.comparing.CompareTask`."""

    job_id: int
    media_path: str
    session: int
    paths: tuple[bytes, ...]
    targets: tuple[tuple[bytes, bytes], ...]
    data_key: bytes | None = field(default=None, repr=False)
    metadata: bool = True


class Agent(Protocol):
    """One host. `localhost` is reached with the home's owner token, others with user and password."""

    def hello(self) -> HostInfo: ...
    def browse(self, path: bytes) -> Sequence[DirectoryEntry]: ...
    def make_directory(self, path: bytes) -> None: ...
    def preview_filters(
        self, roots: Sequence[bytes], filters: Filters, *, examples: int = 20, seconds: float = 0.0
    ) -> Iterator[FilterPreview]: ...
    def check_scenario(self, scenario: NewScenario) -> Sequence[CheckResult]: ...

    # the master's side of scenarios
    def create_scenario(self, scenario: NewScenario) -> Scenario: ...
    def import_scenario(self, xml: bytes) -> Scenario: ...
    def export_scenario(self, scenario_id: int) -> bytes: ...
    def update_scenario(self, scenario: Scenario) -> Scenario: ...
    def delete_scenario(self, scenario_id: int) -> None: ...
    def scenarios(self) -> Sequence[ScenarioStatus]: ...
    def scenario(self, scenario_id: int) -> ScenarioStatus: ...
    def run(self, scenario_id: int, sync: SyncMethod | None = None) -> None: ...
    def stop(self, scenario_id: int) -> None: ...
    def suspend(self, scenario_id: int, replica: str, until: datetime | None = None) -> None: ...
    def resume(self, scenario_id: int, replica: str) -> None: ...
    def synchronize(self, scenario_id: int, replica: str) -> None: ...
    def bookmark(self, scenario_id: int, text: str, kind: PointKind = PointKind.BOOKMARK) -> RewindPoint: ...
    def barrier(self, scenario_id: int, timeout_s: float) -> None: ...
    def brake_review(self, scenario_id: int, path: bytes = b"", limit: int = 1000) -> BrakeReview: ...
    def brake_accept(self, scenario_id: int, path: bytes = b"") -> BrakeResult: ...
    def brake_reject(self, scenario_id: int, path: bytes = b"") -> BrakeResult: ...
    def drift(self, scenario_id: int, limit: int = 1000) -> DriftReport:
        """What others changed on the replica that this host is."""
        ...

    def difference(
        self, scenario_id: int, replica: str, *, content: bool = False, limit: int = 1000
    ) -> Report:
        """Compare with a replica; may take as long as reading all of it."""
        ...

    def comparison(self, scenario_id: int, replica: str) -> ComparisonProgress: ...
    def reports(self, scenario_id: int, limit: int = 100) -> Sequence[Report]: ...
    def report(self, scenario_id: int, report_id: str, limit: int = 1000) -> Report: ...
    def path_states(self, scenario_id: int, replica: str, path: bytes, limit: int) -> DirectoryStates: ...
    def audit_now(self, scenario_id: int) -> None: ...
    def events(self, newer_than: int, limit: int = 1000) -> Sequence[EventRecord]: ...

    # between hosts
    def set_name(self, name: str) -> None: ...
    def check_roots(self, paths: Sequence[bytes], scenario_id: int = 0) -> Sequence[CheckResult]: ...
    def preflight(self, paths: Sequence[bytes] = ()) -> Sequence[CheckResult]: ...
    def admit_scenario(self, definition_xml: bytes, replica: str, master_certificate: bytes) -> Admission:
        """Let a scenario of another host's master write its directories of `replica` there."""
        ...

    def dismiss_scenario(self, scenario_id: int) -> None: ...
    def set_peer(self, peer: Peer) -> None: ...
    def peers(self, scenario_id: int) -> tuple[Sequence[Peer], bytes]:
        """(how the master reaches its replicas, keys left out; the certificate the master shows)."""
        ...

    def replica_status(self, scenario_id: int) -> ReplicaStatus: ...
    def kept_replicas(self) -> Sequence[KeptReplica]:
        """What that host keeps of replicas beside their directories."""
        ...

    def forget_replica(self, scenario_id: int) -> None:
        """Remove that; the directories stay. Raises BusyError ER00482 while it is in use."""
        ...

    # the replica's side
    def rewind_points(
        self,
        scenario_id: int,
        *,
        kinds: Sequence[PointKind] = (),
        path: bytes = b"",
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        limit: int = 1000,
    ) -> Sequence[RewindPoint]: ...
    def rewind_density(
        self, scenario_id: int, *, path: bytes, since: datetime, until: datetime, parts: int
    ) -> RewindDensity: ...
    def plan_rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindPlan: ...
    def rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindResult: ...

    # the master's side again: making it equal to a rewound replica
    def plan_replicate_back(
        self, scenario_id: int, replica: str, paths: Sequence[bytes], point_id: str
    ) -> ReplicatedBack: ...
    def replicate_back(self, scenario_id: int, replica: str, paths: Sequence[bytes]) -> ReplicatedBack: ...

    # the Client Agent: backup and restore
    def begin_backup(self, scenario_id: int, replica: str, job_id: int, fence: int) -> BackupPoint: ...
    def begin_source_backup(self, source: DirectSource, job_id: int, fence: int) -> SourcePoint:
        """Make a directory of the host ready. Raises UsageError, NotFoundError, ArcxoError AE1060-AE1065."""
        ...

    def archive(self, order: ArchiveOrder) -> Iterator[ArchiveEvent]: ...
    def renew_backup(self, point_id: str) -> None:
        """The point is still needed. Once called, it is given up when no other call comes for minutes.

        Raises NotFoundError AE1024 for a point that is not there, ArcxoError AE1039 for a host too old.
        """
        ...

    def end_backup(self, point_id: str, *, keep: bool) -> None: ...
    def restore(self, order: RestoreOrder) -> Iterator[RestoreEvent]: ...
    def compare_session(self, order: CompareOrder) -> Iterator[CompareEvent]: ...
    def undo_restore(self, order: UndoOrder) -> Iterator[RestoreEvent]: ...
    def owners(self) -> HostOwners: ...
    def kept_restores(self) -> Sequence[KeptRestore]: ...
    def pending_replacements(self) -> Sequence[PendingReplacement]: ...
    def close(self) -> None: ...
