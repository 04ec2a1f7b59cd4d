"""Which entries of the undo log a rewind undoes. The log is streamed: it may be far larger than memory."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from app.model.errors import ArcxoError
from app.model.paths import shown
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.steps import Operation
from app.replication.replica.undo_log import UndoEntry


@dataclass(frozen=True, slots=True)
class Undoing:
    """What must be undone to come to the state after `change`: iterating gives it, newest first.

    Valid until more is applied than undoing it. Raises ArcxoError CR00412 where the log lacks one of them.
    """

    store: ReplicaStore
    change: int
    newest: int
    numbers: Container[int]

    def __iter__(self) -> Iterator[UndoEntry]:
        following = self.newest + 1
        unlogged = self.store.index.unlogged()
        for entry in self.store.log.newest_first(self.change):
            number = entry.header.change
            if number > self.newest:
                continue
            if not unlogged.issuperset(range(number + 1, following)):
                break
            following = number
            if entry.header.operation == Operation.REPAIR:
                # What it put back is what the master had all along.
                continue
            if number in self.numbers:
                yield entry
        if not unlogged.issuperset(range(self.change + 1, following)):
            # Going on without it would come to a state that never was.
            raise ArcxoError("CR00412", path=shown(self.store.log.directory))


def entries_after(store: ReplicaStore, change: int) -> Undoing:
    """All that leads from the state after `change` to the one now."""
    newest = store.change
    ranges = [(first, last) for first, last in store.index.rewound() if last > change]
    if not ranges:
        return Undoing(store, change, newest, range(change + 1, newest + 1))
    return Undoing(store, change, newest, _reduced(store, change, ranges))


def _reduced(store: ReplicaStore, change: int, ranges: list[tuple[int, int]]) -> set[int]:
    """The changes after `change` without those that whole rewinds have taken back, and without those rewinds.

    So rewinding again and again costs what lies between the two states, not what happened since.
    """
    way: list[int] = []
    on_way: set[int] = set()
    at = 0
    taken_back = 0
    for header in store.log.headers_oldest_first(change):
        number = header.change
        while at < len(ranges) and ranges[at][1] < number:
            at += 1
        undone = 0
        if header.operation == Operation.REWIND and at < len(ranges) and ranges[at][0] <= number:
            undone = header.sequence
        if undone and undone == taken_back:
            continue
        taken_back = 0
        if undone and undone in on_way:
            # What lies above it on the way needed nothing to be undone.
            while True:
                last = way.pop()
                on_way.discard(last)
                if last == undone:
                    break
            taken_back = undone
            continue
        way.append(number)
        on_way.add(number)
    return on_way
