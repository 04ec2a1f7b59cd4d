"""In-memory services with realistic data, for tests and pictures of the console.

`MemoryServices()` answers everything from lists that tests may change; calls that act are kept in `calls` as
(name, arguments) and change the lists as the real ones would. `raises[name] = error` makes a call fail.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from app.jobs.upcoming import next_run, planned, upcoming
from app.model.alert import AlertMethod, AlertTarget, Delivery, Protection
from app.model.brake import BrakeChange, BrakeDecision, BrakeItem, BrakeResult, BrakeReview
from app.model.content import FileContent
from app.model.discovery import Discovery
from app.model.drift import DriftItem, DriftKind, DriftReport
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, NotFoundError, Problem
from app.model.estimate import BackupEstimate, estimate_of, of_scenario
from app.model.events import ActivityRecord, EventRecord, Severity
from app.model.filters import FilterExample, FilterPreview, PatternUse
from app.model.folder_comparison import Change, FolderChange, FolderComparison
from app.model.host import CheckOutcome, CheckResult, DirectoryEntry, Host, HostInfo, HostState
from app.model.job import (
    BackupScript,
    Credentials,
    Job,
    JobKind,
    JobPhase,
    JobProgress,
    JobResult,
    JobStatus,
    RestoreScript,
    RestoreSelection,
    Schedule,
)
from app.model.job_script import SavedBackup, for_file, from_file, to_file
from app.model.kept_replica import KeptReplica, LeftBehind, LeftoverSearch
from app.model.media import (
    CatalogEntry,
    Consistency,
    Device,
    FileVersion,
    MediaInfo,
    Pool,
    PoolMove,
    PoolSet,
    PurgePlan,
    SessionInfo,
    SetPlan,
)
from app.model.media_keys import (
    KeyChange,
    KeySlot,
    OpenedSession,
    RecoveryKit,
    RecoveryTest,
    SlotKind,
)
from app.model.owners import OwnerCount
from app.model.path_state import DirectoryStates
from app.model.paths import is_beneath
from app.model.report import ComparisonProgress, Report, ReportedChange, ReportItem, ReportKind
from app.model.restore import (
    KeptRestore,
    PendingReplacement,
    RestoreAction,
    RestoreItem,
    RestorePlan,
    UndoAction,
    UndoItem,
    UndoPlan,
)
from app.model.rewind import (
    PointKind,
    ReplicatedBack,
    RewindAction,
    RewindDensity,
    RewindItem,
    RewindPlan,
    RewindPoint,
    RewindResult,
)
from app.model.scenario import (
    DriftHandling,
    Filters,
    NewScenario,
    ProductType,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    RootStatistics,
    Scenario,
    ScenarioState,
    ScenarioStatus,
    ServerType,
    SyncProgress,
)
from app.model.search import Machine, Query
from app.model.server import ServerInfo
from app.model.settings import SETTINGS
from app.model.staging import StagingPlan, StagingPolicy
from app.model.storage import DeviceReport, GroupInfo, PoolInfo
from app.model.template import ScenarioTemplate, template_of
from app.model.upcoming import NextRun, PlannedRun
from app.replication.master.preview import preview as walk_preview
from app.services.alerts_api import AlertRequest
from app.services.api import BackupRequest, RestoreRequest, ServerState
from app.services.backups import resolved
from app.services.over_restored import refuse_over_restored

GB = 1024**3
MB = 1024**2


def now() -> datetime:
    return datetime.now(UTC)


def scenario(
    number: int, name: str, roots: Sequence[str], *, group: str = "Scenarios", replicas: int = 1
) -> Scenario:
    return Scenario(
        id=1224069560 + number,
        name=name,
        server_type=ServerType.FILE_SERVER,
        product=ProductType.DR,
        master="localhost",
        roots=tuple(Root(path.encode()) for path in roots),
        replicas=tuple(
            ReplicaSpec("localhost", tuple(f"/replica{n or ''}{path}".encode() for path in roots))
            for n in range(replicas)
        ),
        group=group,
    )


def status_of(
    made: Scenario,
    state: ScenarioState,
    replica: ReplicaState,
    *,
    lag: float | None = 0.2,
    reason: str = "",
    **more: Any,
) -> ScenarioStatus:
    running = state is not ScenarioState.STOPPED
    return ScenarioStatus(
        scenario=made,
        state=state,
        reason=reason,
        since=now() - timedelta(hours=5) if running else None,
        replicas=tuple(
            ReplicaStatus(
                spec.host,
                replica,
                lag_seconds=lag if running else None,
                spool_bytes=more.get("spool", 12 * MB),
                waiting_operations=more.get("waiting", 4),
                synchronized_bytes=int(96.4 * GB),
                changed_bytes=int(1.24 * GB),
                files=184_220,
                applied_operations=more.get("applied", 18_440),
                in_sync_at=more.get("in_sync_at"),
                sync=more.get("sync"),
                rewind_oldest_at=now() - timedelta(hours=59),
                rewind_bytes=int(18.2 * GB),
            )
            for spec in made.replicas
        ),
        roots=tuple(
            RootStatistics(
                root.master_path,
                size_bytes=int(248.1 * GB) // (n + 1),
                files=118_402 // (n + 1),
                folders_created=1204 // (n + 1),
                files_changed=18_442 // (n + 1),
                removed=96 * n,
                renamed=212 // (n + 1),
                changed_bytes=int(1.1 * GB),
                last_change_at=now() - timedelta(seconds=4 + 70 * n),
            )
            for n, root in enumerate(made.roots)
        ),
        watched_directories=38_114,
        captured_operations=18_444,
        captured_bytes=int(1.24 * GB),
        problem_count=1 if reason else 0,
        revision=7,
    )


def sample_statuses() -> list[ScenarioStatus]:
    running, stopped = ScenarioState.REPLICATING, ScenarioState.STOPPED
    return [
        status_of(
            scenario(
                6,
                "Branch File Shares",
                ["/srv/shares/projects", "/srv/shares/sales", "/srv/scan"],
                group="Branch offices",
            ),
            running,
            ReplicaState.REPLICATING,
            in_sync_at=now() - timedelta(seconds=2),
        ),
        status_of(
            scenario(7, "Sales Shares", ["/srv/sales"], group="Branch offices"),
            running,
            ReplicaState.BRAKED,
            lag=244.0,
            reason="12,418 deletes in 40 s; applying stopped",
            spool=int(1.9 * GB),
            waiting=12_322,
            in_sync_at=now() - timedelta(seconds=246),
        ),
        status_of(
            scenario(8, "Lab Results", ["/srv/lab"], group="Branch offices"),
            running,
            ReplicaState.SUSPENDED,
            lag=3120.0,
            spool=int(18.4 * GB),
            waiting=4_410,
            in_sync_at=now() - timedelta(minutes=52),
        ),
        status_of(
            scenario(9, "CAD Projects", ["/srv/cad"], group="Head office"),
            ScenarioState.SYNCHRONIZING,
            ReplicaState.SYNCHRONIZING,
            lag=None,
            sync=SyncProgress(218_400, 574_112, 96, 412 * MB, b"/srv/cad/hall-7/plan-a.dwg", now()),
        ),
        status_of(
            scenario(10, "Archive 2019", ["/srv/archive"], group="Head office"), stopped, ReplicaState.STOPPED
        ),
        status_of(
            scenario(11, "Print Queues", ["/srv/print"], group="Head office"),
            ScenarioState.PROBLEM,
            ReplicaState.DISCONNECTED,
            lag=None,
            reason="No answer from REPL-DR-02:25000 for 180 s",
        ),
    ]


class _Calls:
    def __init__(self, services: MemoryServices) -> None:
        self._services = services

    def _note(self, name: str, *arguments: Any) -> None:
        self._services.calls.append((name, *arguments))
        self._services.threads.add(threading.current_thread().name)
        error = self._services.raises.get(name)
        if error is not None:
            raise error


class MemoryScenarios(_Calls):
    def list(self) -> Sequence[ScenarioStatus]:
        self._note("scenarios.list")
        return list(self._services.statuses)

    def show(self, name: str) -> ScenarioStatus:
        for status in self._services.statuses:
            if name in (status.scenario.name, str(status.scenario.id)):
                return status
        raise NotFoundError("E5110", name=name)

    def verify(self, scenario: NewScenario) -> Sequence[CheckResult]:
        self._note("scenarios.verify", scenario)
        return [
            CheckResult("localhost", CheckOutcome.OK, "IR00901"),
            *(
                CheckResult(
                    path.decode(), CheckOutcome.ERROR, "ER00910", {"path": path.decode()}, "create_directory"
                )
                for replica in scenario.replicas
                for path in replica.paths
                if path not in self._services.directories
            ),
        ]

    def preview(
        self,
        roots: Sequence[bytes],
        filters: Filters,
        *,
        master: str = "localhost",
        examples: int = 20,
        seconds: float = 3.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
    ) -> FilterPreview:
        self._note("scenarios.preview", tuple(roots), filters, master)
        share = len(filters.exclude)
        return FilterPreview(
            complete=True,
            seconds=0.4,
            included_files=118_402 - 1204 * share,
            included_directories=9_204,
            included_bytes=96 * GB - 2 * GB * share,
            excluded_files=1204 * share,
            excluded_bytes=2 * GB * share,
            included=tuple(FilterExample(root + b"/plan.odt", "", False, 41_000) for root in roots),
            excluded=tuple(
                FilterExample(roots[0] + b"/scratch/a.tmp", pattern, False, 2 * MB)
                for pattern in filters.exclude
            ),
            patterns=tuple(PatternUse(pattern, True, 1204, 2 * GB) for pattern in filters.exclude),
        )

    def create(self, scenario: NewScenario) -> Scenario:
        self._note("scenarios.create", scenario)
        made = Scenario(
            id=1224069600 + len(self._services.statuses),
            name=scenario.name,
            server_type=scenario.server_type,
            product=scenario.product,
            master=scenario.master,
            roots=scenario.roots,
            replicas=scenario.replicas,
            group=scenario.group,
            filters=scenario.filters,
            properties=scenario.properties,
        )
        self._services.statuses.append(status_of(made, ScenarioState.STOPPED, ReplicaState.STOPPED))
        return made

    def update(self, scenario: Scenario) -> Scenario:
        self._note("scenarios.update", scenario)
        known = next(one.scenario for one in self._services.statuses if one.scenario.id == scenario.id)
        saved = replace(scenario, version=known.version + 1)
        self._change(known.name, lambda status: replace(status, scenario=saved))
        return saved

    def register(self, name: str) -> Scenario:
        self._note("scenarios.register", name)
        for status in self._services.elsewhere:
            if name in (status.scenario.name, str(status.scenario.id)):
                self._services.elsewhere.remove(status)
                self._services.statuses.append(status)
                return status.scenario
        return self.show(name).scenario

    def templates(self) -> Sequence[ScenarioTemplate]:
        self._note("scenarios.templates")
        return list(self._services.templates_)

    def save_template(self, name: str, scenario: str) -> ScenarioTemplate:
        self._note("scenarios.save_template", name, scenario)
        found = next(one.scenario for one in self._services.statuses if str(one.scenario.id) == scenario)
        made = template_of(found, name)
        self._services.templates_.append(made)
        return made

    def remove_template(self, name: str) -> None:
        self._note("scenarios.remove_template", name)
        self._services.templates_ = [one for one in self._services.templates_ if one.name != name]

    def discover(self) -> Discovery:
        self._note("scenarios.discover")
        silent = [
            Problem(error.code, b"", {"host": host, **error.params})
            for host, error in self._services.silent_hosts.items()
        ]
        return Discovery(tuple(self._services.elsewhere), tuple(silent))

    def kept(self, name: str) -> Sequence[KeptReplica]:
        found = self.show(name)
        return [
            KeptReplica(found.scenario.id, name, replica.host, (), replica.rewind_bytes, None, 2, 4_000, 1)
            for replica in found.replicas
        ]

    def delete(
        self, name: str, *, registration_only: bool = False, keep_rewind: bool = False
    ) -> Sequence[LeftBehind]:
        self._note("scenarios.delete", name, registration_only, *(["keep_rewind"] if keep_rewind else []))
        left = [LeftBehind(one.replica, one.scenario_id) for one in self.kept(name)] if keep_rewind else []
        self._services.statuses = [s for s in self._services.statuses if s.scenario.name != name]
        return left

    def leftovers(self) -> LeftoverSearch:
        return LeftoverSearch((KeptReplica(4711, "old", "localhost", (b"/replica/old",), 5_000_000),))

    def remove_leftover(self, host: str, scenario_id: int) -> None:
        self._note("scenarios.remove_leftover", host, scenario_id)

    def export(self, name: str) -> bytes:
        return f"<scenario name='{name}'/>".encode()

    def import_xml(self, xml: bytes) -> Scenario:
        self._note("scenarios.import_xml", xml)
        return self._services.statuses[0].scenario

    def run(self, name: str, sync: Any = None, *, replace_restored: bool = False) -> None:
        self._note("scenarios.run", name, *(("replace restored",) if replace_restored else ()))
        if not replace_restored:
            refuse_over_restored(self.show(name))
        self._state(name, ScenarioState.REPLICATING, ReplicaState.REPLICATING)

    def stop(self, name: str) -> None:
        self._note("scenarios.stop", name)
        self._state(name, ScenarioState.STOPPED, ReplicaState.STOPPED)

    def suspend(self, name: str, replica: str = "", *, until: datetime | None = None) -> None:
        self._note("scenarios.suspend", name, replica, *([until] if until else []))
        self._state(name, ScenarioState.REPLICATING, ReplicaState.SUSPENDED)
        self._change(
            name,
            lambda status: replace(
                status, replicas=tuple(replace(one, suspended_until=until) for one in status.replicas)
            ),
        )

    def resume(self, name: str, replica: str = "") -> None:
        self._note("scenarios.resume", name, replica)
        self._state(name, ScenarioState.REPLICATING, ReplicaState.REPLICATING)
        self._change(
            name,
            lambda status: replace(
                status, replicas=tuple(replace(one, suspended_until=None) for one in status.replicas)
            ),
        )

    def synchronize(self, name: str, replica: str = "") -> None:
        self._note("scenarios.synchronize", name, replica)

    def wait_synchronized(self, name: str, replica: str = "", *, timeout_s: float) -> Sequence[str]:
        self._note("scenarios.wait_synchronized", name, replica)
        hosts = [one for one in self.show(name).replicas if replica in ("", one.host)]
        return [one.host for one in hosts if one.state is ReplicaState.SUSPENDED]

    def bookmark(self, name: str, text: str = "") -> RewindPoint:
        self._note("scenarios.bookmark", name, text)
        return RewindPoint("9", PointKind.BOOKMARK, now(), 99, "localhost", text)

    def wait(self, name: str, state: str, timeout_s: float) -> ScenarioStatus:
        return self.show(name)

    def brake_review(self, name: str, *, path: bytes = b"", limit: int = 1000) -> BrakeReview:
        self._note("scenarios.brake_review", name, path)
        status = self.show(name)
        if not any(replica.state is ReplicaState.BRAKED for replica in status.replicas):
            return BrakeReview(braked=False)
        root = status.scenario.roots[0].master_path
        item = BrakeItem(
            root + b"/plans/a.dwg", BrakeChange.REMOVED, EntryKind.FILE, 4096, BrakeDecision.UNDECIDED
        )
        return BrakeReview(
            braked=True,
            code="ER00260",
            reason="3000 of 5000 files were removed or rewritten within a minute",
            since=now(),
            counts={"removed_files": 3000, "undecided": 3000},
            size_bytes=3000 * 4096,
            items=(item,),
            truncated=True,
            limit_files=1000,
            usual_per_minute=2.5,
            point_id="b1",
        )

    def drift(self, name: str, *, replica: str = "", limit: int = 1000) -> Sequence[DriftReport]:
        self._note("scenarios.drift", name, replica)
        status = self.show(name)
        now = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
        item = DriftItem(b"/replica/edited.txt", DriftKind.CHANGED, now, now, 120)
        return [
            DriftReport(spec.host, DriftHandling.REPORT, 1, (item,)[:limit], checked_at=now, watched=True)
            for spec in status.scenario.replicas
            if replica in ("", spec.host)
        ]

    def difference(
        self,
        name: str,
        *,
        replica: str = "",
        content: bool = False,
        limit: int = 1000,
        on_progress: Callable[[str, ComparisonProgress], None] | None = None,
    ) -> Sequence[Report]:
        self._note("scenarios.difference", name, replica, content)
        status = self.show(name)
        if on_progress is not None:
            on_progress(replica, ComparisonProgress(120, 4096))
        return [
            self._difference(status.scenario, spec.host, limit)
            for spec in status.scenario.replicas
            if replica in ("", spec.host)
        ]

    def _difference(self, scenario: Scenario, host: str, limit: int) -> Report:
        at = datetime(2026, 3, 5, 9, 30, tzinfo=UTC)
        root = scenario.roots[0].master_path
        items = tuple(
            ReportItem(root + b"/plans/%d.dwg" % number, change, "file", 4096, 0 if number else 2048)
            for number, change in enumerate((ReportedChange.SIZE, ReportedChange.MISSING))
        )
        figures = {"size": 1, "missing": 1, "compared": 120, "differences": 2, "in_flight": 0}
        return Report(
            "d1ff", ReportKind.DIFFERENCE, scenario.id, scenario.name, host, at, at, figures,
            items=items[:limit], item_count=2, truncated=limit < 2, file="/reports/d1ff.items",
        )  # fmt: skip

    def reports(self, name: str, *, limit: int = 100) -> Sequence[Report]:
        self._note("scenarios.reports", name)
        scenario = self.show(name).scenario
        return [replace(self._difference(scenario, "localhost", 0), items=())][:limit]

    def report(self, name: str, report_id: str, *, limit: int = 1000) -> Report:
        self._note("scenarios.report", name, report_id)
        if report_id != "d1ff":
            raise NotFoundError("ER00440", report=report_id)
        return self._difference(self.show(name).scenario, "localhost", limit)

    def audit(self, name: str) -> None:
        self._note("scenarios.audit", name)
        self.show(name)

    def brake_accept(self, name: str, *, path: bytes = b"") -> BrakeResult:
        self._note("scenarios.brake_accept", name, path)
        self._state(name, ScenarioState.REPLICATING, ReplicaState.REPLICATING)
        return BrakeResult(3000, 0, lifted=True)

    def brake_reject(self, name: str, *, path: bytes = b"") -> BrakeResult:
        self._note("scenarios.brake_reject", name, path)
        self._state(name, ScenarioState.REPLICATING, ReplicaState.REPLICATING)
        return BrakeResult(3000, 0, lifted=True, restored=3000, restored_bytes=3000 * 4096)

    def events(
        self,
        name: str = "",
        *,
        newer_than: int = 0,
        limit: int = 1000,
        severities: Sequence[Severity] = (),
        host: str = "",
    ) -> Sequence[EventRecord]:
        self._note("scenarios.events", name, newer_than)
        found = [
            event
            for event in self._services.events
            if event.sequence > newer_than
            and name in ("", event.scenario_name)
            and (not severities or event.severity in severities)
        ]
        return found[newer_than:] if newer_than < 0 else found[-limit:]

    def path_states(self, name: str, path: bytes, *, replica: str = "", limit: int = 5000) -> DirectoryStates:
        self._note("scenarios.path_states", name, path, replica)
        return self._services.path_states.get(path, DirectoryStates("REPL-HQ-01", ()))

    def rewind_points(
        self,
        name: str,
        *,
        kinds: Sequence[PointKind] = (),
        path: bytes = b"",
        since: datetime | None = None,
        until: datetime | None = None,
        after: str = "",
        replica: str = "",
        limit: int = 1000,
    ) -> Sequence[RewindPoint]:
        self._note("scenarios.rewind_points", name, kinds, path, since, until, after)
        found = [
            point
            for point in self._services.points
            if (not kinds or point.kind in kinds)
            and (since is None or point.at >= since)
            and (until is None or point.at <= until)
            and (not path or point.kind is not PointKind.OPERATION or is_beneath(point.path, path))
        ]
        ids = [point.id for point in found]
        return found[ids.index(after) + 1 if after in ids else 0 :][:limit]

    def rewind_density(
        self,
        name: str,
        *,
        since: datetime,
        until: datetime,
        parts: int,
        path: bytes = b"",
        replica: str = "",
    ) -> RewindDensity:
        self._note("scenarios.rewind_density", name, since, until, parts, path)
        counts = [0] * parts
        operations = [
            point
            for point in self._services.points
            if point.kind is PointKind.OPERATION and (not path or is_beneath(point.path, path))
        ]
        for point in operations:
            if since <= point.at <= until:
                counts[min(parts - 1, int((point.at - since) / (until - since) * parts))] += 1
        return RewindDensity(since, until, tuple(counts), min((p.at for p in operations), default=None))

    def plan_rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindPlan:
        self._note("scenarios.plan_rewind", name, to, tuple(paths), replicate_back, replica)
        point = next(point for point in self._services.points if point.id == to.removeprefix("before:"))
        items = (
            RewindItem(b"/srv/archive/2019/plan.pdf", RewindAction.CREATE, 4 * MB),
            RewindItem(b"/srv/archive/2019/index.db", RewindAction.OVERWRITE, 91 * MB),
            RewindItem(b"/srv/archive/READ_ME_NOW.txt", RewindAction.DELETE, 912),
        )
        counts = {RewindAction.CREATE: 1204, RewindAction.OVERWRITE: 71, RewindAction.DELETE: 3}
        master = ReplicatedBack(counts, items, truncated=True, size_bytes=int(1.9 * GB))
        return RewindPlan(
            replace(point, id=to),
            counts,
            items,
            truncated=True,
            size_bytes=int(1.9 * GB),
            master=master if replicate_back else None,
        )

    def rewind(
        self,
        name: str,
        to: str,
        *,
        paths: Sequence[bytes] = (),
        replica: str = "",
        replicate_back: bool = False,
    ) -> RewindResult:
        self._note("scenarios.rewind", name, to, tuple(paths), replicate_back, replica)
        plan = self.plan_rewind(name, to, paths=paths, replicate_back=replicate_back, replica=replica)
        undo = RewindPoint("undo", PointKind.REWIND, now(), 100, replica or "localhost", f"before {to}")
        self._services.points.insert(0, undo)
        return RewindResult(plan.point, plan.counts, undo, master=plan.master)

    def plan_recovery(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        self._note("scenarios.plan_recovery", name, tuple(paths), replica)
        item = RewindItem(b"/srv/archive/2019/plan.pdf", RewindAction.CREATE, 4 * MB)
        return ReplicatedBack({RewindAction.CREATE: 1}, (item,), size_bytes=4 * MB)

    def recover(self, name: str, *, paths: Sequence[bytes] = (), replica: str = "") -> ReplicatedBack:
        self._note("scenarios.recover", name, tuple(paths), replica)
        return self.plan_recovery(name, paths=paths, replica=replica)

    def _state(self, name: str, state: ScenarioState, replica: ReplicaState) -> None:
        self._change(
            name,
            lambda status: replace(
                status,
                state=state,
                replicas=tuple(replace(item, state=replica) for item in status.replicas),
            ),
        )

    def _change(self, name: str, change: Any) -> None:
        self._services.statuses = [
            change(status) if status.scenario.name == name else status for status in self._services.statuses
        ]


def _host_info(name: str) -> HostInfo:
    started = now() - timedelta(days=9)
    machine = "BKP-SRV-01" if name == "localhost" else name.upper()
    return HostInfo(machine, "0.1.0", "Debian 12", "5f0a", started, now(), "AB:CD", ("master", "replica"))


class MemoryHosts(_Calls):
    def list(self) -> Sequence[Host]:
        self._note("hosts.list")
        return list(self._services.known_hosts.values())

    def states(self) -> Sequence[HostState]:
        self._note("hosts.states")
        return [self._state(host) for host in self._services.known_hosts.values()]

    def _state(self, host: Host) -> HostState:
        using = tuple(
            status.scenario.name
            for status in self._services.statuses
            if host.name in (status.scenario.master, *(spec.host for spec in status.scenario.replicas))
        )
        silent = self._services.silent_hosts.get(host.name)
        if silent is not None:
            return HostState(host, None, silent.code, dict(silent.params), using)
        return HostState(host, _host_info(host.name), scenarios=using)

    def show(self, name: str) -> Host:
        self._note("hosts.show", name)
        return self._services.known_hosts[name]

    def fingerprint(self, address: str, authority: str = "") -> str:
        self._note("hosts.fingerprint", address)
        return "ab" * 32

    def add(self, name: str, address: str, credentials: Any, fingerprint: str) -> HostInfo:
        self._note("hosts.add", name, address, credentials.user)
        self._services.known_hosts[name] = Host(name, address, credentials.user, fingerprint)
        return self.info(name)

    def remove(self, name: str) -> None:
        self._note("hosts.remove", name)
        del self._services.known_hosts[name]

    def preflight(self, name: str, paths: Sequence[bytes] = ()) -> Sequence[CheckResult]:
        self._note("hosts.preflight", name, tuple(paths))
        silent = self._services.silent_hosts.get(name)
        if silent is not None:
            return [CheckResult(name, CheckOutcome.ERROR, silent.code, dict(silent.params))]
        return [CheckResult(name, CheckOutcome.OK, "I1160", {"host": name, "address": "127.0.0.1:25000"})]

    def info(self, name: str) -> HostInfo:
        self._note("hosts.info", name)
        return _host_info(name)

    def check_login(self, name: str, credentials: Any) -> HostInfo:
        self._note("hosts.check_login", name, credentials.user)
        return self.info(name)

    def browse(self, name: str, path: bytes) -> Sequence[DirectoryEntry]:
        self._note("hosts.browse", name, path)
        prefix = path.rstrip(b"/") + b"/"
        return [
            DirectoryEntry(known[len(prefix) :], EntryKind.DIRECTORY, 0, 0)
            for known in sorted(self._services.directories)
            if known.startswith(prefix) and len(known) > len(prefix) and b"/" not in known[len(prefix) :]
        ]

    def make_directory(self, name: str, path: bytes) -> None:
        self._note("hosts.make_directory", name, path)
        self._services.directories.add(path)


class MemoryBackups(_Calls):
    def estimate(self, script: BackupScript) -> BackupEstimate:
        self._note("backups.estimate", script)
        nodes = [of_scenario(number, self._services.sessions) for number in script.scenario_ids]
        return estimate_of(nodes, script.streams)

    def preview(
        self,
        script: BackupScript,
        node: str,
        *,
        examples: int = 20,
        seconds: float = 0.0,
        on_progress: Callable[[FilterPreview], None] | None = None,
        canceled: Callable[[], bool] = lambda: False,
    ) -> FilterPreview:
        self._note("backups.preview", script.filters.of(node), node)
        roots = self._services.backup_roots.get(node, ())
        seen = FilterPreview(complete=not roots, seconds=0.0)
        for seen in walk_preview(roots, script.filters.of(node), examples=examples, stopped=canceled):
            if on_progress is not None and not seen.complete:
                on_progress(seen)
        return seen

    def preflight(self, script: BackupScript) -> Sequence[CheckResult]:
        self._note("backups.preflight", script)
        group = {"group": script.device_group, "devices": "1", "free": "1,500 GiB"}
        return [
            CheckResult("Backup server", CheckOutcome.OK, "I5770"),
            CheckResult(script.device_group, CheckOutcome.OK, "I5772", group),
        ]

    def script_of(self, job_id: int) -> bytes:
        self._note("backups.script_of", job_id)
        job = self._services.jobs.show(job_id)
        assert isinstance(job.script, BackupScript)
        return to_file(SavedBackup(for_file(job.script), job.schedule, job.name))

    def open_script(self, content: bytes) -> SavedBackup:
        self._note("backups.open_script")
        saved = from_file(content)
        known = {status.scenario.id: status.scenario.name for status in self._services.statuses}
        return replace(saved, script=resolved(saved.script, known))

    def check_password(self, script: BackupScript, password: str) -> None:
        self._note("backups.check_password", script.scenario_names)

    def submit(self, request: BackupRequest) -> Job:
        self._note("backups.submit", request)
        return self._services.add_job(
            JobKind.BACKUP, request.name or "Backup", request.script, hold=request.hold
        )


class MemoryRestores(_Calls):
    def submit(self, request: RestoreRequest) -> Job:
        self._note("restores.submit", request)
        return self._services.add_job(
            JobKind.RESTORE, request.name or "Restore", request.script, hold=request.hold
        )

    def undo(self, job_id: int, *, force: bool = False) -> Job:
        self._note("restores.undo", job_id, force)
        return self._services.add_job(JobKind.RESTORE_UNDO, f"Undo {job_id}", {"job": str(job_id)})

    def plan_undo(self, job_id: int, *, force: bool = False, limit: int = 1000) -> UndoPlan:
        self._note("restores.plan_undo", job_id, force)
        items = (
            UndoItem(b"/srv/sales/b.xlsx", UndoAction.BRING_BACK, 2 * MB),
            UndoItem(b"/srv/sales/c.xlsx", UndoAction.KEEP, 0, "it was changed after it was restored"),
        )
        return UndoPlan(0, 1, 1, 2 * MB, items[:limit], truncated=limit < len(items))

    def kept(self, host: str = "localhost") -> Sequence[KeptRestore]:
        self._note("restores.kept", host)
        return [KeptRestore(12, 1_800_000_000_000_000_000, 2 * MB, 1)]

    def pending(self, host: str = "localhost") -> Sequence[PendingReplacement]:
        self._note("restores.pending", host)
        target = b"/srv/sales/live.db"
        since_ns = 1_779_000_000_000_000_000
        return [PendingReplacement(12, target, target + b".TMP", since_ns, "a program has the file open")]

    def plan(
        self,
        request: RestoreRequest,
        *,
        limit: int = 1000,
        on_item: Callable[[RestoreItem], None] | None = None,
    ) -> RestorePlan:
        self._note("restores.plan", request)
        plan = RestorePlan(
            {RestoreAction.CREATE: 1204, RestoreAction.OVERWRITE: 71, RestoreAction.SKIP: 3},
            int(1.9 * GB),
            (
                RestoreItem(
                    b"/srv/sales/a.xlsx", b"/srv/sales/a.xlsx", RestoreAction.CREATE, 4 * MB, "Not there now"
                ),
                RestoreItem(
                    b"/srv/sales/b.xlsx", b"/srv/sales/b.xlsx", RestoreAction.OVERWRITE, 2 * MB, "Changed"
                ),
            ),
            "localhost",
            412 * GB,
        )
        if on_item is not None:
            for item in plan.items:
                on_item(item)
        return replace(
            plan,
            items=plan.items[:limit],
            kept_bytes=2 * MB,
            undo_days=request.script.undo_days,
            undo_max_bytes=request.script.undo_max_mb << 20,
            owners=self._services.owner_counts,
        )

    def machines(self) -> Sequence[Machine]:
        self._note("restores.machines")
        return [Machine("BKP-SRV-01", ("/",), ("Branch File Shares", "Sales Shares"))]

    def browse_tree(
        self, machine: str, path: bytes, *, as_of: datetime | None = None, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        self._note("restores.browse_tree", machine, path)
        return self._entries(path)[offset : offset + limit]

    def browse_session(
        self, media_serial: str, session: int, path: bytes, *, limit: int = 1000, offset: int = 0
    ) -> Sequence[CatalogEntry]:
        self._note("restores.browse_session", media_serial, session, path)
        return self._entries(path)[offset : offset + limit]

    def compare_folders(
        self, machine: str, path: bytes, older: tuple[str, int], newer: tuple[str, int], *, limit: int = 1000
    ) -> FolderComparison:
        self._note("restores.compare_folders", machine, path, older, newer)
        files = {Change.ADDED: 2, Change.REMOVED: 0, Change.CHANGED: 1, Change.SAME: 97}
        item = FolderChange(path + b"/new.xlsx", EntryKind.FILE, Change.ADDED, 0, 2 * MB)
        changed = FolderChange(path + b"/plan.xlsx", EntryKind.FILE, Change.CHANGED, 3 * MB, 4 * MB)
        folders = dict.fromkeys(Change, 0)
        return FolderComparison(files, folders, 40 * MB, 45 * MB, (item, changed), truncated=True)

    def versions(self, machine: str, path: bytes) -> Sequence[FileVersion]:
        self._note("restores.versions", machine, path)
        first, last = self._services.sessions[0], self._services.sessions[-1]
        stamp = int(now().timestamp()) * 10**9
        return [
            FileVersion(machine, path, EntryKind.FILE, 4 * MB, stamp, "b3:2", last, last),
            FileVersion(machine, path, EntryKind.FILE, 3 * MB, stamp - 86_400 * 10**9, "b3:1", first, first),
        ]

    def query(self, query: Query) -> Sequence[CatalogEntry]:
        self._note("restores.query", query)
        word = query.pattern.strip("*").encode()
        return [entry for entry in self._entries(b"/srv/sales") if word in entry.path]

    def read_file(
        self,
        media_serial: str,
        session: int,
        path: bytes,
        *,
        offset: int = 0,
        limit: int = 1 << 20,
        session_password: str = "",
    ) -> FileContent:
        self._note("restores.read_file", media_serial, session, path, session_password)
        data = self._services.contents.get((session, path), b"one\ntwo\n")
        return FileContent(
            path, EntryKind.FILE, len(data), 0, 0o640, (1000, 1000), offset, data[offset : offset + limit]
        )

    def check_session_password(self, media_serial: str, session: int, password: str) -> bool:
        self._note("restores.check_session_password", media_serial, session)
        return password == "right"

    def _entries(self, path: bytes) -> list[CatalogEntry]:
        serial = self._services.sessions[-1].media_serial
        stamp = int(now().timestamp()) * 10**9
        names: dict[bytes, list[tuple[bytes, EntryKind, int]]] = {
            b"/": [(b"srv", EntryKind.DIRECTORY, 0)],
            b"/srv": [(b"sales", EntryKind.DIRECTORY, 0), (b"shares", EntryKind.DIRECTORY, 0)],
            b"/srv/sales": [
                (b"2026", EntryKind.DIRECTORY, 0),
                (b"pipeline.xlsx", EntryKind.FILE, 4 * MB),
                (b"forecast.docx", EntryKind.FILE, 912_000),
                (b"caf\xe9.txt", EntryKind.FILE, 120),
            ],
        }
        return [
            CatalogEntry(path.rstrip(b"/") + b"/" + name, kind, size, stamp, 61, serial, 3 if size else 1)
            for name, kind, size in names.get(path or b"/", [])
        ]


class MemoryJobs(_Calls):
    def set_password(self, job_id: int, session_password: str) -> Job:
        self._note("jobs.set_password", job_id, session_password)
        return self.show(job_id)

    def set_login(self, job_id: int, login: Credentials, host_role: str = "") -> Job:
        self._note("jobs.set_login", job_id, login, host_role)
        return self.show(job_id)

    def list(self, *, include_done: bool = True, history: bool = False) -> Sequence[Job]:
        self._note("jobs.list")
        return [job for job in self._services.jobs_ if include_done or job.status is not JobStatus.DONE]

    def show(self, job_id: int) -> Job:
        return next(job for job in self._services.jobs_ if job.id == job_id)

    def wait(self, job_id: int, timeout_s: float | None = None, on_progress: Any = None) -> Job:
        self._note("jobs.wait", job_id)
        return self.show(job_id)

    def run_now(self, job_id: int) -> None:
        self._note("jobs.run_now", job_id)

    def hold(self, job_id: int) -> None:
        self._note("jobs.hold", job_id)
        self._change(job_id, status=JobStatus.HOLD)

    def ready(self, job_id: int) -> None:
        self._note("jobs.ready", job_id)
        self._change(job_id, status=JobStatus.READY)

    def stop(self, job_id: int) -> None:
        self._note("jobs.stop", job_id)
        self._change(job_id, status=JobStatus.DONE, last_result=JobResult.CANCELED)

    def delete(self, job_id: int) -> None:
        self._note("jobs.delete", job_id)
        self._services.jobs_ = [job for job in self._services.jobs_ if job.id != job_id]

    def reschedule(self, job_id: int, schedule: Schedule) -> Job:
        self._note("jobs.reschedule", job_id, schedule)
        self._change(job_id, schedule=schedule, execution_at=schedule.run_at)
        return self.show(job_id)

    def next_run(self, job_id: int) -> NextRun:
        self._note("jobs.next_run", job_id)
        return next_run(self.show(job_id), datetime.now(UTC), server_runs=True)

    def upcoming(self, hours: float = 24) -> Sequence[NextRun]:
        self._note("jobs.upcoming", hours)
        now = datetime.now(UTC)
        return upcoming(self._services.jobs_, now, now + timedelta(hours=hours))

    def preview(self, schedule: Schedule, count: int = 5) -> Sequence[PlannedRun]:
        self._note("jobs.preview", schedule, count)
        return planned(schedule, datetime.now(UTC), count)

    def _change(self, job_id: int, **changes: Any) -> None:
        self._services.jobs_ = [
            replace(job, **changes) if job.id == job_id else job for job in self._services.jobs_
        ]


class MemoryAlerts(_Calls):
    def targets(self) -> Sequence[AlertTarget]:
        return list(self._services.alert_targets.values())

    def add(self, request: AlertRequest) -> AlertTarget:
        self._note("alerts.add", request)
        target = AlertTarget(request.name, AlertMethod.MAIL, request.mail, request.events, request.codes)
        self._services.alert_targets[request.name] = target
        return target

    def remove(self, name: str) -> None:
        self._note("alerts.remove", name)
        del self._services.alert_targets[name]

    def test(self, name: str) -> None:
        self._note("alerts.test", name)

    def deliveries(self, *, limit: int = 200) -> Sequence[Delivery]:
        return self._services.deliveries[:limit]

    def protections(self) -> Sequence[Protection]:
        return self._services.protections

    def check(self) -> Sequence[Protection]:
        self._note("alerts.check")
        return self._services.protections


class MemoryLog(_Calls):
    def list(
        self,
        *,
        job_id: int | None = None,
        severities: Sequence[Severity] = (),
        newer_than: int = 0,
        older_than: int = 0,
        text: str = "",
        limit: int = 1000,
    ) -> Sequence[ActivityRecord]:
        self._note("log.list")
        return [
            record
            for record in self._services.activity
            if record.id > newer_than
            and (not older_than or record.id < older_than)
            and (job_id is None or record.job_id == job_id)
            and (not severities or record.severity in severities)
        ][:limit]

    def purge(self, older_than: datetime) -> int:
        self._note("log.purge", older_than)
        before = len(self._services.activity)
        self._services.activity = [one for one in self._services.activity if one.at >= older_than]
        return before - len(self._services.activity)


class MemoryKeys(_Calls):
    def list(self, media: str) -> Sequence[KeySlot]:
        self._note("keys.list", media)
        return [
            KeySlot("A1B2C3", media, 1, "00ff" * 4, 0, SlotKind.PASSWORD, "", now(), (57, 60)),
            KeySlot("A1B2C3", media, 1, "00ff" * 4, 1, SlotKind.RECOVERY, "kit", now(), (57, 60)),
        ]

    def add(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange:
        self._note("keys.add", media, name)
        return KeyChange(media, added=(f"{media} {'00ff' * 4}.2",))

    def change(self, media: str, password: str, new_password: str, name: str = "") -> KeyChange:
        self._note("keys.change", media, name)
        return KeyChange(media, (f"{media} {'00ff' * 4}.2",), (f"{media} {'00ff' * 4}.0",))

    def remove(self, media: str, key_id: str, slot: int, password: str) -> KeyChange:
        self._note("keys.remove", media, key_id, slot)
        return KeyChange(media, removed=(f"{media} {key_id}.{slot}",))

    def recovery_kit(self, media: str, password: str) -> RecoveryKit:
        self._note("keys.recovery_kit", media)
        return RecoveryKit(media, "S1", ("00ff" * 4,), (), "00000-" * 7 + "00000\n")

    def test_recovery(self, media: str, recovery_key: str) -> RecoveryTest:
        self._note("keys.test_recovery", media)
        return RecoveryTest(media, (OpenedSession(media, 1, 60, "00ff" * 4, 1),))


DEVICES = (
    Device("FSD-A", "/media/a", "GROUP0", 4000 * GB, 1560 * GB),
    Device("FSD-B", "/media/b", "GROUP1", 2000 * GB, 140 * GB),
)


class MemoryMedia(_Calls):
    def devices(self) -> Sequence[Device]:
        self._note("media.devices")
        return list(self._services.storage.known.values())

    def media(self) -> Sequence[MediaInfo]:
        self._note("media.media")
        return list(self._services.media_)

    def sessions(self, media_serial: str = "") -> Sequence[SessionInfo]:
        self._note("media.sessions")
        return list(self._services.sessions)

    def session(self, media: str, number: int) -> SessionInfo:
        return next(session for session in self._services.sessions if session.number == number)

    def format(self, device: str, name: str) -> Job:
        self._note("media.format", device, name)
        return self._services.add_job(JobKind.MEDIA_FORMAT, f"Format {name}", {})

    def verify(self, media: str, *, full: bool, heal: bool = False, session_password: str = "") -> Job:
        self._note("media.verify", media)
        return self._services.add_job(JobKind.MEDIA_VERIFY, f"Verify {media}", {})

    def restore_test(
        self,
        media: str,
        session: int = 0,
        *,
        percent: int = 100,
        scratch: str = "",
        session_password: str = "",
        schedule: Schedule = Schedule(),
    ) -> Job:
        self._note("media.restore_test", media, session, percent)
        return self._services.add_job(JobKind.RESTORE_TEST, f"Restore test {media}", {})

    def merge(self, media: str, session_password: str = "") -> Job:
        self._note("media.merge", media)
        return self._services.add_job(JobKind.MEDIA_MERGE, f"Merge {media}", {})

    def plan_purge(self, media: str, sessions: Sequence[int] = ()) -> PurgePlan:
        self._note("media.plan_purge", media, tuple(sessions))
        chosen = [one for one in self._services.sessions if one.number in sessions]
        return PurgePlan(
            media_serial="A1B2C3",
            media_name="FSD-2026-A",
            sessions=tuple(one.number for one in chosen),
            remaining=len(self._services.sessions) - len(chosen),
            frees_bytes=sum(one.stored_bytes for one in chosen),
            frees_packs=len(chosen),
        )

    def purge(self, media: str, sessions: Sequence[int] = ()) -> Job:
        self._note("media.purge", media, tuple(sessions))
        return self._services.add_job(JobKind.MEDIA_PURGE, f"Purge {media}", {})


class MemoryUtilities(_Calls):
    def contents(self, media: str) -> Sequence[SessionInfo]:
        self._note("utilities.contents", media)
        return list(self._services.sessions)

    def scan(
        self, media: str, session: int = 0, *, contents: bool = False, passwords: Sequence[str] = ()
    ) -> Job:
        self._note("utilities.scan", media, session, contents)
        return self._services.add_job(JobKind.MEDIA_SCAN, f"Scan {media}", {})

    def merge(self, media: str, passwords: Sequence[str] = ()) -> Job:
        self._note("utilities.merge", media)
        return self._services.add_job(JobKind.MEDIA_MERGE, f"Merge {media}", {})

    def compare(
        self,
        media: str,
        session: int,
        where: str = "replica",
        *,
        paths: Sequence[bytes] = (),
        metadata: bool = True,
        passwords: Sequence[str] = (),
    ) -> Job:
        self._note("utilities.compare", media, session, where, tuple(paths), metadata)
        return self._services.add_job(JobKind.MEDIA_COMPARE, f"Compare {media}", {})

    def copy(
        self,
        media: str,
        sessions: Sequence[int] = (),
        *,
        to: str = "",
        group: str = "",
        name: str = "",
        passwords: Sequence[str] = (),
    ) -> Job:
        self._note("utilities.copy", media, tuple(sessions), to, group, name)
        return self._services.add_job(JobKind.MEDIA_COPY, f"Copy {media}", {})

    def plan_prune(self, media: str = "", *, before: datetime, keep: int = 1) -> Sequence[SessionInfo]:
        self._note("utilities.plan_prune", media, before, keep)
        newest = sorted(self._services.sessions, key=lambda one: -one.number)
        return [one for one in newest[keep:] if one.finished_at < before]

    def prune(
        self, media: str = "", sessions: Sequence[int] = (), *, before: datetime | None = None, keep: int = 1
    ) -> Job:
        self._note("utilities.prune", media, tuple(sessions), before, keep)
        return self._services.add_job(JobKind.MEDIA_PRUNE, "Prune", {})


class MemoryStorage(_Calls):
    """Devices, groups and pools that are kept in memory; the media are those of `MemoryMedia`."""

    def __init__(self, services: MemoryServices) -> None:
        super().__init__(services)
        self.known = {one.name: one for one in DEVICES}
        self.group_names = ["GROUP0", "GROUP1"]
        self.known_pools: dict[str, Pool] = {}
        self.warnings: list[Problem] = []

    def add_device(self, path: str, name: str, group: str = "GROUP0") -> Device:
        self._note("storage.add_device", path, name, group)
        self.known[name] = Device(name, path, group, 4000 * GB, 4000 * GB)
        return self.known[name]

    def device(self, name: str) -> DeviceReport:
        if name not in self.known:
            raise NotFoundError("E6021", device=name)
        held = tuple(info for info in self._services.media.media() if info.device == name)
        used = sum(info.used_bytes or 0 for info in held)
        return DeviceReport(self.known[name], held, sum(one.sessions for one in held), used, True, True)

    def remove_device(self, name: str) -> DeviceReport:
        self._note("storage.remove_device", name)
        report = self.device(name)
        del self.known[name]
        return report

    def set_device_online(self, name: str, *, online: bool) -> DeviceReport:
        self._note("storage.set_device_online", name, online)
        self.known[name] = replace(self.known[name], online=online)
        return self.device(name)

    def groups(self) -> Sequence[GroupInfo]:
        return [
            GroupInfo(
                name, tuple(device.name for device in self.known.values() if device.group == name), 0, 0
            )
            for name in self.group_names
        ]

    def add_group(self, name: str) -> None:
        self._note("storage.add_group", name)
        self.group_names.append(name)

    def remove_group(self, name: str) -> None:
        self._note("storage.remove_group", name)
        self.group_names.remove(name)

    def assign_group(self, group: str, devices: Sequence[str]) -> None:
        self._note("storage.assign_group", group, tuple(devices))
        for name in devices:
            self.known[name] = replace(self.known[name], group=group)

    def plan_format(self, device: str, name: str) -> SetPlan:
        return self.plan_erase(name) if name == "FSD-2026-A" else SetPlan(name, "")

    def format(self, device: str, name: str, *, expires_at: datetime | None = None) -> Job:
        self._note("storage.format", device, name)
        return self._services.add_job(JobKind.MEDIA_FORMAT, f"Format {name}", {})

    def plan_erase(self, media: str, *, forget: bool = False) -> SetPlan:
        held = tuple(one for one in self._services.media.media() if media in (one.name, one.serial))
        serials = {one.serial for one in held}
        gone = tuple(one for one in self._services.sessions if one.media_serial in serials)
        return SetPlan(held[0].name if held else media, "S1", held, gone, 5 * GB)

    def erase(self, media: str) -> Job:
        self._note("storage.erase", media)
        return self._services.add_job(JobKind.MEDIA_ERASE, f"Erase {media}", {})

    def rename(self, media: str, name: str) -> Job:
        self._note("storage.rename", media, name)
        return self._services.add_job(JobKind.MEDIA_RENAME, f"Rename {media}", {})

    def expire(self, media: str, at: datetime | None) -> Job:
        self._note("storage.expire", media, at)
        return self._services.add_job(JobKind.MEDIA_RENAME, f"Rename {media}", {})

    def retire(self, media: str, *, forget: bool = False, undo: bool = False) -> Job:
        self._note("storage.retire", media, forget, undo)
        return self._services.add_job(JobKind.MEDIA_RETIRE, f"Retire {media}", {})

    def pools(self) -> Sequence[PoolInfo]:
        return [self.pool(name) for name in self.known_pools]

    def pool(self, name: str) -> PoolInfo:
        if name not in self.known_pools:
            raise NotFoundError("E6024", pool=name)
        own = [one for one in self._services.media.media() if one.pool == name]
        return PoolInfo(
            self.known_pools[name],
            save=tuple(one for one in own if one.pool_set is PoolSet.SAVE),
            scratch=tuple(one for one in own if one.pool_set is PoolSet.SCRATCH),
        )

    def add_pool(self, pool: Pool) -> None:
        self._note("storage.add_pool", pool)
        self.known_pools[pool.name] = pool

    change_pool = add_pool

    def remove_pool(self, name: str) -> None:
        self._note("storage.remove_pool", name)
        del self.known_pools[name]

    def assign_pool(self, pool: str, media: str, pool_set: PoolSet = PoolSet.SAVE) -> None:
        self._note("storage.assign_pool", pool, media, pool_set)
        self._services.media_ = [
            replace(one, pool=pool, pool_set=pool_set if pool else PoolSet.NONE)
            if media in (one.name, one.serial)
            else one
            for one in self._services.media_
        ]

    def plan_pools(self, pool: str = "") -> Sequence[PoolMove]:
        return [
            PoolMove(name, "FSD-2026-A", "S1", False, "N5233", None, now(), 61)
            for name in self.known_pools
            if pool in ("", name)
        ]

    def destination_warnings(self, script: BackupScript) -> Sequence[Problem]:
        self._note("storage.destination_warnings", script.method)
        return list(self.warnings)


class MemoryStaging(_Calls):
    def __init__(self, services: MemoryServices) -> None:
        super().__init__(services)
        self.policies: dict[str, StagingPolicy] = {}

    def plans(self) -> Sequence[StagingPlan]:
        self._note("staging.plans")
        coming = now() + timedelta(hours=2)
        return [StagingPlan(one, 61, 58, 3, 47, next_copy=coming) for one in self.policies.values()]

    def put(self, policy: StagingPolicy) -> None:
        self._note("staging.put", policy)
        self.policies[policy.group] = policy

    def remove(self, group: str) -> None:
        self._note("staging.remove", group)
        del self.policies[group]

    def run(self) -> int:
        self._note("staging.run")
        return 0


class MemoryServer(_Calls):
    def state(self) -> ServerState:
        self._note("server.state")
        return ServerState(
            self._services.server_running,
            "BKP-SRV-01",
            4120,
            now(),
            True,
            4127,
            "127.0.0.1:25000",
            "0.1.0",
            sum(job.status is JobStatus.ACTIVE for job in self._services.jobs_),
        )

    def start(self, timeout_s: float = 30) -> ServerState:
        self._note("server.start")
        self._services.server_running = True
        return self.state()

    def stop(self, timeout_s: float = 60) -> None:
        self._note("server.stop")
        self._services.server_running = False

    def servers(self) -> Sequence[ServerInfo]:
        return self._services.servers

    def remove_server(self, name: str) -> None:
        self._note("server.remove_server", name)
        self._services.servers = tuple(one for one in self._services.servers if one.name != name)

    def invite(self, path: str) -> str:
        self._note("server.invite", path)
        return "AAAA-BBBB"

    def settings(self) -> Mapping[str, str]:
        return dict(self._services.settings)

    def set_settings(self, values: Mapping[str, str]) -> None:
        self._note("server.set_settings", values)
        self._services.settings |= values

    def changes(self) -> tuple[int, int]:
        return self._services.revision


class MemoryServices:
    """All services, in memory. `empty=True`: a new home with nothing in it."""

    def __init__(self, home: str = "/home/me/arcxo", *, empty: bool = False) -> None:
        self.home = home
        self.calls: list[tuple[Any, ...]] = []
        self.threads: set[str] = set()
        self.raises: dict[str, Exception] = {}
        self.server_running = True
        self.backup_roots: dict[str, tuple[bytes, ...]] = {}
        self.servers: tuple[ServerInfo, ...] = ()
        self.owner_counts: tuple[OwnerCount, ...] = ()
        self.revision = (1, 1)
        self.known_hosts = {"localhost": Host("localhost", "127.0.0.1:25000")}
        self.silent_hosts: dict[str, ArcxoError] = {}
        self.elsewhere: list[ScenarioStatus] = []
        self.templates_: list[ScenarioTemplate] = []
        self.media_ = [
            MediaInfo("FSD-2026-A", "8F1C", "A1B2C3", 1, "S1", "FSD-A", "GROUP0", now(), 2440 * GB, 61),
        ]
        self.statuses = [] if empty else sample_statuses()
        self.jobs_: list[Job] = [] if empty else _sample_jobs()
        self.sessions: list[SessionInfo] = [] if empty else _sample_sessions()
        self.activity: list[ActivityRecord] = [] if empty else _sample_activity()
        self.events: list[EventRecord] = [] if empty else _sample_events()
        self.path_states: dict[bytes, DirectoryStates] = {}
        self.contents: dict[tuple[int, bytes], bytes] = {}
        self.points = [
            RewindPoint(
                "4", PointKind.BOOKMARK, now() - timedelta(minutes=5), 41, "localhost", "before update"
            ),
            RewindPoint(
                "3", PointKind.OPERATION, now() - timedelta(minutes=6), 40, "localhost", "", b"/srv/a"
            ),
            RewindPoint("2", PointKind.SYNCHRONIZATION, now() - timedelta(hours=2), 12, "localhost"),
        ]
        self.directories = {
            b"/srv",
            b"/srv/shares",
            b"/srv/shares/projects",
            b"/srv/shares/sales",
            b"/srv/scan",
            b"/home",
            b"/var",
            b"/srv/sales",
            b"/backup",
            b"/backup/replica",
        }
        self.scenarios = MemoryScenarios(self)
        self.hosts = MemoryHosts(self)
        self.backups = MemoryBackups(self)
        self.restores = MemoryRestores(self)
        self.jobs = MemoryJobs(self)
        self.log = MemoryLog(self)
        self.settings = {one.name: str(one.default) for one in SETTINGS.values()}
        self.alert_targets: dict[str, AlertTarget] = {}
        self.deliveries: list[Delivery] = []
        self.protections: list[Protection] = []
        self.alerts = MemoryAlerts(self)
        self.media = MemoryMedia(self)
        self.utilities = MemoryUtilities(self)
        self.storage = MemoryStorage(self)
        self.staging = MemoryStaging(self)
        self.keys = MemoryKeys(self)
        self.server = MemoryServer(self)
        self.closed = False

    def add_job(self, kind: JobKind, name: str, script: Any, *, hold: bool = False) -> Job:
        job = Job(
            id=max((job.id for job in self.jobs_), default=0) + 1,
            kind=kind,
            name=name,
            status=JobStatus.HOLD if hold else JobStatus.READY,
            last_result=None,
            owner="caroot",
            server="BKP-SRV-01",
            created_at=now(),
            execution_at=now(),
            schedule=Schedule(),
            script=script,
        )
        self.jobs_.append(job)
        return job

    def called(self, name: str) -> list[tuple[Any, ...]]:
        return [call for call in self.calls if call[0] == name]

    def close(self) -> None:
        self.closed = True


def _sample_jobs() -> list[Job]:
    script = BackupScript((1224069566,), ("Branch File Shares",))
    base = Job(
        413,
        JobKind.BACKUP,
        "Backup Branch File Shares",
        JobStatus.ACTIVE,
        None,
        "caroot",
        "BKP-SRV-01",
        now() - timedelta(minutes=3),
        now() - timedelta(minutes=3),
        Schedule(),
        script,
        device_group="GROUP0",
        started_at=now() - timedelta(minutes=2),
        files=118_400,
        read_bytes=int(18.2 * GB),
        stored_bytes=int(0.7 * GB),
        progress=JobProgress(
            JobPhase.BACK_UP,
            now() - timedelta(minutes=2),
            ((JobPhase.SNAPSHOT, 0.6),),
            "",
            b"/srv/shares/projects/hall-7/plan-a.dwg",
            118_400,
            184_220,
            int(18.2 * GB),
            int(28.4 * GB),
            int(1.9 * GB),
            int(0.7 * GB),
            updated_at=now(),
        ),
    )
    done = replace(
        base,
        id=412,
        name="Backup Sales Shares",
        status=JobStatus.DONE,
        last_result=JobResult.FINISHED,
        progress=None,
        finished_at=now() - timedelta(hours=2),
        script=BackupScript((1224069567,), ("Sales Shares",)),
    )
    restore = replace(
        done,
        id=411,
        kind=JobKind.RESTORE,
        name="Restore 3 files",
        last_result=JobResult.INCOMPLETE,
        script=RestoreScript((RestoreSelection("A1B2C3", 61, (b"/srv/sales/pipeline.xlsx",)),)),
        warnings=1,
    )
    later = replace(
        base,
        id=414,
        status=JobStatus.READY,
        progress=None,
        started_at=None,
        name="Nightly",
        execution_at=now() + timedelta(hours=5),
        schedule=Schedule(now() + timedelta(hours=5), "FREQ=DAILY", ""),
    )
    held = replace(later, id=415, name="Weekly", status=JobStatus.HOLD)
    crashed = replace(done, id=410, name="Backup Lab Results", last_result=JobResult.CRASHED, errors=1)
    return [base, later, held, done, restore, crashed]


def _sample_sessions() -> list[SessionInfo]:
    def made(
        number: int, name: str, scenario_id: int, hours: float, *, verified: bool, tested: bool
    ) -> SessionInfo:
        at = now() - timedelta(hours=hours)
        return SessionInfo(
            "A1B2C3",
            "FSD-2026-A",
            "8F1C",
            number,
            400 + number,
            scenario_id,
            name,
            "BKP-SRV-01",
            "localhost",
            "/",
            at - timedelta(minutes=4),
            at,
            184_220,
            38_114,
            int(96.4 * GB),
            int(1.1 * GB),
            int(0.4 * GB),
            Consistency.CRASH,
            "reflink",
            encrypted=number % 2 == 0,
            written_at=at,
            verified_at=at if verified else None,
            restore_tested_at=at if tested else None,
        )

    return [
        made(57, "Lab Results", 1224069568, 30, verified=True, tested=True),
        made(59, "Branch File Shares", 1224069566, 26, verified=True, tested=True),
        made(60, "Sales Shares", 1224069567, 11, verified=True, tested=False),
        made(61, "Branch File Shares", 1224069566, 2, verified=False, tested=False),
    ]


def _sample_activity() -> list[ActivityRecord]:
    def line(
        number: int, severity: Severity, minutes: int, code: str, job: int | None, **params: str
    ) -> ActivityRecord:
        return ActivityRecord(
            number, severity, now() - timedelta(minutes=minutes), "BKP-SRV-01", code, job, params=params
        )

    return [
        line(5, Severity.ERROR, 4, "AE0464", 411, scenario="Sales Shares"),
        line(4, Severity.INFORMATION, 30, "I0001", 412),
        line(3, Severity.WARNING, 90, "W0001", 412),
        line(2, Severity.INFORMATION, 60 * 24, "I0002", 410),
        line(1, Severity.INFORMATION, 60 * 24 * 9, "I0003", None),
    ]


def _sample_events() -> list[EventRecord]:
    def event(
        number: int, code: str, severity: Severity, minutes: int, name: str, **params: str
    ) -> EventRecord:
        return EventRecord(
            number, code, severity, now() - timedelta(minutes=minutes), "BKP-SRV-01", None, name, params
        )

    return [
        event(
            7655, "SR00014", Severity.SIGNIFICANT, 3000, "Branch File Shares", scenario="Branch File Shares"
        ),
        event(7911, "SR00139", Severity.SIGNIFICANT, 2990, "Branch File Shares", replica="localhost"),
        event(
            8203,
            "WR00216",
            Severity.WARNING,
            52,
            "Lab Results",
            scenario="Lab Results",
            size_mb="830",
            limit_mb="1,000",
        ),
        event(
            8209,
            "CR00101",
            Severity.CRITICAL,
            4,
            "Sales Shares",
            scenario="Sales Shares",
            cause="12,418 deletes in 40 s",
            usual="12",
            limit="1,000",
        ),
        event(
            8214,
            "IR00120",
            Severity.INFORMATION,
            1,
            "Branch File Shares",
            directory="/srv/scan",
            replica="localhost",
        ),
    ]
