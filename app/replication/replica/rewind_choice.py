"""Which entries of the undo log a rewind undoes. The log is streamed: it may be far larger than memory."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import dataclass

from app.model.paths import is_beneath
from app.replication.replica import steps
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.steps import TREE, Operation
from app.replication.replica.undo_log import UndoEntry

Selected = set[tuple[int, bytes]]


@dataclass(frozen=True, slots=True)
class Undoing:
    """What must be undone to come to the state after `change`: iterating gives it, newest first.

    `whole`: the replica is then in that state in all its paths. Valid until more is applied than undoing it.
    """

    store: ReplicaStore
    change: int
    newest: int
    numbers: Container[int]
    whole: bool

    def __iter__(self) -> Iterator[UndoEntry]:
        for entry in self.store.log.newest_first(self.change):
            number = entry.header.change
            if number <= self.newest and number in self.numbers:
                yield entry


def entries_after(store: ReplicaStore, change: int) -> Undoing:
    """All that leads from the state after `change` to the one now."""
    newest = store.change
    ranges = [(first, last) for first, last in store.index.rewound() if last > change]
    if not ranges:
        return Undoing(store, change, newest, range(change + 1, newest + 1), whole=True)
    return Undoing(store, change, newest, _reduced(store, change, ranges), whole=True)


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


def entries_about(store: ReplicaStore, change: int, chosen: Selected) -> Undoing:
    """The entries after `change` that must be undone for the chosen paths to be as they were then.

    A rename, and the removal or rename of a directory above a chosen path, is undone as a whole, and then
    everything it moved belongs to the choice too; so do all names of a file with several.
    """
    selected = set(chosen)
    inodes = _linked(store, selected)
    numbers: set[int] = set()
    while True:
        before = len(selected), len(inodes)
        for entry in store.log.newest_first(change):
            number = entry.header.change
            if number in numbers:
                continue
            if _concerns(entry, selected, inodes):
                numbers.add(number)
                paths = tree_paths(entry)
                if len(paths) > 1 or _moves_directory(entry):
                    selected |= paths
                inodes |= _shared(entry)
        if (len(selected), len(inodes)) == before:
            return Undoing(store, change, store.change, numbers, whole=False)


def _concerns(entry: UndoEntry, selected: Selected, inodes: set[tuple[int, int]]) -> bool:
    for root, path in tree_paths(entry):
        if any(at == root and is_beneath(path, known) for at, known in selected):
            return True
    for step in entry.steps:
        kind, root = step[0], step[1]
        if kind in (steps.METADATA, steps.BLOCKS) and (root, step[3]) in inodes:
            return True
        # What took a chosen path along: the directory above it moved away. One that came needs nothing.
        gone = kind == steps.MOVE and step[7] and step[2] == TREE
        if gone and any(at == root and is_beneath(known, step[3]) for at, known in selected):
            return True
        arrived = kind == steps.MOVE and step[7] and step[4] == TREE and step[2] == TREE
        if arrived and any(at == root and is_beneath(known, step[5]) for at, known in selected):
            return True
    return False


def _moves_directory(entry: UndoEntry) -> bool:
    return any(step[0] == steps.MOVE and step[7] for step in entry.steps)


def _linked(store: ReplicaStore, chosen: Selected) -> set[tuple[int, int]]:
    """Inodes with several names of which one is chosen: writing to another name changed it too."""
    return {
        (root, inode)
        for root, path, inode in store.index.links()
        if any(at == root and is_beneath(path, known) for at, known in chosen)
    }


def _shared(entry: UndoEntry) -> set[tuple[int, int]]:
    """Inodes that an entry puts at, or takes from, its paths."""
    found = set()
    for step in entry.steps:
        if step[0] == steps.REPLACE:
            found |= {(step[1], step[5]), (step[1], step[7])}
        elif step[0] == steps.MOVE and not step[7]:
            found.add((step[1], step[6]))
    return found


def tree_paths(entry: UndoEntry) -> set[tuple[int, bytes]]:
    """Every path in a root that an entry is about."""
    found = set()
    for step in entry.steps:
        kind, root = step[0], step[1]
        if kind == steps.MOVE:
            found |= {(root, path) for area, path in ((step[2], step[3]), (step[4], step[5])) if area == TREE}
        elif kind == steps.REPLACE:
            found.add((root, step[2]))
            if step[3] == TREE:
                found.add((root, step[4]))
        elif kind in (steps.METADATA, steps.BLOCKS):
            found.add((root, step[2]))
    return found
