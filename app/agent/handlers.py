"""The control port: every call as protocol message to model value, to the host's engines, and back."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator
from typing import Any

import app
from app.agent.abilities import KNOWS
from app.agent.admission import StreamTicket
from app.agent.api import (
    ArchiveOrder,
    ArchiveResult,
    CompareOrder,
    Progress,
    RestoreEvent,
    RestoreOrder,
    UndoOrder,
)
from app.agent.calls import Calls
from app.agent.convert import enum_value, from_message, from_time, to_message
from app.agent.far_media import MediaRequest
from app.agent.far_work import archive_far, restore_far
from app.agent.generated import agent_pb2 as pb
from app.agent.host import HostEngines
from app.agent.owners import host_owners
from app.agent.peer_handlers import PeerHandlers
from app.agent.peers import Peers
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST
from app.agent.sessions import Sessions
from app.agent.verbs import REQUIRED_ROLE
from app.agent.workers import WorkerEvent
from app.media.far import FAR
from app.model.archive import CompareEvent, RestoreItems, UndoItems
from app.model.errors import Problem, UsageError
from app.model.packed_rows import PackedRows
from app.model.restore import RestorePlan, UndoResult
from app.model.rewind import PointKind
from app.model.scenario import Filters, NewScenario, Scenario, SyncMethod
from app.model.source import DirectSource

_BROWSE_BATCH = 5_000
EVENTS_MAX = 10_000
POINTS_MAX = 20_000
STATES_MAX = 20_000
DENSITY_PARTS_MAX = 10_000
BRAKE_ITEMS_MAX = 10_000
ITEMS_MAX = 10_000


class ControlHandlers:
    """The servicer: every method of the service is an attribute made by `Calls`."""

    def __init__(
        self, calls: Calls, sessions: Sessions, host: HostEngines, between: PeerHandlers, peers: Peers
    ) -> None:
        self._host = host
        self._peers = peers

        def log_in(request: pb.LogInRequest, peer: str) -> pb.LogInReply:
            token, seconds = sessions.log_in(request.user, request.password, peer)
            return pb.LogInReply(
                token=token,
                seconds=seconds,
                protocol_oldest=PROTOCOL_OLDEST,
                protocol=PROTOCOL,
                version=app.__version__,
                role=sessions.bearer(token).role.label,
                knows=list(KNOWS),
            )

        methods = {
            "LogIn": calls.open("LogIn", log_in),
            "Hello": calls.quick("Hello", lambda _, __: to_message(host.hello(), pb.HostInfo)),
            "ListEvents": calls.quick("ListEvents", self._list_events),
            "ListScenarios": calls.state("ListScenarios", self._list_scenarios),
            "GetScenario": calls.state("GetScenario", self._get_scenario),
            "Browse": calls.stream("Browse", self._browse),
            "PreviewFilters": calls.stream("PreviewFilters", self._preview_filters),
            "Archive": calls.stream("Archive", self._archive),
            "Restore": calls.stream("Restore", self._restore),
            "CompareSession": calls.stream("CompareSession", self._compare_session),
            "UndoRestore": calls.stream("UndoRestore", self._undo_restore),
            "ArchiveFar": calls.stream("ArchiveFar", self._archive_far),
            "RestoreFar": calls.stream("RestoreFar", self._restore_far),
            "OpenScenarioStream": calls.open("OpenScenarioStream", between.open_stream),
        }
        methods |= {name: calls.slow(name, work) for name, work in between.slow.items()}
        slow = {
            name: getattr(self, "_do_" + re.sub(r"(?<!^)([A-Z])", r"_\1", name).lower())
            for name in REQUIRED_ROLE
            if name not in methods
        }
        methods |= {name: calls.slow(name, work) for name, work in slow.items()}
        for name, handle in methods.items():
            setattr(self, name, handle)

    def _get_scenario(self, request: Any, left: float) -> pb.ScenarioStatus:
        return to_message(self._host.scenario(request.scenario_id, left), pb.ScenarioStatus)

    def _list_events(self, request: Any, _left: float) -> pb.EventRecords:
        limit = max(0, min(request.limit, EVENTS_MAX))
        found = self._host.events(request.newer_than, limit)
        return pb.EventRecords(items=[to_message(event, pb.EventRecord) for event in found])

    def _list_scenarios(self, request: Any, left: float) -> pb.ScenarioStatuses:
        found = self._host.scenarios(left)
        answer = pb.ScenarioStatuses(items=[to_message(status, pb.ScenarioStatus) for status in found])
        tag = hashlib.blake2b(answer.SerializeToString(deterministic=True), digest_size=16).digest()
        if request.tag == tag:
            return pb.ScenarioStatuses(tag=tag, unchanged=True)
        answer.tag = tag
        return answer

    def _browse(self, request: Any, _gone: threading.Event) -> Iterator[pb.DirectoryEntries]:
        found = self._host.browse(request.path)
        for start in range(0, len(found), _BROWSE_BATCH):
            batch = found[start : start + _BROWSE_BATCH]
            yield pb.DirectoryEntries(items=[to_message(entry, pb.DirectoryEntry) for entry in batch])

    def _preview_filters(self, request: Any, gone: threading.Event) -> Iterator[pb.FilterPreview]:
        filters = from_message(request.filters, Filters)
        found = self._host.preview_filters(
            tuple(request.roots), filters, int(request.examples), request.seconds, gone
        )
        for part in found:
            yield to_message(part, pb.FilterPreview)

    def _archive(self, request: Any, gone: threading.Event) -> Iterator[pb.ArchiveEvent]:
        order = from_message(request, ArchiveOrder)
        if order.media_path.startswith(FAR):
            raise UsageError("AE1007", message="ArchiveOrder", reason="the media is on no path here")
        for event in self._host.archive(order, gone):
            assert not isinstance(event, MediaRequest)
            yield archive_event_message(event)

    def _archive_far(self, orders: Any, gone: threading.Event) -> Iterator[pb.FarEvent]:
        return archive_far(self._host, orders, gone, archive_event_message)

    def _restore(self, request: Any, gone: threading.Event) -> Iterator[pb.RestoreEvent]:
        order = from_message(request, RestoreOrder)
        if any(part.media_path.startswith(FAR) for part in order.parts()):
            raise UsageError("AE1007", message="RestoreOrder", reason="the media is on no path here")
        for event in self._host.restore(order, gone):
            assert not isinstance(event, MediaRequest)
            yield restore_event_message(event)

    def _restore_far(self, orders: Any, gone: threading.Event) -> Iterator[pb.FarEvent]:
        return restore_far(self._host, orders, gone, restore_event_message)

    def _undo_restore(self, request: Any, gone: threading.Event) -> Iterator[pb.RestoreEvent]:
        for event in self._host.undo_restore(from_message(request, UndoOrder), gone):
            yield restore_event_message(event)

    def _do_list_kept_restores(self, _request: Any, _left: float) -> pb.KeptRestores:
        found = self._host.restores.kept()
        return pb.KeptRestores(items=[to_message(one, pb.KeptRestore) for one in found])

    def _do_list_owners(self, _request: Any, _left: float) -> pb.HostOwners:
        return to_message(host_owners(), pb.HostOwners)

    def _do_list_pending_replacements(self, _request: Any, _left: float) -> pb.PendingReplacements:
        found = self._host.restores.pending()
        return pb.PendingReplacements(items=[to_message(one, pb.PendingReplacement) for one in found])

    def _compare_session(self, request: Any, gone: threading.Event) -> Iterator[pb.CompareEvent]:
        for event in self._host.compare_session(from_message(request, CompareOrder), gone):
            yield compare_event_message(event)

    def _do_make_directory(self, request: Any, _left: float) -> pb.Empty:
        self._host.make_directory(request.path)
        return pb.Empty()

    def _do_check_scenario(self, request: Any, left: float) -> pb.CheckResults:
        found = self._host.check_scenario(from_message(request, NewScenario), left)
        return pb.CheckResults(items=[to_message(result, pb.CheckResult) for result in found])

    def _do_create_scenario(self, request: Any, left: float) -> pb.Scenario:
        created = self._host.master("create", from_message(request, NewScenario), timeout_s=left)
        return to_message(created, pb.Scenario)

    def _do_import_scenario(self, request: Any, left: float) -> pb.Scenario:
        return to_message(self._host.master("import_xml", request.xml, timeout_s=left), pb.Scenario)

    def _do_export_scenario(self, request: Any, left: float) -> pb.Document:
        return pb.Document(xml=self._host.master("export", request.scenario_id, timeout_s=left))

    def _do_update_scenario(self, request: Any, left: float) -> pb.Scenario:
        updated = self._host.master("update", from_message(request, Scenario), timeout_s=left)
        return to_message(updated, pb.Scenario)

    def _do_delete_scenario(self, request: Any, left: float) -> pb.Empty:
        self._host.master("delete", request.scenario_id, timeout_s=left)
        self._peers.forget(request.scenario_id)
        return pb.Empty()

    def _do_run_scenario(self, request: Any, left: float) -> pb.Empty:
        sync = enum_value(SyncMethod, request.sync) if request.HasField("sync") else None
        self._host.master("run", request.scenario_id, sync, timeout_s=left)
        return pb.Empty()

    def _do_stop_scenario(self, request: Any, left: float) -> pb.Empty:
        self._host.master("stop", request.scenario_id, timeout_s=left)
        return pb.Empty()

    def _do_suspend_replica(self, request: Any, left: float) -> pb.Empty:
        until = from_time(request.until) if request.HasField("until") else None
        self._host.master("suspend", request.scenario_id, request.replica, until, timeout_s=left)
        return pb.Empty()

    def _do_resume_replica(self, request: Any, left: float) -> pb.Empty:
        self._host.master("resume", request.scenario_id, request.replica, timeout_s=left)
        return pb.Empty()

    def _do_synchronize_replica(self, request: Any, left: float) -> pb.Empty:
        self._host.master("synchronize", request.scenario_id, request.replica, timeout_s=left)
        return pb.Empty()

    def _do_set_bookmark(self, request: Any, left: float) -> pb.RewindPoint:
        kind = enum_value(PointKind, request.kind)
        point = self._host.master("bookmark", request.scenario_id, request.text, kind, timeout_s=left)
        return to_message(point, pb.RewindPoint)

    def _do_barrier(self, request: Any, left: float) -> pb.Empty:
        wait_s = max(0.0, min(request.timeout_s, left - 0.3))
        self._host.master("barrier", request.scenario_id, wait_s, timeout_s=left)
        return pb.Empty()

    def _do_review_brake(self, request: Any, left: float) -> pb.BrakeReview:
        limit = max(0, min(request.limit, BRAKE_ITEMS_MAX))
        found = self._host.master("brake_review", request.scenario_id, request.path, limit, timeout_s=left)
        return to_message(found, pb.BrakeReview)

    def _do_accept_brake(self, request: Any, left: float) -> pb.BrakeResult:
        done = self._host.master("brake_accept", request.scenario_id, request.path, timeout_s=left)
        return to_message(done, pb.BrakeResult)

    def _do_reject_brake(self, request: Any, left: float) -> pb.BrakeResult:
        done = self._host.master("brake_reject", request.scenario_id, request.path, timeout_s=left)
        return to_message(done, pb.BrakeResult)

    def _do_list_drift(self, request: Any, left: float) -> pb.DriftReport:
        limit = max(0, min(request.limit, ITEMS_MAX))
        found = self._host.replica("drift", request.scenario_id, limit, timeout_s=left)
        return to_message(found, pb.DriftReport)

    def _do_compare_replica(self, request: Any, left: float) -> pb.Report:
        limit = max(0, min(request.limit, ITEMS_MAX))
        found = self._host.master(
            "difference", request.scenario_id, request.replica, limit, content=request.content, timeout_s=left
        )
        return to_message(found, pb.Report)

    def _do_get_comparison(self, request: Any, left: float) -> pb.ComparisonProgress:
        entries, size = self._host.master("compared", request.scenario_id, request.replica, timeout_s=left)
        return pb.ComparisonProgress(entries=entries, content_bytes=size)

    def _do_list_reports(self, request: Any, left: float) -> pb.Reports:
        limit = max(0, min(request.limit, ITEMS_MAX))
        found = self._host.master("reports", request.scenario_id, limit, timeout_s=left)
        return pb.Reports(items=[to_message(report, pb.Report) for report in found])

    def _do_get_report(self, request: Any, left: float) -> pb.Report:
        limit = max(0, min(request.limit, ITEMS_MAX))
        found = self._host.master("report", request.scenario_id, request.report_id, limit, timeout_s=left)
        return to_message(found, pb.Report)

    def _do_list_path_states(self, request: Any, left: float) -> pb.DirectoryStates:
        limit = max(0, min(request.limit, STATES_MAX))
        found = self._host.master(
            "path_states", request.scenario_id, request.replica, request.path, limit, timeout_s=left
        )
        return to_message(found, pb.DirectoryStates)

    def _do_audit_now(self, request: Any, left: float) -> pb.Empty:
        self._host.master("audit_now", request.scenario_id, timeout_s=left)
        return pb.Empty()

    def _do_list_rewind_points(self, request: Any, left: float) -> pb.RewindPoints:
        found = self._host.replica(
            "rewind_points",
            request.scenario_id,
            kinds=tuple(enum_value(PointKind, word) for word in request.kinds),
            path=request.path,
            since=from_time(request.since) if request.HasField("since") else None,
            until=from_time(request.until) if request.HasField("until") else None,
            after=request.after,
            limit=max(0, min(request.limit, POINTS_MAX)),
            timeout_s=left,
        )
        return pb.RewindPoints(items=[to_message(point, pb.RewindPoint) for point in found])

    def _do_list_kept_replicas(self, _request: Any, left: float) -> pb.KeptReplicas:
        found = self._host.replica("kept", timeout_s=left)
        return pb.KeptReplicas(items=[to_message(one, pb.KeptReplica) for one in found])

    def _do_forget_replica(self, request: Any, left: float) -> pb.Empty:
        self._host.replica("forget", request.scenario_id, timeout_s=left)
        return pb.Empty()

    def _do_get_rewind_density(self, request: Any, left: float) -> pb.RewindDensity:
        found = self._host.replica(
            "rewind_density",
            request.scenario_id,
            path=request.path,
            since=from_time(request.since),
            until=from_time(request.until),
            parts=max(1, min(request.parts, DENSITY_PARTS_MAX)),
            timeout_s=left,
        )
        return to_message(found, pb.RewindDensity)

    def _do_plan_rewind(self, request: Any, left: float) -> pb.RewindPlan:
        paths = tuple(request.paths)
        plan = self._host.replica("plan_rewind", request.scenario_id, request.point_id, paths, timeout_s=left)
        return to_message(plan, pb.RewindPlan)

    def _do_rewind(self, request: Any, left: float) -> pb.RewindResult:
        paths = tuple(request.paths)
        result = self._host.replica("rewind", request.scenario_id, request.point_id, paths, timeout_s=left)
        return to_message(result, pb.RewindResult)

    def _do_replicate_back(self, request: Any, left: float) -> pb.ReplicatedBack:
        number, replica, paths = request.scenario_id, request.replica, tuple(request.paths)
        if request.plan_only:
            point = request.point_id
            done = self._host.master("plan_replicate_back", number, replica, paths, point, timeout_s=left)
        else:
            done = self._host.master("replicate_back", number, replica, paths, timeout_s=left)
        return to_message(done, pb.ReplicatedBack)

    def _do_begin_backup(self, request: Any, left: float) -> pb.BackupPoint:
        point = self._host.begin_backup(
            request.scenario_id, request.replica, request.job_id, request.fence, left
        )
        return to_message(point, pb.BackupPoint)

    def _do_begin_source_backup(self, request: Any, left: float) -> pb.SourcePoint:
        source = from_message(request.source, DirectSource)
        point = self._host.begin_source_backup(source, request.job_id, request.fence, left)
        return to_message(point, pb.SourcePoint)

    def _do_end_backup(self, request: Any, left: float) -> pb.Empty:
        self._host.end_backup(request.point_id, keep=request.keep, timeout_s=left)
        return pb.Empty()

    def _do_renew_backup(self, request: Any, left: float) -> pb.Empty:
        self._host.renew_backup(request.point_id, left)
        return pb.Empty()

    def _do_open_stream(self, request: Any, left: float) -> pb.OpenStreamReply:
        address, token = self._host.open_stream(StreamTicket(request.scenario_id), left)
        return pb.OpenStreamReply(data_address=address, token=token)


def archive_event_message(event: WorkerEvent | None) -> pb.ArchiveEvent:
    """An event of an archive; None is a sign of life."""
    if isinstance(event, Progress):
        return pb.ArchiveEvent(progress=to_message(event, pb.Progress))
    if isinstance(event, Problem):
        return pb.ArchiveEvent(problem=to_message(event, pb.Problem))
    if isinstance(event, PackedRows):
        return pb.ArchiveEvent(packed=to_message(event, pb.PackedRows))
    if isinstance(event, ArchiveResult):
        return pb.ArchiveEvent(result=to_message(event, pb.ArchiveResult))
    return pb.ArchiveEvent()


def compare_event_message(event: CompareEvent | None) -> pb.CompareEvent:
    """An event of a comparison; None is a sign of life."""
    if isinstance(event, Progress):
        return pb.CompareEvent(progress=to_message(event, pb.Progress))
    if isinstance(event, Problem):
        return pb.CompareEvent(problem=to_message(event, pb.Problem))
    if event is not None:
        return pb.CompareEvent(result=to_message(event, pb.CompareResult))
    return pb.CompareEvent()


def restore_event_message(event: RestoreEvent | None) -> pb.RestoreEvent:
    """An event of a restore; None is a sign of life."""
    if isinstance(event, Progress):
        return pb.RestoreEvent(progress=to_message(event, pb.Progress))
    if isinstance(event, Problem):
        return pb.RestoreEvent(problem=to_message(event, pb.Problem))
    if isinstance(event, RestoreItems):
        return pb.RestoreEvent(items=to_message(event, pb.RestoreItems))
    if isinstance(event, UndoItems):
        return pb.RestoreEvent(undo_items=to_message(event, pb.UndoItems))
    if isinstance(event, RestorePlan):
        return pb.RestoreEvent(plan=to_message(event, pb.RestorePlan))
    if isinstance(event, UndoResult):
        return pb.RestoreEvent(undo=to_message(event, pb.UndoResult))
    if event is not None:
        return pb.RestoreEvent(result=to_message(event, pb.RestoreResult))
    return pb.RestoreEvent()
