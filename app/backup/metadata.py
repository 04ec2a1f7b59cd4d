"""Setting an entry's metadata, and finding out whether they are as they should be."""

from __future__ import annotations

import os
import stat

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem


def apply_metadata(path: bytes, metadata: Metadata, shown_as: bytes) -> list[Problem]:
    """Owner, permissions, attributes, times, in the order in which none undoes another.

    What the system refuses is returned as problems (W4224) of `shown_as`, one per kind.
    """
    problems: list[Problem] = []

    def failed(what: str, error: OSError) -> None:
        params = {"what": what, "reason": error.strerror or str(error)}
        problems.append(Problem("W4224", shown_as, params))

    try:
        os.chown(path, metadata.uid, metadata.gid, follow_symlinks=False)
    except OSError as error:
        failed("owner", error)
    if metadata.kind is not EntryKind.SYMLINK:
        try:
            os.chmod(path, metadata.permissions)
        except OSError as error:
            failed("permissions", error)
    if metadata.xattrs:
        try:
            for name, value in metadata.xattrs:
                os.setxattr(path, name, value, follow_symlinks=False)
        except OSError as error:
            failed("attributes", error)
    try:
        os.utime(path, ns=(metadata.modified_ns, metadata.modified_ns), follow_symlinks=False)
    except OSError as error:
        failed("times", error)
    return problems


def differing(path: bytes, metadata: Metadata) -> list[str]:
    """Which metadata of a path are not as wanted. Raises OSError when it cannot be looked at."""
    found = os.lstat(path)
    wrong = []
    if (found.st_uid, found.st_gid) != (metadata.uid, metadata.gid):
        wrong.append("owner")
    if metadata.kind is not EntryKind.SYMLINK and stat.S_IMODE(found.st_mode) != metadata.permissions:
        wrong.append("permissions")
    if found.st_mtime_ns != metadata.modified_ns:
        wrong.append("times")
    if metadata.kind is EntryKind.FILE and found.st_size != metadata.size_bytes:
        wrong.append("size")
    for name, value in metadata.xattrs:
        if name not in map(os.fsencode, os.listxattr(path, follow_symlinks=False)):
            wrong.append("attributes")
            break
        if os.getxattr(path, name, follow_symlinks=False) != value:
            wrong.append("attributes")
            break
    return wrong
