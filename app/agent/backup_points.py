"""Backup points: a replica frozen once, archived entity by entity, released or kept.

Each point is a file of `engine/points`. It is written before its first snapshot is made, so that whatever a
crash leaves is known and released at the next start of the agent. `tend` does the rest: it releases points
whose server is gone, tries again what could not be released, and gives up kept snapshots, oldest first,
before their volume runs out of space.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.agent.api import ArchiveOrder, BackupPoint, EntityPoint
from app.agent.home import AgentHome
from app.agent.point_chain import base_for, begin_taking_over, heir_of, kept_of, take_over
from app.agent.point_files import PointFiles, SavedPoint, SavedRoot
from app.backup.api import ArchiveRoot, ArchiveTask, Change, ChangeKind, usable_base
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.events import Severity
from app.model.job import VerifyMode
from app.model.media import Consistency
from app.model.paths import shown
from app.model.rewind import PointKind
from app.model.scenario import Scenario, ServerType
from app.replication.events import EventStore
from app.replication.replica.engine import FrozenReplica, ReplicaEngine
from app.snapshot.choice import choose, release
from app.snapshot.rolling import read_changes, write_changes

SNAPSHOT_AREA = b"snapshots"
_IDLE_S = 24 * 3600.0
"""A job may wait this long for a media or for another backup before it archives its point."""
_LOOKS_AT_EVERYTHING = (VerifyMode.COMPARE, VerifyMode.AUDIT)
_FLOOR_FRACTION = 0.05
_FLOOR_MAX_BYTES = 10 << 30
_log = logging.getLogger("arcxo.agent.points")


class BackupPoints:
    """The points of this host's replicas. Any thread; one point at a time is made of a scenario."""

    def __init__(
        self,
        home: AgentHome,
        engine: ReplicaEngine,
        events: EventStore,
        short_of_space: Callable[[bytes], bool] | None = None,
    ) -> None:
        self._engine = engine
        self._events = events
        self._short_of_space = short_of_space or is_short_of_space
        self._files = PointFiles(home.directory("points"))
        self._guard = threading.Lock()
        # Removing a tree of links takes its time: no other call but another release waits for it.
        self._releasing = threading.RLock()
        self._told: set[str] = set()
        self._fences: dict[int, int] = {}
        self._started_at = time.monotonic()
        self._used_at: dict[str, float] = {}
        # (incarnation, change) of the last point of a scenario that was archived: the next one's base.
        self._archived: dict[int, tuple[str, int]] = {}

    def begin(
        self,
        scenario: Scenario,
        replica: str,
        entities: tuple[tuple[str, tuple[int, ...]], ...],
        job_id: int,
        fence: int,
    ) -> BackupPoint:
        """Freeze the replica; it applies on as soon as the snapshots exist.

        Only what changed since the last point is frozen, where that is known; for a job that begins again,
        everything.

        Raises:
            ArcxoError: AE0460 when a snapshot cannot be made; nothing of it is left.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self.check_fence(job_id, fence)
        again = self._release_points_of(job_id)
        kept = kept_of(self._files.all(), scenario.id)
        bases = kept[-1:] or scenario.id in self._archived
        # What others changed is waited for before anything is held up by it.
        listed = not again and bool(bases) and self._engine.knows_changes(scenario.id)
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
                changes = self._frozen_changes(frozen, kept) if listed else None
                saved = self._make_snapshots(saved, frozen, changes)
                self._engine.add_point(scenario.id, PointKind.SNAPSHOT, f"backup job {job_id}")
            except (ArcxoError, OSError) as error:
                self._release(saved.id)
                raise ArcxoError(
                    "AE0460", name=scenario.name, id=scenario.id, host=replica, reason=str(error)
                ) from error
            except BaseException:
                self._release(saved.id)
                raise
        return _as_point(saved)

    def _frozen_changes(
        self, frozen: FrozenReplica, kept: list[SavedPoint]
    ) -> tuple[int, list[list[Change]]] | None:
        """(since which change, what changed by root): all that need be frozen; None for everything."""
        scenario = frozen.scenario
        archived = self._archived.get(scenario.id)
        since = [archived[1]] if archived is not None and archived[0] == frozen.incarnation else []
        if _keeps(scenario):
            base = base_for(kept, scenario, frozen.incarnation, frozen.roots)
            if base is None:
                return None
            since.append(base.change)
        if not since:
            return None
        lists = self._listed(scenario.id, len(frozen.roots), frozen.incarnation, min(since))
        if lists is None or any(
            not one.path and one.kind is not ChangeKind.CHANGED for changes in lists for one in changes
        ):
            return None
        return min(since), lists

    def _make_snapshots(
        self,
        saved: SavedPoint,
        frozen: FrozenReplica,
        changes: tuple[int, list[list[Change]]] | None,
    ) -> SavedPoint:
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
            if changes is None:
                snapshot = provider.create(root, area, snapshot_id, None)
            else:
                listed = [(one.path, one.kind is not ChangeKind.CHANGED) for one in changes[1][index]]
                deep = [path for path, all_beneath in listed if all_beneath]
                snapshot = provider.create(root, area, snapshot_id, [path for path, _ in listed], deep)
                if snapshot.partial:
                    write_changes(snapshot, listed)
                    saved = replace(saved, since=changes[0])
            saved = saved.with_root(index, SavedRoot(saved.scenario.roots[index].master_path, snapshot))
            self._files.write(saved)
        return saved

    def prove_quiet(self, point_id: str) -> BackupPoint | None:
        """Nothing was written to the master's roots during the cut, and the replica had everything.

        None when the point is gone. A replica that others changed is not the master's state: it stays fuzzy.
        """
        with self._releasing:
            saved = self._files.find(point_id)
            if saved is None:
                return None
            if self._engine.drift(saved.scenario.id, 0).count == 0:
                saved = replace(saved, consistency=Consistency.QUIET)
                self._files.write(saved)
            return _as_point(saved)

    def end(self, point_id: str, *, keep: bool) -> None:
        """Release the point, or keep its snapshots for later. Repeated calls do nothing.

        Kept ones beyond the scenario's number are released by the next `tend`, oldest first.
        """
        with self._releasing:
            saved = self._files.find(point_id)
            if saved is None:
                return
            if not keep:
                self._release(point_id)
                return
            base = None
            if not saved.whole:
                kept = kept_of(self._files.all(), saved.scenario.id)
                roots = [root.snapshot.root for root in saved.roots]
                base = base_for(kept, saved.scenario, saved.incarnation, roots)
                if base is None or base.change < saved.since:
                    self._release(point_id)  # what it stood on was given up meanwhile
                    return
            self._files.write(saved.as_kept(base.id if base is not None else ""))

    def archive_task(self, order: ArchiveOrder) -> tuple[Any, dict[bytes, bytes]]:
        """(the task of one entity, manifest file by master path).

        Raises:
            NotFoundError: AE1024 for a point or an entity that is not there.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self.check_fence(order.job_id, order.fence)
        self.touch(order.point_id)
        saved = self._files.find(order.point_id)
        indexes = dict(saved.entities).get(order.entity) if saved is not None else None
        if saved is None or indexes is None or saved.released:
            raise NotFoundError("AE1024", point=order.point_id, entity=order.entity)
        changes = self._changes_for(saved, order)
        audit = order.verify is VerifyMode.AUDIT
        roots = tuple(
            ArchiveRoot(
                saved.roots[index].master_path,
                saved.roots[index].snapshot.path,
                None if changes is None or audit else changes[index],
                saved.roots[index].snapshot.partial,
                changes[index] if changes is not None and audit else None,
            )
            for index in indexes
        )
        self._archived[saved.scenario.id] = (saved.incarnation, saved.change)
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
            base_media=order.base_media,
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

    def _changes_for(self, saved: SavedPoint, order: ArchiveOrder) -> list[tuple[Change, ...]] | None:
        """Change lists by root, or None when the replica cannot vouch for one.

        They may name more than changed before the point: what is the same after all costs a look.

        Raises:
            ArcxoError: AE1051 when the point holds too little for what the order builds on.
        """
        lists: list[list[Change]] | None = None
        if (
            order.base_session
            and order.base_incarnation == saved.incarnation
            and order.base_change >= saved.since
            and (saved.whole or order.verify not in _LOOKS_AT_EVERYTHING)
            and usable_base(
                order.base_media or order.media_path,
                order.base_session,
                order.base_incarnation,
                order.base_change,
                order.data_key,
            )
        ):
            if all(root.snapshot.partial for root in saved.roots):
                lists = [[] for _ in saved.roots]
            else:
                lists = self._listed(
                    saved.scenario.id, len(saved.roots), saved.incarnation, order.base_change
                )
        if lists is None:
            if saved.whole:
                return None
            raise ArcxoError("AE1051", point=order.point_id, since=saved.since, entity=order.entity)
        for index, root in enumerate(saved.roots):
            if root.snapshot.partial:
                lists[index] = [
                    Change(one.path, ChangeKind.SUBTREE if one.deep else ChangeKind.CHANGED)
                    for one in read_changes(root.snapshot)
                ]
        return [tuple(changes) for changes in lists]

    def _listed(
        self, scenario_id: int, roots: int, incarnation: str, change: int
    ) -> list[list[Change]] | None:
        found = self._engine.changed_since(scenario_id, incarnation, change)
        if found is None:
            return None
        lists: list[list[Change]] = [[] for _ in range(roots)]
        for root, path, kind in found:
            # Removed after the point, it is still there, and what had changed in it is not listed any more.
            lists[root].append(
                Change(path, ChangeKind.SUBTREE if kind == ChangeKind.REMOVED else ChangeKind(kind))
            )
        return lists

    def release_abandoned(self) -> None:
        """Give up every point that is not kept: its stream ended with the agent that served it.

        They cannot be used from now on; their snapshots go with the next `tend`, which may take its time.
        """
        for saved in self._files.all():
            if saved.kept or saved.released:
                continue
            try:
                self._files.write(saved.as_released())
            except OSError:
                self._release(saved.id)  # a full disk: this gives room

    def tend(self) -> None:
        """One look at all points; see the module. Call it every few seconds. Blocks while it removes."""
        self._finish_taking_over()
        self._release_idle()
        self._release_surplus()
        self._release_for_space()

    def _finish_taking_over(self) -> None:
        """Go on with what was begun before a crash, or could not be done."""
        for saved in self._files.all():
            if saved.absorbs:
                self._take_over(saved.id)

    def _release_surplus(self) -> None:
        """Of each scenario as many kept points stay as it says; the oldest go."""
        kept: dict[int, list[SavedPoint]] = {}
        for saved in kept_of(self._files.all()):
            kept.setdefault(saved.scenario.id, []).append(saved)
        for points in kept.values():
            surplus = len(points) - points[-1].scenario.properties.snapshots_to_keep
            for old in points[: max(0, surplus)]:
                self._give_up(old.id)

    def _give_up(self, point_id: str) -> bool:
        """Release a kept point; the one that stands on it stays what it is. Whether it is gone."""
        with self._releasing:
            points = self._files.all()
            saved = next((one for one in points if one.id == point_id), None)
            if saved is None:
                return False
            heir = heir_of(kept_of(points, saved.scenario.id), saved)
            if heir is None or not saved.whole:
                return self._release(point_id)
            begin_taking_over(self._files, heir, saved)
            return self._take_over(heir.id)

    def _take_over(self, heir_id: str) -> bool:
        with self._releasing:
            heir = self._files.find(heir_id)
            if heir is None:
                return False
            try:
                take_over(self._files, heir)
            except (ArcxoError, OSError) as error:
                _log.warning("a snapshot of %s could not be released: %s", heir.scenario.name, error)
                self._tell_unreleased(heir)
                return False
            self._told.discard(heir_id)
            return True

    def _release_idle(self) -> None:
        """Release points whose server has long been gone. An archive that runs asks for its point's sign."""
        now = time.monotonic()
        for saved in self._files.all():
            used_at = self._used_at.get(saved.id, self._started_at)
            if saved.released or (not saved.kept and now - used_at > _IDLE_S):
                self._release(saved.id)

    def _release_for_space(self) -> None:
        """Where a volume is short of space its oldest kept point goes; one a look, as space may show late."""
        helped: set[int] = set()
        for saved in sorted(kept_of(self._files.all()), key=lambda one: one.taken_at):
            found = saved.snapshots()
            place = found[0].container if found else b""
            try:
                volume = os.stat(place).st_dev
            except OSError:
                continue
            if volume in helped or not self._short_of_space(place):
                continue
            helped.add(volume)
            if self._give_up(saved.id):
                self._events.append(
                    "AW1002",
                    Severity.WARNING,
                    scenario_id=saved.scenario.id,
                    scenario_name=saved.scenario.name,
                    name=saved.scenario.name,
                    taken_at=saved.taken_at.isoformat(timespec="seconds"),
                    path=shown(os.path.dirname(place)),
                )

    def count(self, scenario_id: int) -> int:
        """The points there are of a scenario."""
        return sum(saved.scenario.id == scenario_id for saved in self._files.all())

    def forget(self, scenario_id: int) -> None:
        """Release all points of a scenario, the newest first.

        Raises BusyError ER00482 while a backup uses one, or when one cannot be released.
        """
        with self._releasing:
            mine = [saved for saved in self._files.all() if saved.scenario.id == scenario_id]
            for saved in mine:
                if not saved.kept and not saved.released:
                    cause = "a backup of it is under way"
                    raise BusyError("ER00482", scenario=saved.scenario.name, cause=cause)
            for saved in sorted(mine, key=lambda one: one.taken_at, reverse=True):
                if not self._release(saved.id):
                    cause = "a snapshot of it cannot be released"
                    raise BusyError("ER00482", scenario=saved.scenario.name, cause=cause)

    def touch(self, point_id: str) -> None:
        """The point is in use."""
        self._used_at[point_id] = time.monotonic()

    def _release_points_of(self, job_id: int) -> bool:
        """A job that begins again has lost its earlier point; whether there was one."""
        mine = [saved for saved in self._files.all() if saved.job_id == job_id and not saved.kept]
        for saved in mine:
            self._release(saved.id)
        return bool(mine)

    def _release(self, point_id: str) -> bool:
        """Remove the snapshots, then the file; returns whether it is gone.

        What cannot be removed stays known, is told as AE0461 once, and is tried again.
        """
        with self._releasing:
            saved = self._files.find(point_id)
            if saved is None:
                return False
            # A disk too full for this must not keep what fills it: after a crash the point is as it was.
            with contextlib.suppress(OSError):
                if not saved.released:
                    self._files.write(saved.as_released())
            try:
                for snapshot in saved.snapshots():
                    release(snapshot)
            except (ArcxoError, OSError) as error:
                _log.warning("a snapshot of %s could not be released: %s", saved.scenario.name, error)
                self._tell_unreleased(saved)
                return False
            self._files.remove(point_id)
            self._used_at.pop(point_id, None)
            self._told.discard(point_id)
            return True

    def _tell_unreleased(self, saved: SavedPoint) -> None:
        if saved.id in self._told:
            return
        self._told.add(saved.id)
        self._events.append(
            "AE0461",
            Severity.WARNING,
            scenario_id=saved.scenario.id,
            scenario_name=saved.scenario.name,
            name=saved.scenario.name,
            id=saved.scenario.id,
            host=saved.replica,
        )

    def check_fence(self, job_id: int, fence: int) -> None:
        """A server that lost its claim on a job must not go on with it. Raises BusyError AE1023."""
        with self._guard:
            newest = max(self._fences.get(job_id, 0), fence)
            self._fences[job_id] = newest
        if fence < newest:
            raise BusyError("AE1023", job=job_id)


def _keeps(scenario: Scenario) -> bool:
    return scenario.server_type is ServerType.FILE_SERVER and scenario.properties.snapshots_to_keep > 0


def is_short_of_space(path: bytes) -> bool:
    """Whether a volume has less free than a twentieth of it (10 GiB at most), in bytes or in inodes."""
    state = os.statvfs(path)
    free, whole = state.f_bavail * state.f_frsize, state.f_blocks * state.f_frsize
    few_inodes = state.f_files > 0 and state.f_favail < state.f_files * _FLOOR_FRACTION
    return free < min(whole * _FLOOR_FRACTION, _FLOOR_MAX_BYTES) or few_inodes


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
