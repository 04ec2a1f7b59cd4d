"""Ranges of a file that become holes: they read as zeros and take no space."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from collections.abc import Sequence

from app.replication.records import Extent

_KEEP_SIZE, _PUNCH_HOLE = 1, 2
_NOT_THERE = frozenset({errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL, errno.ENODEV})
_ZEROS = bytes(1024 * 1024)


def punch(fd: int, holes: Sequence[Extent]) -> None:
    """Make holes of these ranges, or zeros where the file system has no holes. Raises OSError."""
    for hole in holes:
        if not _punched(fd, hole):
            _write_zeros(fd, hole)


def _punched(fd: int, hole: Extent) -> bool:
    if not sys.platform.startswith("linux"):
        return False
    library = ctypes.CDLL(None, use_errno=True)
    mode = _KEEP_SIZE | _PUNCH_HOLE
    while library.fallocate(fd, mode, ctypes.c_int64(hole.offset), ctypes.c_int64(hole.length)):
        number = ctypes.get_errno()
        if number == errno.EINTR:
            continue
        if number in _NOT_THERE:
            return False
        raise OSError(number, os.strerror(number))
    return True


def _write_zeros(fd: int, hole: Extent) -> None:
    # What lies beyond the end reads as zeros once the file is made as long.
    end = min(hole.offset + hole.length, os.fstat(fd).st_size)
    offset = hole.offset
    while offset < end:
        offset += os.pwrite(fd, _ZEROS[: end - offset], offset)
