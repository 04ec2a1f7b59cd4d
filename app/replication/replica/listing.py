"""The listing of a replica root for a synchronisation: sorted, with metadata, without our own names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from operator import itemgetter

from app.held_directories import names_in
from app.model.entry import EntryKind, Xattrs, kind_of_mode
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import RESERVED_PREFIX
from app.replication.replica.trouble import PathTrouble
from app.replication.sync_frames import ListedEntry

PART_ENTRIES = 2_000
PART_BYTES = 1024 * 1024
_DEVICES = (EntryKind.CHARACTER_DEVICE, EntryKind.BLOCK_DEVICE)


def list_root(place: Rooted) -> Iterator[ListedEntry]:
    """Everything beneath the root in the order of `order_key`, the root itself first. Blocks on the disk.

    Raises OSError for a directory that cannot be read; what vanishes meanwhile is left out.
    """
    yield listed(b"", os.fstat(place.fd), xattr_digest(read_xattrs(place.fd)), b"")
    waiting: list[Iterator[ListedEntry]] = [iter(_directory(place, b""))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        yield entry
        if entry.kind is EntryKind.DIRECTORY:
            waiting.append(iter(_directory(place, entry.path)))


def listed(path: bytes, status: os.stat_result, xattrs: bytes, target: bytes) -> ListedEntry:
    """The entry of a listing for what was found at `path`; `xattrs` is a digest."""
    kind = kind_of_mode(status.st_mode)
    return ListedEntry(
        path,
        kind,
        stat.S_IMODE(status.st_mode),
        status.st_uid,
        status.st_gid,
        status.st_size if kind is EntryKind.FILE else 0,
        status.st_mtime_ns,
        xattrs,
        target,
        status.st_rdev if kind in _DEVICES else 0,
        status.st_dev,
        status.st_ino,
        status.st_nlink,
    )


def _directory(place: Rooted, path: bytes) -> list[ListedEntry]:
    try:
        fd = place.directory(path)
    except (PathTrouble, FileNotFoundError):
        return []
    below = b"/proc/self/fd/%d/" % fd
    whole = place.path + b"/" + path + b"/" if path else place.path + b"/"
    found = []
    for name in names_in(fd):
        if not path and name.startswith(RESERVED_PREFIX):
            continue
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            target = os.readlink(name, dir_fd=fd) if stat.S_ISLNK(status.st_mode) else b""
            xattrs = xattr_digest(_xattrs(whole + name, below + name))
        except FileNotFoundError:
            continue
        found.append(listed(path + b"/" + name if path else name, status, xattrs, target))
    # The order of the names in one directory is that of `order_key`.
    found.sort(key=itemgetter(0))
    return found


def _xattrs(whole: bytes, held: bytes) -> Xattrs:
    """By the whole path, which is quicker; by the directory that is held where that leads nowhere."""
    try:
        return read_xattrs(whole)
    except OSError:
        return read_xattrs(held)


def in_parts(entries: Iterator[ListedEntry]) -> Iterator[tuple[ListedEntry, ...]]:
    """`entries` in parts that fit a frame."""
    part: list[ListedEntry] = []
    size = 0
    for entry in entries:
        part.append(entry)
        size += len(entry.path) + len(entry.link_target) + 100
        if len(part) >= PART_ENTRIES or size >= PART_BYTES:
            yield tuple(part)
            part, size = [], 0
    if part:
        yield tuple(part)
