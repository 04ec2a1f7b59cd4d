"""What each kind of change record means for a replica root, as steps of a batch."""

from __future__ import annotations

import dataclasses
import errno
import os
import stat
from collections.abc import Mapping

from app.model.entry import EntryKind, Metadata, kind_of_mode
from app.model.paths import is_beneath
from app.replication.metadata import apply_metadata, settable
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    StageContent,
    WriteBlocks,
)
from app.replication.replica.ahead import Made
from app.replication.replica.batch import Batch
from app.replication.replica.block_writing import BlockWriter
from app.replication.replica.grown import Grown
from app.replication.replica.side_store import is_reserved, stage_path
from app.replication.replica.stages import Stages
from app.replication.replica.steps import SIDE, TREE, Operation
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.unset import still_refused

_COPY_FOR_TIME_MAX = 32 * 1024 * 1024
"""A larger file gets its new time in place, where a snapshot of links shows it."""


class Carrier:
    """Plans records into a batch. Raises PathTrouble for what cannot be carried out where it points."""

    def __init__(self, batch: Batch, made: Mapping[int, Made | Grown] | None = None) -> None:
        self._batch = batch
        self._made_ahead = made or {}
        self._stages = Stages(batch)
        self._blocks = BlockWriter(batch, self._stages)

    @property
    def consumed_stages(self) -> list[int]:
        """Numbers of the staged contents that the records used."""
        return self._stages.consumed

    def write_blocks(self, record: WriteBlocks) -> None:
        """See `BlockWriter.write`."""
        self._blocks.write(record)

    def carry(self, number: int, sequence: int, record: Record) -> None:
        """Plan one record, the `number`-th of its batch."""
        if isinstance(record, StageContent):
            self._stages.put(record)
            return
        root = getattr(record, "root", 0)
        path: bytes = getattr(record, "path", b"")
        new_path = b""
        size = 0
        if not 0 <= root < len(self._batch.store.trees):
            raise PathTrouble("ER00405", path, final=True)
        match record:
            case ReplaceFile():
                operation, size = Operation.CONTENT, record.metadata.size_bytes
                self._check(path)
                self._replace(record, self._ready(number, path))
            case WriteBlocks():
                operation, size = Operation.BLOCKS, sum(extent.length for extent in record.extents)
                self._check(path)
                self.write_blocks(record)
            case MakeEntry():
                operation = Operation.ENTRY
                self._make(root, path, record.metadata, self._ready(number, path))
            case MakeLink():
                operation, new_path = Operation.LINK, record.existing
                self._check(path)
                self._check(record.existing)
                self._link(root, path, record.existing)
            case Remove():
                operation = Operation.REMOVE
                self._check(path)
                self._remove(root, path)
            case Rename():
                operation, new_path = Operation.RENAME, record.new_path
                self._check(path)
                self._check(new_path)
                self._rename(root, path, new_path)
            case SetMetadata():
                operation = Operation.METADATA
                self._set(root, path, record.metadata)
            case _:
                return
        self._batch.end_operation(number, sequence, operation, root, path, new_path, size)

    def give_up(self, number: int, sequence: int, record: Rename, trouble: PathTrouble) -> PathTrouble:
        """A rename cannot be done: nothing stays of what the master has no more, and the new name is lacking.

        It knows of nothing at the old name, nor of what a directory replaced had; both would stay unnoticed.
        """
        batch, root = self._batch, record.root
        self._check(record.path)
        self._check(record.new_path)
        if is_beneath(record.new_path, record.path) or is_beneath(record.path, record.new_path):
            # Nobody can have done that: it tells nothing of what the master has.
            return trouble
        # A file keeps its content until the new one takes its place.
        for path, directories_only in ((record.path, False), (record.new_path, True)):
            if self._remove(root, path, directories_only=directories_only):
                batch.end_operation(number, sequence, Operation.REMOVE, root, path)
            batch.store.index.drop_troubles_beneath(root, path)
        if is_beneath(record.new_path, trouble.path):
            return trouble
        return PathTrouble("ER00403", record.new_path)

    def restore(
        self, number: int, root: int, path: bytes, staged: bytes | None, metadata: Metadata | None
    ) -> None:
        """Plan putting an entry staged in the side store at `path`, or giving `path` this metadata.

        A directory that is not there is made: prepared here, entries can be put in it in the same round.
        """
        self._check(path) if staged is not None else self._check_reserved(path)
        batch = self._batch
        if staged is not None:
            found = batch.tree(root).side.status(staged)
            if found is None:
                raise PathTrouble("ER00404", path, final=True)
            directory = stat.S_ISDIR(found.st_mode)
            old = batch.status(root, path, subtree=True)
            if old is not None and stat.S_ISDIR(old.st_mode):
                batch.settle_directory(root, path)
            whole = None if directory else metadata
            if whole is not None:
                self._finish_staged(root, path, staged, found, whole)
            batch.place(root, path, old, (SIDE, staged, found.st_ino), directory=directory)
            if whole is not None:
                batch.placed_whole(root, path, found.st_ino, whole)
            batch.end_operation(number, 0, Operation.RESTORE, root, path, b"", found.st_size)
            if whole is not None:
                return
        if metadata is not None:
            missing = staged is None and path and batch.status(root, path) is None
            if missing and metadata.kind is EntryKind.DIRECTORY and batch.planned(root, path) is None:
                self._make(root, path, metadata)
                batch.end_operation(number, 0, Operation.RESTORE, root, path)
                return
            self._set(root, path, metadata, restored=True)
            batch.end_operation(number, 0, Operation.METADATA, root, path)

    def _finish_staged(
        self, root: int, path: bytes, staged: bytes, found: os.stat_result, metadata: Metadata
    ) -> None:
        """Give an entry of the side store its metadata before it moves: nobody sees it, nothing is logged."""
        if kind_of_mode(found.st_mode) is not metadata.kind:
            raise PathTrouble("ER00404", path, final=True)
        fd, name = self._batch.tree(root).side.place(staged)
        self._batch.preparer.note(root, path, apply_metadata(name, metadata, dir_fd=fd))

    def _check(self, path: bytes) -> None:
        if not path:
            raise PathTrouble("ER00405", path, final=True)
        self._check_reserved(path)

    def _check_reserved(self, path: bytes) -> None:
        if is_reserved(path):
            raise PathTrouble("ER00405", path, final=True)

    def _replace(self, record: ReplaceFile, ready: Made | None = None) -> None:
        batch, root, path = self._batch, record.root, record.path
        old = batch.status(root, path, subtree=True)
        if old is not None and stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, path)
        tree = batch.tree(root)
        stage_fd = self._stages.open(record)
        whole = record.extents == (Extent(0, record.metadata.size_bytes),)
        if ready is not None:
            made, inode = self._take(root, path, ready)
        elif stage_fd >= 0 and root == 0 and whole and tree.store.links:
            if os.fstat(stage_fd).st_size != record.metadata.size_bytes:
                raise PathTrouble("ER00404", path)
            made = batch.preparer.link(tree, SIDE, stage_path(record.stage))
            batch.preparer.finish(stage_fd, root, path, record.metadata)
            inode = os.fstat(stage_fd).st_ino
        else:
            made, inode = batch.preparer.file(
                tree, path, record.metadata, record.extents, record.data, stage_fd
            )
        batch.place(root, path, old, (SIDE, made, inode), metadata=record.metadata)

    def _ready(self, number: int, path: bytes) -> Made | None:
        ready = self._made_ahead.get(number)
        if not isinstance(ready, Grown):
            return ready
        # Its directory could not be put in place whole.
        found = ready.entry(path)
        if found is None or found[1].kind is EntryKind.DIRECTORY:
            return None
        problems = tuple(problem for problem in ready.problems if problem.path == path)
        return Made(ready.side_of(path), found[0], problems)

    def _take(self, root: int, path: bytes, ready: Made) -> tuple[bytes, int]:
        self._batch.preparer.note(root, path, ready.problems)
        return ready.path, ready.inode

    def _make(self, root: int, path: bytes, metadata: Metadata, ready: Made | None = None) -> None:
        self._check_reserved(path)
        batch = self._batch
        if not path:
            if metadata.kind is not EntryKind.DIRECTORY:
                raise PathTrouble("ER00405", path, final=True)
            self._set(root, path, metadata)
            return
        # Asked first without `subtree`: a directory that stays needs nothing beneath it settled.
        old = batch.status(root, path)
        directory = metadata.kind is EntryKind.DIRECTORY
        if old is not None and directory and stat.S_ISDIR(old.st_mode):
            self._set(root, path, metadata)
            return
        if old is not None and metadata.kind is EntryKind.SYMLINK and stat.S_ISLNK(old.st_mode):
            fd, name = batch.tree(root).tree.place(path)
            if os.readlink(name, dir_fd=fd) == metadata.link_target:
                self._set(root, path, metadata)
                return
        old = batch.status(root, path, subtree=True)
        if old is not None and stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, path)
        if ready is not None:
            made, inode = self._take(root, path, ready)
        else:
            made, inode = batch.preparer.entry(batch.tree(root), path, metadata)
        batch.place(root, path, old, (SIDE, made, inode), directory=directory, metadata=metadata)

    def _link(self, root: int, path: bytes, existing: bytes) -> None:
        batch = self._batch
        tree = batch.tree(root)
        ready = batch.made(root, existing)
        if ready is None or batch.planned(root, path) is not None or is_beneath(path, existing):
            found = batch.status(root, existing)
            ready = None
            if found is None or stat.S_ISDIR(found.st_mode):
                raise PathTrouble("ER00403", path)
        old = batch.status(root, path, subtree=True)
        if ready is not None and batch.made(root, existing) is None:
            found = batch.status(root, existing)
            ready = None
            if found is None:
                raise PathTrouble("ER00403", path)
        inode = ready[1] if ready is not None else found.st_ino  # type: ignore[union-attr]
        if old is not None and old.st_ino == inode:
            batch.store.links.add(root, path, inode)
            batch.store.links.add(root, existing, inode)
            return
        if old is not None and stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, path)
            ready = batch.made(root, existing)
        if ready is None and self._is_foreign(root, existing, batch.status(root, existing)):
            # The new name would be noted with a content that the master does not have.
            raise PathTrouble("ER00404", path)
        area, source = (SIDE, ready[0]) if ready is not None else (TREE, existing)
        try:
            made = batch.preparer.link(tree, area, source)
        except OSError as error:
            if error.errno in (errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP):
                raise PathTrouble("ER00406", path, final=True, cause=os.strerror(error.errno)) from None
            raise
        batch.place(root, path, old, (SIDE, made, inode))
        if area == TREE:
            batch.joined(root, existing)
        batch.store.links.add(root, path, inode)
        batch.store.links.add(root, existing, inode)

    def _remove(self, root: int, path: bytes, *, directories_only: bool = False) -> bool:
        batch = self._batch
        try:
            old = batch.status(root, path, subtree=True)
        except PathTrouble:
            return False
        if old is None or (directories_only and not stat.S_ISDIR(old.st_mode)):
            return False
        if stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, path)
        batch.move_aside(root, path, old)
        return True

    def _rename(self, root: int, path: bytes, new_path: bytes) -> None:
        batch = self._batch
        if path == new_path:
            return
        if is_beneath(new_path, path) or is_beneath(path, new_path):
            raise PathTrouble("ER00405", new_path)
        batch.settle(root, new_path, subtree=True)
        moving = batch.status(root, path, subtree=True)
        if moving is None:
            raise PathTrouble("ER00403", new_path)
        old = batch.status(root, new_path, subtree=True)
        directory = stat.S_ISDIR(moving.st_mode)
        if old is not None and old.st_ino == moving.st_ino:
            batch.move_aside(root, path, moving)
            return
        if directory:
            batch.settle_directory(root, path)
        if old is not None and stat.S_ISDIR(old.st_mode):
            batch.settle_directory(root, new_path)
        batch.place(root, new_path, old, (TREE, path, moving.st_ino), directory=directory)

    def _set(self, root: int, path: bytes, metadata: Metadata, *, restored: bool = False) -> None:
        # A restore writes over what others changed: it is what was asked for.
        self._check_reserved(path)
        batch = self._batch
        planned = batch.planned(root, path)
        if planned is not None:
            inode, now = planned
        else:
            found = batch.status(root, path)
            if found is None:
                raise PathTrouble("ER00404", path)
            if not restored and self._is_foreign(root, path, found):
                raise PathTrouble("ER00404", path)
            now, inode, links = batch.current(root, path)
            if self._held_elsewhere(root, path, now, metadata, inode, links):
                wanted = dataclasses.replace(metadata, size_bytes=now.size_bytes)
                self.write_blocks(WriteBlocks(root, path, wanted, (), b""))
                return
        if now.kind is not metadata.kind:
            raise PathTrouble("ER00404", path)
        if batch.store.index.is_unset(root, path) and still_refused(batch, root, path, now, metadata):
            return
        if settable(now) != settable(metadata):
            batch.change_metadata(root, path, inode, now, metadata)

    def _is_foreign(self, root: int, path: bytes, status: os.stat_result | None) -> bool:
        """Whether what is at `path` is a file that somebody else changed, be that noticed already or not."""
        batch = self._batch
        if status is None or not stat.S_ISREG(status.st_mode):
            return False
        return batch.store.states.changed_by_others(root, path) or not batch.trusts(root, path, status)

    def _held_elsewhere(
        self, root: int, path: bytes, now: Metadata, metadata: Metadata, inode: int, links: int
    ) -> bool:
        """Whether a snapshot would take the new time of a file for a change of its content."""
        return (
            now.kind is metadata.kind is EntryKind.FILE
            and now.modified_ns != metadata.modified_ns
            and links > 1
            and now.size_bytes <= _COPY_FOR_TIME_MAX
            and links > len(self._batch.names(root, path, inode))
        )
