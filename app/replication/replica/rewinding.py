"""Rewinding one replica: which points there are, what going back to one changes, and doing it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from app.model.errors import BusyError, NotFoundError, Problem
from app.model.events import Severity
from app.model.paths import is_beneath, shown
from app.model.rewind import PointKind, RewindAction, RewindItem, RewindPlan, RewindPoint, RewindResult
from app.model.scenario import ReplicaState, Scenario
from app.replication.events import EventStore
from app.replication.replica.applied import StoredMark
from app.replication.replica.batch import Batch
from app.replication.replica.replica import Replica
from app.replication.replica.rewind import Rewinder
from app.replication.replica.rewind_choice import Undoing, entries_about, entries_after
from app.replication.replica.rewind_listing import list_future
from app.replication.replica.rewind_plan import PlannedChange, plan, undo_on_paper
from app.replication.replica.rewind_points import find_point, master_path
from app.replication.sync_frames import ListedEntry

PLAN_ITEMS_MAX = 1_000


def plan_rewind(replica: Replica, point_id: str, paths: Sequence[bytes]) -> RewindPlan:
    """What `rewind` would change, exactly; see `ReplicaEngine.plan_rewind`."""
    with replica.lock:
        scenario, store = replica.opened()
        point = find_point(store, scenario, replica.name, point_id)
        return as_plan(scenario, point, plan(store, _undoing(replica, point, paths)))


def rewind(
    replica: Replica, events: EventStore, point_id: str, paths: Sequence[bytes]
) -> tuple[RewindResult, int]:
    """Take the replica back; see `ReplicaEngine.rewind`. Also the change number of the state it led to."""
    with replica.lock:
        if replica.streaming:
            raise BusyError("ER00416", scenario=replica.label)
        scenario, store = replica.opened()
        point = find_point(store, scenario, replica.name, point_id)
        undoing = _undoing(replica, point, paths)
        planned = as_plan(scenario, point, plan(store, undoing))
        now = datetime.now(UTC)
        before = RewindPoint(
            secrets.token_hex(8), PointKind.REWIND, now, store.change, replica.name, f"before {point_id}"
        )
        problems: list[Problem] = []

        def work(batch: Batch) -> None:
            store.index.add_mark(StoredMark(before.id, before.kind, before.text, now, before.change))
            problems.extend(undo(batch, undoing))

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


def add_point(replica: Replica, kind: PointKind, text: str) -> RewindPoint:
    """Make a point of the state now, durably; the caller holds the replica's lock."""
    _, store = replica.opened()
    now = datetime.now(UTC)
    position = store.index.position
    mark = StoredMark(secrets.token_hex(8), kind, text, now, store.change)
    store.index.add_mark(mark)
    store.commit(position.epoch, position.sequence, position.sync_batches)
    return RewindPoint(mark.id, kind, now, mark.change, replica.name, text)


def list_after_rewind(
    replica: Replica, point_id: str, paths: Sequence[bytes], root: int
) -> Iterator[ListedEntry]:
    """The listing of a root as it will be once the replica is rewound; the caller holds its lock."""
    scenario, store = replica.opened()
    point = find_point(store, scenario, replica.name, point_id)
    yield from list_future(undo_on_paper(store, _undoing(replica, point, paths))[root])


def undo(batch: Batch, undoing: Undoing) -> list[Problem]:
    """Plan all of `undoing` into `batch`; returns what could not be taken back."""
    store = batch.store
    first = store.change + 1
    rewinder = Rewinder(batch, whole=undoing.whole)
    rewinder.rewind(undoing)
    if undoing.whole and not rewinder.problems and store.change >= first:
        store.index.add_rewound(first, store.change)
    return rewinder.problems


def chosen_paths(scenario: Scenario, paths: Sequence[bytes]) -> set[tuple[int, bytes]]:
    """(root, relative path) of master paths. Raises NotFoundError ER00419 for a foreign one."""
    chosen = set()
    for path in paths:
        for index, root in enumerate(scenario.roots):
            if is_beneath(path, root.master_path):
                chosen.add((index, path[len(root.master_path.rstrip(b"/")) + 1 :]))
                break
        else:
            raise NotFoundError("ER00419", path=shown(path), scenario=scenario.name)
    return chosen


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
            items.append(RewindItem(whole, change.action, change.size_bytes))
    return RewindPlan(point, counts, tuple(items), len(changes) > len(items), size)


def _undoing(replica: Replica, point: RewindPoint, paths: Sequence[bytes]) -> Undoing:
    scenario, store = replica.opened()
    if not paths:
        return entries_after(store, point.change)
    return entries_about(store, point.change, chosen_paths(scenario, paths))
