"""The spool: the ordered, durable queue of change records, read at its own pace by each replica.

Append-only segments `<first sequence>.seg` (16 hex digits); `resources/docs/formats/spool.md` says what is
in them. `sync` makes what was appended durable; only then can it be read. A torn tail is cut off at open,
damage is told, never passed on. Segments that every replica has applied are deleted.
"""

from __future__ import annotations

import contextlib
import errno
import itertools
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from blake3 import blake3

from app.model.errors import ArcxoError
from app.replication.master.durable import free_bytes, sync_directory, write_all
from app.replication.master.spool_positions import Positions
from app.replication.master.spool_segments import (
    FRAME,
    HEADER,
    MAGIC,
    Segment,
    SpooledRecord,
    packed,
    read_record,
    read_tail,
    segment_firsts,
    segment_name,
)

__all__ = ["Spool", "SpooledRecord"]

SEGMENT_BYTES = 64 * 1024 * 1024
SEGMENT_LEAST_BYTES = 1024 * 1024
CACHE_BYTES = 16 * 1024 * 1024
_SEGMENTS_OF_LIMIT = 8
_SPACE_CHECK_S = 1.0
_POSITIONS_SAVE_S = 60.0
_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
_FULL_CODES = ("ER00210", "ER00211")


class Spool:
    """One writer, any number of readers and threads. Errors of the disk are `OSError`s."""

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
        self.damaged_file = ""
        """The segment that had damage at open, other than a torn end: what followed it is lost."""
        os.makedirs(directory, mode=0o700, exist_ok=True)
        self._positions = Positions(directory)
        self._positions_saved = time.monotonic()
        self._open()

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
            self.last_seq = self.appended_seq = 0
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
            raise OSError(self._broken.errno, self._broken.strerror)

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

    # reading

    def size_bytes(self) -> int:
        """Bytes of all segments."""
        return sum(segment.size for segment in tuple(self._segments))

    def bytes_after(self, seq: int) -> int:
        """Bytes of the records after `seq`, as they are in the segments (within a part of one: about)."""
        with self._lock:
            total = 0
            for segment in reversed(self._segments):
                if segment.last <= seq:
                    break
                total += segment.size - (HEADER.size if segment.first > seq else segment.offset_of(seq + 1))
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
            start = segment.nearest(after + 1) if segment is not None else None
        if segment is None or start is None:
            raise ArcxoError("ER00212", file=self.directory, sequence=after + 1)
        path = self._path(segment.first)
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            raise ArcxoError("ER00212", file=path, sequence=after + 1) from None
        try:
            found, marks = _read_segment(fd, path, start, after, last, most_bytes, most_records)
        finally:
            os.close(fd)
        with self._lock:
            for seq, position in marks:
                if not segment.marks or seq > segment.marks[-1][0]:
                    segment.mark(seq, position)
        return found

    # positions

    def set_position(self, replica: str, seq: int) -> None:
        """`replica` has durably applied everything up to `seq`; what all have goes."""
        with self._lock:
            if self._positions.of(replica).stopped:
                return
            self._positions.moved(replica, seq, self._time_of(seq))
            self._truncate()

    def _time_of(self, seq: int) -> float:
        """When record `seq` was recorded, or some record before it."""
        if self._cache and self._cache[0].seq <= seq <= self._cache[-1].seq:
            return self._cache[seq - self._cache[0].seq].at
        if seq >= self.last_seq:
            return time.time()
        known = [one.at for one in self._positions.all() if one.seq is not None and one.seq <= seq]
        return max([self._positions.begun_at, *known])

    def stop_replica(self, replica: str, why: str) -> None:
        """`replica` gets nothing more until `start_replica`, and holds nothing back. Raises OSError."""
        with self._lock:
            self._positions.stop(replica, why)
            self._save_positions()
            self._truncate()

    def start_replica(self, replica: str) -> None:
        """`replica` takes part again; it must be synchronised. Raises OSError."""
        with self._lock:
            self._positions.start(replica)
            self._save_positions()

    def stopped_replica(self, replica: str) -> str:
        """Why `replica` gets nothing ("" = it does)."""
        return self._positions.of(replica).stopped

    def doubt(self, replica: str) -> None:
        """What `replica` was to get next cannot be read: it must be synchronised. Raises OSError."""
        with self._lock:
            self._positions.doubt(replica)
            self._save_positions()
            self._truncate()

    def doubt_all(self, replica: str) -> None:
        """Which changes `replica` lacks is not known at all. Raises OSError."""
        with self._lock:
            self._positions.doubt(replica, 0.0)
            self._save_positions()

    def doubt_since(self, replica: str) -> float | None:
        """Since when (seconds since 1970) changes may be missing there though size and time agree."""
        return self._positions.of(replica).doubt_since

    def note_quiet(self, at: float) -> None:
        """All changes made before `at` (seconds since 1970) are recorded, and nothing will be after."""
        with self._lock:
            self._positions.quiet_at = at

    def behind(self) -> list[str]:
        """The replicas that hold back the oldest records still here."""
        with self._lock:
            held = {name: seq for name, seq in self._positions.held().items() if seq < self.last_seq}
            if not held or not self._segments:
                return []
            oldest = min(held.values())
            segment = next((s for s in self._segments if oldest < s.last), self._segments[-1])
            return [name for name, seq in held.items() if seq < segment.last]

    def _save_positions(self) -> None:
        self._positions.save()
        self._positions_saved = time.monotonic()

    def position(self, replica: str) -> int | None:
        """What `replica` has applied, if known."""
        return self._positions.of(replica).seq

    def is_proved(self, replica: str) -> bool:
        """Whether nothing speaks against what a replica got by its last synchronisation."""
        return not os.path.exists(self._unproved(replica))

    def set_proved(self, replica: str, *, proved: bool) -> None:
        """Keep, durably, whether a replica must be synchronised again. Raises OSError."""
        path = self._unproved(replica)
        if proved:
            with self._lock:
                self._positions.proved(replica)
                self._save_positions()
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        else:
            os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
        sync_directory(self.directory)

    def _unproved(self, replica: str) -> str:
        return os.path.join(self.directory, f"unproved-{blake3(replica.encode()).hexdigest(length=8)}")

    def hold_all(self, replicas: Sequence[str]) -> None:
        """Keep everything for these until each has said how far it is. Raises OSError."""
        with self._lock:
            self._positions.hold(replicas, self._segments[0].first - 1 if self._segments else 0)
            self._save_positions()

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

    def age_of(self, seq: int) -> float | None:
        """Seconds since record `seq` was recorded; None when it cannot be read."""
        with self._lock:
            if self._cache and self._cache[0].seq <= seq <= self._cache[-1].seq:
                return max(0.0, time.time() - self._cache[seq - self._cache[0].seq].at)
            aged = self._aged
        if aged is None or aged[0] != seq:
            records: list[SpooledRecord] = []
            with contextlib.suppress(ArcxoError, OSError):
                records = self.read(seq - 1, 1, 1)
            if not records:
                return None
            aged = self._aged = (seq, records[0].at)
        return max(0.0, time.time() - aged[1])


def _segment_bytes(max_bytes: int) -> int:
    """Small enough that a limit leaves room for several."""
    if not max_bytes:
        return SEGMENT_BYTES
    return max(SEGMENT_LEAST_BYTES, min(SEGMENT_BYTES, max_bytes // _SEGMENTS_OF_LIMIT))


def _read_segment(
    fd: int, path: str, start: tuple[int, int], after: int, last: int, most_bytes: int, most_records: int
) -> tuple[list[SpooledRecord], list[tuple[int, int]]]:
    """Records after `after`, and where those begin that were passed. Raises ArcxoError ER00212."""
    seq, position = start
    found: list[SpooledRecord] = []
    marks: list[tuple[int, int]] = []
    size = 0
    end = os.fstat(fd).st_size
    while seq <= last and len(found) < most_records and position < end:
        record = read_record(fd, position)
        if record is None or record.seq != seq:
            raise ArcxoError("ER00212", file=path, sequence=seq)
        marks.append((seq, position))
        if seq > after:
            if found and size + len(record.data) > most_bytes:
                break
            found.append(record)
            size += len(record.data)
        position += FRAME.size + len(record.data)
        seq += 1
    if not found:
        raise ArcxoError("ER00212", file=path, sequence=seq)
    return found, marks


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
