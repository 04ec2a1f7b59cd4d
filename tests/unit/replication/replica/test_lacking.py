"""What a replica lacks goes where its directory goes, and its master hears of it there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.records import Remove, Rename
from app.replication.replica.replica_store import ReplicaStore
from tests.support.replica_tree import begin_stream, make, open_store, put


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    begin_stream(opened).apply_stream("e", 1, [make(b"d")])
    yield opened
    opened.close()


def noted(store: ReplicaStore) -> list[bytes]:
    return [path for _, path, _ in store.index.troubles()]


def test_what_is_lacking_in_a_directory_that_is_renamed_is_told_once_more(store: ReplicaStore) -> None:
    applier = begin_stream(store)
    first = applier.apply_stream("e", 2, [put(b"d/lost/f", b"1")])
    assert [trouble.error.path for trouble in first.troubles] == [b"d/lost"]
    then = applier.apply_stream("e", 3, [Rename(0, b"d", b"e")])
    assert [(one.error.path, one.error.params.get("moved")) for one in then.troubles] == [(b"e/lost", "1")]
    assert noted(store) == [b"e/lost"]
    assert applier.apply_stream("e", 4, [make(b"e/lost"), Rename(0, b"e", b"f")]).troubles == ()
    assert noted(store) == []


def test_it_is_where_a_rename_in_the_same_batch_has_taken_it(store: ReplicaStore) -> None:
    applier = begin_stream(store)
    batch = [put(b"d/lost/f", b"1"), Rename(0, b"d", b"e"), Rename(0, b"e", b"g")]
    found = applier.apply_stream("e", 2, batch)
    assert [trouble.error.path for trouble in found.troubles] == [b"g/lost"]
    assert noted(store) == [b"g/lost"]


def test_nothing_is_told_of_what_records_of_the_same_batch_brought_or_removed(store: ReplicaStore) -> None:
    applier = begin_stream(store)
    lost = put(b"d/lost/f", b"1")
    assert applier.apply_stream("e", 2, [lost, make(b"d/lost"), lost]).troubles == ()
    assert applier.apply_stream("e", 5, [put(b"d/more/f", b"1"), Remove(0, b"d")]).troubles == ()
    assert noted(store) == []
