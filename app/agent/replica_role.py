"""The replica's role: its engine, its data port and the points it is backed up from."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from app.agent.admission import StreamTicket
from app.agent.api import ArchiveOrder, BackupPoint
from app.agent.backup_points import BackupPoints
from app.agent.data_server import DataServer, StreamTokens
from app.agent.grants import Grants
from app.agent.home import AgentHome
from app.agent.preflight import check_place
from app.agent.tls import load_identity
from app.model.drift import DriftReport
from app.model.errors import NotFoundError, Problem
from app.model.host import CheckResult
from app.model.kept_replica import KeptReplica
from app.model.rewind import PointKind, RewindDensity, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import ReplicaStatus, Scenario
from app.replication.events import EventStore
from app.replication.replica.engine import ReplicaEngine
from app.replication.staged import RestoreArea, StagedOperation

_TEND_EVERY_S = 10.0
_TEND_END_S = 5.0
_log = logging.getLogger("arcxo.agent.replica")


class ReplicaRole:
    """What the control process may ask of the replica's process; methods run in threads of its pipe."""

    def __init__(self, home: AgentHome, listen: str) -> None:
        self._events = EventStore(os.path.join(home.engine, "events.sqlite3"), "localhost")
        self._engine = ReplicaEngine(home.engine, "localhost", self._events)
        self._engine.start()
        self._points = BackupPoints(home, self._engine, self._events)
        self._engine.drift_worker.give_way(lambda: self._points.releases.is_in_use)
        self._tokens = StreamTokens()
        self._server = DataServer(
            load_identity(home), self._tokens, self._engine.serve, Grants(home).certificates
        )
        self.data_address = self._server.start(listen)
        self._closing = False
        self._look_now = threading.Event()
        self._tender = threading.Thread(target=self._tend, name="points", daemon=True)
        self._tender.start()

    def close(self) -> None:
        """End streams, then the engine."""
        self._closing = True
        self._look_now.set()
        self._server.stop()
        self._tender.join(_TEND_END_S)
        self._engine.close()
        self._events.close()

    def _tend(self) -> None:
        """Look after the points of backups until the end."""
        while True:
            self._look_now.wait(_TEND_EVERY_S)
            self._look_now.clear()
            if self._closing:
                return
            try:
                self._points.releases.tend()
                self._engine.tend()
            except Exception:  # noqa: BLE001 - the next look may succeed; replication must not end for it
                _log.exception("looking after backup points failed")

    def check_fence(self, job_id: int, fence: int) -> None:
        """Raise BusyError AE1023 for a job that another server has taken over."""
        self._points.check_fence(job_id, fence)

    def admit(self, ticket: StreamTicket) -> str:
        """A token that opens one stream."""
        return self._tokens.issue(ticket)

    def end_stream(self, scenario_id: int) -> None:
        """Hang up on the master of a scenario; one that is not known here is fine."""
        with contextlib.suppress(NotFoundError):
            self._engine.replica_of(scenario_id).end_stream()

    def check_roots(self, paths: Sequence[bytes], scenario_id: int) -> list[CheckResult]:
        """What there is to say of directories as the replica roots of a scenario (0 = a new one)."""
        return [result for path in paths for result in self._engine.checks.root_of(path, scenario_id)]

    def check_place(self, path: bytes) -> list[CheckResult]:
        """The same of one directory for any scenario, and how its volume can be frozen."""
        return check_place(self._engine, path)

    def check_root(self, path: bytes) -> list[CheckResult]:
        """What there is to say of a directory as a replica root."""
        return self._engine.checks.root(path)

    def status(self, scenario_id: int) -> ReplicaStatus:
        """The replica's own figures."""
        return self._engine.status(scenario_id)

    def rewind_points(
        self,
        scenario_id: int,
        *,
        kinds: Sequence[PointKind],
        path: bytes,
        since: datetime | None,
        until: datetime | None,
        after: str,
        limit: int,
    ) -> Sequence[RewindPoint]:
        """Points the replica can be taken back to."""
        return self._engine.rewind_points(
            scenario_id, kinds=kinds, path=path, since=since, until=until, after=after, limit=limit
        )

    def rewind_density(
        self, scenario_id: int, *, path: bytes, since: datetime, until: datetime, parts: int
    ) -> RewindDensity:
        """How many changes were applied when."""
        return self._engine.rewind_density(scenario_id, path=path, since=since, until=until, parts=parts)

    def plan_rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes]) -> RewindPlan:
        """What a rewind would change."""
        return self._engine.plan_rewind(scenario_id, point_id, paths)

    def rewind(self, scenario_id: int, point_id: str, paths: Sequence[bytes]) -> RewindResult:
        """Take the replica back."""
        return self._engine.rewind(scenario_id, point_id, paths)

    def kept(self) -> list[KeptReplica]:
        """What is kept here of each replica."""
        return [
            replace(one, backup_points=self._points.count(one.scenario_id)) for one in self._engine.kept()
        ]

    def forget(self, scenario_id: int) -> None:
        """Remove what is kept of a replica; its directories stay."""
        self._points.releases.forget(scenario_id)
        self._engine.forget(scenario_id)

    def drift(self, scenario_id: int, limit: int) -> DriftReport:
        """What others changed on the replica."""
        return self._engine.drift(scenario_id, limit)

    def begin_restore(self, scenario_id: int, run: str = "") -> RestoreArea:
        """A staging area beside the replica's roots."""
        return self._engine.begin_restore(scenario_id, run)

    def restore_taken_back(self, scenario_id: int, run: str) -> None:
        """See `ReplicaEngine.restore_taken_back`."""
        self._engine.restore_taken_back(scenario_id, run)

    def apply_staged(self, scenario_id: int, operations: Sequence[StagedOperation]) -> list[Problem]:
        """Put staged entries in place, durably."""
        return self._engine.apply_staged(scenario_id, operations)

    def end_restore(self, scenario_id: int, area: RestoreArea) -> None:
        """Remove the staging area."""
        self._engine.end_restore(scenario_id, area)

    def release_abandoned(self) -> None:
        """Give up the points that nobody can be using. For the start of the agent."""
        self._points.releases.release_abandoned()
        self._look_now.set()

    def begin_backup(
        self,
        scenario: Scenario,
        replica: str,
        entities: tuple[tuple[str, tuple[int, ...]], ...],
        job_id: int,
        fence: int,
    ) -> BackupPoint:
        """Freeze the replica as it is now; `frozen` waits for all of it."""
        return self._points.begin(scenario, replica, entities, job_id, fence, early=True)

    def frozen(self, point_id: str) -> None:
        """Wait until all of a point is frozen. Raises what making it raised."""
        self._points.frozen(point_id)

    def prove_quiet(self, point_id: str) -> BackupPoint | None:
        """The cut of a point was of one moment."""
        return self._points.prove_quiet(point_id)

    def end_backup(self, point_id: str, keep: bool) -> None:
        """Release the point, or keep its snapshots."""
        self._points.end(point_id, keep=keep)

    def touch_point(self, point_id: str) -> None:
        """The point is in use."""
        self._points.releases.touch(point_id)

    def renew_point(self, point_id: str) -> None:
        """A job needs the point."""
        self._points.releases.renew(point_id)

    def look_waited_for(self, order: ArchiveOrder) -> float:
        """Seconds that `archive_task` may wait for the look at all paths of the replica; 0 = not at all."""
        return self._points.look_waited_for(order)

    def archive_task(self, order: ArchiveOrder) -> tuple[Any, Any]:
        """The task of one entity, and the manifests of its roots by master path."""
        return self._points.archive_task(order)
