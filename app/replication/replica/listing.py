"""The listing of a replica root for a synchronisation: sorted, with metadata, without our own names."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from operator import itemgetter
from typing import Protocol, TypeVar

from app.held_directories import names_in
from app.model.entry import EntryKind, Xattrs, kept_ns, kind_of_mode
from app.replication.metadata import read_xattrs, xattr_digest
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import RESERVED_PREFIX
from app.replication.replica.trouble import PathTrouble
from app.replication.sync_frames import FORMAT_OF, Listed, ListedEntry, listed_entry

Entry = TypeVar("Entry", Listed, ListedEntry)
"""Both have their fields in the same order."""

PART_ENTRIES = 2_000
PART_BYTES = 1024 * 1024
_NAMES = (sys.getfilesystemencoding(), sys.getfilesystemencodeerrors())
_FIRST = itemgetter(0)
_FILE, _DIRECTORY, _LINK = stat.S_IFREG >> 12, stat.S_IFDIR >> 12, stat.S_IFLNK >> 12
_DEVICES = (stat.S_IFCHR >> 12, stat.S_IFBLK >> 12)


class Noted(Protocol):
    """What is known of the entries of a root, asked and told in their order. See `ListedStates`."""

    def digest(self, path: bytes, status: os.stat_result) -> bytes | None:
        """The digest of the extended attributes, where that is known."""

    def listed(self, entry: ListedEntry, changed_ns: int) -> None:
        """What was read of an entry whose digest was not known, and its change time then."""

    def vanished(self) -> None:
        """It was gone when it was to be read."""


def list_root(place: Rooted, noted: Noted | None = None) -> Iterator[ListedEntry]:
    """Everything beneath the root in the order of `order_key`, the root itself first. Blocks on the disk.

    Raises OSError for a directory that cannot be read; what vanishes meanwhile is left out.
    """
    return map(listed_entry, list_raw(place, noted))


def list_raw(place: Rooted, noted: Noted | None = None) -> Iterator[Listed]:
    """The same as a `Listing` has it, for the many that are only sent."""
    waiting = [[(b"", os.fstat(place.fd))]]
    while waiting:
        level = waiting[-1]
        if not level:
            waiting.pop()
            continue
        path, status = level.pop()
        entry = raw_entry(place, path, status, noted)
        if entry is None:
            continue
        yield entry
        if entry[1] == _DIRECTORY:
            inside = _directory(place, path)
            inside.reverse()
            waiting.append(inside)


def raw_entry(place: Rooted, path: bytes, status: os.stat_result, noted: Noted | None) -> Listed | None:
    """The entry of what was found at `path`, as a `Listing` has it; None when it is gone by now.

    Raises OSError.
    """
    mode = status.st_mode
    kind = mode >> 12
    digest = None if noted is None else noted.digest(path, status)
    known = digest is not None
    try:
        target = _target(place, path) if kind == _LINK else b""
        if digest is None:
            digest = xattr_digest(_xattrs(place, path))
    except (PathTrouble, FileNotFoundError):
        if noted is not None:
            noted.vanished()
        return None
    entry = (
        path, kind, mode & 0o7777, status.st_uid, status.st_gid, status.st_size if kind == _FILE else 0,
        kept_ns(status.st_mtime_ns), digest, target, status.st_rdev if kind in _DEVICES else 0, status.st_dev,
        status.st_ino, status.st_nlink,
    )  # fmt: skip
    if noted is not None and not known:
        noted.listed(listed_entry(entry), status.st_ctime_ns)
    return entry


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
        kept_ns(status.st_mtime_ns),
        xattrs,
        target,
        status.st_rdev if FORMAT_OF[kind] in _DEVICES else 0,
        status.st_dev,
        status.st_ino,
        status.st_nlink,
    )


def _directory(place: Rooted, path: bytes) -> list[tuple[bytes, os.stat_result]]:
    fresh = not place.holds(path)
    try:
        fd = place.directory(path)
    except (PathTrouble, FileNotFoundError):
        return []
    prefix = path + b"/" if path else b""
    found = []
    look = os.stat
    # One that was opened just now shows what is there now; see `held_directories`.
    for name in [one.encode(*_NAMES) for one in os.listdir(fd)] if fresh else names_in(fd):
        if not path and name.startswith(RESERVED_PREFIX):
            continue
        try:
            found.append((prefix + name, look(name, dir_fd=fd, follow_symlinks=False)))
        except FileNotFoundError:
            continue
    # The order of the names in one directory is that of `order_key`.
    found.sort(key=_FIRST)
    return found


def _target(place: Rooted, path: bytes) -> bytes:
    fd, name = place.place(path)
    return os.readlink(name, dir_fd=fd)


def _xattrs(place: Rooted, path: bytes) -> Xattrs:
    """By the whole path, which is quicker; by the directory that is held where that leads nowhere."""
    if not path:
        return read_xattrs(place.fd)
    try:
        return read_xattrs(place.path + b"/" + path)
    except OSError:
        fd, name = place.place(path)
        return read_xattrs(b"/proc/self/fd/%d/%s" % (fd, name))


def in_parts(entries: Iterator[Entry]) -> Iterator[tuple[Entry, ...]]:
    """`entries` in parts that fit a frame."""
    part: list[Entry] = []
    size = 0
    for entry in entries:
        part.append(entry)
        size += len(entry[0]) + len(entry[8]) + 100
        if len(part) >= PART_ENTRIES or size >= PART_BYTES:
            yield tuple(part)
            part, size = [], 0
    if part:
        yield tuple(part)
