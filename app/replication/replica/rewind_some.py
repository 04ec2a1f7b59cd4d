"""Rewinding some paths only: they become what they were, everything else stays as it is.

Undoing the log's entries about a path alone cannot be right: they stand in the way of others. So all is
undone on paper, which tells where the content of each chosen path is now (in place, at another name, kept
aside) and what was written to it since. From that the chosen paths are made anew, as changes that can be
taken back.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass, replace

from app.model.entry import EntryKind, Metadata, kind_of_mode, order_key
from app.model.errors import ArcxoError, Problem
from app.model.paths import is_beneath, shown
from app.model.rewind import RewindAction
from app.replication.records import Extent, MakeEntry, MakeLink, Record, Remove, SetMetadata, WriteBlocks
from app.replication.replica import steps
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.rewind_choice import Undoing
from app.replication.replica.rewind_listing import list_future
from app.replication.replica.rewind_plan import Paper, Place, PlannedChange, uncovered
from app.replication.replica.steps import SIDE, TREE, Operation, ReplicaTree
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.walking import walk

_IN_PLACE_MAX = 16 * 1024 * 1024
_OPEN = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
Actions = dict[bytes, RewindAction]


@dataclass(slots=True)
class _Future:
    """One chosen path as it will be. `origin` is where its content is now, `inode` which file that is."""

    path: bytes
    origin: Place
    inode: int
    metadata: Metadata
    content_changes: bool
    there: os.stat_result | None
    made: tuple[bytes, int] | None = None
    """(side path, inode) of the new file prepared for it."""


class SomePaths:
    """The chosen paths of one root. Made under the replica's lock; valid until more is applied.

    Blocks for reading the log, and for copying contents.

    Raises:
        ArcxoError: ER00422 something that is no directory now stands where a path had its directory.
    """

    def __init__(self, store: ReplicaStore, tree: ReplicaTree, chosen: set[bytes], undoing: Undoing) -> None:
        self._store = store
        self._tree = tree
        self._chosen = chosen
        self._undoing = undoing
        tree.forget()
        self._paper = Paper(tree)
        for entry in undoing:
            for step in reversed(entry.steps):
                if step[1] == tree.index:
                    self._paper.undo(step)
        self._futures = {future.path: future for future in self._chosen_futures()}
        for path in self._futures:
            self._check_above(path)
        self._now = {path: status for one in chosen for path, status in walk(tree.tree, one)}

    def plan(self) -> list[PlannedChange]:
        """Every path that changes, sorted. Changes nothing."""
        root = self._tree.index
        found = [
            PlannedChange(root, path, RewindAction.DELETE, _size(status))
            for path, status in self._now.items()
            if path not in self._futures
        ]
        for future in self._futures.values():
            action = self._action(future)
            if action is not None:
                size = future.metadata.size_bytes if action is not RewindAction.METADATA else 0
                found.append(PlannedChange(root, future.path, action, size))
        return sorted(found, key=lambda change: change.path)

    def carry_out(self, batch: Batch) -> list[Problem]:
        """Plan all of it into `batch`; returns what could not be done. Raises what planning raises."""
        problems: list[Problem] = []
        actions = {path: self._action(future) for path, future in self._futures.items()}
        self._prepare(batch, actions)
        carrier = Carrier(batch)
        number = 0
        for number, (path, record) in enumerate(self._records(actions), 1):
            try:
                if record is None:
                    self._place(batch, number, self._futures[path])
                else:
                    carrier.carry(number, 0, record)
            except PathTrouble as trouble:
                batch.drop_operation()
                problems.append(Problem(trouble.code, path, trouble.params))
        return problems

    def _chosen_futures(self) -> Iterator[_Future]:
        for entry in list_future(self._paper):
            path = entry.path
            wanted = any(is_beneath(path, one) for one in self._chosen)
            there = self._tree.tree.status_or_none(path)
            if not wanted:
                on_the_way = any(is_beneath(one, path) for one in self._chosen)
                if not (on_the_way and there is None and entry.kind is EntryKind.DIRECTORY):
                    continue
            origin = self._paper.names.resolve((TREE, path))
            if origin is None:
                continue
            now = self._paper.current(origin)
            if now is None:
                continue
            change = self._paper.changes.get(entry.inode)
            metadata, changes = now, False
            if change is not None:
                changes = self._paper.content_changes(origin[0], origin[1], change[1])
                metadata = change[1].metadata or now
            if metadata.size_bytes != entry.size_bytes:
                metadata = replace(metadata, size_bytes=entry.size_bytes)
            yield _Future(path, origin, entry.inode, metadata, changes, there)

    def _check_above(self, path: bytes) -> None:
        above = path.rpartition(b"/")[0]
        while above:
            status = self._tree.tree.status_or_none(above)
            chosen = any(is_beneath(above, one) for one in self._chosen)
            if status is not None and not stat.S_ISDIR(status.st_mode) and not chosen:
                raise ArcxoError("ER00422", path=shown(path), above=shown(above))
            above = above.rpartition(b"/")[0]

    def _action(self, future: _Future) -> RewindAction | None:
        there = future.there
        if there is None:
            return RewindAction.CREATE
        kind = kind_of_mode(there.st_mode)
        if kind is not future.metadata.kind:
            return RewindAction.OVERWRITE
        now = self._paper.current((TREE, future.path))
        same = kind is EntryKind.DIRECTORY or (
            # A link to the same place is no other one.
            kind is EntryKind.SYMLINK and now is not None and now.link_target == future.metadata.link_target
        )
        if not same and (there.st_ino != future.inode or future.content_changes):
            return RewindAction.OVERWRITE
        return RewindAction.METADATA if now != future.metadata else None

    def _prepare(self, batch: Batch, actions: dict[bytes, RewindAction | None]) -> None:
        """Make new files beside the root while everything is still where it is."""
        copies: dict[int, tuple[bytes, int]] = {}
        for path, future in self._futures.items():
            action = actions[path]
            if action is None or (action is RewindAction.METADATA and not self._is_shared(future)):
                continue
            if future.metadata.kind is not EntryKind.FILE or self._stays_in_place(future):
                continue
            if future.inode not in copies:
                copies[future.inode] = self._copy(batch, future)
            future.made = copies[future.inode]
        changed = {inode for inode in copies if inode in self._paper.changes}
        if changed:
            self._write_back({inode: copies[inode][0] for inode in changed})
        finished: set[int] = set()
        for path, future in self._futures.items():
            if future.made is not None and future.inode not in finished:
                finished.add(future.inode)
                self._finish(batch, path, future)

    def _copy(self, batch: Batch, future: _Future) -> tuple[bytes, int]:
        area, path = future.origin
        fd, name = self._tree.area(area).place(path)
        source = os.open(name, _OPEN, dir_fd=fd)
        try:
            made, copy = batch.preparer.copy(self._tree, source, os.fstat(source).st_size)
        finally:
            os.close(source)
        try:
            return made, os.fstat(copy).st_ino
        finally:
            os.close(copy)

    def _write_back(self, copies: dict[int, bytes]) -> None:
        """Read the log again: what was written to the files that were copied is put back in the copies."""

        def written(inode: int, size_bytes: int, blocks: list[tuple[int, bytes]]) -> None:
            made = copies.get(inode)
            if made is None:
                return
            fd, name = self._tree.side.place(made)
            file = os.open(name, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
            try:
                os.ftruncate(file, size_bytes)
                for offset, data in blocks:
                    steps.write_at(file, offset, memoryview(data))
            finally:
                os.close(file)

        paper = Paper(self._tree, on_blocks=written)
        for entry in self._undoing:
            for step in reversed(entry.steps):
                if step[1] == self._tree.index:
                    paper.undo(step)

    def _finish(self, batch: Batch, path: bytes, future: _Future) -> None:
        assert future.made is not None
        fd, name = self._tree.side.place(future.made[0])
        file = os.open(name, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            batch.preparer.finish(file, self._tree.index, path, future.metadata)
            os.fsync(file)
        finally:
            os.close(file)

    def _records(self, actions: dict[bytes, RewindAction | None]) -> Iterator[tuple[bytes, Record | None]]:
        """What to do, in order; None stands for putting the prepared file in place."""
        root = self._tree.index
        removed: list[bytes] = []
        for path in sorted(self._now, key=order_key):
            future = self._futures.get(path)
            directory = stat.S_ISDIR(self._now[path].st_mode)
            gives_way = future is not None and directory != (future.metadata.kind is EntryKind.DIRECTORY)
            if (future is None or gives_way) and not any(is_beneath(path, above) for above in removed):
                removed.append(path)
                yield path, Remove(root, path)
        leaders: dict[int, bytes] = {}
        for path in sorted(self._futures, key=order_key):
            future, action = self._futures[path], actions[path]
            if future.metadata.kind is not EntryKind.FILE:
                if action is not None or any(is_beneath(path, above) for above in removed):
                    yield path, MakeEntry(root, path, future.metadata)
                continue
            leader = leaders.setdefault(future.inode, path)
            if future.made is not None:
                yield path, None if leader == path else MakeLink(root, path, leader)
            elif action is RewindAction.METADATA:
                yield path, SetMetadata(root, path, future.metadata)
            elif action is RewindAction.OVERWRITE and future.content_changes:
                yield path, self._blocks(future)
            elif leader != path and future.there is not None and action is RewindAction.OVERWRITE:
                yield path, MakeLink(root, path, leader)
        for path in sorted(self._futures, key=order_key, reverse=True):
            future = self._futures[path]
            if future.metadata.kind is EntryKind.DIRECTORY and actions[path] is not None:
                yield path, SetMetadata(root, path, future.metadata)

    def _place(self, batch: Batch, number: int, future: _Future) -> None:
        assert future.made is not None
        root, path = self._tree.index, future.path
        old = batch.status(root, path, subtree=True)
        if old is not None and stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, path)
        made, inode = future.made
        batch.place(root, path, old, (SIDE, made, inode), metadata=future.metadata)
        size = future.metadata.size_bytes
        batch.end_operation(number, 0, Operation.REWIND, root, path, b"", size)

    def _stays_in_place(self, future: _Future) -> bool:
        """Whether the file is where it will be, is its only name, and little of it is to be written."""
        if future.origin != (TREE, future.path) or self._is_shared(future):
            return False
        change = self._paper.changes.get(future.inode)
        if change is None:
            return True
        return not change[1].too_many and sum(len(data) for _, data in change[1].blocks) <= _IN_PLACE_MAX

    def _is_shared(self, future: _Future) -> bool:
        return future.there is not None and future.there.st_nlink > 1 and future.there.st_ino == future.inode

    def _blocks(self, future: _Future) -> Record:
        change = self._paper.changes[future.inode][1]
        pieces: list[tuple[int, bytes]] = []
        covered: list[tuple[int, int]] = []
        for offset, data in reversed(change.blocks):
            end = min(offset + len(data), change.size_bytes)
            pieces += [(a, data[a - offset : b - offset]) for a, b in uncovered(offset, end, covered)]
            covered.append((offset, end))
        pieces.sort()
        extents = tuple(Extent(offset, len(data)) for offset, data in pieces)
        content = b"".join(data for _, data in pieces)
        return WriteBlocks(self._tree.index, future.path, future.metadata, extents, content)


def _size(status: os.stat_result) -> int:
    return status.st_size if stat.S_ISREG(status.st_mode) else 0
