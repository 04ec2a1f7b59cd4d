"""What a rewind would change, exactly, found by undoing on paper.

Names and contents are followed apart: `Names` knows from where each place will get what stands there, and
`Change` what of it is written in place, by inode, as all names of a file are written together.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from app.model.entry import Metadata
from app.model.rewind import RewindAction
from app.replication.codec import unpack_metadata
from app.replication.metadata import read_metadata
from app.replication.replica import steps
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.steps import SIDE, TREE, ReplicaTree
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.undo_log import UndoEntry
from app.replication.replica.walking import walk

Place = tuple[int, bytes]
"""(area, path)"""

Written = Callable[[int, int, list[tuple[int, bytes]]], None]
"""(inode, size of the file, [(offset, old bytes)])"""

_COMPARED_BYTES_MAX = 64 * 1024 * 1024
_COMPARED_BLOCKS_MAX = 2_000
_CONTENT = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """One path a rewind changes. `came_from`: where what moves there is now; b"" = nothing moves."""

    root: int
    path: bytes
    action: RewindAction
    size_bytes: int
    came_from: bytes = b""


def plan(store: ReplicaStore, entries: Iterable[UndoEntry]) -> list[PlannedChange]:
    """Every path that undoing `entries` (newest first) changes, sorted. Changes nothing.

    What only moves to a free name is one change, with all beneath it, told by its new name; a file that is
    written as well is overwritten there. Memory grows with the paths that change, not with their contents.
    """
    papers = undo_on_paper(store, entries)
    found: list[PlannedChange] = []
    for paper in papers:
        actions = paper.compare(store)
        root = paper.tree.index
        found += [
            PlannedChange(root, path, action, size, paper.moved.get(path, b""))
            for path, (action, size) in sorted(actions.items())
        ]
    return found


def undo_on_paper(store: ReplicaStore, entries: Iterable[UndoEntry]) -> list[Paper]:
    """Each root as it will be after undoing `entries` (newest first). Changes nothing."""
    for tree in store.trees:
        tree.forget()
    papers = [Paper(tree) for tree in store.trees]
    for entry in entries:
        for step in reversed(entry.steps):
            if step[1] < len(papers):
                papers[step[1]].undo(step)
    return papers


class Names:
    """Where the content of each place comes from, as far as it differs from what is there now."""

    def __init__(self) -> None:
        self.origin: dict[Place, Place | None] = {}

    def nearest(self, place: Place) -> Place | None:
        """The place at or above this one that gets something else."""
        area, above = place
        while True:
            if (area, above) in self.origin:
                return area, above
            if not above:
                return None
            above = above.rpartition(b"/")[0]

    def resolve(self, place: Place) -> Place | None:
        """What will be at `place` is now there; None: nothing."""
        known = self.nearest(place)
        if known is None:
            return place
        origin = self.origin[known]
        return None if origin is None else (origin[0], origin[1] + place[1][len(known[1]) :])

    def move(self, source: Place, target: Place, *, directory: bool) -> None:
        """What will be at `source` goes to `target`."""
        origin = self.resolve(source)
        carried = []
        if directory:
            prefix = source[1] + b"/"
            beneath = [p for p in self.origin if p[0] == source[0] and p[1].startswith(prefix)]
            carried = [(p[1][len(source[1]) :], self.origin.pop(p)) for p in beneath]
        self.origin[source] = None
        self.origin[target] = origin
        for rest, known in carried:
            self.origin[target[0], target[1] + rest] = known


@dataclass(slots=True)
class Change:
    """What undoing does to one inode: the last metadata set is what stays, blocks in the order written."""

    metadata: Metadata | None = None
    size_bytes: int = -1
    blocks: list[tuple[int, bytes]] = field(default_factory=list)
    too_many: bool = False


class Paper:
    """One root, undone on paper."""

    def __init__(self, tree: ReplicaTree, on_blocks: Written | None = None) -> None:
        """`on_blocks` is told of each BLOCKS step that is undone, instead of it being kept."""
        self.tree = tree
        self._on_blocks = on_blocks
        self.names = Names()
        self.moved: dict[bytes, bytes] = {}
        """After `compare`: what moves to a free name, and where from."""
        self.changes: dict[int, tuple[Place, Change]] = {}
        self._kept_bytes = 0
        self._targets: dict[bytes, bytes] = {}

    def undo(self, step: steps.Step) -> None:
        """Take one step back."""
        kind = step[0]
        if kind == steps.MOVE:
            self.names.move((step[4], step[5]), (step[2], step[3]), directory=bool(step[7]))
        elif kind == steps.REPLACE:
            self.names.move((TREE, step[2]), (step[3], step[4]), directory=False)
            self.names.move((SIDE, step[6]), (TREE, step[2]), directory=False)
        elif kind in (steps.METADATA, steps.BLOCKS):
            self._undo_content(step)

    def _undo_content(self, step: steps.Step) -> None:
        origin = self.names.resolve((TREE, step[2]))
        status = self._status(origin)
        if origin is None or status is None:
            return
        change = self.changes.setdefault(status.st_ino, (origin, Change()))[1]
        if step[0] == steps.METADATA:
            change.metadata = unpack_metadata(list(step[4]))
            return
        if self._on_blocks is not None:
            self._on_blocks(status.st_ino, step[4], step[5])
            return
        change.size_bytes = step[4]
        for offset, data in step[5]:
            self._kept_bytes += len(data)
            change.blocks.append((offset, data))
        if self._kept_bytes > _COMPARED_BYTES_MAX or len(change.blocks) > _COMPARED_BLOCKS_MAX:
            change.too_many = True
            self._kept_bytes -= sum(len(data) for _, data in change.blocks)
            change.blocks.clear()

    def compare(self, store: ReplicaStore) -> dict[bytes, tuple[RewindAction, int]]:
        """What differs between the directory now and what it will be."""
        actions: dict[bytes, tuple[RewindAction, int]] = {}
        gone: list[tuple[bytes, os.stat_result]] = []
        kept: dict[int, list[bytes]] = {}
        self._targets = {
            origin[1]: place[1]
            for place, origin in self.names.origin.items()
            if place[0] == TREE and origin is not None and origin[0] == TREE
        }
        for (area, path), origin in sorted(self.names.origin.items(), key=lambda item: item[0]):
            if area == TREE and origin != (TREE, path):
                self._compare_place(path, origin, actions, gone, kept)
        for path, status in gone:
            # What moves is told by its new name, unless that is another thing's now.
            if not self._is_renamed(path, actions):
                actions[path] = (RewindAction.DELETE, _size(status))
        for inode, ((area, path), change) in self.changes.items():
            current = self.current((area, path))
            if current is None:
                continue
            content = self.content_changes(area, path, change)
            known = store.links.names(self.tree, inode)
            names = known if area == SIDE or path in known else [path, *known]
            for place in (*(self._goes_to(name) for name in names), *kept.get(inode, ())):
                if place is not None and (place in self.moved or place not in actions):
                    self._compare_content(place, current, change, content, actions)
        return actions

    def _compare_place(
        self,
        path: bytes,
        origin: Place | None,
        actions: dict[bytes, tuple[RewindAction, int]],
        gone: list[tuple[bytes, os.stat_result]],
        kept: dict[int, list[bytes]],
    ) -> None:
        for at, status in list(walk(self.tree.tree, path)):
            if self.names.nearest((TREE, at)) != (TREE, path):
                continue
            future = self.names.resolve((TREE, at))
            to_come = self._status(future)
            if to_come is None or future is None:
                gone.append((at, status))
            elif os.path.samestat(status, to_come):
                # Another name of the same file comes here: only what is written to the file changes it.
                kept.setdefault(status.st_ino, []).append(at)
            elif not (stat.S_ISDIR(status.st_mode) and stat.S_ISDIR(to_come.st_mode)):
                actions[at] = (RewindAction.OVERWRITE, self._size_then(to_come))
            elif self._will_be(future) != self.current((TREE, at)):
                actions[at] = (RewindAction.METADATA, 0)
        if origin is None:
            return
        occupied = self.tree.tree.status_or_none(path) is not None
        for at, status in self._walk_origin(origin):
            target = path + at[len(origin[1]) :]
            if self.names.nearest((TREE, target)) != (TREE, path):
                continue
            if self.tree.tree.status_or_none(target) is not None:
                continue
            if origin[0] == SIDE or occupied:
                actions[target] = (RewindAction.CREATE, self._size_then(status))
            elif target == path:
                actions[target] = (RewindAction.RENAME, 0)
                self.moved[target] = origin[1]

    def _size_then(self, status: os.stat_result) -> int:
        """The size of what is kept aside, once what was written to it before it went there is undone, too."""
        known = self.changes.get(status.st_ino)
        return known[1].size_bytes if known is not None and known[1].size_bytes >= 0 else _size(status)

    def _is_renamed(self, path: bytes, actions: dict[bytes, tuple[RewindAction, int]]) -> bool:
        above = self._goes_to(path)
        while above:
            if actions.get(above, (None,))[0] is RewindAction.RENAME:
                return True
            above = above.rpartition(b"/")[0]
        return False

    def _compare_content(
        self,
        place: bytes,
        current: Metadata,
        change: Change,
        content: bool,
        actions: dict[bytes, tuple[RewindAction, int]],
    ) -> None:
        if content:
            size = change.size_bytes if change.size_bytes >= 0 else current.size_bytes
            actions[place] = (RewindAction.OVERWRITE, size)
        elif place not in actions and change.metadata is not None and change.metadata != current:
            actions[place] = (RewindAction.METADATA, 0)

    def content_changes(self, area: int, path: bytes, change: Change) -> bool:
        """Whether the content differs once all blocks are back; the block written last is what counts."""
        if change.too_many:
            return True
        if change.size_bytes < 0:
            return False
        try:
            fd, name = self.tree.area(area).place(path)
            file = os.open(name, _CONTENT, dir_fd=fd)
        except (OSError, PathTrouble):
            return True
        try:
            if os.fstat(file).st_size != change.size_bytes:
                return True
            covered: list[tuple[int, int]] = []
            for offset, data in reversed(change.blocks):
                end = min(offset + len(data), change.size_bytes)
                for start, stop in uncovered(offset, end, covered):
                    if os.pread(file, stop - start, start) != data[start - offset : stop - offset]:
                        return True
                covered.append((offset, end))
            return False
        finally:
            os.close(file)

    def _goes_to(self, path: bytes) -> bytes | None:
        """Where what is at `path` now will be."""
        above, rest = path, b""
        while above:
            target = self._targets.get(above)
            if target is not None and self.names.resolve((TREE, target + rest)) == (TREE, path):
                return target + rest
            above = above.rpartition(b"/")[0]
            rest = path[len(above) :]
        return path if self.names.resolve((TREE, path)) == (TREE, path) else None

    def _will_be(self, origin: Place) -> Metadata | None:
        """The metadata of what is at `origin` now, after undoing."""
        status = self._status(origin)
        known = self.changes.get(status.st_ino) if status is not None else None
        if known is not None and known[1].metadata is not None:
            return known[1].metadata
        return self.current(origin)

    def current(self, place: Place) -> Metadata | None:
        """The metadata of what is at `place` now."""
        try:
            fd, name = self.tree.area(place[0]).place(place[1])
            return read_metadata(name, fd)[0]
        except (FileNotFoundError, PathTrouble):
            return None

    def _status(self, place: Place | None) -> os.stat_result | None:
        return None if place is None else self.tree.area(place[0]).status_or_none(place[1])

    def _walk_origin(self, origin: Place) -> Iterator[tuple[bytes, os.stat_result]]:
        yield from walk(self.tree.area(origin[0]), origin[1])


def _size(status: os.stat_result) -> int:
    return status.st_size if stat.S_ISREG(status.st_mode) else 0


def uncovered(start: int, end: int, covered: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The parts of start..end that no covered range has."""
    parts = [(start, end)] if start < end else []
    for begin, stop in covered:
        parts = [
            piece
            for a, b in parts
            for piece in ((a, min(b, begin)), (max(a, stop), b))
            if piece[0] < piece[1]
        ]
    return parts
