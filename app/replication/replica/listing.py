"""The listing of a replica root for a synchronisation: sorted, with metadata, without our own names."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from app.model.entry import order_key
from app.replication.frames import ListedEntry
from app.replication.metadata import identity_of, metadata_of, read_xattrs
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import RESERVED_PREFIX
from app.replication.replica.trouble import PathTrouble

PART_ENTRIES = 2_000
PART_BYTES = 1024 * 1024


def list_root(place: Rooted) -> Iterator[ListedEntry]:
    """Everything beneath the root in the order of `order_key`, the root itself first. Blocks on the disk.

    Raises OSError for a directory that cannot be read; what vanishes meanwhile is left out.
    """
    status = os.fstat(place.fd)
    yield ListedEntry(b"", metadata_of(status, read_xattrs(place.fd), b""), identity_of(status))
    yield from _list(place)


def _list(place: Rooted) -> Iterator[ListedEntry]:
    waiting: list[Iterator[ListedEntry]] = [iter(_directory(place, b""))]
    while waiting:
        entry = next(waiting[-1], None)
        if entry is None:
            waiting.pop()
            continue
        yield entry
        if entry.metadata.kind == "directory":
            waiting.append(iter(_directory(place, entry.path)))


def _directory(place: Rooted, path: bytes) -> list[ListedEntry]:
    try:
        fd = place.directory(path)
    except (PathTrouble, FileNotFoundError):
        return []
    below = b"/proc/self/fd/%d/" % fd
    found = []
    for text in os.listdir(fd):
        name = os.fsencode(text)
        if not path and name.startswith(RESERVED_PREFIX):
            continue
        try:
            status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            target = os.readlink(name, dir_fd=fd) if stat.S_ISLNK(status.st_mode) else b""
            xattrs = read_xattrs(below + name)
        except FileNotFoundError:
            continue
        whole = path + b"/" + name if path else name
        found.append(ListedEntry(whole, metadata_of(status, xattrs, target), identity_of(status)))
    found.sort(key=lambda entry: order_key(entry.path))
    return found


def in_parts(entries: Iterator[ListedEntry]) -> Iterator[tuple[ListedEntry, ...]]:
    """`entries` in parts that fit a frame."""
    part: list[ListedEntry] = []
    size = 0
    for entry in entries:
        part.append(entry)
        size += len(entry.path) + len(entry.metadata.link_target) + 100
        size += sum(len(name) + len(value) for name, value in entry.metadata.xattrs)
        if len(part) >= PART_ENTRIES or size >= PART_BYTES:
            yield tuple(part)
            part, size = [], 0
    if part:
        yield tuple(part)


def shared_inodes(names: dict[int, list[bytes]]) -> list[tuple[bytes, int]]:
    """(path, inode) of the inodes that were seen under several names."""
    return [(path, inode) for inode, paths in names.items() if len(paths) > 1 for path in paths]
