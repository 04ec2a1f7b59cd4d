"""The undo log of a replica, kept on as its rewind log: what it takes to take each operation back.

Append-only segments `<first change>.undo`. A frame is a header (what happened, cheap to list) and the
steps (how to take it back), with one checksum over both. Everything after the last committed change is
undone and cut off at the next start, so no change number ever has two entries.

A step is a tuple that begins with its kind; see `steps.py`.
"""

from __future__ import annotations

import contextlib
import os
import struct
import time
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgpack

from app.model.errors import ArcxoError
from app.model.paths import shown

_FRAME = struct.Struct("<4sIII")
_MAGIC = b"AUN1"
SEGMENT_BYTES = 8 * 1024 * 1024
_BUFFER_BYTES = 1024 * 1024
_SUFFIX = ".undo"
_READ_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class UndoHeader:
    """What one operation was: `operation` is an `Operation` number, `size_bytes` of the changed content.

    `sequence` is the number in the master's stream (0 = not from there), or of a whole rewind's entry the
    change that it undoes.
    """

    change: int
    sequence: int
    at_ns: int
    operation: int
    root: int
    path: bytes
    new_path: bytes = b""
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class UndoEntry:
    """One operation and the steps it took, oldest first."""

    header: UndoHeader
    steps: tuple[tuple[Any, ...], ...]


