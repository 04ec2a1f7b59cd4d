from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.model.rewind import RewindAction
from app.replication.records import (
    Extent,
    MakeLink,
    Record,
    Remove,
    Rename,
    SetMetadata,
    WriteBlocks,
)
from app.replication.replica.applier import Applier
from app.replication.replica.batch import Batch
from app.replication.replica.link_groups import ListedLinks
from app.replication.replica.listing import list_root
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewind_plan import plan
from app.replication.replica.rewinding import undo, undo_some
from tests.support.faults import Cut, CutAt
from tests.support.replica_tree import (
    begin_stream,
    directory_metadata,
    file_metadata,
    make,
    open_store,
    picture,
    put,
)

Picture = dict[bytes, tuple[object, ...]]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def apply(store: ReplicaStore, *records: Record) -> None:
    applier = begin_stream(store)
    applied = applier.apply_stream("e", store.index.position.sequence + 1, records)
    assert not applied.troubles, [str(t.error) for t in applied.troubles]


def _root(store: ReplicaStore) -> Path:
    return Path(os.fsdecode(store.trees[0].tree.path))


def rewind(store: ReplicaStore, change: int, path: bytes | None = None) -> None:
    undoing = entries_after(store, change)
    problems: list[Problem] = []

    def work(batch: Batch) -> None:
        problems.extend(undo(batch, undoing) if path is None else undo_some(batch, undoing, {(0, path)}))

    Applier(store).run(work, keep_position=True)
    assert problems == []


def test_rewind_of_one_path_leaves_the_rest(store: ReplicaStore) -> None:
    root = Path(store.trees[0].tree.path.decode())
    apply(store, make(b"d"), put(b"d/a", b"1"), put(b"d/b", b"1"))
    point = store.change
    apply(store, put(b"d/a", b"2"), put(b"d/b", b"2"), put(b"d/c", b"2"), Remove(0, b"d/a"))
    rewind(store, point, b"d/a")
    assert (root / "d/a").read_bytes() == b"1"
    assert (root / "d/b").read_bytes() == b"2"
    assert (root / "d/c").read_bytes() == b"2"


def test_a_name_alone_in_a_listing_is_written_with_the_name_that_a_rewind_brings_back(
    store: ReplicaStore,
) -> None:
    apply(store, put(b"one", b"first"), MakeLink(0, b"two", b"one"))
    linked, before = store.change, picture(_root(store))
    apply(store, WriteBlocks(0, b"one", file_metadata(6), (Extent(0, 6),), b"second"))
    apply(store, Remove(0, b"one"))
    links = ListedLinks(store.links, 0)
    for entry in list_root(store.trees[0].tree):
        links.see(entry)
    links.end()
    rewind(store, linked)
    assert picture(_root(store)) == before


def test_plan_tells_only_the_metadata_of_a_place_where_another_name_of_its_file_comes(
    store: ReplicaStore,
) -> None:
    apply(store, put(b"there", b"content"))
    change = store.change
    apply(store, Rename(0, b"there", b"moved"), MakeLink(0, b"there", b"moved"))
    linked = store.change
    apply(store, SetMetadata(0, b"there", file_metadata(7, permissions=0o600)))
    actions = {c.path: c.action for c in plan(store, entries_after(store, change))}
    assert actions == {b"there": RewindAction.METADATA, b"moved": RewindAction.DELETE}
    rewind(store, linked)
    actions = {c.path: c.action for c in plan(store, entries_after(store, change))}
    assert actions == {b"moved": RewindAction.DELETE}


def test_plan_tells_where_a_name_comes_from_and_that_its_content_changes_as_well(
    store: ReplicaStore,
) -> None:
    apply(store, make(b"d"), put(b"d/same", b"same"), put(b"d/other", b"old content"))
    point = store.change
    apply(store, Rename(0, b"d/same", b"same"), Rename(0, b"d/other", b"other"), Rename(0, b"d", b"e"))
    apply(store, WriteBlocks(0, b"other", file_metadata(3), (Extent(0, 3),), b"new"))
    found = {c.path: (c.action, c.size_bytes, c.came_from) for c in plan(store, entries_after(store, point))}
    assert found[b"d"] == (RewindAction.RENAME, 0, b"e")
    assert found[b"d/same"] == (RewindAction.RENAME, 0, b"same")
    assert found[b"d/other"] == (RewindAction.OVERWRITE, 11, b"other")
    assert not found.keys() & {b"e", b"same", b"other"}


def test_plan_tells_the_size_a_removed_file_had_at_the_point(store: ReplicaStore) -> None:
    apply(store, put(b"f", b"shorter"))
    point = store.change
    apply(store, WriteBlocks(0, b"f", file_metadata(18), (Extent(0, 18),), b"longer than before"))
    apply(store, Remove(0, b"f"))
    found = {c.path: (c.action, c.size_bytes) for c in plan(store, entries_after(store, point))}
    assert found[b"f"] == (RewindAction.CREATE, len(b"shorter"))


