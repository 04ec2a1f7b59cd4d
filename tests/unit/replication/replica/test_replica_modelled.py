from __future__ import annotations

import functools
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import ArcxoError, Problem
from app.replication.records import SetMetadata
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewind_plan import plan
from app.replication.replica.rewinding import some_paths, undo, undo_some
from tests.support.replica_tree import begin_stream, directory_metadata, open_store, picture
from tests.support.rewind_exactness import assert_plan_was_exact
from tests.support.rewind_model import ModelledReplica, Picture, inodes


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


@pytest.mark.parametrize("seed", range(1, 7))
def test_batches_of_random_operations_give_exactly_the_tree_of_the_model(
    seed: int, store: ReplicaStore
) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    modelled = ModelledReplica(store, seed, directory_metadata())
    for part in range(12):
        modelled.operate(24)
        if part % 2:
            modelled.listed()
        modelled.check((seed, part))


def rewind(modelled: ModelledReplica, change: int) -> None:
    undoing = entries_after(modelled.store, change)
    problems: list[Problem] = []
    Applier(modelled.store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
    assert problems == []
    modelled.rewound(change)


def rewind_as_planned(modelled: ModelledReplica, change: int) -> None:
    before, inodes_before = modelled.check(), inodes(modelled.root)
    planned = plan(modelled.store, entries_after(modelled.store, change))
    assert picture(modelled.root) == before
    rewind(modelled, change)
    assert_plan_was_exact(planned, before, modelled.check(), inodes_before, inodes(modelled.root))


def rewind_at_random(store: ReplicaStore, seed: int, operations: int, rewinds: int) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    modelled = ModelledReplica(store, seed, directory_metadata())
    pick = modelled.churn.random
    for number in range(rewinds):
        modelled.operate(operations // rewinds)
        if pick.random() < 0.3:
            modelled.listed()
        before = store.change
        rewind_as_planned(modelled, pick.choice(list(modelled.states)))
        if pick.random() < 0.25:
            rewind(modelled, before)
            modelled.check((seed, number, "rewound and taken back"))


def beneath(found: Picture, path: bytes) -> Picture:
    """What a picture has at `path` and beneath, but for which names share a file."""
    return {p: entry[:2] for p, entry in found.items() if p == path or p.startswith(path + b"/")}


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_rewinding_some_paths_makes_them_as_they_were_and_changes_nothing_else(
    seed: int, store: ReplicaStore
) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    modelled = ModelledReplica(store, seed, directory_metadata())
    pick = modelled.churn.random
    done = 0
    for number in range(15):
        modelled.operate(12)
        before, inodes_before, now = modelled.check(), inodes(modelled.root), store.change
        change = pick.choice(list(modelled.states))
        then = modelled.states[change].picture()
        path = pick.choice(sorted(p for p in then.keys() | before.keys() if p))
        undoing, some = entries_after(store, change), {(0, path)}
        try:
            planned = [found for paths in some_paths(store, undoing, some) for found in paths.plan()]
        except ArcxoError as refused:
            if refused.code != "ER00422":
                raise
            modelled.check()
            continue
        problems: list[Problem] = []
        work = functools.partial(undo_some, undoing=undoing, some=some)
        Applier(store).run(lambda batch: problems.extend(work(batch)), keep_position=True)  # noqa: B023
        assert problems == []
        after = picture(modelled.root)
        assert beneath(after, path) == beneath(then, path), (seed, number, path)
        assert_plan_was_exact(planned, before, after, inodes_before, inodes(modelled.root))
        outside = {p for p in before.keys() | after.keys() if before.get(p, ())[:2] != after.get(p, ())[:2]}
        assert all((p + b"/").startswith(path + b"/") or path.startswith(p + b"/") for p in outside)
        rewind(modelled, now)
        modelled.check((seed, number, "taken back"))
        done += 1
    assert done > 8


@pytest.mark.parametrize("seed", [7, 16, 21, 27, 37])
def test_rewinding_to_random_points_of_random_operations_gives_the_tree_of_then(
    seed: int, store: ReplicaStore
) -> None:
    rewind_at_random(store, seed, 200, 20)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_rewinding_ten_thousand_operations_to_two_hundred_points_gives_the_tree_of_then(
    store: ReplicaStore,
) -> None:
    seed = random.SystemRandom().randrange(1 << 31)
    print(f"seed {seed}")
    rewind_at_random(store, seed, 10_000, 200)


def test_rewinding_again_and_again_costs_what_lies_between_and_not_what_happened(store: ReplicaStore) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    modelled = ModelledReplica(store, 5, directory_metadata())
    modelled.operate(60)
    earlier, later = 20, store.change
    for _ in range(3):
        rewind(modelled, earlier)
        rewind(modelled, later)
    grown = store.change
    rewind(modelled, earlier)
    assert store.change - grown <= 3 * (later - earlier)
    modelled.check()
    assert len(list(entries_after(store, earlier))) == 0
