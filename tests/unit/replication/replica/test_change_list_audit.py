"""The list of what changed since a backup is complete, whatever wrote: a walk over both states proves it."""

from __future__ import annotations

import contextlib
import os
import random
from pathlib import Path

import pytest

from app.model.entry import EntryKind, Metadata
from app.model.errors import ArcxoError, Problem
from app.replication.records import SetMetadata
from app.replication.replica.applied import SUBTREE
from app.replication.replica.applier import Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from tests.support.faults import Cut, CutAt
from tests.support.replica_tree import begin_stream, directory_metadata, open_store, picture
from tests.support.rewind_model import ModelledReplica, Picture

SEED = int(os.environ.get("ARCXO_SEED", "1"))


class Audit:
    """A replica, random writers of every kind, and the backups that were taken meanwhile."""

    def __init__(self, base: Path, seed: int) -> None:
        self._base = base
        self._seed = seed
        self.random = random.Random(seed)
        self.store = open_store(base / "state", base / "replica")
        begin_stream(self.store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
        self.replica = ModelledReplica(self.store, seed, directory_metadata())
        self.backups: list[tuple[str, int, Picture]] = []
        self.done: list[str] = []

    def back_up(self) -> None:
        self.backups.append(
            (self.store.index.incarnation, self.store.change, picture(self._base / "replica"))
        )

    def audit(self) -> int:
        """Every backup's change list names all that is different now; returns how much that was."""
        now = picture(self._base / "replica")
        found = 0
        for incarnation, change, then in self.backups:
            if incarnation != self.store.index.incarnation:
                continue
            listed = self.store.index.changed_since(change)
            if listed is None:
                # Not known any more: the backup walks.
                continue
            named = {path for _, path, _ in listed}
            trees = [path + b"/" if path else b"" for _, path, kind in listed if kind == SUBTREE]
            # The third part is only which name of a linked file comes first.
            different = {p for p in now.keys() | then.keys() if now.get(p, ())[:2] != then.get(p, ())[:2]}
            # What was in a directory that is gone, or something else now, is gone with it.
            gone = [path + b"/" for path in named if not _is_directory(now.get(path))]
            missed = {
                path
                for path in different - named
                if not any(path.startswith(tree) for tree in trees)
                and (path in now or not any(path.startswith(above) for above in gone))
            }
            assert not missed, (self._seed, self.done, change, sorted(missed))
            found += len(different)
        return found

    # writers

    def write(self) -> None:
        self.done.append("stream")
        self.replica.operate(self.random.randrange(1, 25))

    def rewind(self) -> None:
        change = self.random.choice(list(self.replica.states))
        if change >= self.store.change:
            return
        self.done.append(f"rewind to {change}")
        self._undo(change)
        self.replica.rewound(change)

    def _undo(self, change: int) -> None:
        undoing = entries_after(self.store, change)
        problems: list[Problem] = []
        Applier(self.store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
        assert problems == []

    def die_writing(self) -> None:
        self.done.append("died in the stream")
        self._die(lambda: self.replica.operate(self.random.randrange(1, 25)))

    def die_rewinding(self) -> None:
        change = self.random.choice(list(self.replica.states))
        if change < self.store.change:
            self.done.append(f"died rewinding to {change}")
            self._die(lambda: self._undo(change))

    def _die(self, work: object) -> None:
        states = self.replica.states
        model = self.replica.model
        with contextlib.suppress(Cut, ArcxoError), CutAt(self.random.randrange(1, 120), partial=True):
            work()  # type: ignore[operator]
        with contextlib.suppress(Exception):
            self.store.close()
        self.store = open_store(self._base / "state", self._base / "replica")
        now = picture(self._base / "replica")
        # All of the batch that was cut, or nothing of it.
        possible = [model.state(), *reversed(states.values())]
        state = next((one for one in possible if one.picture() == now), None)
        assert state is not None, (self._seed, self.done, "a state that never was")
        churn = self.replica.churn
        self.replica = ModelledReplica(self.store, self._seed, directory_metadata())
        # Numbers of staged contents go on, as a master's do.
        self.replica.churn, self.replica.model = churn, model
        model.load(state)
        self.replica.states = {self.store.change: state}

    def close(self) -> None:
        self.store.close()


def _is_directory(entry: tuple[object, ...] | None) -> bool:
    metadata = entry[0] if entry is not None else None
    return isinstance(metadata, Metadata) and metadata.kind is EntryKind.DIRECTORY


def run(base: Path, seed: int, rounds: int) -> None:
    audit = Audit(base, seed)
    found = 0
    try:
        for _ in range(rounds):
            if audit.random.random() < 0.4:
                audit.back_up()
            writers = (audit.write, audit.write, audit.rewind, audit.die_writing, audit.die_rewinding)
            audit.random.choice(writers)()
            found += audit.audit()
    finally:
        audit.close()
    assert found


@pytest.mark.parametrize("seed", range(SEED, SEED + 4))
def test_a_change_list_names_all_that_is_different_after_any_writer(seed: int, tmp_path: Path) -> None:
    run(tmp_path, seed, 25)


@pytest.mark.deep
@pytest.mark.timeout(1800)
def test_a_change_list_is_complete_after_hundreds_of_rounds(tmp_path: Path) -> None:
    for number in range(40):
        base = tmp_path / str(number)
        base.mkdir()
        run(base, random.SystemRandom().randrange(1 << 31), 60)


def test_a_change_list_of_another_incarnation_is_not_given(tmp_path: Path) -> None:
    store: ReplicaStore = open_store(tmp_path / "state", tmp_path / "replica")
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    change = store.change
    assert store.index.changed_since(change) == []
    assert store.index.changed_since(change + 1) is None
    store.close()
