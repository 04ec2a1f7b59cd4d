"""The writing side of a spool: segments, room for more, and dropping what all replicas have applied."""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from app.model.errors import ArcxoError
from app.replication.master.durable import free_bytes, naming, sync_directory, write_all
from app.replication.master.spool_positions import Positions
from app.replication.master.spool_segments import (
    FRAME,
    HEADER,
    MAGIC,
    Segment,
    SpooledRecord,
    packed,
    read_tail,
    segment_firsts,
    segment_name,
)

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_LEAST_BYTES = 1024 * 1024
CACHE_BYTES = 16 * 1024 * 1024
_SEGMENTS_OF_LIMIT = 8
_SPACE_CHECK_S = 1.0
_POSITIONS_SAVE_S = 60.0
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_FULL_CODES = ("ER00210", "ER00211")


class SpoolLog:
    """The writing side of a spool; see `Spool`."""

    def __init__(
        self,
        directory: str,
        *,
        max_bytes: int = 0,
        min_free_bytes: int = 0,
        segment_bytes: int = 0,
        relieve: Callable[[ArcxoError | OSError], bool] | None = None,
    ) -> None:
        """`relieve` is called, in the writer's thread, when there is no room: whether it did something.

        Raises:
            OSError: the disk fails.
        """
        self.directory = directory
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._segment_bytes = segment_bytes or _segment_bytes(max_bytes)
        self._relieve = relieve
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._segments: list[Segment] = []
        self._fd = -1
        self._written: list[SpooledRecord] = []
        self._cache: deque[SpooledRecord] = deque()
        self._cache_bytes = 0
        self._space_checked = 0.0
        self._free_checked = 0.0
        self._broken: OSError | None = None
        self._aged: tuple[int, float] | None = None
        self.epoch = ""
        self.appended_seq = 0
        self.last_seq = 0
        self.wakes = 0
        """How often readers were woken for another reason than a record."""
        self.damaged_file = ""
        """The segment that had damage at open, other than a torn end: what followed it is lost."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._positions = Positions(directory)
        self._positions_saved = time.monotonic()
        self._open()
        self._found_seq = self.last_seq

    # opening

    def _path(self, first: int) -> str:
        return os.path.join(self.directory, segment_name(first))

    def _open(self) -> None:
        firsts = segment_firsts(self.directory)
        while firsts:
            segment = Segment(firsts[-1], firsts[-1] - 1, 0)
            if self._open_tail(segment):
                break
            # Not even its header was durable: the crash came while it was made, it holds nothing.
            os.unlink(self._path(firsts.pop()))
        for first, following in itertools.pairwise(firsts):
            self._segments.append(Segment(first, following - 1, os.stat(self._path(first)).st_size))
        if firsts:
            self._segments.append(segment)
            self._fd = os.open(self._path(firsts[-1]), os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        if self._positions.epoch != self.epoch:
            self._positions.forget(self.epoch)

    def _open_tail(self, segment: Segment) -> bool:
        fd = os.open(self._path(segment.first), os.O_RDWR | os.O_CLOEXEC)
        try:
            tail = read_tail(fd, segment)
            if tail is None:
                return False
            if tail.damaged:
                self.damaged_file = self._path(segment.first)
            elif os.fstat(fd).st_size > tail.size:
                os.ftruncate(fd, tail.size)
                os.fsync(fd)
        finally:
            os.close(fd)
        self.epoch = tail.epoch
        segment.last, segment.size = tail.last, tail.size
        self.last_seq = self.appended_seq = tail.last
        return True

    def reset(self, epoch: str) -> None:
        """Begin anew, empty, as `epoch` (32 characters at most); all positions are forgotten.

        What a replica had not applied stays in doubt (`doubt_since`).
        """
        with self._lock:
            self._close_fd()
            self._positions.begin(epoch, None if self.damaged_file else self.last_seq)
            self._save_positions()
            # Newest first: whatever a crash leaves is a spool of the old epoch that ends earlier.
            for segment in reversed(self._segments):
                os.unlink(self._path(segment.first))
            self._segments.clear()
            self._cache.clear()
            self._cache_bytes = 0
            self._written.clear()
            self._aged = None
            self._broken = None
            self.epoch = epoch
            self.damaged_file = ""
            self.last_seq = self.appended_seq = self._found_seq = 0
            self._new_segment(1)

    def close(self) -> None:
        """Close the files. What was not synced is left to the next open."""
        with self._lock:
            if self._fd >= 0:
                with contextlib.suppress(OSError):
                    self._save_positions()
            self._close_fd()
            self._news.notify_all()

    def _close_fd(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    # writing

    def append(self, records: Sequence[bytes]) -> int:
        """Write records after the last one; durable and readable after `sync`. Returns the last sequence.

        Raises:
            ArcxoError: ER00210 when the spool has reached its size limit, ER00211 when its disk has.
            OSError: the disk fails; nothing was added.
        """
        if not records:
            return self.appended_seq
        now = time.time()
        stamp = int(now * 1_000_000)
        parts = []
        seq = self.appended_seq
        added = []
        for data in records:
            seq += 1
            parts.append(packed(data, seq, stamp))
            parts.append(data)
            added.append(SpooledRecord(seq, now, data))
        joined = b"".join(parts)
        self._make_room(len(joined))
        while True:
            try:
                self._write(joined, added)
            except OSError as error:
                if error.errno not in _NO_SPACE or self._broken is not None or not self._relieved(error):
                    raise
            else:
                return seq

    def _write(self, joined: bytes, added: list[SpooledRecord]) -> None:
        with self._lock:
            self._check_whole()
            if self._segments[-1].size >= self._segment_bytes:
                self._sync_file(self._fd)
                self._new_segment(self.appended_seq + 1)
            segment = self._segments[-1]
            try:
                with naming(self._path(segment.first)):
                    write_all(self._fd, joined)
            except OSError:
                # Half a record in the middle would hide all later ones.
                self._cut_off(segment.size)
                raise
            position = segment.size
            for record in added:
                segment.mark(record.seq, position)
                position += FRAME.size + len(record.data)
            segment.size += len(joined)
            segment.last = self.appended_seq = added[-1].seq
            self._written += added

    def sync(self) -> None:
        """Make all appended records durable, then readable. Blocks for the disk.

        Raises:
            ArcxoError: ER00291 when the directory is gone.
            OSError: the disk fails; the spool takes nothing more until it is opened again.
        """
        with self._lock:
            written, upto = self._written, self.appended_seq
            if upto == self.last_seq:
                return
            self._check_whole()
            self._written = []
            fd = self._fd
        self._sync_file(fd)
        self._check_place()
        with self._lock:
            self.last_seq = upto
            for record in written:
                self._cache.append(record)
                self._cache_bytes += len(record.data)
            while self._cache_bytes > CACHE_BYTES and self._cache:
                self._cache_bytes -= len(self._cache.popleft().data)
            self._news.notify_all()
            if time.monotonic() - self._positions_saved > _POSITIONS_SAVE_S:
                self._save_positions()

    def _sync_file(self, fd: int) -> None:
        try:
            with naming(self.directory):
                os.fdatasync(fd)
        except OSError as error:
            # What is on disk is not known any more, and trying again would not tell.
            self._broken = error
            raise

    def _cut_off(self, size: int) -> None:
        try:
            os.ftruncate(self._fd, size)
        except OSError as error:
            self._broken = error
            raise

    def _check_whole(self) -> None:
        if self._broken is not None:
            raise OSError(self._broken.errno, self._broken.strerror, self.directory)

    def _check_place(self) -> None:
        """Writing to a file that has no name any more, or beneath a volume mounted over it, keeps nothing."""
        now = time.monotonic()
        if now - self._space_checked < _SPACE_CHECK_S:
            return
        self._space_checked = now
        with self._lock:
            ours = os.fstat(self._fd)
            try:
                there = os.stat(self._path(self._segments[-1].first))
            except OSError:
                there = None
        if there is None or (there.st_dev, there.st_ino) != (ours.st_dev, ours.st_ino):
            raise ArcxoError("ER00291", directory=self.directory)

    def _new_segment(self, first: int) -> None:
        path = self._path(first)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            with naming(path):
                write_all(fd, HEADER.pack(MAGIC, self.epoch.encode("ascii")))
                os.fsync(fd)
            sync_directory(self.directory)
        except BaseException:
            os.close(fd)
            raise
        self._close_fd()
        self._fd = fd
        self._segments.append(Segment(first, first - 1, HEADER.size))

    def _make_room(self, more: int) -> None:
        while True:
            try:
                self._check_space(more)
            except ArcxoError as error:
                if error.code not in _FULL_CODES:
                    raise
                # What cannot be read yet cannot go either; what nobody holds back goes.
                size = self.size_bytes()
                self.sync()
                with self._lock:
                    self._truncate()
                    nothing_waits = self._positions.reached(self.last_seq)
                if error.code == "ER00210" and nothing_waits:
                    # The limit is for what waits; a change that is larger than it passes in pieces.
                    return
                if self.size_bytes() >= size and not self._relieved(error):
                    raise
            else:
                return

    def _relieved(self, error: ArcxoError | OSError) -> bool:
        return self._relieve is not None and self._relieve(error)

    def _check_space(self, more: int) -> None:
        if self._max_bytes and (size := self.size_bytes()) + more > self._max_bytes:
            raise ArcxoError(
                "ER00210",
                size_mb=f"{size / 2**20:.1f}",
                more_mb=f"{more / 2**20:.1f}",
                limit_mb=self._max_bytes >> 20,
            )
        now = time.monotonic()
        if now - self._free_checked < _SPACE_CHECK_S and more < 1 << 20:
            return
        self._free_checked = now
        try:
            free = free_bytes(self.directory)
        except FileNotFoundError:
            raise ArcxoError("ER00291", directory=self.directory) from None
        if self._min_free_bytes and free - more < self._min_free_bytes:
            self._free_checked = 0.0
            raise ArcxoError(
                "ER00211", directory=self.directory, free_mb=free >> 20, limit_mb=self._min_free_bytes >> 20
            )

    # what is kept

    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in tuple(self._segments))

    def _save_positions(self) -> None:
        self._positions.save()
        self._positions_saved = time.monotonic()

    def _truncate(self) -> None:
        held = self._positions.held()
        if not held and not self._positions.any_stopped():
            return
        done = min(held.values(), default=self.last_seq)
        while len(self._segments) > 1 and self._segments[0].last <= done:
            segment = self._segments.pop(0)
            os.unlink(self._path(segment.first))
        only = self._segments[0] if len(self._segments) == 1 else None
        full = only is not None and only.size > self._segment_bytes // 4
        if only is not None and full and only.last <= done and self.appended_seq == self.last_seq <= done:
            self._new_segment(self.appended_seq + 1)
            self._segments.pop(0)
            os.unlink(self._path(only.first))


def _segment_bytes(max_bytes: int) -> int:
    """Small enough that a limit leaves room for several."""
    if not max_bytes:
        return SEGMENT_BYTES
    return max(SEGMENT_LEAST_BYTES, min(SEGMENT_BYTES, max_bytes // _SEGMENTS_OF_LIMIT))
