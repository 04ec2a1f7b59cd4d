"""The gRPC adapter of `Agent`."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any, TypeVar

from app.agent.api import (
    AnyPoint,
    ArchiveEvent,
    ArchiveOrder,
    ArchiveResult,
    BackupPoint,
    CatalogRows,
    CompareOrder,
    Progress,
    RestoreEvent,
    RestoreOrder,
    RestoreResult,
    UndoOrder,
)
from app.agent.client_calls import ClientCalls
from app.agent.convert import from_message, to_message, to_time
from app.agent.generated import agent_pb2 as pb
from app.agent.host_calls import HostCalls
from app.agent.patience import DEFAULT_TIMEOUT_S, Patience
from app.agent.row_packing import unpack_rows
from app.model.archive import CompareEvent, CompareResult, RestoreItems, UndoItems
from app.model.brake import BrakeResult, BrakeReview
from app.model.drift import DriftReport
from app.model.errors import Problem, UsageError
from app.model.events import EventRecord
from app.model.filters import FilterPreview
from app.model.host import CheckResult, DirectoryEntry, HostInfo
from app.model.job import Credentials
from app.model.kept_replica import KeptReplica
from app.model.owners import HostOwners
from app.model.packed_rows import PackedRows
from app.model.path_state import DirectoryStates
from app.model.paths import shown
from app.model.report import ComparisonProgress, Report
from app.model.restore import KeptRestore, PendingReplacement, RestorePlan, UndoResult
from app.model.rewind import PointKind, ReplicatedBack, RewindDensity, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import Filters, NewScenario, Scenario, ScenarioStatus, SyncMethod

_ANSWER_GRACE_S = 2.0
_BRING_BACK_S = 24 * 3600.0
_BROWSED_MOST = 20_000_000
Item = TypeVar("Item")


class GrpcAgent(HostCalls):
    """An agent over TLS; see `app.agent.api.Agent`. Any thread; close when done. `far`: on another host."""

    def __init__(
        self,
        host: str,
        address: str,
        certificate: bytes,
        timeout_s: float,
        *,
        token: str = "",
        credentials: Credentials | None = None,
        far: bool = False,
    ) -> None:
        self._far = far
        self._points: dict[str, AnyPoint] = {}
        self._guard = threading.Lock()
        self._scenarios: tuple[bytes, list[ScenarioStatus]] = (b"", [])
        self._calls = calls = ClientCalls(host, address, certificate, timeout_s, token, credentials)
        self._call, self._stream, self._stream_once = calls.call, calls.stream, calls.stream_once
        if timeout_s >= DEFAULT_TIMEOUT_S:
            self._call = Patience(calls.call, _status, _scenario_request).call

    def log_in(self) -> None:
        """Have a token that lasts. Raises CredentialsError AE1026, ArcxoError AE1001, AE1031."""
        self._calls.log_in()

    def hello(self) -> HostInfo:
        """Who the host is."""
        return from_message(self._call("Hello", pb.Empty()), HostInfo)

    def browse(self, path: bytes) -> Sequence[DirectoryEntry]:
        """The entries of a directory, directories first. Raises UsageError AE1007 for names that are none."""
        found: list[DirectoryEntry] = []
        for reply in self._stream("Browse", pb.PathRequest(path=path)):
            for item in reply.items:
                entry = from_message(item, DirectoryEntry)
                if entry.name in (b"", b".", b"..") or b"/" in entry.name or b"\0" in entry.name:
                    raise UsageError("AE1007", message="DirectoryEntry", reason=shown(entry.name[:200]))
                found.append(entry)
            if len(found) > _BROWSED_MOST:
                raise UsageError("AE1007", message="DirectoryEntries", reason=f"{len(found):,} entries")
        return found

    def make_directory(self, path: bytes) -> None:
        """Make a directory and its parents."""
        self._call("MakeDirectory", pb.PathRequest(path=path))

    def preview_filters(
        self, roots: Sequence[bytes], filters: Filters, *, examples: int = 20, seconds: float = 0.0
    ) -> Iterator[FilterPreview]:
        """What filters would make of directories there, as far as it is known; closing it early ends it."""
        request = pb.FilterPreviewRequest(
            roots=roots, filters=to_message(filters, pb.Filters), examples=examples, seconds=seconds
        )
        for reply in self._stream("PreviewFilters", request):
            yield from_message(reply, FilterPreview)

    def check_scenario(self, scenario: NewScenario) -> Sequence[CheckResult]:
        """Errors block, warnings are explained."""
        return _items(self._call("CheckScenario", to_message(scenario, pb.NewScenario)), CheckResult)

    def create_scenario(self, scenario: NewScenario) -> Scenario:
        """Create; refused with the reason when it cannot be."""
        return from_message(self._call("CreateScenario", to_message(scenario, pb.NewScenario)), Scenario)

    def import_scenario(self, xml: bytes) -> Scenario:
        """Create from a definition. Raises E3370 when it cannot be read."""
        return from_message(self._call("ImportScenario", pb.Document(xml=xml)), Scenario)

    def export_scenario(self, scenario_id: int) -> bytes:
        """The definition."""
        return bytes(self._call("ExportScenario", pb.ScenarioRequest(scenario_id=scenario_id)).xml)

    def update_scenario(self, scenario: Scenario) -> Scenario:
        """Change the definition."""
        return from_message(self._call("UpdateScenario", to_message(scenario, pb.Scenario)), Scenario)

    def delete_scenario(self, scenario_id: int) -> None:
        """Delete the scenario; the directories stay as they are."""
        self._call("DeleteScenario", pb.ScenarioRequest(scenario_id=scenario_id))

    def scenarios(self) -> Sequence[ScenarioStatus]:
        """All scenarios whose master the host is."""
        with self._guard:
            tag, known = self._scenarios
        reply = self._call("ListScenarios", pb.ListScenariosRequest(tag=tag))
        if not reply.unchanged:
            tag, known = bytes(reply.tag), _items(reply, ScenarioStatus)
            with self._guard:
                self._scenarios = (tag if known else b"", known)
        return known

    def scenario(self, scenario_id: int) -> ScenarioStatus:
        """One of them."""
        return _status(self._call("GetScenario", _scenario_request(scenario_id)))

    def run(self, scenario_id: int, sync: SyncMethod | None = None) -> None:
        """Start replicating; returns once started."""
        request = pb.RunRequest(scenario_id=scenario_id, sync=None if sync is None else sync.value)
        self._call("RunScenario", request)

    def stop(self, scenario_id: int) -> None:
        """Stop replicating; returns when stopped."""
        self._call("StopScenario", pb.ScenarioRequest(scenario_id=scenario_id))

    def suspend(self, scenario_id: int, replica: str, until: datetime | None = None) -> None:
        """Let changes wait in the spool, until a time or until they are resumed."""
        at = None if until is None else to_time(until)
        self._call("SuspendReplica", pb.ReplicaRequest(scenario_id=scenario_id, replica=replica, until=at))

    def resume(self, scenario_id: int, replica: str) -> None:
        """Send what waited."""
        self._call("ResumeReplica", pb.ReplicaRequest(scenario_id=scenario_id, replica=replica))

    def synchronize(self, scenario_id: int, replica: str) -> None:
        """Compare and make equal."""
        self._call("SynchronizeReplica", pb.ReplicaRequest(scenario_id=scenario_id, replica=replica))

    def bookmark(self, scenario_id: int, text: str, kind: PointKind = PointKind.BOOKMARK) -> RewindPoint:
        """Mark everything written before the call as a point to return to."""
        request = pb.BookmarkRequest(scenario_id=scenario_id, text=text, kind=kind.value)
        return from_message(self._call("SetBookmark", request), RewindPoint)

    def barrier(self, scenario_id: int, timeout_s: float) -> None:
        """Wait until everything written before the call is on the replicas. Raises BusyError in time."""
        request = pb.BarrierRequest(scenario_id=scenario_id, timeout_s=timeout_s)
        self._call("Barrier", request, timeout_s=timeout_s + _ANSWER_GRACE_S)

    def brake_review(self, scenario_id: int, path: bytes = b"", limit: int = 1000) -> BrakeReview:
        """What the safety brake holds back; up to `limit` items of `path` and beneath."""
        request = pb.BrakeRequest(scenario_id=scenario_id, path=path, limit=limit)
        return from_message(self._call("ReviewBrake", request), BrakeReview)

    def brake_accept(self, scenario_id: int, path: bytes = b"") -> BrakeResult:
        """Let it go."""
        request = pb.BrakeRequest(scenario_id=scenario_id, path=path)
        return from_message(self._call("AcceptBrake", request), BrakeResult)

    def brake_reject(self, scenario_id: int, path: bytes = b"") -> BrakeResult:
        """Bring it back to the master; may take as long as a copy of it."""
        request = pb.BrakeRequest(scenario_id=scenario_id, path=path)
        return from_message(self._call("RejectBrake", request, timeout_s=_BRING_BACK_S), BrakeResult)

    def drift(self, scenario_id: int, limit: int = 1000) -> DriftReport:
        """What others changed on the replica here."""
        request = pb.DriftRequest(scenario_id=scenario_id, limit=limit)
        return from_message(self._call("ListDrift", request), DriftReport)

    def difference(
        self, scenario_id: int, replica: str, *, content: bool = False, limit: int = 1000
    ) -> Report:
        """Compare with a replica; may take as long as reading all of it."""
        request = pb.CompareRequest(scenario_id=scenario_id, replica=replica, content=content, limit=limit)
        return from_message(self._call("CompareReplica", request, timeout_s=_BRING_BACK_S), Report)

    def comparison(self, scenario_id: int, replica: str) -> ComparisonProgress:
        """How far a comparison under way is."""
        request = pb.CompareRequest(scenario_id=scenario_id, replica=replica)
        return from_message(self._call("GetComparison", request), ComparisonProgress)

    def reports(self, scenario_id: int, limit: int = 100) -> Sequence[Report]:
        """The reports kept of a scenario, newest first, without items."""
        request = pb.ReportRequest(scenario_id=scenario_id, limit=limit)
        return _items(self._call("ListReports", request), Report)

    def report(self, scenario_id: int, report_id: str, limit: int = 1000) -> Report:
        """One of them with items."""
        request = pb.ReportRequest(scenario_id=scenario_id, report_id=report_id, limit=limit)
        return from_message(self._call("GetReport", request), Report)

    def path_states(self, scenario_id: int, replica: str, path: bytes, limit: int) -> DirectoryStates:
        """How the entries of a directory of the master here stand on a replica."""
        request = pb.PathStatesRequest(scenario_id=scenario_id, replica=replica, path=path, limit=limit)
        return from_message(self._call("ListPathStates", request), DirectoryStates)

    def audit_now(self, scenario_id: int) -> None:
        """Begin the next audit at once."""
        self._call("AuditNow", pb.ScenarioRequest(scenario_id=scenario_id))

    def events(self, newer_than: int, limit: int = 1000) -> Sequence[EventRecord]:
        """Events after a number, oldest first."""
        request = pb.EventsRequest(newer_than=newer_than, limit=limit)
        return _items(self._call("ListEvents", request), EventRecord)

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
    ) -> Sequence[RewindPoint]:
        """Points the replica here can be taken back to, newest first; the page after the point `after`."""
        request = pb.RewindPointsRequest(
            scenario_id=scenario_id,
            kinds=[kind.value for kind in kinds],
            path=path,
            since=to_time(since) if since is not None else None,
            until=to_time(until) if until is not None else None,
            after=after,
            limit=limit,
        )
        return _items(self._call("ListRewindPoints", request), RewindPoint)

    def kept_replicas(self) -> Sequence[KeptReplica]:
        """What the host keeps of replicas beside their directories."""
        return _items(self._call("ListKeptReplicas", pb.Empty()), KeptReplica)

    def forget_replica(self, scenario_id: int) -> None:
        """Remove that of one replica; the directories stay."""
        self._call("ForgetReplica", pb.ScenarioRequest(scenario_id=scenario_id), timeout_s=_BRING_BACK_S)

    def rewind_density(
        self, scenario_id: int, *, path: bytes, since: datetime, until: datetime, parts: int
    ) -> RewindDensity:
        """How many changes the replica here applied when, in equal parts of a time."""
        request = pb.RewindDensityRequest(
            scenario_id=scenario_id, path=path, since=to_time(since), until=to_time(until), parts=parts
        )
        return from_message(self._call("GetRewindDensity", request), RewindDensity)

    def plan_rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindPlan:
        """What a rewind would change."""
        request = pb.RewindRequest(scenario_id=scenario_id, point_id=point_id, paths=paths)
        return from_message(self._call("PlanRewind", request, timeout_s=_BRING_BACK_S), RewindPlan)

    def rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes] = ()) -> RewindResult:
        """Take the replica back."""
        request = pb.RewindRequest(scenario_id=scenario_id, point_id=point_id, paths=paths)
        return from_message(self._call("Rewind", request, timeout_s=_BRING_BACK_S), RewindResult)

    def plan_replicate_back(
        self, scenario_id: int, replica: str, paths: Sequence[bytes], point_id: str
    ) -> ReplicatedBack:
        """What `replicate_back` would change once the replica is rewound to a point."""
        request = pb.ReplicateBackRequest(
            scenario_id=scenario_id, replica=replica, paths=paths, plan_only=True, point_id=point_id
        )
        return from_message(self._call("ReplicateBack", request, timeout_s=_BRING_BACK_S), ReplicatedBack)

    def replicate_back(self, scenario_id: int, replica: str, paths: Sequence[bytes]) -> ReplicatedBack:
        """Make the master's roots (or only `paths`) equal to what a replica has."""
        request = pb.ReplicateBackRequest(scenario_id=scenario_id, replica=replica, paths=paths)
        return from_message(self._call("ReplicateBack", request, timeout_s=_BRING_BACK_S), ReplicatedBack)

    def begin_backup(self, scenario_id: int, replica: str, job_id: int, fence: int) -> BackupPoint:
        """Freeze the replica. Raises BusyError AE0465 unless it is replicating."""
        request = pb.BeginBackupRequest(scenario_id=scenario_id, replica=replica, job_id=job_id, fence=fence)
        point = from_message(self._call("BeginBackup", request), BackupPoint)
        self._points[point.id] = point
        return point

    def archive(self, order: ArchiveOrder) -> Iterator[ArchiveEvent]:
        """Archive one entity; the iteration ends with an `ArchiveResult`. Closing it early cancels.

        The media of the order is one of this host: another host's worker uses it through a gate.
        """
        if self._far:
            replies = self._far_archive(order)
        else:
            replies = self._stream("Archive", to_message(order, pb.ArchiveOrder))
        for reply in replies:
            name = reply.WhichOneof("event")
            if name == "packed":
                yield _unpacked(reply.packed)
            elif name is not None:
                yield from_message(getattr(reply, name), _ARCHIVE_EVENTS[name])

    def _far_archive(self, order: ArchiveOrder) -> Iterator[Any]:
        from app.agent.far_client import far_archive

        for event in self._far_work("ArchiveFar", *far_archive(order, self._points[order.point_id])):
            yield event.archive

    def _far_restore(self, order: RestoreOrder) -> Iterator[Any]:
        from app.agent.far_client import far_restore

        for event in self._far_work("RestoreFar", *far_restore(order)):
            yield event.restore

    def _far_work(self, name: str, message: Any, gates: Any) -> Iterator[Any]:
        from app.agent.far_client import far_events

        return far_events(lambda messages: self._stream_once(name, messages), message, gates)

    def end_backup(self, point_id: str, *, keep: bool) -> None:
        """Release the point, or keep its snapshots."""
        self._call("EndBackup", pb.EndBackupRequest(point_id=point_id, keep=keep))

    def restore(self, order: RestoreOrder) -> Iterator[RestoreEvent]:
        """Restore; the iteration ends with a `RestoreResult`. Closing it early cancels.

        The media of the order are of this host, as in `archive`.
        """
        if self._far:
            replies = self._far_restore(order)
        else:
            replies = self._stream("Restore", to_message(order, pb.RestoreOrder))
        for reply in replies:
            name = reply.WhichOneof("event")
            if name is not None:
                yield from_message(getattr(reply, name), _RESTORE_EVENTS[name])

    def undo_restore(self, order: UndoOrder) -> Iterator[RestoreEvent]:
        """Take back a restore; the iteration ends with an `UndoResult` for each place it wrote to."""
        for reply in self._stream("UndoRestore", to_message(order, pb.UndoOrder)):
            name = reply.WhichOneof("event")
            if name is not None:
                yield from_message(getattr(reply, name), _RESTORE_EVENTS[name])

    def kept_restores(self) -> Sequence[KeptRestore]:
        """The restores that can be undone there."""
        return _items(self._call("ListKeptRestores", pb.Empty()), KeptRestore)

    def owners(self) -> HostOwners:
        """The users and groups that the host enumerates."""
        return from_message(self._call("ListOwners", pb.Empty()), HostOwners)

    def pending_replacements(self) -> Sequence[PendingReplacement]:
        """Restored files that wait for a program to end."""
        return _items(self._call("ListPendingReplacements", pb.Empty()), PendingReplacement)

    def compare_session(self, order: CompareOrder) -> Iterator[CompareEvent]:
        """Compare a session with files there; the iteration ends with a `CompareResult`."""
        for reply in self._stream("CompareSession", to_message(order, pb.CompareOrder)):
            name = reply.WhichOneof("event")
            if name is not None:
                yield from_message(getattr(reply, name), _COMPARE_EVENTS[name])

    def open_stream(self, scenario_id: int, replica: str) -> tuple[str, str]:
        """(address of the replica's data port, token for one stream)."""
        request = pb.OpenStreamRequest(scenario_id=scenario_id, replica=replica)
        reply = self._call("OpenStream", request)
        return reply.data_address, reply.token

    def close(self) -> None:
        """Close the connection; repeated calls do nothing."""
        self._calls.close()


_ARCHIVE_EVENTS: dict[str, Any] = {
    "progress": Progress,
    "problem": Problem,
    "rows": CatalogRows,
    "result": ArchiveResult,
}
_COMPARE_EVENTS: dict[str, Any] = {"progress": Progress, "problem": Problem, "result": CompareResult}
_RESTORE_EVENTS: dict[str, Any] = {
    "progress": Progress,
    "problem": Problem,
    "result": RestoreResult,
    "items": RestoreItems,
    "undo_items": UndoItems,
    "plan": RestorePlan,
    "undo": UndoResult,
}


def _unpacked(message: Any) -> CatalogRows:
    try:
        return unpack_rows(from_message(message, PackedRows))
    except ValueError as error:
        raise UsageError("AE1007", message="PackedRows", reason=error) from error


def _items(reply: Any, kind: type[Item]) -> list[Item]:
    return [from_message(item, kind) for item in reply.items]


def _scenario_request(scenario_id: int) -> Any:
    return pb.ScenarioRequest(scenario_id=scenario_id)


def _status(reply: Any) -> ScenarioStatus:
    return from_message(reply, ScenarioStatus)
