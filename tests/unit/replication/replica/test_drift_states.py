from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import SetMetadata
from app.replication.replica.applier import Applier
from app.replication.replica.drift import Drift, Finding, ordered
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from app.replication.replica.rooted import Rooted
from tests.support.replica_tree import begin_stream, directory_metadata, open_store
from tests.support.rewind_model import ModelledReplica


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def drifted(store: ReplicaStore) -> list[Finding]:
    own = Rooted(store.trees[0].tree.path)
    try:
        paths = [path for path in ordered(own, b"") if path and not path.startswith(b".arcxo-")]
        return Drift(store).check_range(0, own, b"", b"\xff" * 8, paths)
    finally:
        own.close()


@pytest.mark.parametrize("seed", range(1, 7))
def test_what_the_applier_and_rewinds_leave_is_no_drift(seed: int, store: ReplicaStore) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    modelled = ModelledReplica(store, seed, directory_metadata())
    for part in range(10):
        modelled.operate(24)
        assert drifted(store) == [], part
        if part % 3 == 2:
            undoing = entries_after(store, modelled.churn.random.choice(list(modelled.states)))
            problems: list[Problem] = []
            Applier(store).run(
                lambda batch, u=undoing, p=problems: p.extend(undo(batch, u)), keep_position=True
            )
            assert drifted(store) == [], (part, "rewound")
            break
