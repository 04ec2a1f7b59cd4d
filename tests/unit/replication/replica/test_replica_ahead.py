"""What is prepared ahead of its batch: used once, kept when a batch is taken back, and removed in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.rewind import PointKind
from app.replication.codec import encode
from app.replication.frames import Batch, BatchKind
from app.replication.records import Mark, Record, ReplaceFile
from app.replication.replica.ahead import Ahead, Prepared, clean_ahead
from app.replication.replica.applier import SYNC_BEGIN, Applier
from app.replication.replica.replica_store import ReplicaStore
from tests.support.replica_tree import make, open_store, put, sync_batch

BEGIN = Mark(PointKind.SYNCHRONIZATION, "s", SYNC_BEGIN, datetime(2026, 1, 1, tzinfo=UTC))
DIRECTORY, INNER, FILE = make(b"d"), put(b"d/f", b"inner"), put(b"f", b"content")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


def prepare(store: ReplicaStore, *batches: tuple[Record, ...]) -> list[object]:
    taken: list[object] = []
    ahead = Ahead(store.trees, lambda _, what: taken.append(what))
    for records in batches:
        ahead.put(1, sync_batch(*records))
    ahead.drain()
    return taken


def ready(store: ReplicaStore, *records: Record) -> Prepared:
    (found,) = prepare(store, records)
    assert isinstance(found, Prepared)
    return found


def left(store: ReplicaStore) -> list[str]:
    new = Path(os.fsdecode(store.trees[0].side.path)) / "new"
    return [str(path) for path in new.rglob("*") if path.is_file()]


def test_what_is_ready_is_moved_into_place(store: ReplicaStore, tmp_path: Path) -> None:
    prepared = ready(store, BEGIN, DIRECTORY, INNER, FILE)
    assert set(prepared.made) == {1, 2, 3}
    inodes = {number: made.inode for number, made in prepared.made.items()}
    Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert (tmp_path / "replica/d").stat().st_ino == inodes[1]
    assert (tmp_path / "replica/d/f").read_bytes() == b"inner"
    assert (tmp_path / "replica/f").stat().st_ino == inodes[3]
    assert left(store) == []


def test_a_batch_that_is_taken_back_leaves_what_is_ready_for_the_next_try(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = ready(store, BEGIN, DIRECTORY, INNER, FILE)
    applier = Applier(store)

    def full(*_: object) -> None:
        raise OSError(28, "full")

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", full)
        with pytest.raises(ArcxoError, match="ER00408"):
            applier.apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert sorted(os.listdir(tmp_path / "replica")) == []
    applier.apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert (tmp_path / "replica/d/f").read_bytes() == b"inner"
    assert (tmp_path / "replica/f").read_bytes() == b"content"


def test_a_move_is_taken_back_although_its_side_directory_is_lost(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = ready(store, BEGIN, DIRECTORY, INNER, FILE)

    def dies(*_: object) -> None:
        for tree in store.trees:
            for text in os.listdir(tree.side.directory(b"new")):
                os.rmdir(text, dir_fd=tree.side.directory(b"new"))
        raise OSError(5, "power")

    with monkeypatch.context() as patched:
        patched.setattr(store, "commit", dies)
        with pytest.raises(ArcxoError, match="ER00408"):
            Applier(store).apply_sync("e", 1, prepared.records, 1, prepared.made)
    assert os.listdir(tmp_path / "replica") == []


def test_what_nobody_used_goes_when_the_stream_ends_and_at_the_next_start(
    store: ReplicaStore, tmp_path: Path
) -> None:
    ready(store, FILE)
    assert left(store)
    clean_ahead(store.trees[0].side.path)
    assert left(store) == []
    ready(store, FILE)
    store.clean_new()
    assert left(store)
    store.close()
    again = open_store(tmp_path / "state", tmp_path / "replica")
    assert left(again) == []
    again.close()


def test_batches_are_passed_on_in_their_order_and_without_the_contents_that_are_on_the_disk(
    store: ReplicaStore,
) -> None:
    batches = [tuple(put(b"%d/%d" % (at, name), b"x" * 50_000) for name in range(at)) for at in range(1, 20)]
    taken = prepare(store, *batches)
    assert len(taken) == len(batches)
    for found, records in zip(taken, batches, strict=True):
        assert isinstance(found, Prepared)
        assert [record.path for record in found.records if isinstance(record, ReplaceFile)] == [
            record.path for record in records
        ]
        assert not any(record.data for record in found.records if isinstance(record, ReplaceFile))
        assert found.kept_bytes < 50_000
    assert len(left(store)) == sum(map(len, batches))


def test_a_second_synchronisation_of_a_stream_is_prepared_too(store: ReplicaStore) -> None:
    for name in (b"one", b"two"):
        assert set(ready(store, put(name, b"x")).made) == {0}


def test_records_that_are_none_are_told_in_their_turn(store: ReplicaStore) -> None:
    taken: list[object] = []
    ahead = Ahead(store.trees, lambda _, what: taken.append(what))
    ahead.put(1, Batch(BatchKind.SYNC, "e", 1, (encode(FILE),)))
    ahead.put(1, Batch(BatchKind.SYNC, "e", 1, (b"nonsense",)))
    ahead.drain()
    assert isinstance(taken[0], Prepared)
    assert isinstance(taken[1], ArcxoError)


def test_a_root_that_does_not_exist_is_left_to_the_applier(store: ReplicaStore) -> None:
    assert ready(store, put(b"f", b"x", root=7)).made == {}
