"""The state of a path now, as the shadow keeps it."""

from __future__ import annotations

import os
import stat

from app.model.entry import Xattrs, kept_ns
from app.replication.master.recordable import read_target, read_xattrs
from app.replication.master.shadow import ShadowEntry
from app.replication.metadata import xattr_digest

_U63 = (1 << 63) - 1
_FORMAT = 0o170000


def entry_of(
    path: bytes,
    status: os.stat_result,
    xattrs: Xattrs,
    target: bytes,
    root_device: int,
    hashes: bytes | None = None,
) -> ShadowEntry:
    """A shadow entry from what was just read. Devices count from the root's own, which may be renumbered."""
    mode = status.st_mode
    return ShadowEntry(
        path,
        0 if status.st_dev == root_device else status.st_dev & _U63,
        status.st_ino & _U63,
        status.st_nlink,
        mode,
        status.st_uid,
        status.st_gid,
        status.st_size if stat.S_ISREG(mode) else 0,
        kept_ns(status.st_mtime_ns),
        status.st_ctime_ns,
        xattr_digest(xattrs),
        target,
        status.st_rdev & _U63 if stat.S_ISCHR(mode) or stat.S_ISBLK(mode) else 0,
        hashes,
    )


def same_status(status: os.stat_result, other: os.stat_result) -> bool:
    """Whether two looks at an entry saw the same inode in the same state."""
    return (
        status.st_ino == other.st_ino
        and status.st_dev == other.st_dev
        and status.st_size == other.st_size
        and status.st_mtime_ns == other.st_mtime_ns
        and status.st_ctime_ns == other.st_ctime_ns
    )


def same_inode(row: ShadowEntry, status: os.stat_result, root_device: int) -> bool:
    """Whether a look at an entry saw the recorded inode, in whatever state."""
    device = 0 if status.st_dev == root_device else status.st_dev & _U63
    return (row.inode, row.device) == (status.st_ino & _U63, device) and stat.S_IFMT(row.mode) == stat.S_IFMT(
        status.st_mode
    )


def same_state(row: ShadowEntry, status: os.stat_result, root_device: int) -> bool:
    """Whether a file is as it was when it was recorded, its content read then or not; see `changed_ns`."""
    return unchanged(row._replace(changed_ns=abs(row.changed_ns)), status, root_device)


def unchanged(row: ShadowEntry, status: os.stat_result, root_device: int) -> bool:
    """Whether `status` shows nothing that the shadow does not have."""
    device = 0 if status.st_dev == root_device else status.st_dev & _U63
    return (
        row.inode == status.st_ino & _U63
        and row.changed_ns == status.st_ctime_ns
        and row.modified_ns == kept_ns(status.st_mtime_ns)
        and row.mode == status.st_mode
        and row.device == device
        and (row.size == status.st_size or not stat.S_ISREG(status.st_mode))
    )


def same_metadata(row: ShadowEntry, now: ShadowEntry) -> bool:
    """Whether all that `SetMetadata` carries is the same."""
    return (
        row.mode == now.mode
        and row.uid == now.uid
        and row.gid == now.gid
        and row.modified_ns == now.modified_ns
        and row.xattrs == now.xattrs
    )


Seen = tuple[int, int, int, int, int, int, int]
"""Change time, time, mode, inode, device from the root's, links, size: they tell if a row still holds."""


def seen_of_status(status: os.stat_result, root_device: int) -> Seen:
    """What a look saw. The change time covers owner and extended attributes as well."""
    mode, device = status.st_mode, status.st_dev
    return (
        status.st_ctime_ns,
        kept_ns(status.st_mtime_ns),
        mode,
        status.st_ino & _U63,
        0 if device == root_device else device & _U63,
        status.st_nlink,
        status.st_size if mode & _FORMAT == stat.S_IFREG else 0,
    )


def digest_now(whole: bytes, status: os.stat_result) -> tuple[bytes, bytes]:
    """(link target, digest of the extended attributes) of what a look saw there. Raises OSError."""
    target = read_target(whole, status)
    return target, xattr_digest(read_xattrs(whole))