class UndoLog:
    """The log in one directory. Not thread safe; one writer.

    A segment ends at `segment_bytes`, or `segment_seconds` after its first entry: what is kept no longer is
    removed by whole segments.

    `append` buffers; `sync` makes everything appended durable. Raises OSError when the disk refuses; what
    was appended since the last `sync` is then cut off with `truncate_after`.
    """

    def __init__(self, directory: bytes, *, segment_seconds: float = 3600.0) -> None:
        os.makedirs(directory, 0o700, exist_ok=True)
        self._directory = directory
        self.segment_seconds = segment_seconds
        self.segment_bytes = SEGMENT_BYTES
        self._first_at: dict[str, int] = {}
        self._fd = -1
        self._written = 0
        self._begun_ns = 0
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._dirty = False
        self._new_segment = False

    @property
    def directory(self) -> bytes:
        """Where the log is."""
        return self._directory

    def close(self) -> None:
        """Close the current segment; what was not synced is not promised."""
        self._buffer.clear()
        self._buffered = 0
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def append(self, entry: UndoEntry) -> None:
        """Add `entry`, whose change number is larger than all before it."""
        header = entry.header
        head = msgpack.packb(
            (
                header.change,
                header.sequence,
                header.at_ns,
                header.operation,
                header.root,
                header.path,
                header.new_path,
                header.size_bytes,
            ),
            use_bin_type=True,
        )
        body = msgpack.packb(entry.steps, use_bin_type=True)
        if self._fd < 0 or (
            self._written + self._buffered > self.segment_bytes
            or header.at_ns - self._begun_ns > self.segment_seconds * 1e9
        ):
            self._begin_segment(header)
        check = zlib.crc32(body, zlib.crc32(head))
        self._buffer += (_FRAME.pack(_MAGIC, len(head), len(body), check), head, body)
        self._buffered += _FRAME.size + len(head) + len(body)
        if self._buffered > _BUFFER_BYTES:
            self._flush()

    def sync(self) -> None:
        """Make all appended entries durable."""
        self._flush()
        if self._dirty:
            os.fdatasync(self._fd)
            self._dirty = False
        if self._new_segment:
            self._sync_directory()
            self._new_segment = False

    def newest_first(self, after: int, *, tolerant: bool = False) -> Iterator[UndoEntry]:
        """Entries with a change number above `after`, newest first. Reads one segment at a time.

        `tolerant`: a damaged frame of these ends the log, as in the part of it that was never made durable.

        Raises:
            ArcxoError: CR00412 when one of these is damaged.
        """
        self._flush()
        segments = self.segments()
        for index in range(len(segments) - 1, -1, -1):
            name, first = segments[index]
            entries = [entry for entry in self._read(name, tolerant, after) if entry.header.change > after]
            yield from reversed(entries)
            if first <= after:
                return

    def steps_of(self, change: int) -> tuple[tuple[Any, ...], ...]:
        """The steps of one entry; none when the log no longer has it. Reads its segment.

        Raises:
            ArcxoError: CR00412 when a durable entry is damaged.
        """
        self._flush()
        holding = [name for name, first in self.segments() if first <= change]
        for entry in self._read(holding[-1], False, change - 1) if holding else ():
            if entry.header.change == change:
                return entry.steps
        return ()

    def headers_newest_first(self) -> Iterator[UndoHeader]:
        """What happened, newest first, without the steps."""
        self._flush()
        for name, _ in reversed(self.segments()):
            yield from reversed([header for header, _ in self._frames(name, steps=False)])

    def headers_oldest_first(self, after: int) -> Iterator[UndoHeader]:
        """What happened after the change `after`, oldest first, without the steps."""
        self._flush()
        segments = self.segments()
        for index, (name, _) in enumerate(segments):
            if index + 1 < len(segments) and segments[index + 1][1] <= after + 1:
                continue
            for header, _ in self._frames(name, steps=False):
                if header.change > after:
                    yield header

    def truncate_after(self, change: int) -> None:
        """Cut off every entry above `change`, and a torn end; durable on return."""
        self.close()
        self._dirty = False
        for name, first in reversed(self.segments()):
            path = self._path(name)
            if first > change:
                os.unlink(path)
                continue
            end = 0
            for header, frame_end in self._frames(name, steps=False, tolerant=True, after=change):
                if header.change > change:
                    break
                end = frame_end
            if end < os.stat(path).st_size:
                fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
                try:
                    os.ftruncate(fd, end)
                    os.fsync(fd)
                finally:
                    os.close(fd)
            break
        self._sync_directory()

    def clear(self) -> None:
        """Drop every entry; durable on return. May be repeated after a kill."""
        self.close()
        self._dirty = False
        for name, _ in self.segments():
            os.unlink(self._path(name))
        self._sync_directory()

    def segments(self) -> list[tuple[str, int]]:
        """(file name, first change) of each segment, oldest first."""
        found = [name for name in os.listdir(os.fsdecode(self._directory)) if name.endswith(_SUFFIX)]
        return sorted((name, int(name[: -len(_SUFFIX)], 16)) for name in found)

    def segment_times(self) -> list[tuple[str, int, int, int]]:
        """(file name, first change, time of its first entry in ns, bytes) of each segment, oldest first."""
        self._flush()
        found = []
        for name, first in self.segments():
            at_ns = self._first_at.get(name, 0)
            if not at_ns:
                for header, _ in self._frames(name, steps=False, tolerant=True):
                    at_ns = self._first_at[name] = header.at_ns
                    break
            found.append((name, first, at_ns, os.stat(self._path(name)).st_size))
        return found

    def last_written_ns(self) -> int:
        """When the newest segment was last written to; 0 when there is none."""
        segments = self.segments()
        return os.stat(self._path(segments[-1][0])).st_mtime_ns if segments else 0

    def drop_segment(self, name: str) -> None:
        """Remove the oldest segment. Not the one being written."""
        self._first_at.pop(name, None)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path(name))
        self._sync_directory()

    def end_segment(self) -> None:
        """The next entry begins a new segment."""
        self._flush()
        if self._fd >= 0:
            if self._dirty:
                os.fdatasync(self._fd)
                self._dirty = False
            os.close(self._fd)
            self._fd = -1

    def _begin_segment(self, header: UndoHeader) -> None:
        self.end_segment()
        name = f"{header.change:016x}{_SUFFIX}"
        path = self._path(name)
        self._first_at.pop(name, None)
        self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        # A segment of this name can only be what a roll-back left of an operation that never was.
        os.ftruncate(self._fd, 0)
        self._written = 0
        self._begun_ns = header.at_ns or time.time_ns()
        self._new_segment = True

    def _flush(self) -> None:
        if not self._buffer:
            return
        data = b"".join(self._buffer)
        self._buffer.clear()
        self._buffered = 0
        self._dirty = True
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]
        self._written += len(data)

    def _read(self, name: str, tolerant: bool, after: int) -> Iterator[UndoEntry]:
        for header, _, steps in self._scan(name, steps=True, tolerant=tolerant, after=after):
            yield UndoEntry(header, steps)

    def _frames(
        self, name: str, *, steps: bool, tolerant: bool = False, after: int = 0
    ) -> Iterator[tuple[UndoHeader, int]]:
        for header, end, _ in self._scan(name, steps=steps, tolerant=tolerant, after=after):
            yield header, end

    def _scan(
        self, name: str, *, steps: bool, tolerant: bool, after: int
    ) -> Iterator[tuple[UndoHeader, int, tuple[tuple[Any, ...], ...]]]:
        """Frames of a segment. An incomplete last frame ends it: it was never durable.

        Damaged ones up to the change `after` are passed over: those that follow are as good as before.
        """
        with open(self._path(name), "rb", buffering=_READ_BYTES) as file:
            size = os.fstat(file.fileno()).st_size
            offset = 0
            change = int(name[: -len(_SUFFIX)], 16)
            while offset + _FRAME.size <= size:
                magic, head_bytes, body_bytes, check = _FRAME.unpack(file.read(_FRAME.size))
                end = offset + _FRAME.size + head_bytes + body_bytes
                if magic != _MAGIC or end > size:
                    break
                head = file.read(head_bytes)
                whole = steps or tolerant or end == size
                body = file.read(body_bytes) if whole else b""
                if whole and zlib.crc32(body, zlib.crc32(head)) != check:
                    if change <= after:
                        offset, change = end, change + 1
                        continue
                    if tolerant or (end == size and not steps):
                        return
                    raise ArcxoError("CR00412", path=shown(self._path(name)))
                if not whole:
                    file.seek(end)
                header = UndoHeader(*msgpack.unpackb(head, raw=False))
                made = tuple(tuple(s) for s in msgpack.unpackb(body, raw=False)) if steps else ()
                yield header, end, made
                offset, change = end, header.change + 1
            if offset < size and not tolerant and name != self.segments()[-1][0]:
                raise ArcxoError("CR00412", path=shown(self._path(name)))

    def _path(self, name: str) -> bytes:
        return self._directory + b"/" + name.encode()

    def _sync_directory(self) -> None:
        fd = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
