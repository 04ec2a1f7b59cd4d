"""Backup points: a replica frozen once, archived entity by entity, released or kept.

Each point is a file of `engine/points`. It is written before its first snapshot is made, so that whatever a
crash leaves is known and released at the next start of the agent. `PointReleases` does the rest: it releases
points whose server is gone, tries again what could not be released, and gives up kept snapshots, oldest
first, before their volume runs out of space.
"""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.agent.api import ArchiveOrder, BackupPoint
from app.agent.freezing import Freezing
from app.agent.home import AgentHome
from app.agent.point_chain import base_for, base_of, kept_of
from app.agent.point_compare import compared_with_kept
from app.agent.point_files import PointFiles, SavedPoint, SavedRoot
from app.agent.point_releases import PointReleases, is_short_of_space
from app.agent.point_rules import builds_on, keeps_snapshots, provider_for
from app.agent.point_views import as_point, manifests_of, task_of
from app.backup.api import Change, ChangeKind, usable_base
from app.messages import render
from app.model.errors import ArcxoError, BusyError, NotFoundError
from app.model.job import VerifyMode
from app.model.media import Consistency
from app.model.rewind import PointKind
from app.model.scenario import Scenario
from app.replication.events import EventStore
from app.replication.replica.engine import LOOK_WAIT_S, FrozenReplica, ReplicaEngine
from app.snapshot.api import Snapshot, SnapshotProvider
from app.snapshot.hardlink import HardLinkProvider
from app.snapshot.rolling import read_changes, write_changes

