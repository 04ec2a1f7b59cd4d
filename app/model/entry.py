"""One entry of a tree: what replication, snapshots, sessions and restores say about a path.

Paths and names are `bytes` inside the engines, as the file system has them. A relative path has no
leading, trailing or doubled slash and no `.` or `..`; `b""` is the root itself.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from enum import StrEnum


class EntryKind(StrEnum):
    """The type of a directory entry."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMLINK = "symlink"
    FIFO = "fifo"
    SOCKET = "socket"
    CHARACTER_DEVICE = "character_device"
    BLOCK_DEVICE = "block_device"


_KIND_BY_FORMAT = {
    stat.S_IFREG: EntryKind.FILE,
    stat.S_IFDIR: EntryKind.DIRECTORY,
    stat.S_IFLNK: EntryKind.SYMLINK,
    stat.S_IFIFO: EntryKind.FIFO,
    stat.S_IFSOCK: EntryKind.SOCKET,
    stat.S_IFCHR: EntryKind.CHARACTER_DEVICE,
    stat.S_IFBLK: EntryKind.BLOCK_DEVICE,
}


def kind_of_mode(mode: int) -> EntryKind:
    """The kind for an `st_mode`. Raises KeyError for formats no known system has."""
    return _KIND_BY_FORMAT[stat.S_IFMT(mode)]


_NS_MOST = (1 << 63) - 1


def kept_ns(ns: int) -> int:
    """A time of modification as it is kept: in 64 bits (1677 to 2262), beyond them the last they hold."""
    if -_NS_MOST <= ns <= _NS_MOST:
        return ns
    return _NS_MOST if ns > 0 else -_NS_MOST


Xattrs = tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Metadata:
    """All that is kept of an entry besides its name and content.

    `permissions` is `stat.S_IMODE(st_mode)`. `modified_ns` counts nanoseconds since 1970 UTC and may be
    negative. `xattrs` is sorted by name and holds POSIX ACLs in their raw `system.posix_acl_*` form.
    `size_bytes` is 0 for everything but files; `link_target` is set for symbolic links only.
    """

    kind: EntryKind
    permissions: int
    uid: int
    gid: int
    size_bytes: int
    modified_ns: int
    xattrs: Xattrs = ()
    link_target: bytes = b""
    device: int = 0

    def __reduce__(self) -> tuple[object, ...]:
        # What a frozen class with slots does by itself takes five times as long.
        return Metadata, (
            self.kind, self.permissions, self.uid, self.gid, self.size_bytes, self.modified_ns, self.xattrs,
            self.link_target, self.device,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Identity:
    """Which inode a path had when it was looked at, and its change stamp."""

    device: int
    inode: int
    changed_ns: int = 0
    links: int = 1


def order_key(path: bytes) -> bytes:
    """Sort key that lists a directory directly before everything beneath it (names bytewise).

    Every listing that two parties merge is in this order.
    """
    return path.replace(b"/", b"\0")
