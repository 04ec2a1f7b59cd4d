"""The spool: the ordered, durable queue of change records, read at its own pace by each replica.

Append-only segments `<first sequence>.seg` (16 hex digits). A segment begins with a magic and the epoch;
each record is length, checksum, sequence, time and bytes. `sync` makes what was appended durable; only
then can it be read. A torn tail is cut off at open. Segments that every replica has applied are deleted.
"""

from __future__ import annotations

import contextlib
import os
import struct
import threading
import time
import zlib
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from app.model.errors import ArcxoError

SEGMENT_BYTES = 64 * 1024 * 1024
CACHE_BYTES = 16 * 1024 * 1024
RECORD_LIMIT_BYTES = 16 * 1024 * 1024
_MAGIC = b"ARCXSPL1"
_HEADER = struct.Struct("<8s32s")
_FRAME = struct.Struct("<IIQQ")
_SPACE_CHECK_S = 1.0


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """One record as read back. `at` is when it was recorded, seconds since 1970."""

    seq: int
    at: float
    data: bytes


@dataclass(slots=True)
class _Segment:
    first: int
    last: int
    size: int


class Spool:
    """One writer, any number of readers and threads. Errors of the disk are `OSError`s."""

    def __init__(
        self,
        directory: str,
        *,
        max_bytes: int = 0,
        min_free_bytes: int = 0,
        segment_bytes: int = SEGMENT_BYTES,
    ) -> None:
        self._directory = directory
        self._max_bytes = max_bytes
        self._min_free_bytes = min_free_bytes
        self._segment_bytes = segment_bytes
        self._lock = threading.Lock()
        self._news = threading.Condition(self._lock)
        self._segments: list[_Segment] = []
        self._fd = -1
        self._written: list[SpooledRecord] = []
        self._cache: deque[SpooledRecord] = deque()
        self._cache_bytes = 0
        self._positions: dict[str, int] = {}
        self._space_checked = 0.0
        self._offsets: dict[tuple[int, int], int] = {}
        self.epoch = ""
        self.appended_seq = 0
        self.last_seq = 0
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._open()

    # opening

    def _path(self, first: int) -> str:
        return os.path.join(self._directory, f"{first:016x}.seg")

    def _open(self) -> None:
        firsts = sorted(
            int(name[:-4], 16)
            for name in os.listdir(self._directory)
            if name.endswith(".seg") and len(name) == 20
        )
        while firsts:
            last = self._scan_tail(firsts[-1])
            if last is not None:
                break
            # Not even its header was durable: the crash came while it was made, it holds nothing.
            os.unlink(self._path(firsts.pop()))
        for first, following in zip(firsts, [*firsts[1:], None], strict=False):
            end = self.last_seq if following is None else following - 1
            self._segments.append(_Segment(first, end, os.stat(self._path(first)).st_size))
        if firsts:
            self._fd = os.open(self._path(firsts[-1]), os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)

    def _scan_tail(self, first: int) -> int | None:
        path = self._path(first)
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            head = os.pread(fd, _HEADER.size, 0)
            if len(head) < _HEADER.size or head[:8] != _MAGIC:
                return None
            self.epoch = head[8:].rstrip(b"\0").decode("ascii", "replace")
            position, seq = _HEADER.size, first
            while True:
                record = _read_frame(fd, position)
                if record is None or record.seq != seq:
                    break
                position += _FRAME.size + len(record.data)
                seq += 1
            if os.fstat(fd).st_size > position:
                os.ftruncate(fd, position)
                os.fsync(fd)
            self.last_seq = self.appended_seq = seq - 1
            return self.last_seq
        finally:
            os.close(fd)

    def reset(self, epoch: str) -> None:
        """Begin anew, empty, as `epoch` (32 characters at most); all positions are forgotten."""
        with self._lock:
            self._close_fd()
            # Newest first: whatever a crash leaves is a spool of the old epoch that ends earlier.
            for segment in reversed(self._segments):
                os.unlink(self._path(segment.first))
            self._segments.clear()
            self._cache.clear()
            self._cache_bytes = 0
            self._written.clear()
            self._positions.clear()
            self._offsets.clear()
            self.epoch = epoch
            self.last_seq = self.appended_seq = 0
            self._new_segment(1)

    def close(self) -> None:
        """Close the files. What was not synced is left to the next open."""
        with self._lock:
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
            parts.append(_FRAME.pack(len(data), _checksum(data, seq, stamp), seq, stamp))
            parts.append(data)
            added.append(SpooledRecord(seq, now, data))
        joined = b"".join(parts)
        self._check_space(len(joined))
        with self._lock:
            if self._segments[-1].size >= self._segment_bytes:
                os.fdatasync(self._fd)
                self._new_segment(self.appended_seq + 1)
            segment = self._segments[-1]
            try:
                _write_all(self._fd, joined)
            except OSError:
                # Half a record in the middle would hide all later ones.
                os.ftruncate(self._fd, segment.size)
                raise
            segment.size += len(joined)
            segment.last = seq
            self.appended_seq = seq
            self._written += added
        return seq

    def sync(self) -> None:
        """Make all appended records durable, then readable. Blocks for the disk."""
        with self._lock:
            written, upto = self._written, self.appended_seq
            if upto == self.last_seq:
                return
            self._written = []
            fd = self._fd
        os.fdatasync(fd)
        with self._lock:
            self.last_seq = upto
            for record in written:
                self._cache.append(record)
                self._cache_bytes += len(record.data)
            while self._cache_bytes > CACHE_BYTES and self._cache:
                self._cache_bytes -= len(self._cache.popleft().data)
            self._news.notify_all()

    def _new_segment(self, first: int) -> None:
        path = self._path(first)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write_all(fd, _HEADER.pack(_MAGIC, self.epoch.encode("ascii")))
            os.fsync(fd)
            sync_directory(self._directory)
        except BaseException:
            os.close(fd)
            raise
        self._close_fd()
        self._fd = fd
        self._segments.append(_Segment(first, first - 1, _HEADER.size))

    def _check_space(self, more: int) -> None:
        if self._max_bytes and self.size_bytes() + more > self._max_bytes:
            raise ArcxoError("ER00210", size_mb=self.size_bytes() >> 20, limit_mb=self._max_bytes >> 20)
        now = time.monotonic()
        if now - self._space_checked < _SPACE_CHECK_S and more < 1 << 20:
            return
        self._space_checked = now
        free = free_bytes(self._directory)
        if self._min_free_bytes and free - more < self._min_free_bytes:
            raise ArcxoError(
                "ER00211", directory=self._directory, free_mb=free >> 20, limit_mb=self._min_free_bytes >> 20
            )

    # reading

    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in tuple(self._segments))

    def bytes_after(self, seq: int) -> int:
        """Bytes of the records after `seq`, as they are in the segments."""
        with self._lock:
            total = 0
            for segment in reversed(self._segments):
                if segment.last <= seq:
                    break
                if segment.first > seq:
                    total += segment.size - _HEADER.size
                    continue
                count = segment.last - segment.first + 1
                # Within a segment a share: exact figures would need its records read.
                total += (segment.size - _HEADER.size) * (segment.last - seq) // count
            return total

    def first_seq(self) -> int:
        """The oldest sequence still here (last_seq + 1 when there is none)."""
        with self._lock:
            return self._segments[0].first if self._segments else 1

    def wait_beyond(self, seq: int, timeout_s: float) -> bool:
        """Whether there is a record after `seq`; waits up to `timeout_s` for one."""
        with self._news:
            return self._news.wait_for(lambda: self.last_seq > seq, timeout_s)

    def wake(self) -> None:
        """Make all waiting readers look again."""
        with self._news:
            self._news.notify_all()

    def read(self, after: int, most_bytes: int, most_records: int = 10_000) -> list[SpooledRecord]:
        """Durable records after `after`, at least one if there is one, within the limits otherwise.

        Raises:
            ArcxoError: ER00212 when a record that should be here is gone or damaged.
        """
        with self._lock:
            last = self.last_seq
            if after >= last:
                return []
            if self._cache and self._cache[0].seq <= after + 1:
                return _some(self._cache, after + 1 - self._cache[0].seq, most_bytes, most_records)
            segment = next((s for s in self._segments if s.first <= after + 1 <= s.last), None)
            if segment is None:
                raise ArcxoError("ER00212", directory=self._directory, sequence=after + 1)
            fd = os.open(self._path(segment.first), os.O_RDONLY | os.O_CLOEXEC)
        try:
            return self._read_segment(fd, segment.first, after, last, most_bytes, most_records)
        finally:
            os.close(fd)

    def _read_segment(
        self, fd: int, first: int, after: int, last: int, most_bytes: int, most_records: int
    ) -> list[SpooledRecord]:
        position, seq = self._hint(first, after)
        found: list[SpooledRecord] = []
        size = 0
        end = os.fstat(fd).st_size
        while seq <= last and len(found) < most_records and position < end:
            record = _read_frame(fd, position)
            if record is None or record.seq != seq:
                raise ArcxoError("ER00212", directory=self._directory, sequence=seq)
            if seq > after:
                if found and size + len(record.data) > most_bytes:
                    break
                found.append(record)
                size += len(record.data)
            position += _FRAME.size + len(record.data)
            seq += 1
        if len(self._offsets) > 1_000:
            self._offsets.clear()
        self._offsets[first, seq - 1] = position
        return found

    def _hint(self, first: int, after: int) -> tuple[int, int]:
        """Where a reader that has read up to `after` left off, so that it need not skip from the start."""
        position = self._offsets.pop((first, after), None)
        if position is not None:
            return position, after + 1
        return _HEADER.size, first

    # positions

    def set_position(self, replica: str, seq: int) -> None:
        """`replica` has durably applied everything up to `seq`; what all have goes."""
        with self._lock:
            self._positions[replica] = seq
            self._truncate()

    def forget(self, replica: str) -> None:
        """`replica` no longer holds anything back (it must be synchronised)."""
        with self._lock:
            self._positions.pop(replica, None)
            self._truncate()

    def position(self, replica: str) -> int | None:
        """What `replica` has applied, if known."""
        return self._positions.get(replica)

    def is_proved(self, replica: str) -> bool:
        """Whether nothing speaks against what a replica got by its last synchronisation."""
        return not os.path.exists(self._unproved(replica))

    def set_proved(self, replica: str, *, proved: bool) -> None:
        """Keep, durably, whether a replica must be synchronised again. Raises OSError."""
        path = self._unproved(replica)
        if proved:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_directory(self._directory)

    def _unproved(self, replica: str) -> str:
        return os.path.join(self._directory, f"unproved-{blake3(replica.encode()).hexdigest(length=8)}")

    def hold_all(self, replicas: Sequence[str]) -> None:
        """Keep everything for these until each has said how far it is."""
        with self._lock:
            for replica in replicas:
                first = self._segments[0].first if self._segments else 1
                self._positions.setdefault(replica, first - 1)

    def _truncate(self) -> None:
        if not self._positions:
            return
        done = min(self._positions.values())
        while len(self._segments) > 1 and self._segments[0].last <= done:
            segment = self._segments.pop(0)
            os.unlink(self._path(segment.first))
        only = self._segments[0] if len(self._segments) == 1 else None
        full = only is not None and only.size > self._segment_bytes // 4
        if only is not None and full and only.last <= done and self.appended_seq == self.last_seq <= done:
            self._new_segment(self.appended_seq + 1)
            self._segments.pop(0)
            os.unlink(self._path(only.first))

    def age_of(self, seq: int) -> float | None:
        """Seconds since record `seq` was recorded; None when it is not at hand in memory."""
        with self._lock:
            if self._cache and self._cache[0].seq <= seq <= self._cache[-1].seq:
                return max(0.0, time.time() - self._cache[seq - self._cache[0].seq].at)
        records: list[SpooledRecord] = []
        with contextlib.suppress(ArcxoError, OSError):
            records = self.read(seq - 1, 1, 1)
        return max(0.0, time.time() - records[0].at) if records else None


