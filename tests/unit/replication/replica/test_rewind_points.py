from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.model.errors import NotFoundError
from app.model.rewind import PointKind, RewindPoint
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.records import Mark, Record, Remove, Rename
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_points import PointFilter, density, find_point, points_newest_first
from app.replication.replica.undo_log import UndoEntry, UndoHeader
from tests.support.faults import Cut, CutAt
from tests.support.replica_tree import begin_stream, make, open_store, put

SCENARIO = Scenario(
    7,
    "files",
    ServerType.FILE_SERVER,
    ProductType.DR,
    "localhost",
    (Root(b"/m"), Root(b"/other")),
    (ReplicaSpec("r", (b"/r", b"/r2")),),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "one", tmp_path / "two")
    yield opened
    opened.close()


def apply(store: ReplicaStore, *records: Record) -> None:
    applied = begin_stream(store).apply_stream("e", store.index.position.sequence + 1, records)
    assert not applied.troubles


def bookmark(store: ReplicaStore, text: str, kind: PointKind = PointKind.BOOKMARK) -> None:
    apply(store, Mark(kind, f"{text}-id", text, datetime.now(UTC)))


def listed(store: ReplicaStore, limit: int = 1000, **wanted: object) -> list[RewindPoint]:
    found = points_newest_first(store, SCENARIO, "r", PointFilter(**wanted))  # type: ignore[arg-type]
    return list(itertools.islice(found, limit))


def filled(store: ReplicaStore) -> None:
    apply(store, make(b"d"), put(b"d/a", b"1"), put(b"d/ab", b"1"), put(b"x", b"1"))
    bookmark(store, "first")
    apply(store, put(b"o", b"1", root=1), put(b"d/a", b"2"), Rename(0, b"d/a", b"d2"), Remove(0, b"x"))
    bookmark(store, "second", PointKind.SCHEDULED_BOOKMARK)


def test_operations_say_what_they_did_and_where(store: ReplicaStore) -> None:
    filled(store)
    found = [(p.operation, p.path, p.new_path) for p in listed(store, kinds=(PointKind.OPERATION,))]
    assert found == [
        ("remove", b"/m/x", b""),
        ("rename", b"/m/d/a", b"/m/d2"),
        ("write", b"/m/d/a", b""),
        ("write", b"/other/o", b""),
        ("write", b"/m/x", b""),
        ("write", b"/m/d/ab", b""),
        ("write", b"/m/d/a", b""),
        ("create", b"/m/d", b""),
    ]


def test_both_ends_of_a_synchronisation_can_be_gone_back_to(store: ReplicaStore) -> None:
    filled(store)
    before = store.change
    applier, at = begin_stream(store), datetime.now(UTC)
    applier.apply_sync("e", 1, [Mark(PointKind.SYNCHRONIZATION, "s", "begin", at), put(b"new", b"1")], 1)
    applier.apply_sync("e", 1, [put(b"newer", b"1"), Mark(PointKind.SYNCHRONIZATION, "s", "end", at)], 1)
    begin, end = sorted(listed(store, kinds=(PointKind.SYNCHRONIZATION,)), key=lambda point: point.change)
    assert (begin.id, begin.text, begin.change) == ("before:s", "begin", before)
    assert (end.id, end.text, end.change) == ("s", "end", store.change)
    assert find_point(store, SCENARIO, "r", begin.id) == begin
    assert find_point(store, SCENARIO, "r", end.id) == end
    assert [point.change for point in listed(store, limit=2, after=end.id)] == [end.change, before + 1]
    assert listed(store, after=begin.id) == [point for point in listed(store) if point.change <= before][1:]


def test_points_of_a_path_are_those_at_it_and_beneath_in_its_root(store: ReplicaStore) -> None:
    filled(store)
    operations = (PointKind.OPERATION,)
    assert [p.id for p in listed(store, kinds=operations, path=b"/m/d/a")] == ["c7", "c6", "c2"]
    assert [p.id for p in listed(store, kinds=operations, path=b"/m/d2")] == ["c7"], "where a rename led"
    assert len(listed(store, kinds=operations, path=b"/m/d")) == 5
    assert [p.path for p in listed(store, kinds=operations, path=b"/other")] == [b"/other/o"]
    assert len(listed(store, path=b"/m/d/a")) == 5, "a bookmark is about everything"
    with pytest.raises(NotFoundError) as refused:
        listed(store, path=b"/elsewhere")
    assert refused.value.code == "ER00419"


