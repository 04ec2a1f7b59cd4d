"""Random operations and rewinds on a disk that is full at random writes: nothing half, nothing lost."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from app.model.errors import ArcxoError, Problem
from app.replication.records import Record, SetMetadata
from app.replication.replica.applier import Applied, Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from tests.support.no_room import NoRoom
from tests.support.replica_tree import begin_stream, directory_metadata, open_store, picture
from tests.support.rewind_model import ModelledReplica, difference

T = TypeVar("T")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[ReplicaStore]:
    opened = open_store(tmp_path / "state", tmp_path / "replica")
    yield opened
    opened.close()


class FullAtTimes(ModelledReplica):
    """Its disk is full at random calls; all is tried again until there is room."""

    def __init__(self, store: ReplicaStore, seed: int, disk: NoRoom) -> None:
        super().__init__(store, seed, directory_metadata())
        self.disk = disk
        self.pick = random.Random(seed)
        self.applier = Applier(store)
        self.refused = 0

    def apply(self, first: int, records: Sequence[Record]) -> Applied:
        def attempt() -> Applied:
            self._appended.clear()
            return self.applier.apply_stream("e", first, records)

        return self.insist(attempt, 60)

    def rewind(self, change: int) -> None:
        def attempt() -> None:
            problems: list[Problem] = []
            self.applier.mend()
            undoing = entries_after(self.store, change)
            self.applier.run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
            assert problems == []

        self.insist(attempt, 120)
        self.rewound(change)

    def insist(self, attempt: Callable[[], T], calls: int) -> T:
        if self.pick.random() < 0.6:
            self.disk.begin(self.pick.randrange(1, calls), self.pick.choice((1, 3, 10, 1000)))
        while True:
            try:
                found = attempt()
            except ArcxoError as error:
                if error.code != "ER00408":
                    raise
                self.refused += 1
                if self.pick.random() < 0.5:
                    self.disk.end()
                if not self.applier.half_applied:
                    self.is_as_before()
            else:
                self.disk.end()
                return found

    def is_as_before(self) -> None:
        """What failed has changed nothing."""
        expected = self.states[self.store.change].picture()
        assert difference(picture(self.root), expected) == []


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_disk_full_at_random_writes_leaves_every_state_and_rewind_exact(
    seed: int, store: ReplicaStore
) -> None:
    begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
    with NoRoom() as disk:
        modelled = FullAtTimes(store, seed, disk)
        for number in range(8):
            modelled.operate(12)
            modelled.check((seed, number))
            modelled.listed()
            if modelled.pick.random() < 0.7:
                modelled.rewind(modelled.pick.choice(list(modelled.states)))
                modelled.check((seed, number, "rewound"))
                modelled.listed()
    assert modelled.refused > 5
