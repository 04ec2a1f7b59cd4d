"""New directories of a restore, grown out of sight with all that is in them: each is put in place whole."""

from __future__ import annotations

import itertools
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from app.backup.beneath import Places
from app.backup.metadata import apply_metadata
from app.backup.new_files import Cut
from app.media.node import NAME, to_metadata
from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem

_OPEN = 0o700
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(slots=True)
class NewTree:
    """The directory that is to be at `target`; it is grown at `staged`."""

    target: bytes
    staged: bytes
    group: int
    size_bytes: int = 0
    entries: dict[bytes, Metadata] = field(default_factory=dict)
    """What is finished in it, by the path relative to it; itself is b"". But for `cuts`."""
    cuts: dict[bytes, list[Cut]] = field(default_factory=dict)
    """Files that were made together, by the path of their directory."""

    def relative(self, target: bytes) -> bytes:
        """The path of something in it, relative to it."""
        return target[len(self.target) + 1 :]

    def target_of(self, relative: bytes) -> bytes:
        """Where something in it is to be."""
        return self.target + b"/" + relative if relative else self.target

    def has(self, relative: bytes) -> bool:
        """Whether something in it is finished."""
        if relative in self.entries:
            return True
        above, _, name = relative.rpartition(b"/")
        return any(entry[NAME] == name for cut in self.cuts.get(above, ()) for entry in cut.entries)

    def all(self) -> Iterator[tuple[bytes, Metadata]]:
        """Everything that is finished in it, directories before what is in them."""
        yield from self.entries.items()
        for above, cuts in self.cuts.items():
            prefix = above + b"/" if above else b""
            for cut in cuts:
                for entry in cut.entries:
                    yield prefix + entry[NAME], to_metadata(entry)

    def count(self) -> int:
        """How many entries that are."""
        return len(self.entries) + sum(len(cut.entries) for cuts in self.cuts.values() for cut in cuts)

    def directories(self) -> set[bytes]:
        """Where its directories are to be, itself included."""
        found = self.entries.items()
        return {self.target_of(path) for path, metadata in found if metadata.kind is EntryKind.DIRECTORY}

    def place(self, target: bytes) -> bytes:
        """Where something in it is grown."""
        return self.staged + target[len(self.target) :]


class NewTrees:
    """The directories that are grown at present. `of` for any thread, the rest for one."""

    def __init__(self, areas: list[bytes]) -> None:
        """`areas`: directories of ours that hold what is grown; more may come by `begin`."""
        self._numbers = itertools.count()
        self._group = 0
        self._trees: list[NewTree] = []
        self._directories: dict[bytes, NewTree] = {}
        self._places = Places(areas)

    def __bool__(self) -> bool:
        return bool(self._trees)

    def of(self, target: bytes) -> NewTree | None:
        """The one that something is in, or is."""
        return self._directories.get(target.rpartition(b"/")[0]) or self._directories.get(target)

    def begin(self, area: bytes, target: bytes, metadata: Metadata) -> None:
        """Grow one in `area`, a directory of ours, for `target`, where nothing is. Raises OSError."""
        self._places.add(area)
        tree = NewTree(target, area + b"/t%x" % next(self._numbers), self._group)
        self._make(tree, target, metadata)
        self._trees.append(tree)

    def holds(self, target: bytes) -> bool:
        """Whether a directory is grown, or in one that is."""
        return target in self._directories

    def takes(self, tree: NewTree, target: bytes) -> bool:
        """Whether a directory can still be made in it: it is of the last group, or has it already."""
        return tree.group == self._group or target in self._directories

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

    def grown_at(self, directory: bytes) -> bytes | None:
        """Where a directory is grown; None = it is not."""
        tree = self._directories.get(directory)
        return None if tree is None else tree.place(directory)

    def finish_cut(self, cut: Cut) -> None:
        """Files were made in a directory that is grown."""
        tree = self._directories[cut.files.target]
        tree.cuts.setdefault(tree.relative(cut.files.target), []).append(cut)
        tree.size_bytes += cut.size_bytes

    def status(self, tree: NewTree, target: bytes) -> os.stat_result | None:
        """What lstat tells of what is finished in it; None = nothing."""
        if not tree.has(tree.relative(target)):
            return None
        return self._places.status(tree.place(target))

    def place(self, tree: NewTree, target: bytes) -> tuple[int, bytes]:
        """(descriptor, name) of where it is now; see `Places.place`."""
        return self._places.place(tree.place(target))

    def seal(self) -> int:
        """The number of the group that those begun since the last call are; no directory is added to them."""
        self._group += 1
        return self._group - 1

    def take(self, group: int | None = None) -> list[NewTree]:
        """Those of all groups up to this one, or all: they are grown no more."""
        taken = [tree for tree in self._trees if group is None or tree.group <= group]
        if taken:
            left = [tree for tree in self._trees if not (group is None or tree.group <= group)]
            self._trees = left
            gone = {id(tree) for tree in taken}
            directories = {target: tree for target, tree in self._directories.items() if id(tree) not in gone}
            self._directories = directories
        return taken

    def settle(self, tree: NewTree) -> tuple[list[Problem], list[tuple[bytes, Metadata]]]:
        """Give the directories of a tree that was taken their metadata.

        Returns (what could not be set, the directories that are still open and get theirs in the end): those
        that only root could look into, or move, with them. Raises OSError for a directory that is gone.
        """
        problems: list[Problem] = []
        later: list[tuple[bytes, Metadata]] = []
        for relative, metadata in reversed(tree.entries.items()):
            if metadata.kind is not EntryKind.DIRECTORY:
                continue
            target = tree.target_of(relative)
            if metadata.permissions & _OPEN != _OPEN and os.geteuid() != 0:
                later.append((target, metadata))
                metadata = replace(metadata, permissions=metadata.permissions | _OPEN)  # noqa: PLW2901
                tree.entries[relative] = metadata
            problems += self._set(tree.place(target), metadata, target)
        self._places.forget(tree.staged)
        return problems, later

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


def plain_directory() -> Metadata:
    """What a directory gets that is in no session."""
    return Metadata(EntryKind.DIRECTORY, 0o755, os.geteuid(), os.getegid(), 0, time.time_ns())
