from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from threading import RLock
from types import SimpleNamespace
from typing import cast

import pytest

from app.model.drift import DriftKind
from app.model.entry import Xattrs
from app.replication.metadata import read_xattrs
from app.replication.replica import drift, listing
from app.replication.replica.drift import Drift, Finding
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.drift_looking import DriftLooking
from app.replication.replica.drift_states import state_of
from app.replication.replica.listing import list_root
from app.replication.replica.replica import Replica
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rooted import Rooted
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
    found = list(list_root(place, states))
    place.forget()
    assert found == list(list_root(place))
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


def test_attributes_are_read_only_of_what_is_not_just_as_it_was_noted(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "replica"
    listed(store)
    for name in ("", "a", "b", "folder", "folder/c", "folder/d"):
        digest = b"d" * 16 if name == "b" else b""
        store.states.put(0, state_of(name.encode(), os.lstat(root / name), digest))
    store.commit("", 0, -1)
    (root / "folder/c").chmod(0o600)
    read: list[object] = []

    def reading(place: bytes | int) -> Xattrs:
        read.append(place)
        return ()

    monkeypatch.setattr(listing, "read_xattrs", reading)

    states = ListedStates(store, 0)
    found = {entry.path: entry.xattrs for entry in list_root(store.trees[0].tree, states)}
    findings = states.end()

    assert read == [os.fsencode(root / "folder/c")]
    assert found[b"b"] == b"d" * 16
    assert [(one.path, one.kind) for one in findings] == [(b"folder/c", DriftKind.METADATA)]


def test_a_listing_notes_when_what_it_read_had_changed(
    store: ReplicaStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The next one need not read its attributes then; not of what is so young that it may change unseen."""
    read: list[object] = []

    def reading(place: bytes | int) -> Xattrs:
        read.append(place)
        return read_xattrs(place)

    monkeypatch.setattr(listing, "read_xattrs", reading)
    listed(store)
    read.clear()
    states = ListedStates(store, 0)
    assert len(list(list_root(store.trees[0].tree, states))) == len(read) == 6
    states.end()

    monkeypatch.setattr("app.replication.replica.drift_listing._YOUNG_NS", -1_000_000_000)
    for expected in (6, 0):
        read.clear()
        states = ListedStates(store, 0)
        found = list(list_root(store.trees[0].tree, states))
        assert states.end() == []
        assert (len(found), len(read)) == (6, expected)


def test_what_is_gone_when_it_is_looked_at_is_told_once(store: ReplicaStore, tmp_path: Path) -> None:
    root = tmp_path / "replica"
    listed(store)
    states = ListedStates(store, 0)
    entries = list_root(store.trees[0].tree, states)
    assert [next(entries).path, next(entries).path] == [b"", b"a"]

    (root / "b").unlink()
    left = [entry.path for entry in entries]

    assert left == [b"folder", b"folder/c", b"folder/d"]
    assert [one.path for one in states.end()] == [b"b"]
    # Only the time of the directory is another since it was looked at.
    assert [one.path for one in listed(store)] == [b""]


def test_what_is_gone_in_great_number_is_looked_at_part_by_part_and_found_once(
    store: ReplicaStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = tmp_path / "replica"
    for number in range(20):
        (root / "folder" / f"many{number:02}").touch()
    listed(store)
    store.commit("", 0, -1)
    shutil.rmtree(root / "folder")
    (root / "after").touch()
    monkeypatch.setattr(drift, "RANGE_ROWS", 4)
    place = Rooted(store.trees[0].tree.path)
    replica = SimpleNamespace(lock=RLock(), store=store, restores={}, label="")
    looking = DriftLooking(cast("Replica", replica), store, Drift(store), None, [place], [])
    parts = list(looking.beneath(0, b""))
    place.close()
    found = [(one.path, one.kind) for part in parts for one in part]
    gone = [(b"folder", DriftKind.REMOVED)]
    gone += [(b"folder/" + name, DriftKind.REMOVED) for name in (b"c", b"d")]
    gone += [(b"folder/many%02d" % number, DriftKind.REMOVED) for number in range(20)]
    assert sorted(found) == sorted([(b"", DriftKind.METADATA), (b"after", DriftKind.CREATED), *gone])
    assert parts.count([]) >= 5  # others may have the replica in between