def test_points_of_a_kind_and_of_a_time(store: ReplicaStore) -> None:
    filled(store)
    assert [p.text for p in listed(store, kinds=(PointKind.SCHEDULED_BOOKMARK,))] == ["second"]
    every = listed(store)
    middle = every[4].at
    older = listed(store, until=middle)
    younger = listed(store, since=middle + timedelta(microseconds=1))
    assert {p.id for p in older} == {p.id for p in every if p.at <= middle}
    assert {p.id for p in younger} == {p.id for p in every if p.at > middle}
    assert listed(store, since=datetime(2100, 1, 1, tzinfo=UTC)) == []


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_pages_one_after_the_other_give_everything_once(store: ReplicaStore, size: int) -> None:
    filled(store)
    bookmark(store, "third")
    every = [p.id for p in listed(store)]
    paged: list[str] = []
    while page := listed(store, size, after=paged[-1] if paged else ""):
        paged += [p.id for p in page]
    assert paged == every
    with pytest.raises(NotFoundError):
        listed(store, after="gone-id")


def test_before_a_change_is_the_state_after_the_one_before_it(store: ReplicaStore) -> None:
    filled(store)
    assert find_point(store, SCENARIO, "r", "c6").change == 6
    assert find_point(store, SCENARIO, "r", "before:c6").change == 5
    assert find_point(store, SCENARIO, "r", "before:c1").change == 0
    for unknown in ("before:c0", "c99", "before:first-id", "before:"):
        with pytest.raises(NotFoundError):
            find_point(store, SCENARIO, "r", unknown)


def test_a_time_means_the_last_change_at_or_before_it(store: ReplicaStore) -> None:
    filled(store)
    at = {p.id: p.at for p in listed(store)}
    assert find_point(store, SCENARIO, "r", at["c8"].isoformat()).change == 8
    assert find_point(store, SCENARIO, "r", "2100-01-01T00:00:00Z").change == 8
    with pytest.raises(NotFoundError) as refused:
        find_point(store, SCENARIO, "r", "2001-01-01T00:00:00Z")
    assert refused.value.code == "ER00417"


def test_a_damaged_or_lost_index_is_made_again(tmp_path: Path, store: ReplicaStore) -> None:
    filled(store)
    every = listed(store)
    index = tmp_path / "state/undo/points.sqlite3"
    store.rewind_index.close()
    index.write_bytes(b"no database at all" * 500)
    assert listed(store) == every
    store.rewind_index.close()
    index.unlink()
    assert listed(store) == every


def test_what_was_taken_back_is_not_listed(tmp_path: Path, store: ReplicaStore) -> None:
    filled(store)
    before = listed(store)
    with pytest.raises(Cut), CutAt(8):
        apply(store, put(b"half", b"1"), put(b"half2", b"1"), Remove(0, b"half"))
    store.close()
    again = open_store(tmp_path / "state", tmp_path / "one", tmp_path / "two")
    assert listed(again) == before
    apply(again, put(b"new", b"1"))
    assert listed(again)[0].path == b"/m/new"
    again.close()


def test_a_page_of_many_operations_is_found_fast(store: ReplicaStore) -> None:
    for number in range(1, 60_001):
        path = b"d%d/s%d/f%d" % (number % 40, number % 400, number)
        header = UndoHeader(number, number, number * 1_000_000, 1, 0, path, b"", 1)
        store.log.append(UndoEntry(header, ()))
    store.change = 60_000
    store.commit("e", 60_000, -1)
    listed(store, 1)
    began = time.perf_counter()
    assert [p.id for p in listed(store, path=b"/m/d7/s7/f7")] == ["c7"]
    assert len(listed(store, path=b"/m/d7")) == 1000
    assert len(listed(store, 500, after="c30000")) == 500
    assert time.perf_counter() - began < 1.0


def test_changes_are_counted_by_when_they_were_applied(store: ReplicaStore) -> None:
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [make(b"d"), put(b"d/a", b"1"), put(b"b", b"1")])
    applier.apply_stream("e", 4, [put(b"d/a", b"2"), put(b"b", b"2")])
    headers = list(store.log.headers_newest_first())
    first, last = (datetime.fromtimestamp(h.at_ns // 1000 / 1e6, UTC) for h in (headers[-1], headers[0]))
    since, until = first - timedelta(seconds=1), last + timedelta(seconds=1)
    found = density(store, SCENARIO, b"", since, until, 1)
    assert (found.counts, found.since, found.until) == ((5,), since, until)
    assert found.oldest == first
    assert sum(density(store, SCENARIO, b"", since, until, 1000).counts) == 5
    assert sum(density(store, SCENARIO, b"/m/d", since, until, 7).counts) == 3
    assert sum(density(store, SCENARIO, b"/m/b", since, until, 7).counts) == 2
    assert sum(density(store, SCENARIO, b"", until, until + timedelta(days=1), 7).counts) == 0
    with pytest.raises(NotFoundError, match="ER00419"):
        density(store, SCENARIO, b"/elsewhere", since, until, 7)
