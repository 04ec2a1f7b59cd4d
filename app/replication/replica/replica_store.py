"""All durable state of one replica: its roots with side stores, the undo log and the applied index."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Sequence

from app.held_directories import names_in
from app.replication.records import SYNC_STAGE_FIRST
from app.replication.replica import steps
from app.replication.replica.applied import AppliedIndex, Position
from app.replication.replica.drift_states import TreeStates
from app.replication.replica.durability import sync_file_system
from app.replication.replica.link_groups import LinkGroups
from app.replication.replica.rewind_index import RewindIndex
from app.replication.replica.side_store import AHEAD_PREFIX, ASIDE, NEW, STAGE
from app.replication.replica.steps import ReplicaTree
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.undo_log import SEGMENT_BYTES, UndoLog
from app.replication.replica.walking import remove_tree

_SEGMENTS = 32
_SEGMENT_LEAST_BYTES = 16 * 1024
_INDEXED_AT_ONCE = 50_000


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
        self.rewind_index = RewindIndex(os.fsdecode(log.directory) + "/points.sqlite3", index.incarnation)
        self.states = TreeStates(index)
        self.change = index.position.change
        self.operations = index.position.operations
        self._numbers = 0
        self.unproved_told: dict[int, int] = {}
        """Up to which change the last listing of each root told what is unproved."""
        self.undone = self.roll_back()
        self.clean_new(ahead=True)
        self._clean()

    def close(self) -> None:
        """Close files; nothing is undone or lost."""
        self.log.close()
        self.rewind_index.close()
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
                    try:
                        steps.undo(self.trees[step[1]], step)
                    except PathTrouble as trouble:
                        # Others put something where it was. All else is taken back, the master sends this.
                        self.index.note_trouble(step[1], trouble.path, trouble.code)
        if undone:
            for tree in self.trees:
                sync_file_system(tree.tree.fd)
        if self.index.has_notes:
            # Once the log is cut off nothing else tells of it.
            self.index.commit(self.index.position)
        self.log.truncate_after(committed)
        self.change = committed
        self.operations = self.index.position.operations
        self.links.reload()
        self.clean_new()
        return undone

    def clean_new(self, *, ahead: bool = False) -> None:
        """Remove what was prepared and never moved into place; `ahead`: for batches to come as well."""
        for tree in self.trees:
            tree.forget()
            for name in names_in(tree.side.directory(NEW)):
                if ahead or not name.startswith(AHEAD_PREFIX):
                    remove_tree(tree.side, NEW + b"/" + name)

    def clean_stages(self, *, consumed_only: bool) -> None:
        """Remove staged contents: those linked into place already, or all but those of synchronisations."""
        for tree in self.trees:
            fd = tree.side.directory(STAGE)
            for name in names_in(fd):
                consumed = os.stat(name, dir_fd=fd, follow_symlinks=False).st_nlink > 1
                if consumed or not (consumed_only or _of_synchronisation(name)):
                    remove_tree(tree.side, STAGE + b"/" + name)

    def clean_synchronised(self, keep: Collection[int] = ()) -> None:
        """Remove what synchronisations staged and nobody goes on with, but for the numbers to `keep`."""
        for tree in self.trees:
            for name in names_in(tree.side.directory(STAGE)):
                if _of_synchronisation(name) and int(name, 16) not in keep:
                    remove_tree(tree.side, STAGE + b"/" + name)

    def oldest_change(self) -> int:
        """The oldest change that can be taken back; change + 1 when none can."""
        segments = self.log.segments()
        return segments[0][1] if segments else self.change + 1

    def rewind_bytes(self) -> int:
        """Disk space the rewind log and its aside files take."""
        return sum(size for _, _, _, size in self.log.segment_times()) + self.index.aside_bytes()

    def retain(self, minutes: int, megabytes: int, now_ns: int | None = None) -> None:
        """Drop the oldest part of the rewind log, by whole segments, as far as it is beyond either limit.

        With a limit of 0 nothing is kept but what taking back an unfinished batch needs. Nothing may be
        uncommitted. May be killed anywhere: what is left over goes at the next start.

        Raises OSError, sqlite3.Error when the disk refuses; what was dropped until then is.
        """
        now_ns = time.time_ns() if now_ns is None else now_ns
        limit = megabytes << 20
        self.log.segment_bytes = max(_SEGMENT_LEAST_BYTES, min(SEGMENT_BYTES, limit // _SEGMENTS))
        self.log.segment_seconds = min(3600.0, minutes * 60.0 / _SEGMENTS)
        segments = self.log.segment_times()
        if not segments:
            return
        if minutes == 0 or megabytes == 0:
            self.log.end_segment()
            self._drop([name for name, _, _, _ in segments], self.change)
            return
        oldest_ns = now_ns - minutes * 60_000_000_000
        sizes = [size for _, _, _, size in segments]
        firsts = [first for _, first, _, _ in segments] + [self.change + 1]
        ends_ns = [at_ns for _, _, at_ns, _ in segments[1:]] + [self.log.last_written_ns()]
        total = sum(sizes) + self.index.aside_bytes()
        newest = sizes[-1] + self.index.aside_bytes(firsts[-2])
        if newest > limit // _SEGMENTS or ends_ns[-1] - segments[-1][2] > self.log.segment_seconds * 1e9:
            self.log.end_segment()
        dropped = []
        for at, (name, first, _, size) in enumerate(segments):
            if ends_ns[at] >= oldest_ns and total <= limit:
                break
            total -= size + self.index.aside_bytes(first, firsts[at + 1] - 1)
            dropped.append(name)
        if dropped:
            if len(dropped) == len(segments):
                self.log.end_segment()
            self._drop(dropped, firsts[len(dropped)] - 1)
        self.rewind_index.update(self.log, self.index.position.change, most=_INDEXED_AT_ONCE)

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
            for name in names_in(tree.side.directory(ASIDE)):
                path = ASIDE + b"/" + name
                if path not in known:
                    remove_tree(tree.side, path)


def _of_synchronisation(name: bytes) -> bool:
    try:
        return int(name, 16) >= SYNC_STAGE_FIRST
    except ValueError:
        return False