def test_plan_counts_every_path_of_a_removed_tree(store: ReplicaStore) -> None:
    apply(store, make(b"d"), put(b"d/a", b"1"), make(b"d/e"), put(b"d/e/b", b"22"))
    point = store.change
    apply(store, Remove(0, b"d"), put(b"new", b"n"))
    found = {change.path: change.action for change in plan(store, store.log.newest_first(point))}
    assert found == {
        b"d": RewindAction.CREATE,
        b"d/a": RewindAction.CREATE,
        b"d/e": RewindAction.CREATE,
        b"d/e/b": RewindAction.CREATE,
        b"new": RewindAction.DELETE,
    }


def _to_be_cut(base: Path) -> tuple[ReplicaStore, Picture, Picture, int]:
    """A store with changes of every kind after a point; pictures of then and now, and the point."""
    base.mkdir()
    store = open_store(base / "state", base / "replica")
    root = base / "replica"
    apply(
        store,
        SetMetadata(0, b"", directory_metadata()),
        make(b"d"),
        put(b"d/a", b"1"),
        put(b"w", b"old" * 9),
        MakeLink(0, b"x", b"w"),
    )
    point, earlier = store.change, picture(root)
    apply(store, put(b"d/a", b"2"), Rename(0, b"d", b"e"), put(b"e/z", b"z"))
    apply(store, WriteBlocks(0, b"w", file_metadata(5), (Extent(1, 2),), b"NN"), Remove(0, b"e/a"))
    return store, earlier, picture(root), point


@pytest.mark.parametrize("partial", [True, False])
def test_rewind_cut_anywhere_leaves_all_or_nothing_of_it_and_the_log_exact(
    tmp_path: Path, partial: bool
) -> None:
    done = False
    at = 0
    while not done:
        at += 2
        store, earlier, later, point = _to_be_cut(tmp_path / f"{at}")
        root = Path(store.trees[0].tree.path.decode())
        try:
            with CutAt(at, partial=partial):
                rewind(store, point)
            done = True
        except Cut:
            pass
        store.close()
        store = open_store(tmp_path / f"{at}" / "state", root)
        assert picture(root) in (earlier, later)
        rewind(store, point)
        assert picture(root) == earlier
        rewind(store, 0)
        assert set(picture(root)) == {b""}
        rewind(store, point)
        assert picture(root) == earlier
        store.close()


def test_taking_a_cut_rewind_back_can_itself_be_cut_anywhere(tmp_path: Path) -> None:
    done = False
    at = 0
    while not done:
        at += 3
        base = tmp_path / f"{at}"
        store, earlier, later, point = _to_be_cut(base)
        root = Path(store.trees[0].tree.path.decode())
        with pytest.raises(Cut), CutAt(16):
            rewind(store, point)
        store.close()
        try:
            with CutAt(at, partial=True):
                open_store(base / "state", root).close()
            done = True
        except Cut:
            pass
        store = open_store(base / "state", root)
        assert picture(root) in (earlier, later)
        rewind(store, point)
        assert picture(root) == earlier
        store.close()


def test_a_process_killed_while_rewinding_leaves_one_state_or_the_other(tmp_path: Path) -> None:
    store = open_store(tmp_path / "state", tmp_path / "replica")
    root = tmp_path / "replica"
    apply(store, SetMetadata(0, b"", directory_metadata()), *(make(b"d%d" % n) for n in range(10)))
    point, earlier = store.change, picture(root)
    for part in range(6):
        apply(store, *(put(b"d%d/f%d" % (n % 10, n), b"x" * 50) for n in range(part * 500, part * 500 + 500)))
    later = picture(root)
    store.close()
    context = multiprocessing.get_context("spawn")
    child = context.Process(target=_rewind_in_process, args=(tmp_path, point))
    child.start()
    deadline = time.monotonic() + 60
    while len(os.listdir(root / "d0")) == 300 and child.is_alive() and time.monotonic() < deadline:
        time.sleep(0.001)
    child.kill()
    child.join(30)
    store = open_store(tmp_path / "state", root)
    assert picture(root) in (earlier, later)
    rewind(store, point)
    assert picture(root) == earlier
    store.close()


def _rewind_in_process(base: Path, point: int) -> None:
    rewind(open_store(base / "state", base / "replica"), point)


def test_files_written_in_place_are_not_all_held_open(store: ReplicaStore) -> None:
    files = [b"f%d" % number for number in range(400)]
    apply(store, *(put(path, b"old") for path in files))
    point = store.change
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(os.listdir("/proc/self/fd")) + 300, hard))
    try:
        apply(store, *(WriteBlocks(0, path, file_metadata(3), (Extent(0, 3),), b"new") for path in files))
        rewind(store, point)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    root = Path(store.trees[0].tree.path.decode())
    assert {(root / path.decode()).read_bytes() for path in files} == {b"old"}
