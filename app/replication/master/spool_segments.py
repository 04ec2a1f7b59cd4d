"""The segments of a spool on disk (`docs/formats/spool.md` has their form in words), and how to read them."""

from __future__ import annotations

import os
import struct
import zlib
from bisect import bisect_right
from collections import deque
from dataclasses import dataclass, field

from app.model.errors import ArcxoError

MAGIC = b"ARCXSPL1"
HEADER = struct.Struct("<8s32s")
FRAME = struct.Struct("<IIQQ")
RECORD_LIMIT_BYTES = 16 * 1024 * 1024
_MARK_BYTES = 256 * 1024
_SEQ = struct.Struct("<Q")
_SEQ_AT = 8
_NAME_CHARACTERS = 20


@dataclass(frozen=True, slots=True)
class SpooledRecord:
    """One record as read back. `at` is when it was recorded, seconds since 1970."""

    seq: int
    at: float
    data: bytes


@dataclass(slots=True)
class Segment:
    """One file. `marks` are some of its records, (sequence, where it begins): readers skip to them."""

    first: int
    last: int
    size: int
    marks: list[tuple[int, int]] = field(default_factory=list)

    def mark(self, seq: int, position: int) -> None:
        """Note where a record begins, when the last one noted is far before it."""
        if position - (self.marks[-1][1] if self.marks else HEADER.size) >= _MARK_BYTES:
            self.marks.append((seq, position))

    def nearest(self, seq: int) -> tuple[int, int]:
        """The last record noted that is not after `seq`, and where it begins."""
        at = bisect_right(self.marks, seq, key=lambda mark: mark[0])
        return self.marks[at - 1] if at else (self.first, HEADER.size)

    def offset_of(self, seq: int) -> int:
        """About where record `seq` begins: between two noted ones, by their number."""
        at = bisect_right(self.marks, seq, key=lambda mark: mark[0])
        start, begin = self.marks[at - 1] if at else (self.first, HEADER.size)
        stop, end = self.marks[at] if at < len(self.marks) else (self.last + 1, self.size)
        return begin + (end - begin) * (seq - start) // max(1, stop - start)


@dataclass(frozen=True, slots=True)
class Tail:
    """What the newest segment has: up to `last`, `size` bytes of it. `damaged`: not just a torn end."""

    epoch: str
    last: int
    size: int
    damaged: bool


def segment_name(first: int) -> str:
    """The name of the segment that begins with record `first`."""
    return f"{first:016x}.seg"


def segment_firsts(directory: str) -> list[int]:
    """The first sequences of all segments there, in order."""
    found = []
    for name in os.listdir(directory):
        if name.endswith(".seg") and len(name) == _NAME_CHARACTERS:
            try:
                found.append(int(name[:-4], 16))
            except ValueError:
                continue
    return sorted(found)


def packed(data: bytes, seq: int, stamp: int) -> bytes:
    """The head of a record that is `data`."""
    return FRAME.pack(len(data), _checksum(data, seq, stamp), seq, stamp)


def read_record(fd: int, position: int) -> SpooledRecord | None:
    """The record that begins there; None when there is none that is whole."""
    head = os.pread(fd, FRAME.size, position)
    if len(head) < FRAME.size:
        return None
    length, checksum, seq, stamp = FRAME.unpack(head)
    if length > RECORD_LIMIT_BYTES:
        return None
    data = os.pread(fd, length, position + FRAME.size)
    if len(data) < length or _checksum(data, seq, stamp) != checksum:
        return None
    return SpooledRecord(seq, stamp / 1_000_000, data)


def read_tail(fd: int, segment: Segment) -> Tail | None:
    """Read the newest segment through, noting marks; None when not even its header was written."""
    whole = os.fstat(fd).st_size
    head = os.pread(fd, HEADER.size, 0)
    if whole <= HEADER.size and (len(head) < HEADER.size or head[:8] != MAGIC):
        return None
    if head[:8] != MAGIC:
        return Tail("", segment.first - 1, 0, damaged=True)
    position, seq = HEADER.size, segment.first
    while (record := read_record(fd, position)) is not None and record.seq == seq:
        segment.mark(seq, position)
        position += FRAME.size + len(record.data)
        seq += 1
    epoch = head[8:].rstrip(b"\0").decode("ascii", "replace")
    return Tail(epoch, seq - 1, position, damaged=whole > position and _goes_on(fd, position, seq))


def _goes_on(fd: int, position: int, seq: int) -> bool:
    """Whether whole records follow one that is not: then that one is damaged, and no torn end."""
    data = os.pread(fd, os.fstat(fd).st_size - position, position)
    for following in (seq + 1, seq + 2):
        wanted = _SEQ.pack(following)
        at = data.find(wanted)
        while at >= 0:
            record = read_record(fd, position + at - _SEQ_AT) if at >= _SEQ_AT else None
            if record is not None and record.seq == following:
                return True
            at = data.find(wanted, at + 1)
    return False


def _checksum(data: bytes, seq: int, stamp: int) -> int:
    return zlib.crc32(struct.pack("<IQQ", len(data), seq, stamp), zlib.crc32(data))


def read_segment(
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


def some_of(
    cache: deque[SpooledRecord], start: int, most_bytes: int, most_records: int
) -> list[SpooledRecord]:
    """Records of a cache from an index on, at least one, within the limits otherwise."""
    found: list[SpooledRecord] = []
    size = 0
    for index in range(start, min(len(cache), start + most_records)):
        record = cache[index]
        size += len(record.data)
        if found and size > most_bytes:
            break
        found.append(record)
    return found
