"""The steps of one round: carried out once their undo is durable, and made durable themselves."""

from __future__ import annotations

import os
from typing import Any

from app.replication.replica import steps
from app.replication.replica.durability import sync_file_system, sync_paths
from app.replication.replica.preparing import Preparer
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.side_store import ASIDE, NEW
from app.replication.replica.steps import TREE, Step

_FEW = 12
_WRITTEN_MAX = 128


class OperationFailed(Exception):  # noqa: N818 - not an error of its own: carries the number of the record
    """Carrying out record `number` of the batch failed with `cause`."""

    def __init__(self, number: int, cause: OSError) -> None:
        self.number = number
        self.cause = cause
        super().__init__(number, cause)


class Round:
    """See the module. One thread. Used for one round after the other; it knows what all of them wrote."""

    def __init__(self, store: ReplicaStore, preparer: Preparer) -> None:
        self._store = store
        self._preparer = preparer
        self._steps: list[tuple[int, Step, Any]] = []
        self._open: list[int] = []
        self._written: list[int] = []
        self._many_written = False
        self.many_placed = False
        """Whether more was put in place than is worth making durable one by one."""
        self._durable: dict[int, set[bytes]] = {}

    def add(self, number: int, step: Step, action: Any) -> None:
        """A step of the operation with this number, with what carrying it out takes besides."""
        self._steps.append((number, step, action))

    def carry_out(self) -> None:
        """Make the undo durable, then do the steps. Raises OperationFailed or OSError."""
        if self._steps:
            self._store.log.sync()
            for number, step, action in self._steps:
                try:
                    self._do(step, action)
                except OSError as error:
                    raise OperationFailed(number, error) from error
        self._steps.clear()

    def _do(self, step: Step, action: Any) -> None:
        tree = self._store.trees[step[1]]
        kind = step[0]
        paths = self._durable.setdefault(step[1], set())
        if kind == steps.MOVE:
            steps.do_move(tree, step)
            paths.update(path for area, path in ((step[2], step[3]), (step[4], step[5])) if area == TREE)
        elif kind == steps.REPLACE:
            steps.do_replace(tree, step)
            paths.add(step[2])
        elif kind == steps.METADATA and action is not None:
            self._preparer.note(step[1], step[2], steps.do_metadata(tree, step, *action))
            paths.add(step[2])
        elif kind == steps.BLOCKS:
            self._preparer.note(step[1], step[2], steps.do_blocks(tree, step, action))

    def close_later(self, fd: int) -> None:
        """Keep a descriptor open, and make it durable, until all rounds are done."""
        self._open.append(fd)

    @property
    def is_full(self) -> bool:
        """Whether as many files are held open, written in place, as may be."""
        return len(self._written) >= _WRITTEN_MAX

    def let_go(self) -> None:
        """Close the files written in place, which are many: their file systems make them durable at once."""
        self._many_written = True
        self._close_written()

    def written_later(self, fd: int) -> None:
        """Keep a file open that is written in place, until it is durable."""
        self._written.append(fd)

    def make_durable(self) -> None:
        """All that the rounds wrote and put in place. Raises OSError."""
        if self._many_written:
            for tree in self._store.trees:
                sync_file_system(tree.tree.fd)
        else:
            for fd in self._written:
                os.fsync(fd)
        self._close_written()
        for fd in self._open:
            os.fsync(fd)
        for root, paths in self._durable.items():
            tree = self._store.trees[root]
            if len(paths) > _FEW or self.many_placed:
                sync_file_system(tree.tree.fd)
                continue
            parents = {path.rpartition(b"/")[0] for path in paths}
            sync_paths(tree.tree, sorted(paths | parents))
            sync_paths(tree.side, (ASIDE, NEW))

    def close(self) -> None:
        """Close what is held open."""
        for fd in (*self._open, *self._written):
            os.close(fd)
        self._open.clear()
        self._written.clear()

    def _close_written(self) -> None:
        while self._written:
            os.close(self._written.pop())
