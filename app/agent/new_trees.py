"""New directories of a replica, grown beside its roots: the applier puts each in place whole."""

from __future__ import annotations

import itertools
import os
from dataclasses import dataclass, field, replace

from app.backup.beneath import Places
from app.backup.metadata import apply_metadata
from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.replication.replica.restoring import StagedOperation

_OPEN = 0o700
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class NewTree:
    """The directory that is to be at `target`, which is `path` of a root; it is grown at `staged`."""

    root: int
    path: bytes
    target: bytes
    staged: bytes
    size_bytes: int = 0
    entries: dict[bytes, Metadata] = field(default_factory=dict)
    """What is finished in it, by the path relative to it; itself is b""."""

    def relative(self, target: bytes) -> bytes:
        """The path of something in it, relative to it."""
        return target[len(self.target) + 1 :]

    def place(self, target: bytes) -> bytes:
        """Where something in it is grown."""
        return self.staged + target[len(self.target) :]


class NewTrees:
    """The directories that are grown at present. `of` for any thread, the rest for one."""

    def __init__(self, areas: tuple[bytes, ...]) -> None:
        """`areas`: for each root a directory of ours, on its file system."""
        self._areas = areas
        self._numbers = itertools.count()
        self._trees: list[NewTree] = []
        self._directories: dict[bytes, NewTree] = {}
        self._places = Places(list(areas))

    def __bool__(self) -> bool:
        return bool(self._trees)

    def of(self, target: bytes) -> NewTree | None:
        """The one that something is in, or is."""
        return self._directories.get(target.rpartition(b"/")[0]) or self._directories.get(target)

    def begin(self, root: int, path: bytes, target: bytes, metadata: Metadata) -> None:
        """Grow one at `target`, where nothing is. Raises OSError."""
        tree = NewTree(root, path, target, self._areas[root] + b"/t%x" % next(self._numbers))
        self._make(tree, target, metadata)
        self._trees.append(tree)

    def directory(self, tree: NewTree, target: bytes, metadata: Metadata) -> None:
        """Make a directory in it. Raises OSError."""
        if target in self._directories:
            tree.entries[tree.relative(target)] = metadata
        else:
            self._make(tree, target, metadata)

    def _make(self, tree: NewTree, target: bytes, metadata: Metadata) -> None:
        fd, name = self._places.place(tree.place(target))
        os.mkdir(name, 0o700, dir_fd=fd)
        tree.entries[tree.relative(target)] = metadata
        self._directories[target] = tree

    def finish(self, tree: NewTree, target: bytes, metadata: Metadata) -> None:
        """What was made at its place in it is whole."""
        tree.entries[tree.relative(target)] = metadata
        tree.size_bytes += metadata.size_bytes

    def status(self, tree: NewTree, target: bytes) -> os.stat_result | None:
        """What lstat tells of what is finished in it; None = nothing."""
        if tree.relative(target) not in tree.entries:
            return None
        return self._places.status(tree.place(target))

    def place(self, tree: NewTree, target: bytes) -> tuple[int, bytes]:
        """(descriptor, name) of where it is now; see `Places.place`."""
        return self._places.place(tree.place(target))

    def take(self) -> tuple[list[tuple[StagedOperation, int]], list[Problem]]:
        """(an operation and its bytes for each, what could not be set); none is grown any more.

        Raises OSError when a directory is not there any more.
        """
        trees, self._trees = self._trees, []
        self._directories.clear()
        problems: list[Problem] = []
        operations = []
        for tree in trees:
            later = []
            for relative, metadata in reversed(tree.entries.items()):
                if metadata.kind is not EntryKind.DIRECTORY:
                    continue
                if self._is_shut(metadata):
                    later.append((relative, metadata))
                    metadata = replace(metadata, permissions=metadata.permissions | _OPEN)  # noqa: PLW2901
                    tree.entries[relative] = metadata
                shown = tree.target + b"/" + relative if relative else tree.target
                problems += self._set(tree.place(shown), metadata, shown)
            told = tuple(tree.entries.items())
            operations.append(
                (StagedOperation(tree.root, tree.path, staged_path=tree.staged, tree=told), tree.size_bytes)
            )
            for relative, metadata in later:
                path = tree.path + b"/" + relative if relative else tree.path
                operations.append((StagedOperation(tree.root, path, metadata), 0))
            self._places.forget(tree.staged)
        return operations, problems

    @staticmethod
    def _is_shut(metadata: Metadata) -> bool:
        """Whether only root could look into, or move, a directory that has this."""
        return metadata.permissions & _OPEN != _OPEN and os.geteuid() != 0

    def _set(self, place: bytes, metadata: Metadata, shown: bytes) -> list[Problem]:
        fd, name = self._places.place(place)
        descriptor = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
        try:
            return apply_metadata(descriptor, metadata, shown, os.fstat(descriptor))
        finally:
            os.close(descriptor)

    def close(self) -> None:
        """Close what is open."""
        self._places.close()
