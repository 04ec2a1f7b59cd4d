"""The points a replica can be taken back to, and finding one by what a person wrote."""

from __future__ import annotations

import heapq
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from app.model.errors import NotFoundError
from app.model.paths import is_beneath
from app.model.rewind import PointKind, RewindDensity, RewindPoint
from app.model.scenario import Scenario
from app.replication.replica.applied import SYNC_BEGIN, StoredMark
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_index import Wanted
from app.replication.replica.steps import NAMES, Operation
from app.replication.replica.undo_log import UndoHeader

BEFORE = "before:"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WORDS = {
    Operation.CONTENT: "write",
    Operation.BLOCKS: "write",
    Operation.ENTRY: "create",
    Operation.LINK: "link",
    Operation.REMOVE: "remove",
    Operation.RENAME: "rename",
    Operation.METADATA: "metadata",
    Operation.REWIND: "rewind",
    Operation.RESTORE: "restore",
    Operation.TREE: "create",
    Operation.REPAIR: "restore",
    Operation.OVERWRITE: "write",
}


@dataclass(frozen=True, slots=True)
class PointFilter:
    """Which points. `path` is the master's, absolute: of operations only those at or beneath it.

    Marks (bookmarks, …) are about everything, so a path leaves them in. `after` is the id of the last point
    of the page before.
    """

    kinds: tuple[PointKind, ...] = ()
    path: bytes = b""
    since: datetime | None = None
    until: datetime | None = None
    after: str = ""


def master_path(scenario: Scenario, root: int, path: bytes) -> bytes:
    """The master's absolute path of a relative one."""
    if root >= len(scenario.roots):
        return path
    base = scenario.roots[root].master_path
    return base.rstrip(b"/") + b"/" + path if path else base


def points_newest_first(
    store: ReplicaStore, scenario: Scenario, replica: str, wanted: PointFilter = PointFilter()
) -> Iterator[RewindPoint]:
    """All points that can still be reached.

    Raises:
        NotFoundError: ER00417 the point of `after` is no longer there, ER00419 a path outside the roots.
    """
    start = _key_of(store, scenario, wanted.after) if wanted.after else None
    marks = _marks(store, replica, wanted, start)
    if wanted.kinds and PointKind.OPERATION not in wanted.kinds:
        merged: Iterator[tuple[tuple[int, int, int], RewindPoint]] = marks
    else:
        operations = _operations(store, scenario, replica, wanted, start)
        merged = heapq.merge(marks, operations, key=lambda item: item[0])
    for _, point in merged:
        yield point


