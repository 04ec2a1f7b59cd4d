"""The roots of a scenario as the master compares them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from datetime import datetime

from app.distant_mounts import distant
from app.model.scenario import RootStatistics

_MANY_LEVELS = 16


class RootLostError(Exception):
    """The root is not there, or not what it was: nothing may be concluded from that."""

    def __init__(self, root: int, code: str, place: bytes = b"") -> None:
        self.root = root
        self.code = code
        self.place = place
        """What of the root it is about, absolute; b"" is the whole of it."""
        super().__init__(root, code, place)


@dataclass(slots=True)
class RootCounters:
    """Figures of one root."""

    files: int = 0
    size_bytes: int = 0
    folders_created: int = 0
    files_changed: int = 0
    removed: int = 0
    renamed: int = 0
    changed_bytes: int = 0
    last_change_at: datetime | None = None


@dataclass(slots=True)
class ComparedRoot:
    """One root as the comparison needs it. `device` and `inode` are those it had when the engine started."""

    number: int
    path: bytes
    device: int = 0
    inode: int = 0
    counters: RootCounters = field(default_factory=RootCounters)

    def whole(self, path: bytes) -> bytes:
        """The absolute path."""
        return self.path + b"/" + path if path else self.path

    def holds(self, path: bytes) -> bool:
        """Whether all directories on the way to `path` are there, and none is a symbolic link."""
        if path.count(b"/") >= _MANY_LEVELS and self._is_plain(path.rpartition(b"/")[0]):
            return True
        end = path.find(b"/")
        while end >= 0:
            try:
                if not stat.S_ISDIR(os.lstat(self.whole(path[:end])).st_mode):
                    return False
            except OSError:
                return False
            end = path.find(b"/", end + 1)
        return True

    def _is_plain(self, directory: bytes) -> bool:
        """Whether the system itself calls a directory what we do. False says nothing.

        Looking at each of very many levels takes as many steps for every one of them.
        """
        try:
            return _resolved(self.whole(directory)) == _resolved(self.path) + b"/" + directory
        except OSError:
            return False

    def identify(self) -> None:
        """Remember which directory the root is. Raises OSError when there is none."""
        status = distant.ask(self.path, lambda: os.stat(self.path))
        if not stat.S_ISDIR(status.st_mode):
            raise NotADirectoryError(20, os.strerror(20), self.path)
        self.device, self.inode = status.st_dev, status.st_ino

    def check(self) -> None:
        """Raises RootLostError when the root is not the directory it was."""
        try:
            status = distant.ask(self.path, lambda: os.stat(self.path))
        except OSError as error:
            raise RootLostError(self.number, "ER00220") from error
        if status.st_dev != self.device or status.st_ino != self.inode:
            raise RootLostError(self.number, "ER00221")

    def statistics(self) -> RootStatistics:
        """The figures for people."""
        c = self.counters
        return RootStatistics(
            self.path, c.size_bytes, c.files, c.folders_created, c.files_changed, c.removed, c.renamed,
            c.changed_bytes, c.last_change_at,
        )  # fmt: skip


def _resolved(directory: bytes) -> bytes:
    """The path of a directory without any link. Raises OSError, also where the system does not tell."""
    fd = os.open(directory, getattr(os, "O_PATH", os.O_RDONLY) | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return os.readlink(b"/proc/self/fd/%d" % fd)
    finally:
        os.close(fd)
