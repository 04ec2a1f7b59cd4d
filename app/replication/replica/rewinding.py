"""Rewinding one replica: which points there are, what going back to one changes, and doing it."""

from __future__ import annotations

import heapq
import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from app.model.entry import order_key
from app.model.errors import ArcxoError, BusyError, NotFoundError, Problem
from app.model.events import Severity
from app.model.paths import is_beneath, shown
from app.model.rewind import PointKind, RewindAction, RewindItem, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import ReplicaState, Scenario
from app.replication.events import EventStore
from app.replication.replica.applied import StoredMark
from app.replication.replica.batch import Batch
from app.replication.replica.listing import list_root
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind import Rewinder
from app.replication.replica.rewind_choice import Undoing, entries_after
from app.replication.replica.rewind_listing import list_future
from app.replication.replica.rewind_plan import PlannedChange, plan, undo_on_paper
from app.replication.replica.rewind_points import find_point, master_path
from app.replication.replica.rewind_some import SomePaths
from app.replication.sync_frames import ListedEntry

PLAN_ITEMS_MAX = 1_000
_STREAM_END_S = 5.0


def plan_rewind(replica: Replica, point_id: str, paths: Sequence[bytes]) -> RewindPlan:
    """What `rewind` would change, exactly; see `ReplicaEngine.plan_rewind`."""
    with replica.lock:
        scenario, store = replica.opened()
        point = find_point(store, scenario, replica.name, point_id)
        return as_plan(
            scenario, point, _planned(store, entries_after(store, point.change), chosen(scenario, paths))
        )


def rewind(
    replica: Replica, events: EventStore, point_id: str, paths: Sequence[bytes]
) -> tuple[RewindResult, int]:
    """Take the replica back; see `ReplicaEngine.rewind`. Also the change number of the state it led to."""
    # The stream of a scenario that has just been stopped is still being closed here.
    replica.stream_ended.wait(_STREAM_END_S)
    with replica.lock:
        if replica.streaming:
            raise BusyError("ER00416", scenario=replica.label)
        scenario, store = replica.opened()
        point = find_point(store, scenario, replica.name, point_id)
        undoing, some = entries_after(store, point.change), chosen(scenario, paths)
        planned = as_plan(scenario, point, _planned(store, undoing, some))
        now = datetime.now(UTC)
        before = RewindPoint(
            secrets.token_hex(8), PointKind.REWIND, now, store.change, replica.name, _undo_text(point)
        )
        problems: list[Problem] = []

        def work(batch: Batch) -> None:
            store.index.add_mark(StoredMark(before.id, before.kind, before.text, now, before.change))
            problems.extend(undo_some(batch, undoing, some) if some else undo(batch, undoing))

        replica.state = ReplicaState.REWINDING
        try:
            problems += replica.applier.run(work)
        finally:
            replica.state = ReplicaState.STOPPED
        replica.report(events, problems)
        events.append(
            "SR00410",
            Severity.SIGNIFICANT,
            scenario_id=scenario.id,
            scenario_name=scenario.name,
            point=point.text or point.id,
            count=sum(planned.counts.values()),
        )
        return RewindResult(point, planned.counts, before), store.change


def _undo_text(point: RewindPoint) -> str:
    """What the point is called that takes a rewind to `point` back."""
    named = point.text if point.kind in (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK) else ""
    return f"before rewinding to {named or point.at.strftime('%Y-%m-%d %H:%M:%S')}"


def add_point(replica: Replica, kind: PointKind, text: str) -> RewindPoint:
    """Make a point of the state now, durably; the caller holds the replica's lock.

    Raises ArcxoError ER00408 when the disk fails; there is no such point then.
    """
    _, store = replica.opened()
    now = datetime.now(UTC)
    position = store.index.position
    mark = StoredMark(secrets.token_hex(8), kind, text, now, store.change)
    store.index.add_mark(mark)
    try:
        store.commit(position.epoch, position.sequence, position.sync_batches)
    except sqlite3.Error as error:
        store.index.discard()
        raise ArcxoError("ER00408", path=shown(store.log.directory), cause=str(error)) from error
    return RewindPoint(mark.id, kind, now, mark.change, replica.name, text)


