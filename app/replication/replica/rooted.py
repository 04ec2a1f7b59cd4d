"""Paths resolved strictly beneath a directory: name by name, by descriptor, never through a link."""

from __future__ import annotations

import errno
import os
from collections import OrderedDict

from app.model.paths import check_relative
from app.replication.replica.trouble import PathTrouble

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CACHED_MAX = 128
_LONG = 8
_PASSED_MAX = 64


class Rooted:
    """One directory and what is beneath it. Not thread safe.

    Descriptors of directories are kept between `forget` calls: call it whenever a directory beneath may
    have moved, and before each run of operations (someone else may have moved one).
    """

    def __init__(self, path: bytes) -> None:
        """Open `path`, which may itself be reached through links. Raises OSError."""
        self.path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        status = os.fstat(self._fd)
        self.identity = (status.st_dev, status.st_ino)
        self._cached: OrderedDict[bytes, int] = OrderedDict()
        self._passed: dict[bytes, int] = {}
        """The last directories of a long way: a walk comes back to them from beneath, one by one."""

    @property
    def fd(self) -> int:
        """The descriptor of the directory itself."""
        return self._fd

    def close(self) -> None:
        """Close all descriptors; repeated calls do nothing."""
        self.forget()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def forget(self) -> None:
        """Drop every kept descriptor beneath the directory."""
        while self._cached:
            os.close(self._cached.popitem()[1])
        self._forget_passed()

    def _forget_passed(self) -> None:
        while self._passed:
            os.close(self._passed.popitem()[1])

    def holds(self, path: bytes) -> bool:
        """Whether the descriptor of the directory `path` is kept."""
        return not path or path in self._cached or path in self._passed

    def place(self, path: bytes) -> tuple[int, bytes]:
        """(descriptor of the containing directory, name) of `path`; `b"."` names the directory itself.

        The descriptor is valid until 100 further calls or `forget`.

        Raises:
            PathTrouble: ER00401 a containing directory is missing (its topmost missing one is the path),
                ER00402 something else is in its place.
            ArcxoError: E1010 for a path that is not clean.
        """
        directory, slash, name = path.rpartition(b"/")
        if not slash:
            check_relative(path)
            return self._fd, path or b"."
        if directory not in self._cached:
            check_relative(path)
        return self.directory(directory), name

    def directory(self, path: bytes) -> int:
        """The descriptor of the directory `path`. Raises as `place` does."""
        if not path:
            return self._fd
        found = self._cached.get(path)
        if found is not None:
            self._cached.move_to_end(path)
            return found
        found = self._passed.pop(path, None)
        if found is None:
            found = self._walk(path)
        if len(self._cached) >= _CACHED_MAX:
            os.close(self._cached.popitem(last=False)[1])
        self._cached[path] = found
        return found

    def _walk(self, path: bytes) -> int:
        """A new descriptor of `path`, from the nearest directory above that has one."""
        reached, fd = self._nearest(path)
        names = (path[len(reached) + 1 :] if reached else path).split(b"/")
        long = len(names) >= _LONG
        if long:
            fd = os.dup(fd)
            self._forget_passed()
            kept_from = max(1, len(names) - _PASSED_MAX)
        owned = fd if long else -1
        for number, name in enumerate(names):
            step = reached + b"/" + name if reached else name
            try:
                deeper = os.open(name, _DIRECTORY, dir_fd=fd)
            except OSError as error:
                if owned >= 0:
                    os.close(owned)
                if error.errno == errno.ENOENT:
                    raise PathTrouble("ER00401", step) from None
                if error.errno in (errno.ENOTDIR, errno.ELOOP):
                    raise PathTrouble("ER00402", step) from None
                raise
            if long and number >= kept_from:
                self._passed[reached] = owned
            elif owned >= 0:
                os.close(owned)
            owned = fd = deeper
            reached = step
        return owned

    def status(self, path: bytes) -> os.stat_result | None:
        """What is at `path` (a link itself, not what it points to), or None. Raises as `place` does."""
        fd, name = self.place(path)
        try:
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def status_or_none(self, path: bytes) -> os.stat_result | None:
        """The same, with None also where a containing directory is missing or something else."""
        try:
            return self.status(path)
        except PathTrouble:
            return None

    def _nearest(self, path: bytes) -> tuple[bytes, int]:
        above = path.rpartition(b"/")[0]
        while above:
            fd = self._cached.get(above, self._passed.get(above))
            if fd is not None:
                return above, fd
            above = above.rpartition(b"/")[0]
        return b"", self._fd
