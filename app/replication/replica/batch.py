"""One batch on its way into the roots: planned, its undo made durable, carried out, made durable.

Operations are planned against the tree as it is plus what this round already plans; where an operation
depends on more than that, the round is carried out first. So most batches are one round with one durable
write of undo before it.
"""

from __future__ import annotations

import dataclasses
import os
import stat
from collections.abc import Iterable
from typing import Any

from app.model.entry import EntryKind, Identity, Metadata
from app.replication.codec import pack_metadata
from app.replication.metadata import read_metadata
from app.replication.replica import steps
from app.replication.replica.applied import CHANGED, SUBTREE
from app.replication.replica.drift_batch import BatchStates
from app.replication.replica.grown import Grown
from app.replication.replica.planned import Place, Planned
from app.replication.replica.preparing import Preparer
from app.replication.replica.replica_store import ReplicaStore
from app.replication.replica.round import Round
from app.replication.replica.side_store import ASIDE, NEW
from app.replication.replica.steps import SIDE, TREE, NewBlocks, Operation, ReplicaTree, Step
from app.replication.replica.undo_log import UndoEntry, UndoHeader


class Batch:
    """See the module. One thread; after an exception the store must be rolled back."""

    def __init__(self, store: ReplicaStore, at_ns: int) -> None:
        self.store = store
        self.preparer = Preparer()
        self.preparer._number = store.take_numbers()  # noqa: SLF001 - names stay unique across batches
        self._at_ns = at_ns
        self._steps: list[Step] = []
        self._actions: list[tuple[Step, Any]] = []
        self.round = Round(store, self.preparer)
        self._planned = Planned()
        self._times: dict[Place, int] = {}
        self._noted_times: set[Place] = set()
        self._stamps: list[tuple[int, bytes, int, bool]] = []
        self._joined: list[tuple[int, bytes]] = []
        self._aside_count = 0
        self._states = BatchStates(store.states)
        self.over_others: Operation | None = None
        """What the operations being planned are instead, where others had changed their path."""
        for tree in store.trees:
            tree.forget()

    # planning -----------------------------------------------------------------------------------

    def tree(self, root: int) -> ReplicaTree:
        """The root with this index."""
        return self.store.trees[root]

    def settle(self, root: int, path: bytes, *, subtree: bool = False) -> None:
        """Carry out the round if what is at `path` (or beneath it) depends on it."""
        if self._planned.concerns(root, path, subtree=subtree):
            self.carry_out()

    def status(self, root: int, path: bytes, *, subtree: bool = False) -> os.stat_result | None:
        """What is at `path` once all before is done. Raises PathTrouble."""
        self.settle(root, path, subtree=subtree)
        if self._planned.in_made_directory(root, path):
            return None
        return self.tree(root).tree.status(path)

    def settle_aside(self, root: int, path: bytes) -> None:
        """Carry out the round if it moves something to or from this side path."""
        if self._planned.moves_aside(root, path):
            self.carry_out()

    def settle_directory(self, root: int, path: bytes) -> None:
        """`path` is a directory about to move: directories in it take their right times along."""
        prefix = path + b"/"
        held = [p for p in self._times if p[0] == root and (p[1] == path or p[1].startswith(prefix))]
        if held:
            self.carry_out()
            for place in held:
                steps.set_time(self.tree(root), place[1], self._times.pop(place))

    def planned(self, root: int, path: bytes) -> tuple[int, Metadata] | None:
        """(inode, metadata) of what this round puts at `path`."""
        return self._planned.at(root, path)

    def made(self, root: int, path: bytes) -> tuple[bytes, int] | None:
        """(side path, inode) of what this round has prepared for `path`."""
        return self._planned.made(root, path)

    def current(self, root: int, path: bytes) -> tuple[Metadata, int, int]:
        """(metadata, inode, links) at `path`, which exists and is settled."""
        metadata, identity = self._read(root, path)
        if identity.links > 1 and metadata.kind is not EntryKind.DIRECTORY:
            # Another name of it may have been written in this round.
            self.names(root, path, identity.inode)
            metadata, identity = self._read(root, path)
        intended = self._times.get((root, path))
        if intended is not None:
            metadata = _with_time(metadata, intended)
        return metadata, identity.inode, identity.links

    def _read(self, root: int, path: bytes) -> tuple[Metadata, Identity]:
        fd, name = self.tree(root).tree.place(path)
        return read_metadata(name, fd)

    def aside(self) -> bytes:
        """A new name among the aside files."""
        self._aside_count += 1
        return b"%s/%x-%x" % (ASIDE, self.store.change + 1, self._aside_count)

    def place(
        self,
        root: int,
        path: bytes,
        old: os.stat_result | None,
        source: tuple[int, bytes, int],
        *,
        directory: bool = False,
        metadata: Metadata | None = None,
        keep_at: bytes = b"",
    ) -> None:
        """Put what is at `source` (area, path, inode) at `path`; what is there moves aside (`keep_at`)."""
        area, from_path, inode = source
        tree = self.tree(root)
        if old is None:
            self.move(root, area, from_path, TREE, path, inode, directory=directory)
        elif directory or stat.S_ISDIR(old.st_mode) or not tree.store.links or old.st_nlink > 50_000:
            self.move_aside(root, path, old, keep_at)
            self.move(root, area, from_path, TREE, path, inode, directory=directory)
        else:
            aside = keep_at or self.aside()
            self._before(root, path)
            if area == TREE:
                self._before(root, from_path)
            self._add((steps.REPLACE, root, path, area, from_path, inode, aside, old.st_ino), None)
            self.store.index.set_aside(root, aside, self.store.change + 1, self._aside_bytes(root, path, old))
            if area == SIDE and not from_path.startswith(NEW + b"/"):
                self.store.index.drop_aside(root, from_path)
            self.store.links.drop(root, path)
            self._stamp(root, path, CHANGED)
            self._planned.touch(root, path)
            if area == SIDE:
                self._comes_back(root, from_path, inode)
            if area == TREE:
                self._left(root, from_path, path, directory=False)
        if area == SIDE and from_path.startswith(NEW + b"/"):
            self._planned.make(root, path, from_path, inode, directory=directory)
            if metadata is not None:
                self._states.want(root, path, inode, metadata)
                self._planned.put(root, path, inode, metadata)
                if directory:
                    self._times[root, path] = metadata.modified_ns

    def placed_whole(self, root: int, path: bytes, inode: int, metadata: Metadata) -> None:
        """What was just placed at `path`, from the side store, has this metadata already."""
        self._states.want(root, path, inode, metadata)
        self._planned.put(root, path, inode, metadata)

    def place_grown(self, grown: Grown) -> None:
        """Put a new directory, with all that is in it, where nothing is."""
        root, path, side = grown.root, grown.path, grown.side
        self._before(root, path)
        self._add((steps.MOVE, root, SIDE, side, TREE, path, grown.inode, 1), None)
        names = grown.names()
        if names:
            self._steps.append((steps.NAMES, root, path, names))
        self._stamp(root, path, SUBTREE)
        self._planned.touch(root, path)
        self._planned.grow(grown)
        self.round.many_placed |= bool(names)

    def move_aside(self, root: int, path: bytes, old: os.stat_result, to: bytes = b"") -> None:
        """Take `path`, and all beneath it, out of the root."""
        aside = to or self.aside()
        directory = stat.S_ISDIR(old.st_mode)
        size = self.tree_bytes(root, path) if directory else self._aside_bytes(root, path, old)
        self.move(root, TREE, path, SIDE, aside, old.st_ino, directory=directory)
        self.store.index.set_aside(root, aside, self.store.change + 1, size)

    def move(
        self, root: int, area: int, path: bytes, to_area: int, to_path: bytes, inode: int, *, directory: bool
    ) -> None:
        """Plan one move; nothing is at its destination."""
        if area == TREE:
            self._before(root, path)
        if to_area == TREE:
            self._before(root, to_path)
        self._add((steps.MOVE, root, area, path, to_area, to_path, inode, int(directory)), None)
        if area == SIDE and not path.startswith(NEW + b"/"):
            self.store.index.drop_aside(root, path)
        if to_area == TREE:
            new = area == SIDE and path.startswith(NEW + b"/")
            self._stamp(root, to_path, SUBTREE if directory and not new else CHANGED)
            self._planned.touch(root, to_path)
            if directory and not new:
                self._planned.move(root, to_path)
            if area == SIDE:
                self._comes_back(root, path, inode)
        if area == TREE:
            self._left(root, path, to_path if to_area == TREE else None, directory=directory)

    def change_metadata(
        self, root: int, path: bytes, inode: int, old: Metadata, wanted: Metadata, *, log_only: bool = False
    ) -> None:
        """Plan METADATA. `log_only`: the step that follows sets it, only taking it back is planned."""
        step = (steps.METADATA, root, path, inode, pack_metadata(old))
        names = [path] if wanted.kind is EntryKind.DIRECTORY else self.names(root, path, inode)
        self._add(step, None if log_only else (wanted, old))
        # Of a file what is set is noted: what is there at the end may be somebody else's already.
        size = wanted.size_bytes if log_only else old.size_bytes
        for name in names:
            self._stamp(root, name, CHANGED)
            if wanted.kind is EntryKind.FILE:
                self._states.want(root, name, inode, dataclasses.replace(wanted, size_bytes=size))
        place = (root, path)
        if wanted.kind is EntryKind.DIRECTORY:
            self._times[place] = wanted.modified_ns
        if not log_only and self._planned.at(root, path) is not None:
            self._planned.put(root, path, inode, wanted)
        elif not self._planned.is_made_directory(root, path):
            self._planned.touch(root, path)

    def change_blocks(
        self, root: int, path: bytes, inode: int, old_size: int, old: list[tuple[int, bytes]], new: NewBlocks
    ) -> None:
        """Plan BLOCKS: write in place."""
        self._add((steps.BLOCKS, root, path, inode, old_size, old), new)
        self._planned.touch(root, path)

    def names(self, root: int, path: bytes, inode: int) -> list[bytes]:
        """All names of the inode in the root, `path` among them.

        A name that is only planned (a link or a rename earlier in this round) is carried out first: else it
        would count as something outside the root that holds the content.
        """
        for name in self.store.links.known(root, inode):
            self.settle(root, name)
        known = self.store.links.names(self.tree(root), inode)
        return known if path in known else [path, *known]

    def joined(self, root: int, path: bytes) -> None:
        """The operation gives the file at `path` a further name: the next backup has to know both as one.

        No more than a change number: what is there is neither read nor vouched for.
        """
        self._joined.append((root, path))

    def applied_whole(self, root: int, path: bytes) -> None:
        """The full state of `path` was planned, whatever had to be done for it."""
        self._states.again(root, path)

    def trusts(self, root: int, path: bytes, status: os.stat_result) -> bool:
        """Whether the file at `path` is what was applied before, so that blocks of it may be changed."""
        return self._states.touches(root, path) or self.store.states.trusts(root, path, status)

    def written_later(self, fd: int) -> None:
        """Keep a file open that is written in place, until it is durable. Not too many at once."""
        if self.round.is_full:
            self.carry_out()
            self.round.let_go()
        self.round.written_later(fd)

    def drop_operation(self) -> None:
        """The operation being planned cannot be carried out; nothing of it happens."""
        for place in self._noted_times:
            # How to put this time back was planned with it: the next operation there has to plan it itself.
            self._times.pop(place, None)
        self._clear_operation()

    def _clear_operation(self) -> None:
        self._noted_times.clear()
        self._steps.clear()
        self._actions.clear()
        self._stamps.clear()
        self._joined.clear()
        self._states.drop_operation()

    def end_operation(
        self,
        number: int,
        sequence: int,
        operation: Operation,
        root: int,
        path: bytes,
        new_path: bytes = b"",
        size_bytes: int = 0,
        grown: Grown | None = None,
    ) -> None:
        """The operation is planned; it gets its change number if it changes anything.

        `grown` is the new directory that it puts in place.
        """
        if not self._steps:
            return
        store = self.store
        store.change += 1
        store.operations += 1 if grown is None else len(grown.states)
        header = UndoHeader(
            store.change, sequence, self._at_ns, int(self.over_others or operation), root, path, new_path,
            size_bytes,
        )  # fmt: skip
        store.log.append(UndoEntry(header, tuple(self._steps)))
        if grown is None:
            self._states.operation(self._steps, self._stamps)
        else:
            self._states.grown(grown)
        for step, action in self._actions:
            self.round.add(number, step, action)
        for at, changed, kind, directory in self._stamps:
            if kind < 0:
                store.index.stamp_removed(at, changed, store.change, directory=directory)
            else:
                store.index.stamp(at, changed, store.change, kind)
        for at, name in self._joined:
            store.index.stamp(at, name, store.change, CHANGED)
        self._clear_operation()
        self._aside_count = 0

    # carrying out -------------------------------------------------------------------------------

    def carry_out(self) -> None:
        """Make the round's undo durable, then do it. Raises OperationFailed or OSError."""
        self.round.carry_out()
        self._planned.clear()

    def finish(self, unset: Iterable[Place] = ()) -> None:
        """Carry out what is left, put directory times back, make all data durable.

        `unset`: where what had a problem with its metadata is by now.
        """
        self.carry_out()
        for (root, path), modified_ns in self._times.items():
            steps.set_time(self.tree(root), path, modified_ns)
        refused = {(root, problem.path) for root, problem in self.preparer.problems}
        self._states.finish(self.store.trees, refused.union(unset))
        self.round.make_durable()
        self.close()

    def close(self) -> None:
        """Close what the batch opened."""
        self.round.close()
        self.store.give_numbers(self.preparer._number)  # noqa: SLF001 - as in __init__

    def tree_bytes(self, root: int, path: bytes) -> int:
        """Bytes on disk of a directory and all beneath it."""
        from app.replication.replica.walking import walk

        found = {status.st_ino: status.st_blocks * 512 for _, status in walk(self.tree(root).tree, path)}
        return sum(found.values())

    def _aside_bytes(self, root: int, path: bytes, status: os.stat_result) -> int:
        """What keeping a removed entry costs: nothing while another name in the root holds its inode."""
        if status.st_nlink > 1 and any(name != path for name in self.store.links.known(root, status.st_ino)):
            return 0
        return status.st_blocks * 512

    def _add(self, step: Step, action: Any) -> None:
        self._planned.step(step)
        self._steps.append(step)
        self._actions.append((step, action))

    def _comes_back(self, root: int, from_path: bytes, inode: int) -> None:
        """What was put aside gets a name again, maybe beside names that were the only ones meanwhile."""
        if not from_path.startswith(NEW + b"/"):
            for name in self.store.links.known(root, inode):
                self.joined(root, name)

    def _stamp(self, root: int, path: bytes, kind: int, *, directory: bool = False) -> None:
        self._stamps.append((root, path, kind, directory))

    def _left(self, root: int, path: bytes, to: bytes | None, *, directory: bool) -> None:
        """`path` is no longer there."""
        self._stamp(root, path, -1, directory=directory)
        self.store.links.moved(root, path, to)
        self._planned.touch(root, path)
        if directory:
            self._planned.move(root, path)

    def _before(self, root: int, path: bytes) -> None:
        """The directory of `path` is about to get or lose a name: its time is put back at the end."""
        parent = path.rpartition(b"/")[0]
        place = (root, parent)
        if place in self._times:
            return
        known = self._planned.grown_time(root, parent)
        if known is not None:
            # Taking it back takes the directory away.
            self._times[place] = known
            self._noted_times.add(place)
            return
        status = self.tree(root).tree.status(parent)
        if status is None:
            return
        self._times[place] = status.st_mtime_ns
        self._noted_times.add(place)
        self._steps.append((steps.TIMES, root, parent, status.st_ino, status.st_mtime_ns))


def _with_time(metadata: Metadata, modified_ns: int) -> Metadata:
    return Metadata(
        metadata.kind,
        metadata.permissions,
        metadata.uid,
        metadata.gid,
        metadata.size_bytes,
        modified_ns,
        metadata.xattrs,
        metadata.link_target,
        metadata.device,
    )
