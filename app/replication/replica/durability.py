"""Making a root durable: file by file for a few, the whole file system at once for many."""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
from collections.abc import Iterable

from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble

_libc = ctypes.CDLL(None, use_errno=True)


def sync_file_system(fd: int) -> None:
    """All data and names of the file system `fd` is on are durable on return. Raises OSError."""
    syncfs = getattr(_libc, "syncfs", None)
    if syncfs is None:
        os.sync()
    elif syncfs(fd) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def sync_paths(place: Rooted, paths: Iterable[bytes]) -> None:
    """The files and directories at `paths` are durable on return; what is gone meanwhile is skipped.

    Where one may not be opened, by its own permissions, the file system is made durable. Raises OSError.
    """
    for path in paths:
        try:
            with contextlib.suppress(PathTrouble, FileNotFoundError):
                _sync_path(place, path)
        except PermissionError:
            sync_file_system(place.fd)
            return


def _sync_path(place: Rooted, path: bytes) -> None:
    fd, name = place.place(path)
    mode = os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        return
    file = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=fd)
    try:
        os.fsync(file)
    finally:
        os.close(file)
