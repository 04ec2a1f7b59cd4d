"""The listing of a replica root as it will be after a rewind, for a master that is to be made equal."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator

from app.held_directories import names_in
from app.model.entry import EntryKind, Metadata, order_key
from app.replication.metadata import read_metadata, xattr_digest
from app.replication.replica.rewind_plan import Paper, Place
from app.replication.replica.side_store import is_reserved
from app.replication.replica.steps import TREE
from app.replication.replica.trouble import PathTrouble
from app.replication.sync_frames import CONTENT_CHANGES, ListedEntry


def list_future(paper: Paper, *, marked: bool = False) -> Iterator[ListedEntry]:
    """Everything there will be, in the order of `order_key`, the root first. Blocks on the disk.

    `marked`: for a master, with `CONTENT_CHANGES` in the inodes of files that get another content.
    """
    added: dict[bytes, set[bytes]] = {}
    for area, path in paper.names.origin:
        if area == TREE and path:
            added.setdefault(path.rpartition(b"/")[0], set()).add(path)
    waiting = [iter([b""])]
    while waiting:
        try:
            path = next(waiting[-1])
        except StopIteration:
            waiting.pop()
            continue
        origin = paper.names.resolve((TREE, path))
        entry = _entry(paper, path, origin, marked=marked) if origin is not None else None
        if entry is None or origin is None:
            continue
        yield entry
        if entry.kind is EntryKind.DIRECTORY:
            names = {path + b"/" + name if path else name for name in _names(paper, origin)}
            children = (names | added.get(path, set())) - {child for child in names if is_reserved(child)}
            waiting.append(iter(sorted(children, key=order_key)))


def _names(paper: Paper, directory: Place) -> list[bytes]:
    try:
        fd = paper.tree.area(directory[0]).directory(directory[1])
        return names_in(fd)
    except (PathTrouble, FileNotFoundError):
        return []


def _entry(paper: Paper, path: bytes, origin: Place, *, marked: bool) -> ListedEntry | None:
    place = paper.tree.area(origin[0])
    try:
        fd, name = place.place(origin[1])
        metadata, _ = read_metadata(name, fd)
        status = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except (PathTrouble, FileNotFoundError):
        return None
    change = paper.changes.get(status.st_ino)
    wanted: Metadata = metadata
    if change is not None and change[1].metadata is not None:
        wanted = change[1].metadata
    size = metadata.size_bytes
    if change is not None and change[1].size_bytes >= 0:
        size = change[1].size_bytes
    return ListedEntry(
        path,
        metadata.kind,
        wanted.permissions,
        wanted.uid,
        wanted.gid,
        size,
        wanted.modified_ns,
        xattr_digest(wanted.xattrs),
        metadata.link_target,
        metadata.device,
        status.st_dev,
        status.st_ino | (CONTENT_CHANGES if marked and _content_changes(paper, origin, status) else 0),
        status.st_nlink,
    )


def _content_changes(paper: Paper, origin: Place, status: os.stat_result) -> bool:
    """Whether a file gets another content: its blocks do, or it is another file that comes back.

    All names of a file are told the same, or they would seem to be several.
    """
    if not stat.S_ISREG(status.st_mode):
        return False
    change = paper.changes.get(status.st_ino)
    if change is not None and paper.content_changes(*origin, change[1]):
        return True
    return origin[0] != TREE and status.st_nlink == 1
