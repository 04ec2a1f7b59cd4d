from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import SetMetadata
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewind_plan import plan
from app.replication.replica.rewinding import undo
from tests.support.replica_tree import begin_stream, directory_metadata, open_store, picture
from tests.support.rewind_exactness import assert_plan_was_exact
from tests.support.rewind_model import ModelledReplica, inodes


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
        before = store.change
        rewind_as_planned(modelled, pick.choice(list(modelled.states)))
        if pick.random() < 0.25:
            rewind(modelled, before)
            modelled.check((seed, number, "rewound and taken back"))


@pytest.mark.parametrize("seed", [21, 22])
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
