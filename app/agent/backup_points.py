"""Backup points: a replica frozen once, archived entity by entity, released or kept.

Each point is a file of `engine/points`. It is written before its first snapshot is made, so that whatever a
crash leaves is known and released at the next start of the agent.
"""

from __future__ import annotations

import logging
import os
import threading
import time
import uuid
from typing import Any

from app.agent.api import ArchiveOrder, BackupPoint, EntityPoint
from app.agent.home import AgentHome
from app.agent.point_files import PointFiles, SavedPoint, SavedRoot
from app.backup.api import ArchiveRoot, ArchiveTask, Change, ChangeKind, usable_base
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.paths import shown
from app.model.scenario import Scenario
from app.replication.replica.engine import FrozenReplica, ReplicaEngine
from app.snapshot.choice import choose, release

SNAPSHOT_AREA = b"snapshots"
_IDLE_S = 3600.0
_log = logging.getLogger("arcxo.agent.points")


class BackupPoints:
    """The points of this host's replicas. Any thread; one point at a time is made of a scenario."""

    def __init__(self, home: AgentHome, engine: ReplicaEngine) -> None:
        self._engine = engine
        self._files = PointFiles(home.directory("points"))
        self._guard = threading.Lock()
        self._fences: dict[int, int] = {}
        self._started_at = time.monotonic()
        self._used_at: dict[str, float] = {}

    def begin(
        self,
        scenario: Scenario,
        replica: str,
        entities: tuple[tuple[str, tuple[int, ...]], ...],
        job_id: int,
        fence: int,
    ) -> BackupPoint:
        """Freeze the replica; it applies on as soon as the snapshots exist.

        Raises:
            ArcxoError: AE0460 when a snapshot cannot be made; nothing of it is left.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self._check_fence(job_id, fence)
        self._release_points_of(job_id)
        self._release_idle()
        with self._engine.freeze(scenario.id) as frozen:
            saved = SavedPoint(
                id=uuid.uuid4().hex,
                scenario=scenario,
                replica=replica,
                taken_at=frozen.taken_at,
                consistency=frozen.consistency,
                provider="",
                incarnation=frozen.incarnation,
                change=frozen.change,
                job_id=job_id,
                fence=fence,
                entities=entities,
            )
            try:
                self.touch(saved.id)
                saved = self._make_snapshots(saved, frozen)
            except ArcxoError as error:
                self._release(saved.id)
                raise ArcxoError(
                    "AE0460", name=scenario.name, id=scenario.id, host=replica, reason=str(error)
                ) from error
        return _as_point(saved)

    def _make_snapshots(self, saved: SavedPoint, frozen: FrozenReplica) -> SavedPoint:
        for index, (root, side) in enumerate(zip(frozen.roots, frozen.sides, strict=True)):
            area = side + b"/" + SNAPSHOT_AREA
            try:
                os.makedirs(area, 0o700, exist_ok=True)
            except OSError as error:
                raise ArcxoError(
                    "E4191", root=shown(root), provider=shown(area), cause=error.strerror
                ) from error
            provider = choose(root, area)
            snapshot_id = f"{saved.id}-{index}"
            # Known before it exists: a crash in between leaves nothing that nobody knows of.
            saved = saved.with_planned(index, provider.name, root, area, snapshot_id)
            self._files.write(saved)
            snapshot = provider.create(root, area, snapshot_id, None)
            saved = saved.with_root(index, SavedRoot(saved.scenario.roots[index].master_path, snapshot))
            self._files.write(saved)
        return saved

    def end(self, point_id: str, *, keep: bool) -> None:
        """Release the point, or keep its snapshots for later. Repeated calls do nothing.

        Kept ones beyond the scenario's number are released, oldest first.
        """
        with self._guard:
            saved = self._files.find(point_id)
            if saved is None:
                return
            if not keep:
                self._release(point_id)
                return
            self._files.write(saved.as_kept())
            kept = sorted(
                (one for one in self._files.all() if one.kept and one.scenario.id == saved.scenario.id),
                key=lambda one: one.taken_at,
            )
            for old in kept[: -max(1, saved.scenario.properties.snapshots_to_keep)]:
                self._release(old.id)

    def archive_task(self, order: ArchiveOrder) -> tuple[Any, dict[bytes, bytes]]:
        """(the task of one entity, manifest file by master path).

        Raises:
            NotFoundError: AE1024 for a point or an entity that is not there.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self._check_fence(order.job_id, order.fence)
        self.touch(order.point_id)
        saved = self._files.find(order.point_id)
        indexes = dict(saved.entities).get(order.entity) if saved is not None else None
        if saved is None or indexes is None:
            raise NotFoundError("AE1024", point=order.point_id, entity=order.entity)
        changes: list[tuple[Change, ...]] | None = None
        if order.base_session and usable_base(
            order.media_path,
            order.base_session,
            order.base_incarnation,
            order.base_change,
            order.data_key,
        ):
            changes = self._changes(saved, order)
        roots = tuple(
            ArchiveRoot(
                saved.roots[index].master_path,
                saved.roots[index].snapshot.path,
                None if changes is None else changes[index],
            )
            for index in indexes
        )
        task = ArchiveTask(
            media_path=order.media_path,
            entity=order.entity,
            roots=roots,
            job_id=order.job_id,
            scenario_id=saved.scenario.id,
            scenario_name=saved.scenario.name,
            machine=saved.scenario.master,
            replica=saved.replica,
            taken_at=saved.taken_at,
            consistency=saved.consistency,
            provider=saved.provider,
            incarnation=saved.incarnation,
            change=saved.change,
            base_session=order.base_session,
            data_key=order.data_key,
            key_id=order.key_id,
            verify=order.verify,
            server=order.server,
            fence=order.fence,
        )
        manifests = {
            saved.roots[index].master_path: saved.roots[index].snapshot.manifest for index in indexes
        }
        return task, {path: manifest for path, manifest in manifests.items() if manifest is not None}

    def _changes(self, saved: SavedPoint, order: ArchiveOrder) -> list[tuple[Change, ...]] | None:
        """Change lists by root, or None when the replica cannot vouch for one.

        They may name more than changed before the point: what is the same after all costs a look.
        """
        if order.base_incarnation != saved.incarnation:
            return None
        found = self._engine.changed_since(saved.scenario.id, order.base_incarnation, order.base_change)
        if found is None:
            return None
        lists: list[list[Change]] = [[] for _ in saved.roots]
        for root, path, kind in found:
            lists[root].append(Change(path, ChangeKind(kind)))
        return [tuple(changes) for changes in lists]

    def release_abandoned(self) -> None:
        """Release every point that is not kept: its stream ended with the agent that served it."""
        for saved in self._files.all():
            if not saved.kept:
                self._release(saved.id)

    def _release_idle(self) -> None:
        """Release points whose server has long been gone. An archive that runs asks for its point's sign."""
        now = time.monotonic()
        for saved in self._files.all():
            used_at = self._used_at.get(saved.id, self._started_at)
            if not saved.kept and now - used_at > _IDLE_S:
                self._release(saved.id)

    def touch(self, point_id: str) -> None:
        """The point is in use."""
        self._used_at[point_id] = time.monotonic()

    def _release_points_of(self, job_id: int) -> None:
        """A job that begins again has lost its earlier point."""
        for saved in self._files.all():
            if saved.job_id == job_id and not saved.kept:
                self._release(saved.id)

    def _release(self, point_id: str) -> None:
        """Remove the snapshots, then the file. What cannot be removed stays known and is tried again."""
        saved = self._files.find(point_id)
        if saved is None:
            return
        try:
            for snapshot in saved.snapshots():
                release(snapshot)
        except ArcxoError as error:
            _log.warning("a snapshot of %s could not be released: %s", saved.scenario.name, error)
            return
        self._files.remove(point_id)
        self._used_at.pop(point_id, None)

    def _check_fence(self, job_id: int, fence: int) -> None:
        """A server that lost its claim on a job must not go on with it."""
        with self._guard:
            newest = max(self._fences.get(job_id, 0), fence)
            self._fences[job_id] = newest
        if fence < newest:
            raise BusyError("AE1023", job=job_id)


def _as_point(saved: SavedPoint) -> BackupPoint:
    return BackupPoint(
        id=saved.id,
        scenario=saved.scenario,
        replica=saved.replica,
        taken_at=saved.taken_at,
        consistency=saved.consistency,
        provider=saved.provider,
        incarnation=saved.incarnation,
        change=saved.change,
        entities=tuple(
            EntityPoint(
                entity,
                tuple(
                    (saved.roots[index].master_path, saved.roots[index].snapshot.path) for index in indexes
                ),
            )
            for entity, indexes in saved.entities
        ),
    )
