"""What a rewind would change, exactly, found by undoing on paper."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from dataclasses import dataclass

from app.model.rewind import RewindAction
from app.replication.replica import steps
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.steps import TREE
from app.replication.replica.undo_log import UndoEntry
from app.replication.replica.walking import walk

Origin = tuple[int, bytes] | None
"""(area, path) an entry's content will come from; None: nothing will be there."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One path a rewind changes."""

    root: int
    path: bytes
    action: RewindAction
    size_bytes: int


def plan(store: ReplicaStore, entries: Iterable[UndoEntry]) -> list[PlannedChange]:
    """Every path that undoing `entries` (newest first) changes, sorted. Changes nothing."""
    maps = [_Names() for _ in store.trees]
    for entry in entries:
        for step in reversed(entry.steps):
            _undo_on_paper(maps, step)
    found: list[PlannedChange] = []
    for tree, names in zip(store.trees, maps, strict=True):
        tree.forget()
        found += _compare(store, tree.index, names)
    return found


class _Names:
    """Where the content of each place comes from, as far as it differs from what is there now."""

    def __init__(self) -> None:
        self.origin: dict[tuple[int, bytes], Origin] = {}
        self.written: set[tuple[int, bytes]] = set()
        self.touched: set[tuple[int, bytes]] = set()

    def resolve(self, place: tuple[int, bytes]) -> Origin:
        area, path = place
        above, rest = path, b""
        while True:
            known = (area, above)
            if known in self.origin:
                origin = self.origin[known]
                return None if origin is None else (origin[0], origin[1] + rest)
            if b"/" not in above:
                return place
            above = above.rpartition(b"/")[0]
            rest = path[len(above) :]

    def move(self, source: tuple[int, bytes], target: tuple[int, bytes]) -> None:
        origin = self.resolve(source)
        prefix = source[1] + b"/"
        beneath = [p for p in self.origin if p[0] == source[0] and p[1].startswith(prefix)]
        carried = [(p[1][len(source[1]) :], self.origin.pop(p)) for p in beneath]
        self.origin[source] = None
        self.origin[target] = origin
        for rest, known in carried:
            self.origin[target[0], target[1] + rest] = known


def _undo_on_paper(maps: list[_Names], step: steps.Step) -> None:
    kind, names = step[0], maps[step[1]]
    if kind == steps.MOVE:
        names.move((step[4], step[5]), (step[2], step[3]))
    elif kind == steps.REPLACE:
        names.move((TREE, step[2]), (step[3], step[4]))
        names.move((steps.SIDE, step[6]), (TREE, step[2]))
    elif kind in (steps.METADATA, steps.BLOCKS):
        origin = names.resolve((TREE, step[2]))
        if origin is not None:
            (names.touched if kind == steps.METADATA else names.written).add(origin)


def _compare(store: ReplicaStore, root: int, names: _Names) -> list[PlannedChange]:
    tree = store.trees[root]
    actions: dict[bytes, tuple[RewindAction, int]] = {}
    kept = {
        origin[1]
        for place, origin in names.origin.items()
        if place[0] == TREE and origin is not None and origin[0] == TREE
    }
    for (area, path), origin in sorted(names.origin.items(), key=lambda item: item[0]):
        if area != TREE or origin == (TREE, path):
            continue
        now = tree.tree.status_or_none(path)
        if origin is None:
            if now is not None and path not in kept:
                for at, status in walk(tree.tree, path):
                    if names.origin.get((TREE, at)) is None and at not in kept:
                        actions.setdefault(at, (RewindAction.DELETE, status.st_size))
        elif origin[0] == TREE:
            actions[path] = (RewindAction.RENAME, 0)
        else:
            _created(tree, path, origin[1], names, actions)
    for written, action in ((names.written, RewindAction.OVERWRITE), (names.touched, RewindAction.METADATA)):
        for area, path in written:
            if area != TREE:
                continue
            here = _place_of(names, path)
            found = tree.tree.status_or_none(path)
            if here is not None and found is not None:
                size = found.st_size if action is RewindAction.OVERWRITE else 0
                actions.setdefault(here, (action, size))
    return [PlannedChange(root, path, action, size) for path, (action, size) in sorted(actions.items())]


def _created(
    tree: steps.ReplicaTree,
    path: bytes,
    aside: bytes,
    names: _Names,
    actions: dict[bytes, tuple[RewindAction, int]],
) -> None:
    for at, status in walk(tree.side, aside):
        target = path + at[len(aside) :]
        if at != aside and names.resolve((TREE, target)) != (steps.SIDE, at):
            continue
        now = tree.tree.status_or_none(target)
        action = RewindAction.CREATE if now is None else RewindAction.OVERWRITE
        if now is not None and stat.S_ISDIR(now.st_mode) and stat.S_ISDIR(status.st_mode):
            action = RewindAction.METADATA
        size = status.st_size if stat.S_ISREG(status.st_mode) else 0
        actions[target] = (action, size)


def _place_of(names: _Names, path: bytes) -> bytes | None:
    """Where what is at `path` now will be after the rewind."""
    for (area, target), origin in names.origin.items():
        if area == TREE and origin is not None and origin[0] == TREE:
            if path == origin[1]:
                return target
            if path.startswith(origin[1] + b"/"):
                moved = target + path[len(origin[1]) :]
                if names.resolve((TREE, moved)) == (TREE, path):
                    return moved
    return path if names.resolve((TREE, path)) == (TREE, path) else None
