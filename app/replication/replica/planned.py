"""What a round already plans, by place: what the next operation would have to be planned on."""

from __future__ import annotations

from app.model.entry import Metadata
from app.replication.replica import steps
from app.replication.replica.grown import Grown
from app.replication.replica.steps import SIDE, Step

Place = tuple[int, bytes]


class Planned:
    """See the module. One thread."""

    def __init__(self) -> None:
        self._touched: dict[Place, tuple[int, Metadata] | None] = {}
        self._above: set[Place] = set()
        self._moved: set[Place] = set()
        self._aside_moved: set[Place] = set()
        self._made: dict[Place, tuple[bytes, int]] = {}
        self._made_directories: set[Place] = set()
        self._grown: dict[Place, Grown] = {}
        self._grown_lengths: set[int] = set()

    def clear(self) -> None:
        """All of it was carried out."""
        self._touched.clear()
        self._above.clear()
        self._moved.clear()
        self._aside_moved.clear()
        self._made.clear()
        self._made_directories.clear()
        self._grown.clear()
        self._grown_lengths.clear()

    def concerns(self, root: int, path: bytes, *, subtree: bool) -> bool:
        """Whether what is at `path` (or beneath it) depends on the round."""
        place = (root, path)
        return (
            place in self._touched
            or (subtree and place in self._above)
            or (bool(self._moved) and self._beneath_moved(root, path))
            or self._grown_at(root, path) is not None
        )

    def _beneath_moved(self, root: int, path: bytes) -> bool:
        above = path
        while above:
            if (root, above) in self._moved:
                return True
            above = above.rpartition(b"/")[0]
        return False

    def moves_aside(self, root: int, path: bytes) -> bool:
        """Whether the round moves something to or from this side path."""
        return (root, path) in self._aside_moved

    def in_made_directory(self, root: int, path: bytes) -> bool:
        """Whether the directory of `path` is made in this round."""
        return b"/" in path and self.is_made_directory(root, path.rpartition(b"/")[0])

    def is_made_directory(self, root: int, path: bytes) -> bool:
        """Whether a directory is made there in this round."""
        return (root, path) in self._made_directories or self.grown_time(root, path) is not None

    def at(self, root: int, path: bytes) -> tuple[int, Metadata] | None:
        """(inode, metadata) of what the round puts at `path`."""
        place = (root, path)
        return self._touched[place] if place in self._touched else self._grown_at(root, path)

    def made(self, root: int, path: bytes) -> tuple[bytes, int] | None:
        """(side path, inode) of what was prepared for `path`."""
        grown, found = self._grown_with(root, path), self._grown_at(root, path)
        if grown is not None and found is not None:
            return grown.side_of(path), found[0]
        return self._made.get((root, path))

    def grown_time(self, root: int, path: bytes) -> int | None:
        """The time of a directory that came in place with one made in this round."""
        grown = self._grown_with(root, path)
        return None if grown is None else grown.time_of(path)

    def _grown_at(self, root: int, path: bytes) -> tuple[int, Metadata] | None:
        grown = self._grown_with(root, path)
        return None if grown is None else grown.entry(path)

    def _grown_with(self, root: int, path: bytes) -> Grown | None:
        """The innermost grown directory that `path` is or is beneath."""
        end = len(path) if self._grown else 0
        while end > 0:
            # Only what may be one is looked up: a path of very many levels is a long one to cut at each.
            if end in self._grown_lengths:
                grown = self._grown.get((root, path[:end]))
                if grown is not None:
                    return grown
            end = path.rfind(b"/", 0, end)
        return None

    # planning

    def touch(self, root: int, path: bytes) -> None:
        """The round changes what is at `path`."""
        self._touched[root, path] = None
        above = path
        while above:
            above = above.rpartition(b"/")[0]
            place = (root, above)
            if place in self._above:
                return
            self._above.add(place)

    def put(self, root: int, path: bytes, inode: int, metadata: Metadata) -> None:
        """This is at `path` then. It was touched before."""
        self._touched[root, path] = (inode, metadata)

    def make(self, root: int, path: bytes, side: bytes, inode: int, *, directory: bool) -> None:
        """What was prepared at the side path `side` is at `path` then."""
        self._made[root, path] = (side, inode)
        if directory:
            self._made_directories.add((root, path))

    def grow(self, grown: Grown) -> None:
        """A new directory, with all that is in it, is in place then."""
        place = (grown.root, grown.path)
        self._touched[place] = (grown.inode, grown.metadata)
        self._grown[place] = grown
        self._grown_lengths.add(len(grown.path))

    def move(self, root: int, path: bytes) -> None:
        """A directory leaves `path`, or comes there."""
        self._moved.add((root, path))

    def step(self, step: Step) -> None:
        """A step is planned, which may move something to or from a side path."""
        if step[0] == steps.MOVE:
            self._aside_moved.update((step[1], p) for a, p in (step[2:4], step[4:6]) if a == SIDE)
        elif step[0] == steps.REPLACE:
            self._aside_moved.add((step[1], step[6]))
            if step[3] == SIDE:
                self._aside_moved.add((step[1], step[4]))
