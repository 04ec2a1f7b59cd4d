"""A backup that looks only at the paths of the change list holds exactly what the replica holds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import MakeLink, Record, Remove, Rename, SetMetadata
from app.replication.replica.applied import CHANGE_KINDS
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from tests.support.change_lists import backed_up, without_groups
from tests.support.replica_tree import begin_stream, directory_metadata, make, open_store, picture, put
from tests.support.rewind_model import ModelledReplica, Picture


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    begin_stream(opened).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    yield opened
    opened.close()


def _listed(store: ReplicaStore, change: int) -> list[tuple[bytes, str]]:
    rows = store.index.changed_since(change)
    assert rows is not None
    return [(path, CHANGE_KINDS[kind]) for _, path, kind in rows]


def _assert_complete(store: ReplicaStore, change: int, base: Picture, now: Picture, what: object) -> None:
    changes = _listed(store, change)
    backup = backed_up(without_groups(base), changes, without_groups(now))
    expected = without_groups(now)
    wrong = [p for p in sorted(backup.keys() | expected.keys()) if backup.get(p) != expected.get(p)]
    assert not wrong, (what, wrong[:5], [c for c in changes if wrong[0].startswith(c[0])])


def _check(store: ReplicaStore, tmp_path: Path, before: list[Record], after: list[list[Record]]) -> None:
    applier = Applier(store)
    sequence = store.index.position.sequence + 1
    applier.apply_stream("e", sequence, before)
    change, base = store.change, picture(tmp_path / "replica")
    sequence += len(before)
    for batch in after:
        assert not applier.apply_stream("e", sequence, batch).troubles
        sequence += len(batch)
    _assert_complete(store, change, base, picture(tmp_path / "replica"), after)


@pytest.mark.parametrize("together", [False, True])
def test_a_directory_removed_and_made_again(store: ReplicaStore, tmp_path: Path, together: bool) -> None:
    after: list[Record] = [Remove(0, b"d"), make(b"d"), put(b"d/new", b"2")]
    batches = [after] if together else [[record] for record in after]
    _check(store, tmp_path, [make(b"d"), make(b"d/sub"), put(b"d/old", b"1"), put(b"d/sub/x", b"1")], batches)


def test_a_directory_moved_over_the_place_of_another_and_changed(store: ReplicaStore, tmp_path: Path) -> None:
    _check(
        store,
        tmp_path,
        [make(b"a"), put(b"a/of-a", b"1"), make(b"b"), put(b"b/of-b", b"1")],
        [
            [Remove(0, b"b"), Rename(0, b"a", b"b")],
            [SetMetadata(0, b"b", directory_metadata(permissions=0o700))],
        ],
    )


def test_a_file_in_the_place_of_a_directory_and_back(store: ReplicaStore, tmp_path: Path) -> None:
    _check(
        store,
        tmp_path,
        [make(b"d"), put(b"d/old", b"1")],
        [[Remove(0, b"d"), put(b"d", b"file")], [Remove(0, b"d"), make(b"d")], [put(b"d/new", b"1")]],
    )


def test_a_list_that_is_read_after_more_was_removed(store: ReplicaStore, tmp_path: Path) -> None:
    """As the agent reads it: what was removed since the backup's moment counts as any change."""
    applier = Applier(store)
    applier.apply_stream("e", 2, [make(b"d"), make(b"d/sub"), put(b"d/x", b"1"), put(b"d/sub/y", b"1")])
    change, base = store.change, picture(tmp_path / "replica")
    applier.apply_stream("e", 6, [put(b"d/x", b"22"), put(b"d/sub/y", b"22"), put(b"d/new", b"1")])
    moment = picture(tmp_path / "replica")
    applier.apply_stream("e", 9, [Remove(0, b"d/new"), Rename(0, b"d/sub", b"moved"), Remove(0, b"d")])
    changes = [(path, "subtree" if kind == "removed" else kind) for path, kind in _listed(store, change)]
    assert backed_up(without_groups(base), changes, without_groups(moment)) == without_groups(moment)


def test_a_new_name_of_a_file(store: ReplicaStore, tmp_path: Path) -> None:
    _check(store, tmp_path, [put(b"f", b"1")], [[MakeLink(0, b"g", b"f")], [put(b"f", b"22")]])


@pytest.mark.parametrize("seed", range(1, 3))
def test_random_operations_rewinds_and_a_reopened_index(
    store: ReplicaStore, seed: int, tmp_path: Path
) -> None:
    modelled = ModelledReplica(store, seed, directory_metadata())
    pick = modelled.churn.random
    bases: list[tuple[int, Picture]] = []
    for part in range(10):
        bases.append((store.change, modelled.check((seed, part))))
        modelled.operate(15)
        if pick.random() < 0.2:
            change = pick.choice(list(modelled.states))
            problems: list[Problem] = []
            undoing = entries_after(store, change)
            Applier(store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)  # noqa: B023 - called at once
            assert not problems
            modelled.rewound(change)
        now = modelled.check((seed, part))
        for change, base in bases:
            _assert_complete(store, change, base, now, (seed, part, change))


def test_a_name_added_to_a_file_tells_of_both(store: ReplicaStore, tmp_path: Path) -> None:
    applier = Applier(store)
    sequence = store.index.position.sequence + 1
    applier.apply_stream("e", sequence, [put(b"one", b"1"), put(b"other", b"2")])
    change = store.change
    applier.apply_stream("e", sequence + 2, [MakeLink(0, b"two", b"one")])
    assert _listed(store, change) == [(b"one", "changed"), (b"two", "changed")]


def test_a_name_that_a_rewind_gives_back_tells_of_the_others(store: ReplicaStore, tmp_path: Path) -> None:
    applier = Applier(store)
    sequence = store.index.position.sequence + 1
    applier.apply_stream("e", sequence, [put(b"one", b"1"), MakeLink(0, b"two", b"one")])
    applier.apply_stream("e", sequence + 2, [Remove(0, b"two")])
    change = store.change
    undoing, problems = entries_after(store, change - 1), list[Problem]()
    applier.run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
    assert not problems
    assert (b"one", "changed") in _listed(store, change)
