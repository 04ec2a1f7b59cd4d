"""Directories beneath a destination, by descriptor and never through a symbolic link.

Whoever may write in the destination could put a link in the place of a directory while a restore runs: by
path, the rest of the restore would land wherever the link points.
"""

from __future__ import annotations

import os
from collections import OrderedDict

_OPEN = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_KEPT_OPEN = 256


class Beneath:
    """One directory, which may itself be reached through links as someone named it. Not thread-safe."""

    def __init__(self, directory: bytes) -> None:
        """Raises OSError when it is not there or not a directory."""
        self.directory = directory
        self.descriptor = os.open(directory, _OPEN)
        self._open: OrderedDict[bytes, int] = OrderedDict()

    def place(self, relative: bytes) -> tuple[int, bytes]:
        """(descriptor of the directory, name in it) of a path beneath; (descriptor, b".") of the top.

        The descriptor is good until the next call. Raises OSError (ELOOP, ENOTDIR) for a link on the way.
        """
        above, slash, name = relative.rpartition(b"/")
        if not name:
            return self.descriptor, b"."
        return (self.open(above) if slash else self.descriptor), name

    def open(self, relative: bytes) -> int:
        """A descriptor of the directory itself; good until the next call."""
        found = self._open.get(relative)
        if found is not None:
            self._open.move_to_end(relative)
            return found
        # From the nearest directory that is open already.
        at, missing = relative, []
        while at and at not in self._open:
            at, _, name = at.rpartition(b"/")
            missing.append(name)
        descriptor = self._open[at] if at else self.descriptor
        for name in reversed(missing):
            descriptor = os.open(name, _OPEN | os.O_NOFOLLOW, dir_fd=descriptor)
            at = at + b"/" + name if at else name
            self._open[at] = descriptor
        while len(self._open) > _KEPT_OPEN:
            oldest, unused = self._open.popitem(last=False)
            if unused == descriptor:
                self._open[oldest] = unused
                break
            os.close(unused)
        return descriptor

    def status(self, relative: bytes) -> os.stat_result | None:
        """What lstat tells of a path beneath, None when nothing is there."""
        try:
            fd, name = self.place(relative)
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def forget(self, relative: bytes) -> None:
        """A directory was removed or replaced: it and what is beneath are opened anew."""
        prefix = relative + b"/"
        for path in [one for one in self._open if one == relative or one.startswith(prefix)]:
            os.close(self._open.pop(path))

    def close(self) -> None:
        """Close all."""
        for descriptor in self._open.values():
            os.close(descriptor)
        self._open.clear()
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


class Places:
    """Several destinations; a path belongs to the longest that it lies beneath. Not thread-safe."""

    def __init__(self, directories: list[bytes]) -> None:
        self._directories = sorted(set(directories), key=len, reverse=True)
        self._open: dict[bytes, Beneath] = {}
        self._last = (b"", -1)
        """The directory asked for last: what is in one directory comes together."""

    def add(self, directory: bytes) -> None:
        """One more destination."""
        if directory not in self._directories:
            self._directories = sorted([*self._directories, directory], key=len, reverse=True)

    def top_of(self, target: bytes) -> bytes | None:
        """The destination that a path is or lies beneath, None when it is above all of them."""
        for directory in self._directories:
            if target == directory or target.startswith(directory.rstrip(b"/") + b"/"):
                return directory
        return None

    def beneath(self, directory: bytes) -> Beneath:
        """The opened destination."""
        found = self._open.get(directory)
        if found is None:
            found = self._open[directory] = Beneath(directory)
        return found

    def split(self, target: bytes) -> tuple[Beneath, bytes]:
        """(opened destination, path relative to it). Raises OSError when the destination cannot be opened."""
        top = self.top_of(target)
        if top is None:
            above, _, name = target.rpartition(b"/")
            # A directory above the destinations, which is made when it is missing: as someone named it.
            return self.beneath(above or b"/"), name
        return self.beneath(top), target[len(top.rstrip(b"/")) + 1 :]

    def place(self, target: bytes) -> tuple[int, bytes]:
        """(descriptor, name) of a path; see `Beneath.place`."""
        above, _, own = target.rpartition(b"/")
        if above == self._last[0] and own and above:
            return self._last[1], own
        beneath, relative = self.split(target)
        fd, name = beneath.place(relative)
        self._last = (above, fd) if name == own else (b"", -1)
        return fd, name

    def status(self, target: bytes) -> os.stat_result | None:
        """What lstat tells of a path, through no link beneath a destination; None = nothing is there."""
        try:
            fd, name = self.place(target)
            return os.stat(name, dir_fd=fd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def forget(self, target: bytes) -> None:
        """See `Beneath.forget`."""
        self._last = (b"", -1)
        beneath, relative = self.split(target)
        beneath.forget(relative)

    def close(self) -> None:
        """Close all."""
        self._last = (b"", -1)
        for beneath in self._open.values():
            beneath.close()
        self._open.clear()
