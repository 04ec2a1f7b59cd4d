from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import SetMetadata
from app.replication.replica.applier import Applier
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.drift import Drift, Finding, ordered
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from app.replication.replica.rooted import Rooted
from tests.support.replica_tree import begin_stream, directory_metadata, file_metadata, open_store, put
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
        return Drift(store).check_range(0, own, b"", b"\xff" * 8, paths)[0]
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


def test_a_restore_sets_the_metadata_of_a_file_that_others_changed(
    store: ReplicaStore, tmp_path: Path
) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata()), put(b"f", b"old")])
    file = tmp_path / "replica/f"
    file.write_bytes(b"then")
    Drift(store).note(drifted(store), reverting=False)
    assert store.states.changed_by_others(0, b"f")

    def work(batch: Batch) -> None:
        Carrier(batch).restore(0, 0, b"f", None, file_metadata(4, modified_ns=10**18))

    assert not Applier(store).run(work, keep_position=True)
    assert (file.read_bytes(), file.stat().st_mtime_ns) == (b"then", 10**18)


def test_the_stream_asks_again_for_a_file_that_others_changed(store: ReplicaStore, tmp_path: Path) -> None:
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata()), put(b"f", b"old")])
    (tmp_path / "replica/f").write_bytes(b"then")
    Drift(store).note(drifted(store), reverting=False)
    result = applier.apply_stream("e", 3, [SetMetadata(0, b"f", file_metadata(3, modified_ns=10**18))])
    assert [(trouble.root, trouble.error.path, trouble.error.final) for trouble in result.troubles] == [
        (0, b"f", False)
    ]
