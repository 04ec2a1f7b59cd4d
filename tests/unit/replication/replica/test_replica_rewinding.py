from __future__ import annotations

import os
import random
import resource
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
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_about, entries_after
from app.replication.replica.rewind_plan import plan
from app.replication.replica.rewinding import undo
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


def rewind(store: ReplicaStore, change: int, path: bytes | None = None) -> None:
    undoing = entries_after(store, change) if path is None else entries_about(store, change, {(0, path)})
    problems: list[Problem] = []
    Applier(store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
    assert problems == []


class Churn:
    """Random changes that are valid for the tree they are made for."""

    def __init__(self, seed: int, store: ReplicaStore) -> None:
        self.random = random.Random(seed)
        self.store = store

    def record(self) -> Record | None:
        tree = picture(Path(self.store.trees[0].tree.path.decode()))
        kinds = {path: entry[0].kind.value for path, entry in tree.items() if path}  # type: ignore[attr-defined]
        files = [path for path, kind in kinds.items() if kind == "file"]
        folders = [path for path, kind in kinds.items() if kind == "directory"]
        pick = self.random
        parent = pick.choice([b"", *folders])
        name = b"n%d" % pick.randrange(6)
        target = parent + b"/" + name if parent else name
        above = {target.rpartition(b"/")[0]}
        choice = pick.randrange(9)
        if choice <= 1:
            return put(target, pick.randbytes(pick.randrange(50)), modified_ns=pick.randrange(10**18))
        if choice == 2:
            return make(target, modified_ns=pick.randrange(10**18))
        if choice == 3 and files:
            path = pick.choice(files)
            size = pick.randrange(1, 80)
            metadata = file_metadata(size, modified_ns=pick.randrange(10**18))
            start = pick.randrange(size)
            return WriteBlocks(
                0, path, metadata, (Extent(start, size - start),), pick.randbytes(size - start)
            )
        if choice == 4 and kinds:
            return Remove(0, pick.choice(list(kinds)))
        if choice in (5, 6) and kinds:
            path = pick.choice(list(kinds))
            if target.startswith(path + b"/") or path.startswith(target + b"/") or path == target:
                return None
            return Rename(0, path, target)
        if choice == 7 and files:
            path = pick.choice(files)
            if path == target or target in above or path.startswith(target + b"/"):
                return None
            return MakeLink(0, target, path)
        if files:
            path = pick.choice(files)
            size = len(tree[path][1])  # type: ignore[arg-type]
            return SetMetadata(0, path, file_metadata(size, permissions=pick.randrange(0o1000)))
        return None


@pytest.mark.parametrize("seed", range(4))
def test_rewinding_to_random_points_gives_exactly_the_tree_of_then(seed: int, store: ReplicaStore) -> None:
    root = Path(store.trees[0].tree.path.decode())
    apply(store, SetMetadata(0, b"", directory_metadata()))
    churn = Churn(seed, store)
    pictures: dict[int, Picture] = {store.change: picture(root)}
    for _ in range(250):
        record = churn.record()
        if record is not None:
            apply(store, record)
            pictures[store.change] = picture(root)
        if churn.random.random() < 0.04:
            change = churn.random.choice(list(pictures))
            planned = {found.path for found in plan(store, entries_after(store, change))}
            before = picture(root)
            rewind(store, change)
            assert picture(root) == pictures[change], (store.change, change)
            differing = {
                path
                for path in before.keys() | pictures[change].keys()
                if before.get(path, ())[:2] != pictures[change].get(path, ())[:2]
            }
            unplanned = {
                path
                for path in differing
                if path in pictures[change]
                and len([p for p, e in before.items() if e[2] == before.get(path, (0, 0, 0))[2]]) < 2
                and not any((path + b"/").startswith(q + b"/") for q in planned)
            }
            assert unplanned == set()
            # What goes without being planned for deletion has only moved to another name.
            assert all(path in pictures[change] or path in differing for path in planned), (
                "the plan names what does not change"
            )
            pictures[store.change] = picture(root)


def test_rewind_of_one_path_leaves_the_rest(store: ReplicaStore) -> None:
    root = Path(store.trees[0].tree.path.decode())
    apply(store, make(b"d"), put(b"d/a", b"1"), put(b"d/b", b"1"))
    point = store.change
    apply(store, put(b"d/a", b"2"), put(b"d/b", b"2"), put(b"d/c", b"2"), Remove(0, b"d/a"))
    rewind(store, point, b"d/a")
    assert (root / "d/a").read_bytes() == b"1"
    assert (root / "d/b").read_bytes() == b"2"
    assert (root / "d/c").read_bytes() == b"2"


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


def test_rewind_cut_anywhere_leaves_all_or_nothing_of_it(tmp_path: Path) -> None:
    done = False
    at = 0
    while not done:
        at += 3
        base = tmp_path / str(at)
        base.mkdir()
        store = open_store(base / "state", base / "replica")
        root = base / "replica"
        apply(
            store,
            SetMetadata(0, b"", directory_metadata()),
            make(b"d"),
            put(b"d/a", b"1"),
            put(b"w", b"old" * 9),
        )
        point, earlier = store.change, picture(root)
        apply(store, put(b"d/a", b"2"), Rename(0, b"d", b"e"), put(b"e/z", b"z"))
        apply(store, WriteBlocks(0, b"w", file_metadata(5), (Extent(1, 2),), b"NN"), Remove(0, b"e/a"))
        later = picture(root)
        try:
            with CutAt(at, partial=True):
                rewind(store, point)
            done = True
        except Cut:
            pass
        store.close()
        store = open_store(base / "state", root)
        assert picture(root) in (earlier, later)
        rewind(store, point)
        assert picture(root) == earlier
        store.close()


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
