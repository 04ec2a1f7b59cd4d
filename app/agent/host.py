"""What this host can do, whatever the call came through: its roles, its directories, its workers."""

from __future__ import annotations

import os
import platform
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import app
from app.agent.abilities import KNOWS
from app.agent.admission import Admission, StreamTicket
from app.agent.api import (
    ArchiveOrder,
    BackupPoint,
    CompareOrder,
    RestoreEvent,
    RestoreOrder,
    SourcePoint,
    UndoOrder,
)
from app.agent.backup_refusals import ScenariosInUse, as_backup_error, check_allowed
from app.agent.browsing import list_directory, make_directory
from app.agent.children import Spawner
from app.agent.entities import entities_of
from app.agent.far_media import MediaRequest
from app.agent.following import FREEZE_S, followed
from app.agent.home import AgentHome, dialable
from app.agent.names import is_masters_own
from app.agent.preflight import check_host
from app.agent.protocol import PROTOCOL, PROTOCOL_OLDEST
from app.agent.restores import Restores
from app.agent.role_process import RoleProcess
from app.agent.source_points import SourcePoints
from app.agent.workers import AnswerLine, SpareWorker, WorkerEvent, run_archive, run_comparison
from app.model.archive import CompareEvent
from app.model.errors import ArcxoError, BusyError, Problem
from app.model.events import EventRecord, Severity
from app.model.filters import FilterPreview
from app.model.host import CheckResult, DirectoryEntry, HostInfo
from app.model.scenario import Filters, NewScenario, ReplicaState, Scenario, ScenarioStatus
from app.model.source import DirectSource
from app.replication.events import EventStore
from app.replication.master.preview import preview

PREVIEWS_MOST = 4
_REPLICA_FIGURES_S = 1.0
_TOUCH_S = 300.0
_LIST_INCOMPLETE = "E4218"
_QUIET_S = 3.0


