"""What no record can hold: found where a path is read, so that it alone is refused and all else is recorded.

A replica takes no record that is not clean, and ends the stream: one that cannot be is not to be made. File
systems from elsewhere (exFAT, NTFS, whatever comes over FUSE) have names of more bytes than others, and
symbolic links that lead to nothing.
"""

from __future__ import annotations

import errno
import os
import stat

from app.model.entry import Xattrs
from app.model.paths import NAME_MAX_BYTES, PATH_MAX_BYTES
from app.replication import metadata
from app.replication.codec import XATTRS_MAX

XATTRS_MAX_BYTES = 1024 * 1024
"""Of all extended attributes of an entry; with the rest of a record they have to fit into one."""


class UnrecordableError(OSError):
    """What is at `path`, beneath its root, cannot be recorded; `strerror` says why."""

    def __init__(self, number: int, cause: str, path: bytes = b"") -> None:
        super().__init__(number, cause)
        self.path = path


def check_path(path: bytes) -> None:
    """Refuse the first directory or name of a path that replicas do not take. Raises UnrecordableError."""
    if len(path) <= NAME_MAX_BYTES:
        return
    at = 0
    for name in path.split(b"/"):
        at += len(name)
        if len(name) > NAME_MAX_BYTES:
            cause = f"its name has {len(name)} bytes, and names on a replica may have {NAME_MAX_BYTES}"
            raise UnrecordableError(errno.ENAMETOOLONG, cause, path[:at])
        if at > PATH_MAX_BYTES:
            cause = f"its path is longer than {PATH_MAX_BYTES} bytes"
            raise UnrecordableError(errno.ENAMETOOLONG, cause, path[:at])
        at += 1


def check_name(path: bytes) -> None:
    """The same for a path whose directory was not refused: that of very many levels is not looked at anew."""
    if len(path) - path.rfind(b"/") - 1 > NAME_MAX_BYTES or len(path) > PATH_MAX_BYTES:
        check_path(path)


def read_target(whole: bytes, status: os.stat_result) -> bytes:
    """Where a symbolic link leads; b"" for what is none. Raises OSError, UnrecordableError."""
    if not stat.S_ISLNK(status.st_mode):
        return b""
    target = os.readlink(whole)
    if not target:
        raise UnrecordableError(errno.EINVAL, "it is a symbolic link that leads to nothing")
    return target


def read_xattrs(target: bytes | int) -> Xattrs:
    """As `metadata.read_xattrs`. Raises OSError, UnrecordableError when they are too many, or too large."""
    found = metadata.read_xattrs(target)
    if not found:
        return found
    if len(found) > XATTRS_MAX:
        cause = f"it has {len(found):,} extended attributes, and {XATTRS_MAX:,} are replicated"
        raise UnrecordableError(errno.E2BIG, cause)
    size = sum(len(name) + len(value) for name, value in found)
    if size > XATTRS_MAX_BYTES:
        cause = f"its extended attributes have {size:,} bytes, and {XATTRS_MAX_BYTES:,} are replicated"
        raise UnrecordableError(errno.E2BIG, cause)
    return found
