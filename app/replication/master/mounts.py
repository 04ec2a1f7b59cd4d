"""File systems mounted beneath a root.

A root is replicated across them, as its users see it. So one that is unmounted, or mounted over files, makes
many paths seem to be gone that nobody removed: as with a root that is gone, nothing is concluded from that
until people have decided.
"""

from __future__ import annotations

import itertools
import os
import re
import stat

from app.distant_mounts import distant
from app.model.entry import kept_ns
from app.model.paths import shown
from app.replication.master.roots import ComparedRoot, RootLostError
from app.replication.master.shadow import Shadow, ShadowEntry

_CHILDREN_LOOKED_AT = 50
_MOUNTS_SHOWN = 20
_ESCAPE = re.compile(rb"\\([0-7]{3})")
_U63 = (1 << 63) - 1


class Mounts:
    """Finds directories that are on another file system than recorded. For the thread that compares."""

    def __init__(self, shadow: Shadow) -> None:
        self._shadow = shadow
        self.taken: tuple[int, bytes] | None = None
        """(root, path) of the directory whose change people have decided about: it is taken as it is."""

    def check(self, root: ComparedRoot, row: ShadowEntry, status: os.stat_result) -> None:
        """Raise RootLostError ER00224 when another file system is, or is no longer, on a recorded directory.

        One that holds what was recorded is the same one with another number; one with nothing recorded in
        the directory hides nothing.
        """
        if not stat.S_ISDIR(row.mode) or not stat.S_ISDIR(status.st_mode):
            return
        if row.device == _device(root, status) or self._is_taken(root, row.path):
            return
        children = list(itertools.islice(self._shadow.children(root.number, row.path), _CHILDREN_LOOKED_AT))
        if children and not any(_is_there(root, child) for child in children):
            raise RootLostError(root.number, "ER00224", root.whole(row.path))

    def check_above(self, root: ComparedRoot, path: bytes) -> None:
        """The same for the directory that a path is gone from, or the nearest one above that is left."""
        while path:
            path = path.rpartition(b"/")[0]
            if not path:
                return
            try:
                status = distant.lstat(root.whole(path))
            except OSError:
                continue
            row = self._shadow.get(root.number, path)
            if row is not None:
                self.check(root, row, status)
            return

    def check_recorded(self, root: ComparedRoot) -> None:
        """The same for every directory recorded on another file system, or on one now. Reads the shadow."""
        for place in mounted_beneath(root.path):
            row = self._shadow.get(root.number, place[len(os.path.realpath(root.path)) + 1 :])
            if row is not None:
                try:
                    status = distant.lstat(place)
                except OSError:
                    continue  # dead or silent: nothing is known of what is there
                self.check(root, row, status)
        below = b"\xff"
        for row in self._shadow.elsewhere(root.number):
            if not row.path.startswith(below):
                below = row.path + b"/"
                try:
                    self.check(root, row, distant.lstat(root.whole(row.path)))
                except TimeoutError:
                    continue
                except OSError:
                    self.check_above(root, row.path)

    def _is_taken(self, root: ComparedRoot, path: bytes) -> bool:
        if self.taken is None or self.taken[0] != root.number:
            return False
        return path == self.taken[1] or path.startswith(self.taken[1] + b"/")


def _device(root: ComparedRoot, status: os.stat_result) -> int:
    return 0 if status.st_dev == root.device else status.st_dev & _U63


def _is_there(root: ComparedRoot, row: ShadowEntry) -> bool:
    try:
        now = distant.lstat(root.whole(row.path))
    except OSError:
        return False
    # Small file systems give the same few inode numbers: only with the time is it the same entry.
    return (row.inode, stat.S_IFMT(row.mode)) == (now.st_ino & _U63, stat.S_IFMT(now.st_mode)) and (
        abs(row.changed_ns) == now.st_ctime_ns or row.modified_ns == kept_ns(now.st_mtime_ns)
    )


def mounted_beneath(directory: bytes) -> list[bytes]:
    """Where file systems are mounted beneath a directory; nothing on systems that do not tell."""
    try:
        with open("/proc/self/mountinfo", "rb") as file:
            lines = file.read().splitlines()
    except OSError:
        return []
    prefix = os.path.realpath(directory).rstrip(b"/") + b"/"
    places = {_ESCAPE.sub(lambda code: bytes([int(code[1], 8)]), line.split()[4]) for line in lines}
    return sorted(place for place in places if place.startswith(prefix))


def mounts_text(places: list[bytes]) -> str:
    """The first of them, for a message."""
    return ", ".join(map(shown, places[:_MOUNTS_SHOWN])) + (", …" if len(places) > _MOUNTS_SHOWN else "")
