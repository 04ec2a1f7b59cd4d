from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.drift import DriftKind
from app.replication.replica.drift import Finding
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.listing import in_parts, list_root
from app.replication.replica.replica_store import ReplicaStore
from tests.support.replica_tree import open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    root = tmp_path / "replica"
    (root / "folder").mkdir(parents=True)
    for name in ("a", "b", "folder/c", "folder/d"):
        (root / name).write_text(name)
    opened = open_store(tmp_path / "state", root)
    yield opened
    opened.close()


def listed(store: ReplicaStore) -> list[Finding]:
    place = store.trees[0].tree
    place.forget()
    states = ListedStates(store, 0)
    for part in in_parts(list_root(place)):
        states.part(part)
    return states.end()


def test_the_first_listing_is_taken_as_it_is_and_the_next_tells_what_differs(
    store: ReplicaStore, tmp_path: Path
) -> None:
    assert not store.states.is_vouched(0)
    assert listed(store) == []
    assert store.states.is_vouched(0)
    assert listed(store) == []
    root = tmp_path / "replica"
    (root / "a").write_text("longer than before")
    (root / "folder" / "c").unlink()
    (root / "folder" / "e").write_text("new")
    os.chmod(root / "b", 0o600)
    found = {one.path: one.kind for one in listed(store)}
    assert found == {
        b"a": DriftKind.CHANGED,
        b"b": DriftKind.METADATA,
        b"folder": DriftKind.METADATA,
        b"folder/c": DriftKind.REMOVED,
        b"folder/e": DriftKind.CREATED,
    }
    assert listed(store) == []