def list_after_rewind(
    replica: Replica, point_id: str, paths: Sequence[bytes], root: int
) -> Iterator[ListedEntry]:
    """The listing of a root as it will be once the replica is rewound; the caller holds its lock."""
    scenario, store = replica.opened()
    point = find_point(store, scenario, replica.name, point_id)
    undoing, some = entries_after(store, point.change), chosen(scenario, paths)
    future = list_future(undo_on_paper(store, undoing)[root], marked=True)
    if not paths:
        yield from future
        return
    here = [path for at, path in some if at == root]
    now = list_root(store.trees[root].tree)
    for _, (is_future, entry) in heapq.merge(
        ((order_key(entry.path), (False, entry)) for entry in now),
        ((order_key(entry.path), (True, entry)) for entry in future),
        key=lambda item: item[0],
    ):
        if is_future == any(is_beneath(entry.path, one) for one in here):
            yield entry


def undo(batch: Batch, undoing: Undoing) -> list[Problem]:
    """Plan all of `undoing` into `batch`; returns what could not be taken back."""
    store = batch.store
    first = store.change + 1
    rewinder = Rewinder(batch)
    rewinder.rewind(undoing)
    if not rewinder.problems and store.change >= first:
        store.index.add_rewound(first, store.change)
    return rewinder.problems


def undo_some(batch: Batch, undoing: Undoing, some: set[tuple[int, bytes]]) -> list[Problem]:
    """Plan making only these (root, path) what they are after all of `undoing`; what could not be done."""
    problems: list[Problem] = []
    for paths in some_paths(batch.store, undoing, some):
        problems += paths.carry_out(batch)
    return problems


def some_paths(store: ReplicaStore, undoing: Undoing, some: set[tuple[int, bytes]]) -> list[SomePaths]:
    """The chosen paths, root by root."""
    roots = sorted({root for root, _ in some})
    return [
        SomePaths(store, store.trees[root], {path for at, path in some if at == root}, undoing)
        for root in roots
    ]


def chosen(scenario: Scenario, paths: Sequence[bytes]) -> set[tuple[int, bytes]]:
    """(root, relative path) of master paths. Raises NotFoundError ER00419 for a foreign one."""
    found = set()
    for path in paths:
        for index, root in enumerate(scenario.roots):
            if is_beneath(path, root.master_path):
                found.add((index, path[len(root.master_path.rstrip(b"/")) + 1 :]))
                break
        else:
            raise NotFoundError("ER00419", path=shown(path), scenario=scenario.name)
    return found


def as_plan(scenario: Scenario, point: RewindPoint, changes: Sequence[PlannedChange]) -> RewindPlan:
    """Planned changes for people: counts of all, the first ones by path."""
    counts: dict[RewindAction, int] = {}
    items: list[RewindItem] = []
    size = 0
    for change in changes:
        counts[change.action] = counts.get(change.action, 0) + 1
        size += change.size_bytes if change.action is not RewindAction.DELETE else 0
        if len(items) < PLAN_ITEMS_MAX:
            whole = master_path(scenario, change.root, change.path)
            came_from = master_path(scenario, change.root, change.came_from) if change.came_from else b""
            items.append(RewindItem(whole, change.action, change.size_bytes, came_from))
    return RewindPlan(point, counts, tuple(items), len(changes) > len(items), size)


def _planned(store: ReplicaStore, undoing: Undoing, some: set[tuple[int, bytes]]) -> list[PlannedChange]:
    if not some:
        return plan(store, undoing)
    return [change for paths in some_paths(store, undoing, some) for change in paths.plan()]
