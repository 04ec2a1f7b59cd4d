"""What one batch leaves behind, path by path: noted for drift in the batch's own transaction."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from app.model.entry import Metadata, kept_ns
from app.model.paths import is_beneath
from app.replication.replica import steps
from app.replication.replica.applied import CHANGED, SUBTREE
from app.replication.replica.drift_states import TreeStates, digest_at, look, state_of
from app.replication.replica.grown import Grown
from app.replication.replica.rooted import Rooted
from app.replication.replica.steps import TREE, ReplicaTree, Step
from app.replication.replica.trouble import PathTrouble
from app.replication.replica.walking import walk

Place = tuple[int, bytes]
Stamp = tuple[int, bytes, int, bool]
Wanted = tuple[int, Metadata]
_SET_IDS = 0o6000


class BatchStates:
    """Collects what the operations of a batch touch; `finish` looks at it once all is carried out.

    What was set is noted, not what is there then: that may be somebody else's write already.
    """

    def __init__(self, states: TreeStates) -> None:
        self._states = states
        self._touched: dict[Place, Wanted | None] = {}
        self._walks: dict[Place, Wanted | None] = {}
        self._wanted: dict[Place, Wanted] = {}
        self._left: list[tuple[int, bytes, bytes | None]] = []
        self._again: dict[Place, None] = {}
        self._moved: set[Place] = set()
        self._grown: dict[Place, Grown] = {}
        self._root = os.geteuid() == 0

    def want(self, root: int, path: bytes, inode: int, metadata: Metadata) -> None:
        """The operation being planned leaves this inode with this metadata at `path`."""
        self._wanted[root, path] = (inode, metadata)

    def drop_operation(self) -> None:
        """Nothing of the operation being planned happens."""
        self._wanted.clear()

    def grown(self, grown: Grown) -> None:
        """The operation being planned puts this directory where nothing is. Instead of `operation`."""
        self._left.append((grown.root, grown.path, None))
        self._moved.add((grown.root, grown.path))
        self._grown[grown.root, grown.path] = grown
        self._wanted.clear()

    def operation(self, planned: Sequence[Step], stamps: Sequence[Stamp]) -> None:
        """An operation of these steps and stamps was planned."""
        if len(stamps) == 1 and stamps[0][2] == CHANGED:
            place = stamps[0][:2]
            self._touched[place] = self._wanted.get(place)
            self._wanted.clear()
            return
        renamed = _renamed(planned)
        origins = {(root, origin) for (root, _), origin in renamed.items()}
        for root, path, kind, directory in stamps:
            origin = renamed.get((root, path)) if kind in (CHANGED, SUBTREE) else None
            if origin is not None:
                # Its row goes along: what was not right before is not right now.
                self._gone(root, origin, path, directory=kind == SUBTREE)
            elif kind == CHANGED:
                self._touched[root, path] = self._wanted.get((root, path))
            elif kind == SUBTREE:
                self._gone(root, path, None, directory=True)
                self._walks[root, path] = None
            elif (root, path) not in origins:
                self._gone(root, path, None, directory=directory)
        self._wanted.clear()

    def again(self, root: int, path: bytes) -> None:
        """The full state of `path` was applied, whatever had to be done for it."""
        self._again[root, path] = None

    def touches(self, root: int, path: bytes) -> bool:
        """Whether the batch itself has changed `path`, or what is there came or went with it."""
        if (root, path) in self._touched:
            return True
        while path and self._moved:
            if (root, path) in self._moved:
                return True
            path = path.rpartition(b"/")[0]
        return False

    def _gone(self, root: int, path: bytes, to: bytes | None, *, directory: bool) -> None:
        self._left.append((root, path, to))
        self._moved.add((root, path))
        if to is not None:
            self._moved.add((root, to))
        if self._grown:
            self._take_apart(root, path, to)
        for noted in (self._touched, self._walks):
            if to is not None:
                _take(noted, root, to, directory=directory)
            for place, value in _take(noted, root, path, directory=directory):
                if to is not None:
                    noted[root, to + place[1][len(path) :]] = value
        if to is not None and (root, to) not in self._touched and self._is_walked(root, path):
            # The walk would have found it where it no longer is; it has no row to go along.
            (self._walks if directory else self._touched)[root, to] = None

    def _is_walked(self, root: int, path: bytes) -> bool:
        return any(at == root and is_beneath(path, walked) for at, walked in self._walks)

    def _take_apart(self, root: int, path: bytes, to: bytes | None) -> None:
        """What is in grown directories is followed path by path where names at, above or in them change."""
        for place, grown in list(self._grown.items()):
            changed = (path,) if to is None else (path, to)
            if place[0] == root and any(
                is_beneath(place[1], one) or is_beneath(one, place[1]) for one in changed
            ):
                del self._grown[place]
                # What was planned for one of them after it is younger.
                self._touched = {**grown.entries, **self._touched}

    def finish(self, trees: Sequence[ReplicaTree], refused: set[Place]) -> None:
        """Look at everything and note it. `refused`: places whose metadata could not be set as wanted.

        Raises OSError.
        """
        states = self._states
        for root, path, to in self._left:
            if to is None:
                states.drop(root, path)
            else:
                states.drop(root, to)
                states.rename(root, path, to)
        for grown in self._grown.values():
            states.put_rows(grown.states)
        for root, path in self._walks:
            tree = trees[root].tree
            for at, status in walk(tree, path):
                states.put(root, state_of(at, status, digest_at(tree, at)))
        for root, path in self._again:
            if (root, path) not in self._touched:
                self._look(trees[root].tree, root, path)
        for (root, path), wanted in self._touched.items():
            if wanted is None or (root, path) in refused:
                self._look(trees[root].tree, root, path)
            else:
                self._note(trees[root], path, wanted)

    def _look(self, tree: Rooted, root: int, path: bytes) -> None:
        """Note what is there, whatever it is."""
        try:
            found = look(tree, path)
        except PathTrouble:
            found = None
        if found is None:
            self._states.drop(root, path)
        else:
            self._states.put(root, found)

    def _note(self, tree: ReplicaTree, path: bytes, wanted: Wanted) -> None:
        """Note what was put there; if it is something else by now, somebody else did that."""
        inode, metadata = wanted
        if not tree.precise or (not self._root and metadata.permissions & _SET_IDS):
            # What the file system made of it: a time without fractions, a bit that was not permitted.
            try:
                found = tree.tree.status(path)
            except PathTrouble:
                found = None
            if found is not None and kept_ns(found.st_mtime_ns) != metadata.modified_ns:
                self._look(tree.tree, tree.index, path)
                return
            tree.precise |= found is not None and bool(metadata.modified_ns % 1_000_000_000)
            if found is not None and stat.S_IMODE(found.st_mode) != metadata.permissions:
                self._look(tree.tree, tree.index, path)
                return
        self._states.put_wanted(tree.index, path, inode, metadata)


def _take(
    noted: dict[Place, Wanted | None], root: int, path: bytes, *, directory: bool
) -> list[tuple[Place, Wanted | None]]:
    """What is noted of `path`, and of all beneath a directory; it is not noted any more."""
    hit: list[Place] = [(root, path)] if (root, path) in noted else []
    if directory:
        prefix = path + b"/"
        hit += [place for place in noted if place[0] == root and place[1].startswith(prefix)]
    return [(place, noted.pop(place)) for place in hit]


def _renamed(planned: Sequence[Step]) -> dict[Place, bytes]:
    """Where what was renamed within a root came from, by where it is now."""
    found: dict[Place, bytes] = {}
    for step in planned:
        if step[0] == steps.MOVE and step[2] == step[4] == TREE:
            found[step[1], step[5]] = step[3]
        elif step[0] == steps.REPLACE and step[3] == TREE:
            found[step[1], step[2]] = step[4]
    return found