_LOOKS_AT_EVERYTHING = (VerifyMode.COMPARE, VerifyMode.AUDIT)


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
        self._files = PointFiles(home.directory("points"))
        self.releases = PointReleases(self._files, events, short_of_space or is_short_of_space)
        self._guard = threading.Lock()
        self._fences: dict[int, int] = {}
        self._freezings: dict[str, Freezing] = {}
        # (incarnation, change) of the last point of a scenario that was archived: the next one's base.
        self._archived: dict[int, tuple[str, int]] = {}

    def begin(
        self,
        scenario: Scenario,
        replica: str,
        entities: tuple[tuple[str, tuple[int, ...]], ...],
        job_id: int,
        fence: int,
        *,
        early: bool = False,
    ) -> BackupPoint:
        """Freeze the replica; it applies on as soon as the snapshots exist.

        Only what changed since the last point is frozen, where that is known; for a job that begins again,
        everything. With `early` it returns when that is begun, where an archive can follow it: `archive_task`
        says so, and `frozen` waits for the rest, with the errors that come of it.

        Raises:
            ArcxoError: AE0460 when a snapshot cannot be made; nothing of it is left.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self.check_fence(job_id, fence)
        again = self._release_points_of(job_id)
        kept = kept_of(self._files.all(), scenario.id)
        bases = [(one.incarnation, one.change) for one in kept[-1:]]
        if scenario.id in self._archived:
            bases.append(self._archived[scenario.id])
        # What others changed is looked at before anything is held up by it.
        listed = not again and bool(bases) and self._engine.knows_changes(scenario.id, bases)

        def make(freezing: Freezing | None) -> SavedPoint:
            return self._make(
                freezing, scenario, replica, entities, (job_id, fence), kept if listed else None, again=again
            )

        if not early:
            return as_point(make(None))
        freezing = Freezing()
        freezing.start(make)
        return as_point(freezing.point())

    def _make(
        self,
        freezing: Freezing | None,
        scenario: Scenario,
        replica: str,
        entities: tuple[tuple[str, tuple[int, ...]], ...],
        job: tuple[int, int],
        kept: list[SavedPoint] | None,
        *,
        again: bool,
    ) -> SavedPoint:
        """`kept`: the points that it may stand on by its list of changes; None where there is none.

        `again`: everything is wanted.
        """
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
                job_id=job[0],
                fence=job[1],
                entities=entities,
            )
            try:
                self.releases.touch(saved.id)
                changes = self._frozen_changes(frozen, kept) if kept is not None else None
                if changes is None and not again and keeps_snapshots(scenario):
                    saved, changes = self._compared(saved, frozen)
                saved = self._make_snapshots(saved, frozen, changes, freezing)
                self._engine.add_point(scenario.id, PointKind.SNAPSHOT, f"backup job {job[0]}")
            except (ArcxoError, OSError) as error:
                self.releases.release(saved.id)
                raise ArcxoError(
                    "AE0460", name=scenario.name, id=scenario.id, host=replica, reason=_reason(error)
                ) from error
            except BaseException:
                self.releases.release(saved.id)
                raise
        return saved

    def _frozen_changes(
        self, frozen: FrozenReplica, kept: list[SavedPoint]
    ) -> tuple[int, list[list[Change]]] | None:
        """(since which change, what changed by root): all that need be frozen; None for everything."""
        scenario = frozen.scenario
        archived = self._archived.get(scenario.id)
        since = [archived[1]] if archived is not None and archived[0] == frozen.incarnation else []
        if keeps_snapshots(scenario):
            base = base_for(kept, scenario, frozen.incarnation, frozen.roots)
            if base is None:
                return None
            since.append(base.change)
        if not since:
            return None
        lists = self._listed(scenario.id, len(frozen.roots), frozen.incarnation, min(since), looked=True)
        if lists is None or any(
            not one.path and one.kind is not ChangeKind.CHANGED for changes in lists for one in changes
        ):
            return None
        return min(since), lists

    def _compared(
        self, saved: SavedPoint, frozen: FrozenReplica
    ) -> tuple[SavedPoint, tuple[int, list[list[Change]]] | None]:
        """Without change numbers: what differs from the last kept point, where it can be told."""
        for root, side in zip(frozen.roots, frozen.sides, strict=True):
            if provider_for(root, side)[0].name != HardLinkProvider.name:
                return saved, None
        with self.releases.lock:
            found = compared_with_kept(frozen, kept_of(self._files.all(), frozen.scenario.id))
        if found is None:
            return saved, None
        newest, lists = found
        return replace(saved, against=(newest.incarnation, newest.change)), (newest.change, lists)

    def _make_snapshots(
        self,
        saved: SavedPoint,
        frozen: FrozenReplica,
        changes: tuple[int, list[list[Change]]] | None,
        freezing: Freezing | None,
    ) -> SavedPoint:
        if changes is None and freezing is not None:
            foreseen = self._foreseen(saved, frozen)
            if foreseen is not None:
                return self._make_followed(saved, foreseen, freezing)
        for index, (root, side) in enumerate(zip(frozen.roots, frozen.sides, strict=True)):
            provider, area = provider_for(root, side)
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

    def _foreseen(
        self, saved: SavedPoint, frozen: FrozenReplica
    ) -> list[tuple[SnapshotProvider, Snapshot]] | None:
        """The snapshots of all roots, where an archive can follow each."""
        found = []
        for index, (root, side) in enumerate(zip(frozen.roots, frozen.sides, strict=True)):
            provider, area = provider_for(root, side)
            snapshot = provider.foreseen(root, area, f"{saved.id}-{index}")
            if snapshot is None:
                return None
            found.append((provider, snapshot))
        return found

    def _make_followed(
        self, saved: SavedPoint, foreseen: list[tuple[SnapshotProvider, Snapshot]], freezing: Freezing
    ) -> SavedPoint:
        """All are known before any exists; what a crash leaves of them is released as any other."""
        roots = tuple(
            SavedRoot(root.master_path, snapshot)
            for root, (_, snapshot) in zip(saved.scenario.roots, foreseen, strict=True)
        )
        saved = replace(saved, provider=foreseen[0][0].name, roots=roots)
        self._files.write(saved)
        freezing.undrifted = self._engine.drift(saved.scenario.id, 0).count == 0
        self._freezings[saved.id] = freezing
        freezing.begun(saved)
        for provider, snapshot in foreseen:
            provider.create(snapshot.root, os.path.dirname(snapshot.container), snapshot.id, None)
        return saved

    def frozen(self, point_id: str) -> None:
        """Wait until all of a point is frozen. Raises what making it raised."""
        freezing = self._freezings.get(point_id)
        if freezing is not None:
            freezing.made()

    def _settle(self, point_id: str) -> None:
        """Wait until a point is made or failed, and forget how."""
        freezing = self._freezings.get(point_id)
        if freezing is not None:
            freezing.ended()
            self._freezings.pop(point_id, None)

    def prove_quiet(self, point_id: str) -> BackupPoint | None:
        """Nothing was written to the master's roots during the cut, and the replica had everything.

        None when the point is gone. A replica that others changed is not the master's state: it stays fuzzy.
        """
        with self.releases.lock:
            saved = self._files.find(point_id)
            if saved is None:
                return None
            freezing = self._freezings.get(point_id)
            # The replica itself answers when it is frozen.
            if freezing.undrifted if freezing else self._engine.drift(saved.scenario.id, 0).count == 0:
                saved = replace(saved, consistency=Consistency.QUIET)
                self._files.write(saved)
            return as_point(saved)

    def end(self, point_id: str, *, keep: bool) -> None:
        """Release the point, or keep its snapshots for later. Repeated calls do nothing.

        Kept ones beyond the scenario's number are released by the next `tend`, oldest first. Waits for a
        point that is still being made.
        """
        self._settle(point_id)
        with self.releases.lock:
            saved = self._files.find(point_id)
            if saved is None:
                return
            if not keep:
                self.releases.release(point_id)
                return
            base = None
            if not saved.whole:
                base = base_of(kept_of(self._files.all(), saved.scenario.id), saved)
                if base is None:
                    self.releases.release(point_id)  # what it stood on was given up meanwhile
                    return
            self._files.write(saved.as_kept(base.id if base is not None else ""))
            self.releases.leave(point_id)

    def look_waited_for(self, order: ArchiveOrder) -> float:
        """Seconds that `archive_task` may wait for the look at all paths of the replica; 0 = not at all."""
        if not order.base_session or order.verify not in _LOOKS_AT_EVERYTHING:
            return 0.0
        saved = self._files.find(order.point_id)
        if saved is None or not saved.whole or not builds_on(saved, order):
            return 0.0
        return LOOK_WAIT_S if self._engine.is_look_awaited(saved.scenario.id) else 0.0

    def archive_task(self, order: ArchiveOrder) -> tuple[Any, dict[bytes, bytes]]:
        """(the task of one entity, manifest file by master path).

        Raises:
            NotFoundError: AE1024 for a point or an entity that is not there.
            BusyError: AE1023 for a job that another server has taken over.
        """
        self.check_fence(order.job_id, order.fence)
        self.releases.touch(order.point_id)
        freezing = self._freezings.get(order.point_id)
        if freezing is not None and freezing.failed:
            freezing.made()
        saved = self._files.find(order.point_id)
        indexes = dict(saved.entities).get(order.entity) if saved is not None else None
        if saved is None or indexes is None or saved.released:
            raise NotFoundError("AE1024", point=order.point_id, entity=order.entity)
        changes = self._changes_for(saved, order)
        if freezing is not None and changes is not None:
            freezing.made()  # a list is looked up in a manifest that is whole
        self._archived[saved.scenario.id] = (saved.incarnation, saved.change)
        task = task_of(saved, order, indexes, changes, following=freezing is not None and changes is None)
        return task, manifests_of(saved, indexes)

    def _changes_for(self, saved: SavedPoint, order: ArchiveOrder) -> list[tuple[Change, ...]] | None:
        """Change lists by root, or None when the replica cannot vouch for one.

        They may name more than changed before the point: what is the same after all costs a look.

        Raises:
            ArcxoError: AE1051 when the point holds too little for what the order builds on.
        """
        lists: list[list[Change]] | None = None
        if (
            order.base_session
            and builds_on(saved, order)
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
                lists = self._listed_for(saved, order)
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

    def _listed_for(self, saved: SavedPoint, order: ArchiveOrder) -> list[list[Change]] | None:
        """What changed since an order's base; what is to prove the list needs the look at all paths."""
        base = (saved.incarnation, order.base_change)
        looked = order.verify not in _LOOKS_AT_EVERYTHING
        if looked and not self._engine.knows_changes(saved.scenario.id, [base]):
            return None
        return self._listed(saved.scenario.id, len(saved.roots), *base, looked=looked)

    def _listed(
        self, scenario_id: int, roots: int, incarnation: str, change: int, *, looked: bool
    ) -> list[list[Change]] | None:
        found = self._engine.changed_since(scenario_id, incarnation, change, looked=looked)
        if found is None:
            return None
        lists: list[list[Change]] = [[] for _ in range(roots)]
        for root, path, kind in found:
            # Removed after the point, it is still there, and what had changed in it is not listed any more.
            lists[root].append(
                Change(path, ChangeKind.SUBTREE if kind == ChangeKind.REMOVED else ChangeKind(kind))
            )
        return lists

    def count(self, scenario_id: int) -> int:
        """The points there are of a scenario."""
        return sum(saved.scenario.id == scenario_id for saved in self._files.all())

    def _release_points_of(self, job_id: int) -> bool:
        """A job that begins again has lost its earlier point; whether there was one."""
        mine = [saved for saved in self._files.all() if saved.job_id == job_id and not saved.kept]
        for saved in mine:
            self._settle(saved.id)
            self.releases.release(saved.id)
        return bool(mine)

    def check_fence(self, job_id: int, fence: int) -> None:
        """A server that lost its claim on a job must not go on with it. Raises BusyError AE1023."""
        with self._guard:
            newest = max(self._fences.get(job_id, 0), fence)
            self._fences[job_id] = newest
        if fence < newest:
            raise BusyError("AE1023", job=job_id)


def _reason(error: ArcxoError | OSError) -> str:
    """What refused, in the words of the system where it has some."""
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error.params.get("cause") or render(error.code, error.params).text)
