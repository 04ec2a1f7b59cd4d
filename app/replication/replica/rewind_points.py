"""The points a replica can be taken back to, and finding one by what a person wrote."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from app.model.errors import NotFoundError
from app.model.paths import is_beneath
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import Scenario
from app.replication.replica.replica_store import ReplicaStore

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def master_path(scenario: Scenario, root: int, path: bytes) -> bytes:
    """The master's absolute path of a relative one."""
    if root >= len(scenario.roots):
        return path
    base = scenario.roots[root].master_path
    return base.rstrip(b"/") + b"/" + path if path else base


def points_newest_first(
    store: ReplicaStore, scenario: Scenario, replica: str, kinds: Sequence[PointKind] = (), path: bytes = b""
) -> Iterator[RewindPoint]:
    """All points that can still be reached; of operations only those at or beneath the master's `path`."""
    oldest = store.oldest_change()
    marks = (
        (
            -mark.change,
            0,
            number,
            RewindPoint(mark.id, mark.kind, mark.at, mark.change, replica, mark.text),
        )
        for number, mark in enumerate(store.index.marks())
        if mark.change >= oldest - 1
        and (not kinds or mark.kind in kinds)
        and (not path or mark.kind is not PointKind.OPERATION)
    )
    operations = (
        (
            -header.change,
            1,
            0,
            RewindPoint(
                f"c{header.change}",
                PointKind.OPERATION,
                _EPOCH + timedelta(microseconds=header.at_ns // 1000),
                header.change,
                replica,
                "",
                master_path(scenario, header.root, header.path),
            ),
        )
        for header in store.log.headers_newest_first()
        if not path
        or is_beneath(master_path(scenario, header.root, header.path), path)
        or (header.new_path and is_beneath(master_path(scenario, header.root, header.new_path), path))
    )
    if kinds and PointKind.OPERATION not in kinds:
        merged: Iterator[tuple[int, int, int, RewindPoint]] = iter(marks)
    else:
        merged = heapq.merge(marks, operations, key=lambda item: item[:3])
    for *_, point in merged:
        yield point


def find_point(store: ReplicaStore, scenario: Scenario, replica: str, wanted: str) -> RewindPoint:
    """The point with this id, bookmark text or UTC time (the state at that moment).

    Raises:
        NotFoundError: ER00417 when there is none, or it is older than what the rewind log holds.
    """
    marks = list(points_newest_first(store, scenario, replica, list(set(PointKind) - {PointKind.OPERATION})))
    for point in marks:
        if point.id == wanted:
            return point
    for point in marks:
        if point.text and point.text == wanted:
            return point
    if wanted[:1] == "c" and wanted[1:].isdecimal():
        change = int(wanted[1:])
        if store.oldest_change() - 1 <= change <= store.change:
            return RewindPoint(wanted, PointKind.OPERATION, datetime.now(UTC), change, replica)
    moment = _moment(wanted)
    if moment is not None:
        return _point_at(store, replica, wanted, moment)
    raise NotFoundError("ER00417", point=wanted, scenario=scenario.name)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _point_at(store: ReplicaStore, replica: str, wanted: str, moment: datetime) -> RewindPoint:
    at_ns = (moment - _EPOCH) // timedelta(microseconds=1) * 1000
    change = store.change
    for header in store.log.headers_newest_first():
        if header.at_ns <= at_ns:
            return RewindPoint(wanted, PointKind.OPERATION, moment, header.change, replica)
        change = header.change - 1
    if change == store.change and not store.log.segments():
        return RewindPoint(wanted, PointKind.OPERATION, moment, change, replica)
    raise NotFoundError("ER00417", point=wanted, scenario="")
