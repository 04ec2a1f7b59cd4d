"""Taking a replica back: the steps after a point, undone newest first, as operations of their own.

Each undone step is planned and logged like any change, so a rewind can itself be taken back. What the log
says was moved aside moves back, and what was there moves to where the log expects it, so that the log
before the rewind stays true.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from app.model.entry import Metadata
from app.model.errors import Problem
from app.model.paths import shown
from app.replication.codec import unpack_metadata
from app.replication.records import Extent, WriteBlocks
from app.replication.replica import steps
from app.replication.replica.batch import Batch
from app.replication.replica.carrier import Carrier
from app.replication.replica.side_store import ASIDE
from app.replication.replica.steps import SIDE, TREE, Operation, Step
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.undo_log import UndoEntry
from app.replication.replica.walking import walk

_ROUND_ENTRIES = 4_000
_DATA_PER_ENTRY = 4_096


class Rewinder:
    """Plans the inverse of log entries, newest first, into a batch.

    What someone else changed on the replica meanwhile does not stop it: what is in the way is kept aside,
    what is missing is reported in `problems`.
    """

    def __init__(self, batch: Batch) -> None:
        self._batch = batch
        self._carrier = Carrier(batch)
        self.problems: list[Problem] = []

    def rewind(self, entries: Iterable[UndoEntry]) -> None:
        """Undo all steps of `entries`. Raises what planning raises; the batch must then be rolled back."""
        planned = 0
        for number, entry in enumerate(entries):
            planned += 1 + _data_bytes(entry) // _DATA_PER_ENTRY
            if planned > _ROUND_ENTRIES:
                # Memory is bounded, however much is undone.
                self._batch.carry_out()
                planned = 0
            undone = entry.header.change
            if entry.header.operation == Operation.OVERWRITE:
                path = entry.header.path
                self.problems.append(Problem("WR00423", path, {"path": shown(path)}))
            for step, metadata in _joined(entry):
                try:
                    self._invert(step, undone, metadata)
                except PathTrouble as trouble:
                    self._batch.drop_operation()
                    self.problems.append(Problem(trouble.code, trouble.path, trouble.params))
                    continue
                path = step[5] if step[0] == steps.MOVE and step[4] == TREE else step[2]
                if step[0] == steps.MOVE and step[4] != TREE:
                    path = step[3]
                self._batch.end_operation(number, undone, Operation.REWIND, step[1], path)

    def _invert(self, step: Step, undone: int, metadata: Metadata | None) -> None:
        kind = step[0]
        if kind == steps.MOVE:
            self._invert_move(step)
        elif kind == steps.REPLACE:
            self._invert_replace(step, undone)
        elif kind == steps.METADATA:
            self._invert_metadata(step)
        elif kind == steps.BLOCKS:
            self._invert_blocks(step, metadata)

    def _invert_move(self, step: Step) -> None:
        _, root, from_area, from_path, to_area, to_path, _, _ = step
        batch = self._batch
        if to_area == SIDE:
            self._bring_back(root, from_path, to_path)
            return
        if from_area == TREE:
            batch.settle(root, from_path, subtree=True)
        now = self._there(root, to_path)
        if from_area == TREE:
            old = batch.status(root, from_path, subtree=True)
            self._settle_directories(root, ((to_path, now), (from_path, old)))
            directory = stat.S_ISDIR(now.st_mode)
            batch.place(root, from_path, old, (TREE, to_path, now.st_ino), directory=directory)
        else:
            self._settle_directories(root, ((to_path, now),))
            batch.move_aside(root, to_path, now, self._free_aside(root, from_path))

    def _invert_replace(self, step: Step, undone: int) -> None:
        _, root, path, from_area, from_path, _, aside, _ = step
        batch = self._batch
        if from_area == SIDE:
            self._bring_back(root, path, aside, self._free_aside(root, from_path))
            return
        batch.settle(root, from_path, subtree=True)
        now = self._there(root, path)
        old = batch.status(root, from_path, subtree=True)
        self._settle_directories(root, ((path, now), (from_path, old)))
        batch.place(root, from_path, old, (TREE, path, now.st_ino), directory=stat.S_ISDIR(now.st_mode))
        batch.end_operation(0, undone, Operation.REWIND, root, from_path)
        self._bring_back(root, path, aside)

    def _invert_metadata(self, step: Step) -> None:
        _, root, path, inode, packed = step
        batch = self._batch
        self._there(root, path)
        now, found, _ = batch.current(root, path)
        wanted = unpack_metadata(list(packed))
        if now.kind is not wanted.kind:
            raise PathTrouble("ER00404", path)
        del inode  # a copy before write gives the same content another inode: the path is what counts
        if now != wanted:
            batch.change_metadata(root, path, found, now, wanted)

    def _invert_blocks(self, step: Step, metadata: Metadata | None) -> None:
        _, root, path, _, old_size, blocks = step
        batch = self._batch
        self._there(root, path)
        if batch.store.states.changed_by_others(root, path):
            # Old blocks in what others made of the file would be neither one's content.
            raise PathTrouble("WR00423", path)
        now, _, _ = batch.current(root, path)
        wanted = replace(metadata or now, size_bytes=old_size)
        ranges = [(offset, data) for offset, data in blocks if data]
        record = WriteBlocks(
            root,
            path,
            wanted,
            tuple(Extent(offset, len(data)) for offset, data in ranges),
            b"".join(data for _, data in ranges),
        )
        self._carrier.write_blocks(record)

    def _there(self, root: int, path: bytes) -> os.stat_result:
        now = self._batch.status(root, path, subtree=True)
        if now is None:
            raise PathTrouble("ER00403", path)
        return now

    def _bring_back(self, root: int, path: bytes, aside: bytes, keep_at: bytes = b"") -> None:
        """What is at `aside` goes to `path`."""
        batch = self._batch
        batch.settle_aside(root, aside)
        old = batch.status(root, path, subtree=True)
        side = batch.tree(root).side
        found = side.status_or_none(aside)
        if found is None:
            raise PathTrouble("ER00403", path)
        self._settle_directories(root, ((path, old),))
        directory = stat.S_ISDIR(found.st_mode)
        shared = []
        if directory:
            for at, status in walk(side, aside):
                if status.st_nlink > 1 and not stat.S_ISDIR(status.st_mode):
                    shared.append((path + at[len(aside) :], status.st_ino))
        elif found.st_nlink > 1:
            shared.append((path, found.st_ino))
        batch.place(root, path, old, (SIDE, aside, found.st_ino), directory=directory, keep_at=keep_at)
        for name, inode in shared:
            batch.store.links.add(root, name, inode)

    def _free_aside(self, root: int, path: bytes) -> bytes:
        """`path` when it is an aside name that nothing has now, so that the log stays true."""
        if not path.startswith(ASIDE + b"/"):
            return b""
        self._batch.settle_aside(root, path)
        return b"" if self._batch.tree(root).side.status_or_none(path) is not None else path

    def _settle_directories(self, root: int, places: Sequence[tuple[bytes, os.stat_result | None]]) -> None:
        for path, status in places:
            if status is not None and stat.S_ISDIR(status.st_mode):
                self._batch.settle_directory(root, path)


def _joined(entry: UndoEntry) -> Iterator[tuple[Step, Metadata | None]]:
    """The steps, last first; blocks together with the metadata that were set with them, as one write."""
    taken = False
    for index in range(len(entry.steps) - 1, -1, -1):
        step = entry.steps[index]
        if taken:
            taken = False
            continue
        before = entry.steps[index - 1] if index else None
        if step[0] == steps.BLOCKS and before is not None and before[:3] == (steps.METADATA, *step[1:3]):
            taken = True
            yield step, unpack_metadata(list(before[4]))
        else:
            yield step, None


def _data_bytes(entry: UndoEntry) -> int:
    """Old content that an entry carries."""
    return sum(len(data) for step in entry.steps if step[0] == steps.BLOCKS for _, data in step[5])
