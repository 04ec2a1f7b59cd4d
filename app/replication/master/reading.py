"""Reads what synchronisation sends: records of the full state of paths, as encoded bytes, in order."""

from __future__ import annotations

import itertools
import os
import stat
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from app.replication.codec import encode
from app.replication.content import data_extents, open_file, read_exact
from app.replication.master.compare import ComparedRoot
from app.replication.master.observe import same_inode
from app.replication.master.shadow import ShadowEntry
from app.replication.metadata import metadata_of, read_xattrs
from app.replication.records import (
    INLINE_MAX_BYTES,
    Extent,
    MakeEntry,
    MakeLink,
    Remove,
    ReplaceFile,
    SetMetadata,
    StageContent,
)

_GROUP_PATHS = 64
_GROUP_BYTES = 2 * 1024 * 1024
_AHEAD_GROUPS = 6
_THREADS = 3
_FIRST_STAGE = 1 << 62
"""Above all numbers of the spool's stages, which share the replica's side store."""

_stages = itertools.count(_FIRST_STAGE)


@dataclass(frozen=True, slots=True)
class Send:
    """The full state of a path. `remove`: what the replica has there must go first; `link_to`: a name.

    `row` is what is recorded of it.
    """

    path: bytes
    size: int
    row: ShadowEntry | None = None
    remove: bool = False
    metadata_only: bool = False
    link_to: bytes | None = None
    delete: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What one `Send` became (nothing if it vanished: that is told as a doubt)."""

    path: bytes
    records: tuple[bytes, ...]
    content_bytes: int


Report = Callable[[int, bytes, OSError], None]
Doubt = Callable[[int, Send], None]
"""Told (root, what) when another inode than the recorded one, or nothing, was read: a rename may be under
way, so that what was sent belongs to another path than the record of it. Called in threads of the reading."""


def read_ahead(root: ComparedRoot, wanted: Iterator[Send], report: Report, doubt: Doubt) -> Iterator[Sent]:
    """The records of `wanted`, in its order; small files are read by threads ahead of the caller.

    A large file comes as many `Sent`s of one path, read as the caller takes them.
    """
    waiting: deque[Future[list[Sent]] | Send] = deque()
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="read-ahead") as pool:
        groups = _groups(wanted)
        ended = False
        try:
            while True:
                while not ended and len(waiting) < _AHEAD_GROUPS:
                    group = next(groups, None)
                    if group is None:
                        ended = True
                    elif isinstance(group, Send):
                        waiting.append(group)
                    else:
                        waiting.append(pool.submit(_read_group, root, group, report, doubt))
                if not waiting:
                    return
                first = waiting.popleft()
                if isinstance(first, Send):
                    yield from _large(root, first, report, doubt)
                else:
                    yield from first.result()
        finally:
            for left in waiting:
                if isinstance(left, Future):
                    left.cancel()


def _groups(wanted: Iterator[Send]) -> Iterator[list[Send] | Send]:
    group: list[Send] = []
    size = 0
    for send in wanted:
        if send.size > INLINE_MAX_BYTES and not send.metadata_only and send.link_to is None:
            if group:
                yield group
            group, size = [], 0
            yield send
            continue
        group.append(send)
        size += send.size
        if len(group) >= _GROUP_PATHS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _read_group(root: ComparedRoot, group: Sequence[Send], report: Report, doubt: Doubt) -> list[Sent]:
    return [sent for send in group for sent in _read(root, send, report, doubt)]


def _check(root: ComparedRoot, send: Send, status: os.stat_result, doubt: Doubt) -> None:
    # The same inode in a later state is no doubt: what changed it is recorded after.
    if send.row is None or not same_inode(send.row, status, root.device):
        doubt(root.number, send)


def _read(root: ComparedRoot, send: Send, report: Report, doubt: Doubt) -> list[Sent]:
    if send.delete:
        return [Sent(send.path, (encode(Remove(root.number, send.path)),), 0)]
    first = (encode(Remove(root.number, send.path)),) if send.remove else ()
    if send.link_to is not None:
        made = encode(MakeLink(root.number, send.path, send.link_to))
        return [Sent(send.path, (*first, made), 0)]
    whole = root.whole(send.path)
    try:
        status = os.lstat(whole)
        _check(root, send, status, doubt)
        if stat.S_ISREG(status.st_mode) and not send.metadata_only:
            if status.st_size > INLINE_MAX_BYTES:
                return list(_large(root, send, report, doubt))
            return [_small(root, send, whole, first, doubt)]
        target = os.readlink(whole) if stat.S_ISLNK(status.st_mode) else b""
        metadata = metadata_of(status, read_xattrs(whole), target)
    except (FileNotFoundError, NotADirectoryError):
        doubt(root.number, send)
        return [Sent(send.path, first, 0)]
    except OSError as error:
        doubt(root.number, send)
        report(root.number, send.path, error)
        return []
    if stat.S_ISSOCK(status.st_mode):
        return [Sent(send.path, first, 0)]
    records = list(first)
    if not send.metadata_only:
        records.append(encode(MakeEntry(root.number, send.path, metadata)))
    else:
        records.append(encode(SetMetadata(root.number, send.path, metadata)))
    return [Sent(send.path, tuple(records), 0)]


def _small(root: ComparedRoot, send: Send, whole: bytes, first: tuple[bytes, ...], doubt: Doubt) -> Sent:
    path = send.path
    fd = open_file(whole)
    try:
        # A change while it is read is captured and comes with the stream: no second look here.
        status = os.fstat(fd)
        _check(root, send, status, doubt)
        data = read_exact(fd, 0, status.st_size) if status.st_size else b""
        extents = data_extents(fd, status)
        xattrs = read_xattrs(fd)
    finally:
        os.close(fd)
    if len(extents) != 1 or extents[0].length != status.st_size:
        data = b"".join(data[e.offset : e.offset + e.length] for e in extents)
    record = ReplaceFile(root.number, path, metadata_of(status, xattrs, b""), extents, data)
    return Sent(path, (*first, encode(record)), len(data))


def _large(root: ComparedRoot, send: Send, report: Report, doubt: Doubt) -> Iterator[Sent]:
    """A file as staged content, in parts of the inline size."""
    try:
        fd = open_file(root.whole(send.path))
    except FileNotFoundError:
        doubt(root.number, send)
        return
    except OSError as error:
        doubt(root.number, send)
        report(root.number, send.path, error)
        return
    try:
        status = os.fstat(fd)
        _check(root, send, status, doubt)
        if not stat.S_ISREG(status.st_mode):
            return
        metadata = metadata_of(status, read_xattrs(fd), b"")
        extents = data_extents(fd, status)
        stage = next(_stages)
        offset = 0
        for extent in extents:
            for part in _parts(extent):
                data = read_exact(fd, part.offset, part.length)
                yield Sent(send.path, (encode(StageContent(stage, offset, data)),), len(data))
                offset += len(data)
    except OSError as error:
        doubt(root.number, send)
        report(root.number, send.path, error)
        return
    finally:
        os.close(fd)
    records = [encode(Remove(root.number, send.path))] if send.remove else []
    if offset:
        records.append(encode(ReplaceFile(root.number, send.path, metadata, extents, None, stage)))
    else:
        records.append(encode(ReplaceFile(root.number, send.path, metadata, (), b"")))
    yield Sent(send.path, tuple(records), 0)


def _parts(extent: Extent) -> Iterator[Extent]:
    end = extent.offset + extent.length
    for start in range(extent.offset, end, INLINE_MAX_BYTES):
        yield Extent(start, min(INLINE_MAX_BYTES, end - start))
