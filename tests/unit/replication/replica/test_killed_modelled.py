"""Random operations and rewinds, killed at random writes: all of a batch has happened then, or nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from app.model.errors import Problem
from app.replication.records import Record, SetMetadata
from app.replication.replica.applier import Applied, Applier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import entries_after
from app.replication.replica.rewinding import undo
from tests.support.faults import Cut, CutAt
from tests.support.replica_tree import begin_stream, directory_metadata, open_store, picture
from tests.support.rewind_model import ModelledReplica, difference


class KilledAtTimes(ModelledReplica):
    """What it does is cut at random calls, its starts among them, and done again until it is done."""

    def __init__(self, base: Path, seed: int) -> None:
        self.base = base
        self.pick = random.Random(seed)
        self.kills = 0
        store = self.opened()
        begin_stream(store).apply_stream("e", 1, [SetMetadata(0, b"", directory_metadata())])
        super().__init__(store, seed, directory_metadata())

    def opened(self) -> ReplicaStore:
        return open_store(self.base / "state", self.base / "replica")

    def apply(self, first: int, records: Sequence[Record]) -> Applied:
        begun = self.store.change
        found: list[Applied] = []

        def attempt() -> None:
            self._appended.clear()
            found.append(Applier(self.store).apply_stream("e", first, records))

        if self.killed(attempt, 80) and self.store.change == begun:
            return self.apply(first, records)
        return found[0] if found else Applied()

    def rewind(self, change: int) -> None:
        begun = self.store.change

        def attempt() -> None:
            problems: list[Problem] = []
            undoing = entries_after(self.store, change)
            Applier(self.store).run(lambda batch: problems.extend(undo(batch, undoing)), keep_position=True)
            assert problems == []

        if self.killed(attempt, 150) and self.store.change == begun:
            self.rewind(change)
        else:
            self.rewound(change)

    def killed(self, work: Callable[[], None], calls: int) -> bool:
        """Whether it was; then all of its work has happened, or nothing."""
        begun = self.store.change
        at = self.pick.randrange(1, calls) if self.pick.random() < 0.7 else 0
        try:
            with CutAt(at, partial=self.pick.random() < 0.5):
                work()
        except Cut:
            self.kills += 1
        else:
            return False
        self.store.close()
        while True:
            try:
                with CutAt(self.pick.randrange(1, 100), partial=self.pick.random() < 0.5):
                    self.adopt(self.opened())
                break
            except Cut:
                continue
        if self.store.change == begun:
            expected = self.states[begun].picture()
            assert difference(picture(self.root), expected) == []
        return True


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_kills_at_random_writes_leave_every_state_and_rewind_exact(seed: int, tmp_path: Path) -> None:
    modelled = KilledAtTimes(tmp_path, seed)
    for number in range(8):
        modelled.operate(12)
        modelled.check((seed, number))
        modelled.listed()
        if modelled.pick.random() < 0.7:
            modelled.rewind(modelled.pick.choice(list(modelled.states)))
            modelled.check((seed, number, "rewound"))
            modelled.listed()
    modelled.store.close()
    assert modelled.kills > 2
