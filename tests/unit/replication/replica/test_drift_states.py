from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import Extent, MakeLink, Record, SetMetadata, WriteBlocks
from app.replication.replica import steps
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


@pytest.mark.parametrize(
    ("record", "path"),
    [(SetMetadata(0, b"f", file_metadata(3, modified_ns=10**18)), b"f"), (MakeLink(0, b"g", b"f"), b"g")],
)
def test_a_change_by_others_that_nobody_noticed_yet_is_not_taken_for_ours(
    store: ReplicaStore, tmp_path: Path, record: Record, path: bytes
) -> None:
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata()), put(b"f", b"old")])
    with (tmp_path / "replica/f").open("ab") as file:
        file.write(b" and more")
    result = applier.apply_stream("e", 3, [record])
    assert [(one.error.path, one.error.code, one.error.final) for one in result.troubles] == [
        (path, "ER00404", False)
    ]
    assert [finding.path for finding in drifted(store)] == [b"f"]


@pytest.mark.parametrize("moment", ["do_metadata", "do_blocks"])
@pytest.mark.parametrize("linked", [False, True])
def test_a_change_by_others_while_a_batch_is_carried_out_is_not_taken_for_ours(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, linked: bool
) -> None:
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata()), put(b"f", b"old")])
    applier.apply_stream("e", 3, [MakeLink(0, b"g", b"f")] if linked else [put(b"g", b"other")])
    real = getattr(steps, moment)

    def beside(*args: object) -> object:
        result = real(*args)
        with (tmp_path / "replica/f").open("ab") as file:
            file.write(b" and more")
        return result

    monkeypatch.setattr(steps, moment, beside)
    record: Record = SetMetadata(0, b"f", file_metadata(3, modified_ns=10**18))
    if moment == "do_blocks":
        record = WriteBlocks(0, b"f", file_metadata(3, modified_ns=10**18), (Extent(1, 1),), b"L")
    assert not applier.apply_stream("e", 4, [record]).troubles
    assert {finding.path for finding in drifted(store)} == ({b"f", b"g"} if linked else {b"f"})


def test_blocks_written_to_a_copy_are_ours(store: ReplicaStore, tmp_path: Path) -> None:
    applier = begin_stream(store)
    applier.apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata()), put(b"f", b"old")])
    (tmp_path / "snapshot").hardlink_to(tmp_path / "replica/f")
    record = WriteBlocks(0, b"f", file_metadata(3, modified_ns=10**18), (Extent(1, 1),), b"L")
    assert not applier.apply_stream("e", 3, [record]).troubles
    assert (tmp_path / "snapshot").read_bytes() == b"old"
    assert (tmp_path / "replica/f").read_bytes() == b"oLd"
    assert drifted(store) == []
