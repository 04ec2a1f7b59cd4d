"""New directories of a synchronisation: grown beside the root, moved in at once, and undone as one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from app.model.entry import EntryKind, Metadata
from app.model.rewind import PointKind, RewindAction
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.records import (
    MakeEntry,
    MakeLink,
    Mark,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
)
from app.replication.replica import steps
from app.replication.replica.ahead import Ahead, Prepared
from app.replication.replica.applied import SUBTREE
from app.replication.replica.applier import SYNC_BEGIN, Applied, Applier
from app.replication.replica.batch import Batch as Work
from app.replication.replica.drift_states import look
from app.replication.replica.growing import DEPTH_MAX
from app.replication.replica.grown import Grown
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewind_plan import plan
from app.replication.replica.rewind_points import PointFilter, points_newest_first
from app.replication.replica.rewinding import undo, undo_some
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls
from tests.support.replica_tree import (
    GID,
    TIME_NS,
    UID,
    directory_metadata,
    file_metadata,
    make,
    open_store,
    put,
    sync_batch,
)
from tests.support.replica_tree import picture as whole_picture

BEGIN = Mark(PointKind.SYNCHRONIZATION, "s", SYNC_BEGIN, datetime(2026, 1, 1, tzinfo=UTC))
TREE: tuple[Record, ...] = (
    make(b"d", modified_ns=TIME_NS + 1),
    put(b"d/a", b"1"),
    make(b"d/e", permissions=0o511, modified_ns=TIME_NS + 2),
    put(b"d/e/b", b"22", permissions=0o4711, modified_ns=-5),
    put(b"d/e/sparse", b"", xattrs=((b"user.x", b"y"),)),
    MakeEntry(0, b"d/l", Metadata(EntryKind.SYMLINK, 0o777, UID, GID, 0, TIME_NS, (), b"a")),
)
SCENARIO = Scenario(
    7,
    "files",
    ServerType.FILE_SERVER,
    ProductType.DR,
    "localhost",
    (Root(b"/m"),),
    (ReplicaSpec("r", (b"/r",)),),
)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def picture(root: Path) -> dict[bytes, tuple[object, ...]]:
    """Everything in the root; the time of the root itself is that of the test."""
    return {path: entry for path, entry in whole_picture(root).items() if path}


def ready(store: ReplicaStore, *records: Record) -> Prepared:
    taken: list[object] = []
    ahead = Ahead(store.trees, lambda _, what: taken.append(what))
    ahead.put(1, sync_batch(*records))
    ahead.drain()
    (found,) = taken
    assert isinstance(found, Prepared)
    return found


def synchronise(store: ReplicaStore, *records: Record) -> Applied:
    prepared = ready(store, BEGIN, *records)
    return Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)


def one_by_one(tmp_path: Path, *records: Record) -> dict[bytes, tuple[object, ...]]:
    """What the same records make without being grown."""
    other = open_store(tmp_path / "other-state", tmp_path / "other")
    Applier(other).apply_sync("e", 1, (BEGIN, *records))
    other.close()
    return picture(tmp_path / "other")


def assert_states_are_true(store: ReplicaStore) -> None:
    tree = store.trees[0].tree
    tree.forget()
    for path in picture(Path(os.fsdecode(tree.path))):
        row, now = store.states.get(0, path), look(tree, path)
        assert row is not None, path
        assert now is not None, path
        assert row.same(now), path


def test_a_new_directory_is_one_change_with_everything_right(store: ReplicaStore, tmp_path: Path) -> None:
    before, operations = store.change, store.operations
    applied = synchronise(store, *TREE)
    assert applied == Applied()
    assert store.change == before + 1
    assert store.operations == operations + len(TREE)
    assert store.index.changed_since(before) == [(0, b"d", SUBTREE)]
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE)
    assert_states_are_true(store)


def test_what_is_grown_has_the_change_time_it_was_left_with(store: ReplicaStore, tmp_path: Path) -> None:
    synchronise(store, *TREE)
    row = store.states.get(0, b"d/e/b")
    assert row is not None
    assert row.same_status(os.lstat(tmp_path / "replica/d/e/b"))


def test_a_directory_that_is_there_already_stays(store: ReplicaStore, tmp_path: Path) -> None:
    (tmp_path / "replica/d/e").mkdir(parents=True)
    (tmp_path / "replica/d/own").write_bytes(b"stays")
    inode = (tmp_path / "replica/d").stat().st_ino
    assert not synchronise(store, *TREE).troubles
    assert (tmp_path / "replica/d").stat().st_ino == inode
    (tmp_path / "replica/d/own").unlink()
    os.utime(tmp_path / "replica/d", ns=(TIME_NS + 1, TIME_NS + 1))
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE)
    assert_states_are_true(store)


def test_a_file_in_the_way_is_kept_aside(store: ReplicaStore, tmp_path: Path) -> None:
    (tmp_path / "replica/d").write_bytes(b"old")
    synchronise(store, Remove(0, b"d"), *TREE)
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE)
    rewind(store, 0)
    assert (tmp_path / "replica/d").read_bytes() == b"old"


def test_what_does_not_fit_in_comes_into_it_by_itself(store: ReplicaStore, tmp_path: Path) -> None:
    content = b"x" * 100_000
    large = file_metadata(len(content))
    records: tuple[Record, ...] = (
        *TREE[:3],
        MakeLink(0, b"d/e/link", b"d/a"),
        StageContent(9, 0, content),
        ReplaceFile(0, b"d/e/large", large, put(b"", content).extents, None, 9),
        *TREE[3:],
        SetMetadata(0, b"d/a", file_metadata(1, permissions=0o600)),
    )
    before = store.change
    applied = synchronise(store, *records)
    assert not applied.troubles
    assert store.change == before + 4
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *records)
    assert_states_are_true(store)
    rewind(store, before)
    assert os.listdir(tmp_path / "replica") == []


@pytest.mark.parametrize(
    "more",
    [
        (Remove(0, b"d/e"), put(b"d/e", b"a file now")),
        (Remove(0, b"d"), make(b"d"), put(b"d/a", b"another")),
        (Rename(0, b"d/e", b"e"), put(b"e/c", b"3")),
        (put(b"d/a", b"again"),),
        (make(b"d/a"),),
        (make(b"d", permissions=0o700), put(b"d/late", b"late")),
    ],
)
def test_records_about_what_was_grown_follow_it(
    more: tuple[Record, ...], store: ReplicaStore, tmp_path: Path
) -> None:
    synchronise(store, *TREE, *more)
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE, *more)
    assert_states_are_true(store)
    rewind(store, 0)
    assert os.listdir(tmp_path / "replica") == []


def test_very_deep_directories_do_not_take_all_descriptors(store: ReplicaStore, tmp_path: Path) -> None:
    paths = [b"/".join([b"d"] * depth) for depth in range(1, 3 * DEPTH_MAX)]
    records: tuple[Record, ...] = (*(make(path) for path in paths), put(paths[-1] + b"/f", b"deep"))
    assert not synchronise(store, *records).troubles
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *records)


def test_what_cannot_be_made_beside_the_root_is_tried_in_it(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = os.utime

    def fails(target: Any, *arguments: Any, **more: Any) -> None:
        if isinstance(target, int):
            raise OSError(5, "not here")
        original(target, *arguments, **more)

    with monkeypatch.context() as patched:
        patched.setattr(os, "utime", fails)
        prepared = ready(store, BEGIN, *TREE)
    assert not any(isinstance(made, Grown) for made in prepared.made.values())
    Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE)


def test_a_move_that_fails_is_told_and_the_rest_is_carried_out(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = steps.do_move

    def refuses(tree: Any, step: steps.Step) -> None:
        if step[5] == b"d":
            raise PermissionError(13, "not into this one")
        original(tree, step)

    with monkeypatch.context() as patched:
        patched.setattr(steps, "do_move", refuses)
        applied = synchronise(store, *TREE, put(b"f", b"other"))
    assert (tmp_path / "replica/f").read_bytes() == b"other"
    assert {trouble.error.path for trouble in applied.troubles} >= {b"d"}
    assert not (tmp_path / "replica/d").exists()


def test_a_path_through_a_link_in_it_is_refused(store: ReplicaStore, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    link = MakeEntry(
        0, b"d/out", Metadata(EntryKind.SYMLINK, 0o777, UID, GID, 0, TIME_NS, (), os.fsencode(outside))
    )
    applied = synchronise(store, TREE[0], link, put(b"d/out/f", b"x"), make(b"d/out/g"))
    assert [trouble.error.path for trouble in applied.troubles] == [b"d", b"d"]
    assert os.listdir(outside) == []


def test_names_of_the_side_store_are_refused(store: ReplicaStore, tmp_path: Path) -> None:
    applied = synchronise(store, make(b".arcxo-1"), put(b".arcxo-1/f", b"x"), *TREE)
    assert {trouble.error.path for trouble in applied.troubles} == {b".arcxo-1", b".arcxo-1/f"}
    assert picture(tmp_path / "replica") == one_by_one(tmp_path, *TREE)


def test_it_is_all_there_or_nothing_wherever_it_is_cut(tmp_path: Path) -> None:
    records = (*TREE, MakeLink(0, b"d/e/link", b"d/a"), put(b"f", b"f"))

    def opened(name: str) -> tuple[ReplicaStore, Prepared]:
        base = tmp_path / name
        base.mkdir()
        made = open_store(base / "state", base / "replica")
        return made, ready(made, BEGIN, *records)

    def apply(store: ReplicaStore, prepared: Prepared) -> None:
        Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)

    counted, prepared = opened("counted")
    calls = durable_calls(lambda: apply(counted, prepared))
    whole = picture(tmp_path / "counted/replica")
    counted.close()
    empty: dict[bytes, tuple[object, ...]] | None = None
    seen = set()
    for at in every_call(calls):
        store, prepared = opened(f"{at}")
        empty = empty or picture(tmp_path / f"{at}/replica")
        with CutAt(at, partial=True), pytest.raises(Cut):
            apply(store, prepared)
        store.close()
        again = open_store(tmp_path / f"{at}/state", tmp_path / f"{at}/replica")
        there = picture(tmp_path / f"{at}/replica")
        assert set(there) in (set(whole), set(empty)), at
        seen.add(len(there))
        assert not os.listdir(again.trees[0].side.directory(b"new"))
        if len(there) == len(whole):
            assert there == whole
        again.close()
    assert min(seen) == 0


def rewind(store: ReplicaStore, change: int, path: bytes | None = None) -> None:
    undoing = entries_after(store, change)

    def work(batch: Work) -> None:
        assert (undo(batch, undoing) if path is None else undo_some(batch, undoing, {(0, path)})) == []

    Applier(store).run(work)


def test_rewinding_names_all_that_was_in_it_and_can_be_taken_back(
    store: ReplicaStore, tmp_path: Path
) -> None:
    synchronise(store, *TREE)
    there, point = picture(tmp_path / "replica"), store.change
    planned = plan(store, entries_after(store, 0))
    assert {(change.path, change.action) for change in planned} == {
        (record.path, RewindAction.DELETE)  # type: ignore[union-attr]
        for record in TREE
    }
    rewind(store, 0)
    assert os.listdir(tmp_path / "replica") == []
    rewind(store, point)
    assert picture(tmp_path / "replica") == there
    assert_states_are_true(store)


def test_one_path_in_it_can_be_rewound(store: ReplicaStore, tmp_path: Path) -> None:
    synchronise(store, *TREE)
    rewind(store, 0, b"d/e")
    assert sorted(os.listdir(tmp_path / "replica/d")) == ["a", "l"]


def test_points_by_path_know_what_came_with_it(store: ReplicaStore) -> None:
    synchronise(store, *TREE)
    synchronise(store, put(b"d/late", b"later"))

    def points(path: bytes) -> list[tuple[str, bytes]]:
        wanted = PointFilter(kinds=(PointKind.OPERATION,), path=path)
        return [(one.operation, one.path) for one in points_newest_first(store, SCENARIO, "r", wanted)]

    made = ("create", b"/m/d")
    assert points(b"/m/d/e/b") == points(b"/m/d/e") == [made]
    assert points(b"/m/d/late") == [("write", b"/m/d/late")]
    assert points(b"/m/d") == [("write", b"/m/d/late"), made]
    assert points(b"/m/d/nothing") == []


def test_troubles_of_what_came_whole_are_over(store: ReplicaStore) -> None:
    synchronise(store, put(b"d/e/b", b"no directory yet"))
    assert store.index.troubles()
    prepared = ready(store, *TREE)
    Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert store.index.troubles() == []


def test_metadata_that_cannot_be_set_is_a_problem_and_the_states_are_true(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(*_: object) -> None:
        raise PermissionError(1, "no")

    foreign = replace(file_metadata(1), uid=UID + 1)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fchown", refuses)
        applied = synchronise(store, TREE[0], ReplaceFile(0, b"d/a", foreign, put(b"", b"1").extents, b"1"))
    assert [(one.error.code, one.error.path) for one in applied.troubles] == [("WR00236", b"d/a")]
    assert (tmp_path / "replica/d/a").read_bytes() == b"1"
    assert directory_metadata().kind is EntryKind.DIRECTORY
    assert_states_are_true(store)
