"""Reads what synchronisation sends: records of the full state of paths, as encoded bytes, in order."""

from __future__ import annotations

import errno
import os
import stat
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from app.model.entry import EntryKind, Xattrs
from app.native import native, same_calls
from app.replication.codec import KIND_NUMBER, encode, encode_file
from app.replication.content import data_extents, hash_blocks, open_file, read_exact
from app.replication.master.compare import ComparedRoot
from app.replication.master.contents import HashSource, different
from app.replication.master.large_files import LargeFiles, SyncMode, check
from app.replication.master.observe import entry_of, same_inode, same_metadata, same_status
from app.replication.master.recordable import read_target, read_xattrs
from app.replication.master.sends import Became, Doubt, NewRun, Report, Send, Sent, SentRun
from app.replication.master.shadow import ShadowEntry, entry_of_row
from app.replication.metadata import metadata_of
from app.replication.records import (
    INLINE_MAX_BYTES,
    MakeEntry,
    MakeLink,
    Remove,
    SetMetadata,
    WriteBlocks,
)
from app.replication.sync_frames import NO_FILE, HashedPart, HashItem
from app.replication.turns import Turns

_GROUP_PATHS = 64
_GROUP_BYTES = 2 * 1024 * 1024
_AHEAD_GROUPS = 6
_THREADS = 3
_U63 = (1 << 63) - 1
_KIND_NUMBERS = (KIND_NUMBER[EntryKind.FILE], KIND_NUMBER[EntryKind.DIRECTORY])
_CALLS = ("open", "fstat", "pread", "close")
_OF_ANOTHER_KIND = frozenset({errno.ELOOP, errno.ENXIO, errno.EISDIR})
"""What opening says of a link, a socket, a directory."""


def read_ahead(
    root: ComparedRoot,
    wanted: Iterator[Send | NewRun],
    source: HashSource,
    mode: SyncMode,
    report: Report,
    doubt: Doubt,
) -> Iterator[Sent | SentRun]:
    """The records of `wanted`, in its order; small files are read by threads ahead of the caller.

    A large file comes as many `Sent`s of one path, read as the caller takes them. Raises ArcxoError when
    the stream ends while hashes are waited for.
    """
    waiting: deque[Future[list[Sent | SentRun]] | Send] = deque()
    with (
        ThreadPoolExecutor(_THREADS, thread_name_prefix="read-ahead") as pool,
        ThreadPoolExecutor(_THREADS, thread_name_prefix="hash-ahead") as hashing,
    ):
        reader = _Reader(root, source, mode, report, doubt, hashing)
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
                    elif isinstance(group, NewRun):
                        waiting.append(pool.submit(reader.run, group))
                    else:
                        waiting.append(pool.submit(reader.group, group, reader.ask(group)))
                if not waiting:
                    return
                first = waiting.popleft()
                if isinstance(first, Send):
                    yield from reader.large.send(first)
                else:
                    yield from first.result()
        finally:
            for left in waiting:
                if isinstance(left, Future):
                    left.cancel()


def _groups(wanted: Iterator[Send | NewRun]) -> Iterator[list[Send] | Send | NewRun]:
    group: list[Send] = []
    size = 0
    for send in wanted:
        if isinstance(send, NewRun):
            if group:
                yield group
            group, size = [], 0
            yield send
            continue
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