class HostEngines:
    """The engines of this host. Any thread; calls block for as long as the engines need."""

    def __init__(
        self,
        home_id: str,
        fingerprint: str,
        events: EventStore,
        spawner: Spawner,
        master: RoleProcess,
        replica: RoleProcess,
        home_path: str,
        admission: Admission,
    ) -> None:
        self._home_id = home_id
        self._home_path = home_path
        self._admission = admission
        self._in_use = ScenariosInUse()
        self._fingerprint = fingerprint
        self._events = events
        self._spawner = spawner
        self._spare = SpareWorker(spawner)
        self._master = master
        self._replica = replica
        self.sources = SourcePoints(AgentHome(home_path))
        engine = os.path.join(home_path, "engine")
        self.restores = Restores(home_path, engine, spawner, replica, events, self._spare)
        self._started_at = datetime.now(UTC)
        self._previews = threading.Semaphore(PREVIEWS_MOST)
        self.data_address = ""

    def master(self, method: str, *args: Any, timeout_s: float, **kwargs: Any) -> Any:
        """Call the master's engine."""
        return self._master.call(method, *args, timeout_s=timeout_s, **kwargs)

    def replica(self, method: str, *args: Any, timeout_s: float, **kwargs: Any) -> Any:
        """Call the replica's engine."""
        return self._replica.call(method, *args, timeout_s=timeout_s, **kwargs)

    def hello(self) -> HostInfo:
        """Who this is."""
        roles = tuple(role.role for role in (self._master, self._replica) if role.pid is not None)
        return HostInfo(
            host_name=socket.gethostname(),
            version=app.__version__,
            system=f"{platform.system()} {platform.release()}",
            home_id=self._home_id,
            started_at=self._started_at,
            time=datetime.now(UTC),
            fingerprint=self._fingerprint,
            roles_running=roles,
            protocol_oldest=PROTOCOL_OLDEST,
            protocol=PROTOCOL,
            knows=tuple(KNOWS),
        )

    def preflight(self, paths: Sequence[bytes], timeout_s: float) -> Sequence[CheckResult]:
        """What there is to say of this host before it is used, and of directories as roots on it."""
        results = list(check_host(self._home_path, self.data_address))
        for path in paths:
            results += self._replica.call("check_place", path, timeout_s=timeout_s)
        return results

    def browse(self, path: bytes) -> Sequence[DirectoryEntry]:
        """The entries of a directory, directories first."""
        return list_directory(path)

    def make_directory(self, path: bytes) -> None:
        """Make a directory and its parents."""
        make_directory(path)

    def preview_filters(
        self, roots: Sequence[bytes], filters: Filters, examples: int, seconds: float, gone: threading.Event
    ) -> Iterator[FilterPreview]:
        """What filters would make of directories here. Raises BusyError AE1009: too many are asked for."""
        if not self._previews.acquire(blocking=False):
            reason = f"{PREVIEWS_MOST} previews are under way"
            raise BusyError("AE1009", call="PreviewFilters", host="", reason=reason)
        try:
            yield from preview(roots, filters, examples=examples, seconds=seconds, stopped=gone.is_set)
        finally:
            self._previews.release()

    def events(self, newer_than: int, limit: int) -> Sequence[EventRecord]:
        """Events after a number, oldest first."""
        return self._events.newer_than(newer_than, limit)

    def check_scenario(self, scenario: NewScenario, timeout_s: float) -> Sequence[CheckResult]:
        """What the master's side and, for replicas on this host, the replica's side say of it."""
        results = list(self._master.call("check", scenario, timeout_s=timeout_s))
        for spec in scenario.replicas:
            if is_masters_own(spec.host, scenario.master):
                for path in spec.paths:
                    results += self._replica.call("check_root", path, timeout_s=timeout_s)
        return results

    def scenarios(self, timeout_s: float) -> Sequence[ScenarioStatus]:
        """All scenarios whose master this host is."""
        return [self._enriched(status) for status in self._master.call("statuses", timeout_s=timeout_s)]

    def scenario(self, scenario_id: int, timeout_s: float) -> ScenarioStatus:
        """One of them."""
        return self._enriched(self._master.call("status", scenario_id, timeout_s=timeout_s))

    def _enriched(self, status: ScenarioStatus) -> ScenarioStatus:
        """The master's view, with what the replicas on this host know of their rewind logs."""
        master = status.scenario.master
        local = any(is_masters_own(replica.host, master) for replica in status.replicas)
        if not local or self._replica.pid is None:
            return status
        try:
            figures = self._replica.call("status", status.scenario.id, timeout_s=_REPLICA_FIGURES_S)
        except ArcxoError:
            # The figures are an extra; the state of the scenario is the master's and is told regardless.
            return status
        return replace(
            status,
            replicas=tuple(
                replica.with_own(figures) if is_masters_own(replica.host, master) else replica
                for replica in status.replicas
            ),
        )

    def open_stream(self, ticket: StreamTicket, timeout_s: float) -> tuple[str, str]:
        """(address of the data port, token for one stream)."""
        token = self._replica.call("admit", ticket, timeout_s=timeout_s)
        return dialable(self.data_address), token

    def begin_backup(
        self, scenario_id: int, replica: str, job_id: int, fence: int, timeout_s: float
    ) -> BackupPoint:
        """Freeze the replica on this host. Raises BusyError AE0465 unless it is replicating.

        Of a scenario whose master is another host, the replica alone knows here how it stands.
        Raises ArcxoError AE0467 where this host is the master of the scenario, but not that replica.
        """
        self._spare.prepare()
        signed = self._admission.scenario(scenario_id, replica)
        if signed is not None:
            return self._frozen(signed, replica, job_id, fence, timeout_s)
        status: ScenarioStatus = self._master.call("status", scenario_id, timeout_s=timeout_s)
        scenario = status.scenario
        name = replica or scenario.replicas[0].host
        found = next((item for item in status.replicas if item.host == name), None)
        if found is None or not is_masters_own(name, scenario.master):
            # Whoever asks takes this host for another one.
            raise ArcxoError("AE0467", master=scenario.master, replica=name)
        if found.state is not ReplicaState.REPLICATING:
            state = found.state.value
            raise BusyError("AE0465", name=scenario.name, id=scenario_id, host=name, state=state)
        mark = self._quiet_before(scenario_id, timeout_s)
        point = self._frozen(scenario, name, job_id, fence, timeout_s)
        return point if mark is None else self._proved(point, mark, timeout_s)

    def _frozen(
        self, scenario: Scenario, replica: str, job_id: int, fence: int, timeout_s: float
    ) -> BackupPoint:
        check_allowed(scenario, replica)
        self._in_use.check(scenario, job_id)
        entities = entities_of([os.fsencode(root.master_path) for root in scenario.roots])
        try:
            point: BackupPoint = self._replica.call(
                "begin_backup", scenario, replica, entities, job_id, fence, timeout_s=timeout_s
            )
        except ArcxoError as error:
            raise as_backup_error(error, scenario, replica) from error
        self._in_use.frozen(point.id, scenario.id)
        return point

    def _quiet_before(self, scenario_id: int, timeout_s: float) -> Any:
        wait_s = min(_QUIET_S, timeout_s / 4)
        try:
            return self._master.call("quiet_before", scenario_id, wait_s, timeout_s=wait_s + 5.0)
        except ArcxoError:
            # A point is taken in any case; what is not proved is not claimed.
            return None

    def _proved(self, point: BackupPoint, mark: Any, timeout_s: float) -> BackupPoint:
        """The point, as quiet where nothing was written to the master during its cut."""
        wait_s = min(_QUIET_S, timeout_s / 4)
        try:
            if not self._master.call("quiet_since", point.scenario.id, mark, wait_s, timeout_s=wait_s + 5.0):
                return point
            proved: BackupPoint | None = self._replica.call("prove_quiet", point.id, timeout_s=30.0)
        except ArcxoError:
            return point
        return proved or point

    def begin_source_backup(
        self, source: DirectSource, job_id: int, fence: int, timeout_s: float
    ) -> SourcePoint:
        """Make a directory of this host ready to be archived; see `SourcePoints.begin`.

        Raises BusyError AE1023 for a job that another server has taken over.
        """
        self._spare.prepare()
        self._replica.call("check_fence", job_id, fence, timeout_s=timeout_s)
        return self.sources.begin(source, job_id)

    def end_backup(self, point_id: str, *, keep: bool, timeout_s: float) -> None:
        """Release the point, or keep its snapshots (never those of sources)."""
        if point_id in self.sources:
            self.sources.end(point_id)
            self._spare.prepare()
            return
        self._in_use.ended(point_id)
        self._replica.call("end_backup", point_id, keep, timeout_s=timeout_s)
        # Where backups follow each other, the next one finds its worker started.
        self._spare.prepare()

    def renew_backup(self, point_id: str, timeout_s: float) -> None:
        """A point is still needed. Raises NotFoundError AE1024 for one that is not there."""
        if point_id in self.sources:
            self.sources.touch(point_id, renewed=True)
        else:
            self._replica.call("renew_point", point_id, timeout_s=timeout_s)

    def close(self) -> None:
        """End what only waits."""
        self._spare.close()
        self.restores.close()

    def archive(
        self, order: ArchiveOrder, gone: threading.Event, line: AnswerLine | None = None
    ) -> Iterator[WorkerEvent | MediaRequest | None]:
        """Archive one entity in a worker; None is a sign of life. `line` as in `run_archive`."""
        with self._in_use.reading(order.point_id, order.job_id):
            yield from self._archive(order, gone, line)

    def _archive(
        self, order: ArchiveOrder, gone: threading.Event, line: AnswerLine | None
    ) -> Iterator[WorkerEvent | MediaRequest | None]:
        if order.point_id in self.sources:
            self._replica.call("check_fence", order.job_id, order.fence, timeout_s=120.0)
            yield from self._archive_source(order, gone, line)
            return
        # A point that is looked at by a list waits for all of it to be frozen.
        if seconds := self._replica.call("look_waited_for", order, timeout_s=FREEZE_S):
            yield Problem("I4255", b"", {"seconds": f"{seconds:g}"})
        task, manifests = self._replica.call("archive_task", order, timeout_s=FREEZE_S)
        with followed(self._replica, order.point_id, gone, following=task.following) as stop:
            yield from self._watched(
                order, task, run_archive(self._spawner, task, manifests, stop, self._spare, line)
            )

    def _watched(
        self, order: ArchiveOrder, task: Any, events: Iterator[WorkerEvent | MediaRequest | None]
    ) -> Iterator[WorkerEvent | MediaRequest | None]:
        touched_at = time.monotonic()
        for event in events:
            if time.monotonic() - touched_at > _TOUCH_S:
                touched_at = time.monotonic()
                self._replica.call("touch_point", order.point_id, timeout_s=60.0)
            if isinstance(event, Problem) and event.code == _LIST_INCOMPLETE:
                self._events.append(
                    event.code,
                    Severity.ERROR,
                    scenario_id=task.scenario_id,
                    scenario_name=task.scenario_name,
                    **event.params,
                )
            yield event

    def _archive_source(
        self, order: ArchiveOrder, gone: threading.Event, line: AnswerLine | None
    ) -> Iterator[WorkerEvent | MediaRequest | None]:
        task = self.sources.archive_task(order)
        for event in run_archive(self._spawner, task, {}, gone, self._spare, line):
            self.sources.touch(order.point_id)
            yield event

    def compare_session(self, order: CompareOrder, gone: threading.Event) -> Iterator[CompareEvent | None]:
        """Compare a session with files of this host, in a worker; None is a sign of life."""
        return run_comparison(self._spawner, order, gone)

    def restore(
        self, order: RestoreOrder, gone: threading.Event, line: AnswerLine | None = None
    ) -> Iterator[RestoreEvent | MediaRequest | None]:
        """Restore in a worker; None is a sign of life. `line` as in `run_archive`.

        Raises BusyError AE1023 for a job that another server has taken over.
        """
        if not order.plan_only:
            self._replica.call("check_fence", order.job_id, order.fence, timeout_s=120.0)
        return self.restores.restore(order, gone, line)

    def undo_restore(self, order: UndoOrder, gone: threading.Event) -> Iterator[RestoreEvent | None]:
        """Take back a restore in a worker; as `restore`."""
        if not order.plan_only:
            self._replica.call("check_fence", order.job_id, order.fence, timeout_s=120.0)
        return self.restores.undo(order, gone)
