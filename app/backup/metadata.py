"""Setting an entry's metadata, and finding out whether they are as they should be."""

from __future__ import annotations

import contextlib
import os
import stat

from app.model.entry import EntryKind, Metadata
from app.model.errors import Problem
from app.model.paths import shown

_LOST_WITH_OWNER = stat.S_ISUID | stat.S_ISGID
_EXACT_PREFIXES = (b"user.", b"system.posix_acl_")
"""Attributes that a session would have had: others of them are removed from a directory that is restored."""


def apply_metadata(
    where: bytes | int, metadata: Metadata, shown_as: bytes, now: os.stat_result | None = None
) -> list[Problem]:
    """Owner, permissions, attributes, times, in the order in which none undoes another.

    `where` is a path, of which a symbolic link is not followed, or a descriptor; `now` what is known of it:
    what is right already is left. What the system refuses is returned as problems (W4224) of `shown_as`, one
    per kind; attributes that are refused keep no others from being set.
    """
    problems: list[Problem] = []
    follow = isinstance(where, int)

    def failed(what: str, error: OSError) -> None:
        params = {"what": what, "reason": error.strerror or str(error)}
        problems.append(Problem("W4224", shown_as, params))

    if now is None or (now.st_uid, now.st_gid) != (metadata.uid, metadata.gid):
        try:
            os.chown(where, metadata.uid, metadata.gid, follow_symlinks=follow)
        except OSError as error:
            failed("owner", error)
    if metadata.kind is not EntryKind.SYMLINK and not (
        now is not None
        and now.st_mode & 0o7777 == metadata.permissions
        and not metadata.permissions & _LOST_WITH_OWNER
    ):
        try:
            os.chmod(where, metadata.permissions)
        except OSError as error:
            failed("permissions", error)
    refused: dict[str, tuple[list[bytes], OSError]] = {}
    for name, value in metadata.xattrs:
        try:
            os.setxattr(where, name, value, follow_symlinks=follow)
        except OSError as error:
            refused.setdefault(error.strerror or str(error), ([], error))[0].append(name)
    for names, fault in refused.values():
        failed(f"attributes ({', '.join(map(shown, names))})", fault)
    try:
        os.utime(where, ns=(metadata.modified_ns, metadata.modified_ns), follow_symlinks=follow)
    except OSError as error:
        failed("times", error)
    return problems


def remove_other_attributes(descriptor: int, metadata: Metadata) -> None:
    """Take away attributes and access lists that `metadata` do not have: inherited ones, say. Best effort."""
    wanted = {name for name, _ in metadata.xattrs}
    with contextlib.suppress(OSError):
        for text in os.listxattr(descriptor):
            name = os.fsencode(text)
            if name.startswith(_EXACT_PREFIXES) and name not in wanted:
                os.removexattr(descriptor, name)


def metadata_of(descriptor: int) -> tuple[int, int, int, int, tuple[tuple[bytes, bytes], ...]]:
    """(permissions, uid, gid, modified_ns, attributes) of an open directory, for bringing them back."""
    found = os.fstat(descriptor)
    attributes = []
    with contextlib.suppress(OSError):
        for text in os.listxattr(descriptor):
            name = os.fsencode(text)
            if name.startswith(_EXACT_PREFIXES):
                attributes.append((name, os.getxattr(descriptor, name)))
    mode = stat.S_IMODE(found.st_mode)
    return mode, found.st_uid, found.st_gid, found.st_mtime_ns, tuple(attributes)


def metadata_at(path: bytes) -> Metadata:
    """The metadata of anything but a directory, with the attributes a session would have. Raises OSError."""
    found = os.lstat(path)
    mode = found.st_mode
    kind = EntryKind.FILE
    if stat.S_ISLNK(mode):
        kind = EntryKind.SYMLINK
    elif stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode):
        kind = EntryKind.FIFO
    elif stat.S_ISCHR(mode):
        kind = EntryKind.CHARACTER_DEVICE
    elif stat.S_ISBLK(mode):
        kind = EntryKind.BLOCK_DEVICE
    attributes = []
    if kind is EntryKind.FILE:
        for text in os.listxattr(path):
            name = os.fsencode(text)
            if name.startswith(_EXACT_PREFIXES):
                attributes.append((name, os.getxattr(path, name)))
    return Metadata(
        kind,
        stat.S_IMODE(mode),
        found.st_uid,
        found.st_gid,
        found.st_size if kind is EntryKind.FILE else 0,
        found.st_mtime_ns,
        xattrs=tuple(attributes),
        link_target=os.readlink(path) if kind is EntryKind.SYMLINK else b"",
        device=found.st_rdev,
    )


def differing(path: bytes | int, metadata: Metadata, found: os.stat_result | None = None) -> list[str]:
    """Which metadata of a path are not as wanted. Raises OSError when it cannot be looked at.

    `found`: what is known of it.
    """
    follow = isinstance(path, int)
    if found is None:
        found = os.stat(path, follow_symlinks=follow)
    wrong = []
    if (found.st_uid, found.st_gid) != (metadata.uid, metadata.gid):
        wrong.append("owner")
    if metadata.kind is not EntryKind.SYMLINK and stat.S_IMODE(found.st_mode) != metadata.permissions:
        wrong.append("permissions")
    if found.st_mtime_ns != metadata.modified_ns:
        wrong.append("times")
    if metadata.kind is EntryKind.FILE and found.st_size != metadata.size_bytes:
        wrong.append("size")
    if metadata.xattrs:
        present = [os.fsencode(name) for name in os.listxattr(path, follow_symlinks=follow)]
        for name, value in metadata.xattrs:
            if name not in present or os.getxattr(path, name, follow_symlinks=follow) != value:
                wrong.append("attributes")
                break
    return wrong