class _Reader:
    """Reads groups of what is not large. `group` runs in threads."""

    def __init__(
        self,
        root: ComparedRoot,
        source: HashSource,
        mode: SyncMode,
        report: Report,
        doubt: Doubt,
        hashing: ThreadPoolExecutor,
    ) -> None:
        self._root = root
        self._source = source
        self._mode = mode
        self._report = report
        self._doubt = doubt
        self._turns = Turns()
        self._native = native("sending") if same_calls(_CALLS) else None
        self.large = LargeFiles(root, source, mode, hashing, report, doubt)

    def ask(self, group: Sequence[Send]) -> int:
        """Ask for the hashes of those that are to be compared; 0 when there are none."""
        items = [HashItem(send.path, 0, INLINE_MAX_BYTES) for send in group if send.compare]
        return self._source.ask_hashes(self._root.number, items) if items else 0

    def run(self, run: NewRun) -> list[Sent | SentRun]:
        """What became of new entries: all in C but for what is unusual."""
        rows, root = run.rows, self._root
        found: list[Sent | SentRun] = []
        at = 0
        while at < len(rows):
            if self._native is not None:
                packed, records, files, content, passed = self._native.new_entries(
                    root.path, root.number, root.device, *_KIND_NUMBERS, rows, at, INLINE_MAX_BYTES
                )
                at += records
                if records:
                    path = rows[at - 1][0].replace(b"\0", b"/")
                    found.append(SentRun(path, packed, records, files, content, passed))
            if at < len(rows):
                entry = entry_of_row(rows[at])
                found += self.group([Send(entry.path, entry.size, entry)], 0)
                at += 1
        return found

    def group(self, group: Sequence[Send], asked: int) -> list[Sent | SentRun]:
        """What became of a group."""
        theirs = iter(self._source.take_hashes(asked).parts if asked else ())
        with self._turns.turn():
            return [
                sent for send in group for sent in self._read(send, next(theirs) if send.compare else None)
            ]

    def _read(self, send: Send, theirs: HashedPart | None) -> Iterable[Sent]:
        root = self._root
        if send.delete:
            return [Sent(send.path, (encode(Remove(root.number, send.path)),), 0)]
        first = (encode(Remove(root.number, send.path)),) if send.remove else ()
        if send.link_to is not None:
            made = encode(MakeLink(root.number, send.path, send.link_to))
            return [Sent(send.path, (*first, made), 0, _size(send))]
        whole = root.whole(send.path)
        try:
            sent = self._as_recorded(send, whole, first, theirs)
            if sent is not None:
                return [sent]
            status = os.lstat(whole)
            check(root, send, status, self._doubt)
            if stat.S_ISREG(status.st_mode) and not send.metadata_only:
                if status.st_size > INLINE_MAX_BYTES:
                    return list(self.large.send(send))
                sent = self._small(send, whole, first, theirs)
                return list(self.large.send(send)) if sent is None else [sent]
            target = read_target(whole, status)
            metadata = metadata_of(status, _xattrs(send, status, whole), target)
        except (FileNotFoundError, NotADirectoryError):
            self._doubt(root.number, send, False)
            return [Sent(send.path, first, 0)]
        except OSError as error:
            self._report(root.number, send, error)
            return []
        if stat.S_ISSOCK(status.st_mode):
            return [Sent(send.path, first, 0)]
        kind = SetMetadata if send.metadata_only else MakeEntry
        became = Became.METADATA if stat.S_ISREG(status.st_mode) else Became.NOTHING
        made = encode(kind(root.number, send.path, metadata))
        return [Sent(send.path, (*first, made), 0, _size(send), became=became)]

    def _as_recorded(
        self, send: Send, whole: bytes, first: tuple[bytes, ...], theirs: HashedPart | None
    ) -> Sent | None:
        """What is recorded as a small file, if it still is one: opened at once. Raises OSError."""
        row = send.row
        if row is None or send.metadata_only or not stat.S_ISREG(row.mode) or row.size > INLINE_MAX_BYTES:
            return None
        try:
            return self._small(send, whole, first, theirs)
        except OSError as error:
            if error.errno in _OF_ANOTHER_KIND:
                return None
            raise

    def _small(
        self, send: Send, whole: bytes, first: tuple[bytes, ...], theirs: HashedPart | None
    ) -> Sent | None:
        """None for what is no file, or a large one. Raises OSError."""
        path, number = send.path, self._root.number
        fd = open_file(whole)
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > INLINE_MAX_BYTES:
                return None
            size = status.st_size
            data = read_exact(fd, 0, size) if size else b""
            extents = data_extents(fd, status)
            xattrs = _xattrs(send, status, fd)
            if not (
                _is_known(send.row, status, self._root.device)
                or self._is_recorded(send, status, xattrs, data)
            ):
                check(self._root, send, status, self._doubt)
            # What changes meanwhile comes with the stream, unless it goes back to what is recorded.
            after = os.fstat(fd)
            if not same_status(status, after):
                check(self._root, send, after, self._doubt)
        finally:
            os.close(fd)
        if theirs is not None and theirs.size_bytes != NO_FILE:
            metadata = metadata_of(status, xattrs, b"")
            runs = different(hash_blocks(data), theirs, 0, size)
            changed = sum(run.length for run in runs)
            if not runs and theirs.size_bytes == size:
                if not send.metadata:
                    return Sent(path, (), 0, send.size)
                only = encode(SetMetadata(number, path, metadata))
                return Sent(path, (only,), 0, send.size, became=Became.METADATA)
            if self._mode.blocks and changed * 100 < self._mode.whole_percent * size:
                blocks = b"".join(data[run.offset : run.offset + run.length] for run in runs)
                part = encode(WriteBlocks(number, path, metadata, runs, blocks))
                return Sent(path, (part,), changed, send.size, became=Became.CONTENT)
        if len(extents) != 1 or extents[0].length != size:
            data = b"".join(data[e.offset : e.offset + e.length] for e in extents)
        record = encode_file(number, path, status, xattrs, extents, data)
        return Sent(path, (*first, record), len(data), send.size, became=Became.CONTENT)

    def _is_recorded(self, send: Send, status: os.stat_result, xattrs: Xattrs, data: bytes) -> bool:
        """Whether all that is sent is what is recorded, though the change time does not prove it."""
        row, device = send.row, self._root.device
        if row is None or row.changed_ns or row.hashes is None or not same_inode(row, status, device):
            return False
        now = entry_of(send.path, status, xattrs, b"", device)
        return same_metadata(row, now) and row.hashes == hash_blocks(data)


def _is_known(row: ShadowEntry | None, status: os.stat_result, device: int) -> bool:
    """Whether a file is the recorded inode, and no hashes tell more of it: what `check` would find, too."""
    return (
        row is not None
        and row.hashes is None
        and row.inode == status.st_ino & _U63
        and not row.device
        and status.st_dev == device
        and row.mode == status.st_mode
    )


def _xattrs(send: Send, status: os.stat_result, target: bytes | int) -> Xattrs:
    """The attributes; they are not asked for when the change time says that there still are none."""
    row = send.row
    if (
        row is not None
        and not row.xattrs
        and row.changed_ns
        and abs(row.changed_ns) == status.st_ctime_ns
        and row.inode == status.st_ino & _U63
    ):
        return ()
    return read_xattrs(target)


def _size(send: Send) -> int:
    """How much of the master's bytes need not be looked at any more with this one."""
    return send.row.size if send.row is not None and stat.S_ISREG(send.row.mode) else 0
