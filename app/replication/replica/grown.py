"""A new directory that was made in the side store with all that is in it, and waits for its place."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.model.entry import Metadata, kind_of_mode
from app.model.errors import Problem
from app.replication.replica.drift_states import StateRow

Place = tuple[int, bytes]


@dataclass(slots=True)
class Grown:
    """The directory that is to be at `path` of a root, with all its metadata, at `side` of the side store.

    Nobody else changes it any more.
    """

    root: int
    path: bytes
    side: bytes
    inode: int = 0
    size_bytes: int = 0
    states: list[StateRow] = field(default_factory=list)
    """One of each entry, itself the first, each directory before what is in it."""
    wanted: dict[bytes, tuple[int, Metadata]] = field(default_factory=dict)
    """Inode and metadata by path, of each entry whose state does not say as much."""
    problems: list[Problem] = field(default_factory=list)
    _rows: dict[bytes, StateRow] = field(default_factory=dict)

    @property
    def entries(self) -> dict[Place, tuple[int, Metadata]]:
        """Inode and metadata of everything in it, itself the first, by root and path; made anew each time."""
        return {(self.root, path): self.entry_of(path, row) for path, row in self._by_path()}

    @property
    def metadata(self) -> Metadata:
        """Its own."""
        return self.entry_of(self.path, self.states[0])[1]

    def entry(self, path: bytes) -> tuple[int, Metadata] | None:
        """Inode and metadata of what is in it at `path` of the root, None for nothing."""
        row = self._row(path)
        return None if row is None else self.entry_of(path, row)

    def time_of(self, path: bytes) -> int | None:
        """The time that a directory in it, or itself, is to have; None for anything else."""
        row = self._row(path)
        return self.entry_of(path, row)[1].modified_ns if row is not None and stat.S_ISDIR(row[3]) else None

    def _row(self, path: bytes) -> StateRow | None:
        if len(self._rows) != len(self.states):
            self._rows = {row[1]: row for row in self.states}
        return self._rows.get(path.replace(b"/", b"\0"))

    def places(self) -> Iterator[Place]:
        """Root and path of everything in it, itself the first."""
        return ((self.root, path) for path, _ in self._by_path())

    def names(self) -> list[bytes]:
        """The paths of all that is in it, relative to it."""
        start = len(self.path) + 1
        return [row[1][start:].replace(b"\0", b"/") for row in self.states[1:]]

    def _by_path(self) -> Iterator[tuple[bytes, StateRow]]:
        return ((row[1].replace(b"\0", b"/"), row) for row in self.states)

    def entry_of(self, path: bytes, row: StateRow) -> tuple[int, Metadata]:
        """Inode and metadata of what is at `path` and has this state."""
        known = self.wanted.get(path)
        if known is not None:
            return known
        _, _, inode, mode, uid, gid, size, modified_ns, _, _ = row
        return inode, Metadata(kind_of_mode(mode), stat.S_IMODE(mode), uid, gid, size, modified_ns)

    def side_of(self, path: bytes) -> bytes:
        """Where something in it is now."""
        return self.side + path[len(self.path) :]