def density(
    store: ReplicaStore, scenario: Scenario, path: bytes, since: datetime, until: datetime, parts: int
) -> RewindDensity:
    """How many changes at or beneath `path` (b"" = any) were applied when; see `RewindDensity`.

    Raises:
        NotFoundError: ER00419 a path outside the roots.
    """
    root, inner = _root_of(scenario, path)
    query = Wanted(None, _ns(since), _end_ns(until), root, inner)
    try:
        store.rewind_index.update(store.log, store.index.position.change)
        counts, oldest_ns = store.rewind_index.density(query, parts), store.rewind_index.oldest_ns()
    except sqlite3.OperationalError:
        # No room for an index: the log itself tells the same, slower.
        counts, oldest_ns = _counted(store, query, parts)
    oldest = None if oldest_ns is None else _EPOCH + timedelta(microseconds=oldest_ns // 1000)
    return RewindDensity(since, until, tuple(counts), oldest)


def _counted(store: ReplicaStore, query: Wanted, parts: int) -> tuple[list[int], int | None]:
    assert query.since_ns is not None
    assert query.until_ns is not None
    width = max(1, -(-(query.until_ns - query.since_ns) // parts))
    counts = [0] * parts
    oldest_ns = None
    for header in store.log.headers_newest_first():
        oldest_ns = header.at_ns
        if _matches(header, query):
            counts[min(parts - 1, (header.at_ns - query.since_ns) // width)] += 1
    return counts, oldest_ns


def _marks(
    store: ReplicaStore, replica: str, wanted: PointFilter, start: tuple[int, int, int] | None
) -> Iterator[tuple[tuple[int, int, int], RewindPoint]]:
    oldest = store.oldest_change()
    for number, mark in enumerate(store.index.marks()):
        key = (-mark.change, 0, number)
        if (
            mark.change < oldest - 1
            or (start is not None and key <= start)
            or (wanted.kinds and mark.kind not in wanted.kinds)
            or (wanted.since is not None and mark.at < wanted.since)
            or (wanted.until is not None and mark.at > wanted.until)
        ):
            continue
        yield key, RewindPoint(_id_of(mark), mark.kind, mark.at, mark.change, replica, mark.text)


def _id_of(mark: StoredMark) -> str:
    """The id of a point: of a synchronisation, which has one for both its ends, that is its end."""
    begins = mark.kind is PointKind.SYNCHRONIZATION and mark.text == SYNC_BEGIN
    return f"{BEFORE}{mark.id}" if begins else mark.id


def _operations(
    store: ReplicaStore,
    scenario: Scenario,
    replica: str,
    wanted: PointFilter,
    start: tuple[int, int, int] | None,
) -> Iterator[tuple[tuple[int, int, int], RewindPoint]]:
    root, path = _root_of(scenario, wanted.path)
    below = None
    if start is not None:
        below = -start[0] + (1 if start[1] == 0 else 0)
    query = Wanted(below, _ns(wanted.since), _end_ns(wanted.until), root, path)
    for header in _headers(store, query):
        if path and not _has(store, header, path):
            continue
        point = RewindPoint(
            f"c{header.change}",
            PointKind.OPERATION,
            _EPOCH + timedelta(microseconds=header.at_ns // 1000),
            header.change,
            replica,
            "",
            master_path(scenario, header.root, header.path),
            _WORDS.get(Operation(header.operation), "write"),
            master_path(scenario, header.root, header.new_path) if header.new_path else b"",
        )
        yield (-header.change, 1, 0), point


def _has(store: ReplicaStore, header: UndoHeader, path: bytes) -> bool:
    """Whether the directory that an operation made around `path` came with it, or with something in it."""
    if header.operation != Operation.TREE or not path.startswith(header.path + b"/"):
        return True
    inner = path[len(header.path) + 1 :]
    for step in store.log.steps_of(header.change):
        if step[0] == NAMES:
            return any(name == inner or name.startswith(inner + b"/") for name in step[3])
    return False


def _headers(store: ReplicaStore, query: Wanted) -> Iterator[UndoHeader]:
    try:
        store.rewind_index.update(store.log, store.index.position.change)
        yield from store.rewind_index.operations(query)
    except sqlite3.OperationalError:
        # No room for an index: the log itself tells the same, slower.
        for header in store.log.headers_newest_first():
            if _matches(header, query):
                yield header


def _matches(header: UndoHeader, query: Wanted) -> bool:
    prefix = query.path + b"/"
    return (
        (query.below is None or header.change < query.below)
        and (query.since_ns is None or header.at_ns >= query.since_ns)
        and (query.until_ns is None or header.at_ns <= query.until_ns)
        and (query.root < 0 or header.root == query.root)
        and (
            not query.path
            or (header.operation == Operation.TREE and query.path.startswith(header.path + b"/"))
            or any(name == query.path or name.startswith(prefix) for name in (header.path, header.new_path))
        )
    )


def _root_of(scenario: Scenario, path: bytes) -> tuple[int, bytes]:
    if not path:
        return -1, b""
    for number, root in enumerate(scenario.roots):
        if is_beneath(path, root.master_path):
            return number, path[len(root.master_path.rstrip(b"/")) + 1 :]
    if any(is_beneath(root.master_path, path) for root in scenario.roots):
        return -1, b""
    raise NotFoundError("ER00419", path=path.decode("utf-8", "replace"), scenario=scenario.name)


def _key_of(store: ReplicaStore, scenario: Scenario, point_id: str) -> tuple[int, int, int]:
    for number, mark in enumerate(store.index.marks()):
        if _id_of(mark) == point_id:
            return -mark.change, 0, number
    if point_id[:1] == "c" and point_id[1:].isdecimal():
        return -int(point_id[1:]), 1, 0
    raise NotFoundError("ER00417", point=point_id, scenario=scenario.name)


def find_point(store: ReplicaStore, scenario: Scenario, replica: str, wanted: str) -> RewindPoint:
    """The point with this id, bookmark text or UTC time (the state at that moment).

    `before:` in front of the id of an operation, or a synchronisation, means the state just before it.

    Raises:
        NotFoundError: ER00417 when there is none, or it is older than what the rewind log holds.
    """
    marks = [point for _, point in _marks(store, replica, PointFilter(), None)]
    for point in marks:
        if point.id == wanted:
            return point
    for point in marks:
        if point.text and point.text == wanted:
            return point
    number = wanted.removeprefix(BEFORE)
    if number[:1] == "c" and number[1:].isdecimal():
        change = int(number[1:]) - (1 if wanted.startswith(BEFORE) else 0)
        if store.oldest_change() - 1 <= change <= store.change:
            return RewindPoint(wanted, PointKind.OPERATION, _time_of(store, change), change, replica)
    moment = _moment(wanted)
    if moment is not None:
        return _point_at(store, scenario, replica, wanted, moment)
    raise NotFoundError("ER00417", point=wanted, scenario=scenario.name)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _time_of(store: ReplicaStore, change: int) -> datetime:
    for header in _headers(store, Wanted(below=change + 1)):
        return _EPOCH + timedelta(microseconds=header.at_ns // 1000)
    return datetime.now(UTC)


def _ns(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def _end_ns(moment: datetime | None) -> int | None:
    """The last nanosecond that is shown as `moment`."""
    start = _ns(moment)
    return None if start is None else start + 999


def _point_at(
    store: ReplicaStore, scenario: Scenario, replica: str, wanted: str, moment: datetime
) -> RewindPoint:
    for header in _headers(store, Wanted(until_ns=_end_ns(moment))):
        return RewindPoint(wanted, PointKind.OPERATION, moment, header.change, replica)
    marks = _marks(store, replica, PointFilter(until=moment), None)
    for _, point in marks:
        return replace(point, id=wanted)
    if not store.log.segments():
        return RewindPoint(wanted, PointKind.OPERATION, moment, store.change, replica)
    raise NotFoundError("ER00417", point=wanted, scenario=scenario.name)
