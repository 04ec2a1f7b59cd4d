from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.records import SetMetadata
from app.replication.replica.replica_store import ReplicaStore
from tests.support.replica_tree import begin_stream, directory_metadata, open_store
from tests.support.rewind_model import ModelledReplica


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
