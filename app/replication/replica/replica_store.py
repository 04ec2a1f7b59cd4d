"""All durable state of one replica: its roots with side stores, the undo log and the applied index."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence

from app.replication.records import SYNC_STAGE_FIRST
from app.replication.replica import steps
from app.replication.replica.applied import AppliedIndex, Position
from app.replication.replica.drift_states import TreeStates
from app.replication.replica.durability import sync_file_system
from app.replication.replica.link_groups import LinkGroups
from app.replication.replica.side_store import ASIDE, NEW, STAGE
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.undo_log import UndoLog
from app.replication.replica.walking import remove_tree


class ReplicaStore:
    """Opened once per scenario; everything after the last commit is undone on opening. One thread at a time.

    `change` and `operations` run ahead of `index.position` until the next commit.
    """

    def __init__(self, trees: Sequence[ReplicaTree], log: UndoLog, index: AppliedIndex) -> None:
        self.trees = list(trees)
        self.log = log
        self.index = index
        if index.fresh:
            # The index is lost, or there never was one. A log without it does not tell what was committed:
            # taking it back would take back everything. The next stream begins with a synchronisation.
            log.clear()
            index.begin_incarnation()
        self.links = LinkGroups(index)
        self.states = TreeStates(index)
        self.change = index.position.change
        self.operations = index.position.operations
        self._numbers = 0
        self.undone = self.roll_back()
        self._clean()

    def close(self) -> None:
        """Close files; nothing is undone or lost."""
        self.log.close()
        self.index.close()
        for tree in self.trees:
            tree.tree.close()
            tree.side.close()

    def take_numbers(self) -> int:
        """The last number used for a prepared file."""
        return self._numbers

    def give_numbers(self, last: int) -> None:
        """Numbers up to `last` are used."""
        self._numbers = max(self._numbers, last)

    def commit(self, epoch: str, sequence: int, sync_batches: int) -> None:
        """What was applied is here to stay. The batch made it durable before. Raises sqlite3.Error."""
        self.log.sync()
        self.index.commit(Position(epoch, sequence, self.change, self.operations, sync_batches))

    def roll_back(self) -> int:
        """Take back everything after the last commit, newest first; returns how many operations.

        May be repeated, and killed anywhere. Raises OSError while the disk refuses: then nothing else may
        be applied before it has succeeded.
        """
        self.index.discard()
        committed = self.index.position.change
        self.log.close()
        undone = 0
        for tree in self.trees:
            tree.forget()
        for entry in self.log.newest_first(committed, tolerant=True):
            undone += 1
            for step in reversed(entry.steps):
                if step[1] < len(self.trees):
                    steps.undo(self.trees[step[1]], step)
        if undone:
            for tree in self.trees:
                sync_file_system(tree.tree.fd)
        self.log.truncate_after(committed)
        self.change = committed
        self.operations = self.index.position.operations
        self.links.reload()
        self.clean_new()
        return undone

    def clean_new(self) -> None:
        """Remove what was prepared and never moved into place."""
        for tree in self.trees:
            tree.forget()
            for name in os.listdir(tree.side.directory(NEW)):
                remove_tree(tree.side, NEW + b"/" + os.fsencode(name))

    def clean_stages(self, *, consumed_only: bool) -> None:
        """Remove staged contents: those linked into place already, or all but those of synchronisations."""
        for tree in self.trees:
            fd = tree.side.directory(STAGE)
            for text in os.listdir(fd):
                name = os.fsencode(text)
                consumed = os.stat(name, dir_fd=fd, follow_symlinks=False).st_nlink > 1
                if consumed or not (consumed_only or _of_synchronisation(text)):
                    remove_tree(tree.side, STAGE + b"/" + name)

    def clean_synchronised(self, keep: Collection[int] = ()) -> None:
        """Remove what synchronisations staged and nobody goes on with, but for the numbers to `keep`."""
        for tree in self.trees:
            for text in os.listdir(tree.side.directory(STAGE)):
                if _of_synchronisation(text) and int(text, 16) not in keep:
                    remove_tree(tree.side, STAGE + b"/" + os.fsencode(text))

    def oldest_change(self) -> int:
        """The oldest change that can be taken back; change + 1 when none can."""
        segments = self.log.segments()
        return segments[0][1] if segments else self.change + 1

    def rewind_bytes(self) -> int:
        """Disk space the rewind log and its aside files take."""
        return sum(size for _, _, _, size in self.log.segment_times()) + self.index.aside_bytes()

    def retain(self, minutes: int, megabytes: int) -> None:
        """Drop the oldest part of the rewind log beyond either limit (whole segments, never the newest).

        With both limits 0 nothing is kept. Nothing may be uncommitted.
        """
        if minutes == 0 or megabytes == 0:
            self.log.end_segment()
            segments = self.log.segment_times()
            self._drop([name for name, _, _, _ in segments], self.change)
            return
        segments = self.log.segment_times()
        if len(segments) < 2:
            return
        oldest_ns = time.time_ns() - minutes * 60_000_000_000
        total = sum(size for _, _, _, size in segments) + self.index.aside_bytes()
        dropped = []
        through = 0
        for at, (name, _, _, size) in enumerate(segments[:-1]):
            next_first, next_at = segments[at + 1][1], segments[at + 1][2]
            if next_at >= oldest_ns and total <= megabytes << 20:
                break
            asides = sum(
                size for tree in self.trees for _, size in self.index.asides(tree.index, next_first - 1)
            ) - sum(size for tree in self.trees for _, size in self.index.asides(tree.index, through))
            total -= size + asides
            through = next_first - 1
            dropped.append(name)
        if dropped:
            self._drop(dropped, through)

    def _drop(self, segments: list[str], through: int) -> None:
        for name in segments:
            self.log.drop_segment(name)
        self._drop_asides(through)

    def _drop_asides(self, through: int) -> None:
        for tree in self.trees:
            for path, _ in self.index.asides(tree.index, through):
                remove_tree(tree.side, path)
                self.index.drop_aside(tree.index, path)
        self.index.forget_before(through)
        position = self.index.position
        self.index.commit(position)

    def _clean(self) -> None:
        """Finish what a kill between two steps of dropping left."""
        self.clean_stages(consumed_only=True)
        oldest = self.oldest_change()
        if any(self.index.asides(tree.index, oldest - 1) for tree in self.trees):
            self._drop_asides(oldest - 1)
        for tree in self.trees:
            known = {path for path, _ in self.index.asides(tree.index)}
            for name in os.listdir(tree.side.directory(ASIDE)):
                path = ASIDE + b"/" + os.fsencode(name)
                if path not in known:
                    remove_tree(tree.side, path)


def _of_synchronisation(name: str) -> bool:
    try:
        return int(name, 16) >= SYNC_STAGE_FIRST
    except ValueError:
        return False
