"""Restoring into plain directories where much is new: a missing directory is grown out of sight, then moved.

Nobody sees what is half made, so that a file needs no name of its own beside its place, no look at its
place and no move: one rename puts a directory in place with all that is in it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import threading

from app.backup.hopeless import end_if_hopeless
from app.backup.new_files import Cut
from app.backup.new_trees import NewTree, NewTrees, plain_directory
from app.backup.sink import DirectorySink, remove_tree, synchronize
from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem

_TAKEN = (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EXDEV)


class GrowingSink(DirectorySink):
    """A `DirectorySink` that grows new directories in its staging directory, and puts them in place whole."""

    def __init__(self, directories: list[bytes]) -> None:
        super().__init__(directories)
        self._trees = NewTrees([])
        self._placed: dict[bytes, Metadata] = {}
        """Directories that have their metadata, as long as nothing is put into them."""
        self._devices: dict[bytes, int] = {}
        self._writing: threading.Thread | None = None

    def stage(self, target: bytes, apart: int = 0) -> bytes:
        """See `RestoreSink`. What is in a new directory is made right there: nobody sees it yet."""
        tree = self._trees.of(target)
        return super().stage(target, apart) if tree is None else tree.place(target)

    def hides(self, target: bytes) -> bool:
        """See `RestoreSink`."""
        return self._trees.of(target) is not None

    def grown_at(self, directory: bytes) -> bytes | None:
        """See `RestoreSink`."""
        return self._trees.grown_at(directory)

    def publish_new(self, cut: Cut) -> None:
        """See `RestoreSink`."""
        self._trees.finish_cut(cut)

    def status(self, target: bytes) -> os.stat_result | None:
        """See `RestoreSink`."""
        tree = self._trees.of(target)
        return super().status(target) if tree is None else self._trees.status(tree, target)

    def place(self, target: bytes) -> tuple[int, bytes]:
        """See `RestoreSink`."""
        tree = self._trees.of(target)
        return super().place(target) if tree is None else self._trees.place(tree, target)

    def directory(self, target: bytes, metadata: Metadata | None) -> list[Problem]:
        """See `RestoreSink`."""
        tree = self._trees.of(target)
        if tree is not None and self._trees.takes(tree, target):
            self._trees.directory(tree, target, metadata or plain_directory())
        elif metadata is not None and (tree is not None or self._can_grow(target)):
            self._trees.begin(self._staging_of(target), target, metadata)
        else:
            self._touched(target)
            super().directory(target, metadata)
        return []

    def _can_grow(self, target: bytes) -> bool:
        """Whether nothing is there, and a rename from the staging directory leads there. Raises OSError."""
        top = self._places.top_of(target)
        if top is None or target in self._directories or super().status(target) is not None:
            return False
        if top not in self._devices:
            self._devices[top] = os.stat(self._staging_of(target)).st_dev
        fd, _ = self._places.place(target)
        return os.fstat(fd).st_dev == self._devices[top]

    def publish(self, target: bytes, staged: bytes, metadata: Metadata, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`."""
        tree = self._trees.of(target)
        if tree is not None and tree.place(target) == staged:
            self._trees.finish(tree, target, metadata)
            return []
        problems = self._unhidden(target)
        return problems + super().publish(target, staged, metadata, replace=replace)

    def link(self, target: bytes, existing: bytes, *, replace: bool) -> list[Problem]:
        """See `RestoreSink`."""
        problems = self._unhidden(target, existing)
        return problems + super().link(target, existing, replace=replace)

    def remove(self, target: bytes, *, directory: bool) -> list[Problem]:
        """See `RestoreSink`."""
        problems = self._unhidden(target)
        self._placed.pop(target, None)
        return problems + super().remove(target, directory=directory)

    def seal(self) -> int:
        """See `RestoreSink`."""
        return self._trees.seal()

    def put(self, number: int) -> list[Problem]:
        """See `RestoreSink`. They are in place on return, and on their way to the disk."""
        problems = [problem for tree in self._trees.take(number) for problem in self._put_tree(tree)]
        if self._writing is None or not self._writing.is_alive():
            # Where all is written at the end, the processors have nothing to do meanwhile.
            self._writing = threading.Thread(target=self._write_ahead, name="write ahead", daemon=True)
            self._writing.start()
        return problems

    def _write_ahead(self) -> None:
        for directory in self._directories:
            with contextlib.suppress(OSError):
                synchronize(directory)

    def settle(self) -> list[Problem]:
        """See `RestoreSink`."""
        return [problem for tree in self._trees.take() for problem in self._put_tree(tree)]

    def finish(self, *, durable: bool = True) -> list[Problem]:
        """See `RestoreSink`."""
        problems: list[Problem] = []
        for tree in self._trees.take():
            if not durable:
                with contextlib.suppress(OSError):
                    _prune(tree)
            problems += self._put_tree(tree)
        self._trees.close()
        self._metadata.sort(key=lambda entry: entry[0])
        self._placed.clear()
        return problems + super().finish(durable=durable)

    def _unhidden(self, *targets: bytes) -> list[Problem]:
        """Something else than to grow is done to the first of these: all are in place before."""
        problems = self.settle() if any(self._trees.of(target) for target in targets) else []
        self._touched(targets[0])
        return problems

    def _touched(self, target: bytes) -> None:
        """What is done to an entry moves the time of its directory: that is set again at the end."""
        above = target.rpartition(b"/")[0]
        metadata = self._placed.pop(above, None)
        if metadata is not None:
            self._metadata.append((above, metadata))

    def _put_tree(self, tree: NewTree) -> list[Problem]:
        try:
            problems, later = self._trees.settle(tree)
            fd, name = self._places.place(tree.target)
            self._touched(tree.target)
            try:
                # An empty directory that came into the place is taken over, as any other that is there.
                os.rename(tree.staged, name, dst_dir_fd=fd)
            except OSError as error:
                if error.errno not in _TAKEN:
                    raise
                return problems + self._put_entries(tree)
        except OSError as error:
            self.check()
            end_if_hopeless(tree.target, error)
            return [_refused(tree.target, error)]
        for relative, metadata in tree.entries.items():
            if metadata.kind is EntryKind.DIRECTORY:
                self._placed[tree.target_of(relative)] = metadata
        for target, metadata in later:
            del self._placed[target]
            self._metadata.append((target, metadata))
        return problems

    def _put_entries(self, tree: NewTree) -> list[Problem]:
        """Somebody made something there meanwhile: it stays, and what is not there is put beside it."""
        problems = []
        for relative, metadata in tree.all():
            target = tree.target_of(relative)
            try:
                if metadata.kind is EntryKind.DIRECTORY:
                    problems += super().directory(target, metadata)
                else:
                    problems += super().publish(target, tree.place(target), metadata, replace=False)
            except OSError as error:
                end_if_hopeless(target, error)
                problems.append(_refused(target, error))
        remove_tree(tree.staged)
        return problems


def _refused(target: bytes, error: OSError) -> Problem:
    taken = error.errno in (errno.EEXIST, errno.ENOTDIR)
    reason = "something was made in its place meanwhile" if taken else error.strerror or str(error)
    return Problem("E4225", target, {"reason": reason})


def _prune(tree: NewTree) -> None:
    """Take away what was begun in it and is not whole."""
    pending, finished = [b""], {relative for relative, _ in tree.all()}
    while pending:
        above = pending.pop()
        directory = tree.staged + b"/" + above if above else tree.staged
        for name in os.listdir(directory):
            relative = above + b"/" + name if above else name
            path = directory + b"/" + name
            if stat.S_ISDIR(os.lstat(path).st_mode):
                pending.append(relative)
            elif relative not in finished:
                os.unlink(path)