def _some(cache: deque[SpooledRecord], start: int, most_bytes: int, most_records: int) -> list[SpooledRecord]:
    found: list[SpooledRecord] = []
    size = 0
    for index in range(start, min(len(cache), start + most_records)):
        record = cache[index]
        size += len(record.data)
        if found and size > most_bytes:
            break
        found.append(record)
    return found


def _read_frame(fd: int, position: int) -> SpooledRecord | None:
    head = os.pread(fd, _FRAME.size, position)
    if len(head) < _FRAME.size:
        return None
    length, checksum, seq, stamp = _FRAME.unpack(head)
    if length > RECORD_LIMIT_BYTES:
        return None
    data = os.pread(fd, length, position + _FRAME.size)
    if len(data) < length or _checksum(data, seq, stamp) != checksum:
        return None
    return SpooledRecord(seq, stamp / 1_000_000, data)


def _checksum(data: bytes, seq: int, stamp: int) -> int:
    return zlib.crc32(struct.pack("<IQQ", len(data), seq, stamp), zlib.crc32(data))


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def sync_directory(path: str) -> None:
    """Make the names in a directory durable."""
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def free_bytes(path: str) -> int:
    """Bytes a program may still write on the file system of `path`."""
    status = os.statvfs(path)
    return status.f_bavail * status.f_frsize
