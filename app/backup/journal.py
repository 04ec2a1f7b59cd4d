"""The journal of a restore: what it is about to do to each path, and what was there before.

An append-only file of checked records. A record is written before the change it tells of, so whatever kills
the restore, the journal says at least what was done: the next run of the same job goes on from it, and an
undo takes back exactly that. `before` and `after` are fingerprints; a path that has another than `after` was
changed by someone else since.
"""

from __future__ import annotations

import os
import stat
import struct
import zlib
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgpack

from app.model.errors import ArcxoError

NAME = "journal"
_HEAD = struct.Struct("<II")
_RECORD_MAX = 1 << 20
_BUFFERED = 1 << 16


class Step(StrEnum):
    """What a record is about to do, or tells of."""

    BEGIN = "begin"
    AREA = "area"
    CREATE = "create"
    REPLACE = "replace"
    REMOVE = "remove"
    MAKE_DIRECTORY = "make_directory"
    SET_DIRECTORY = "set_directory"
    REMOVE_DIRECTORY = "remove_directory"
    PENDING = "pending"
    END = "end"
    UNDO = "undo"
    UNDONE = "undone"


_CREATE = Step.CREATE.value
Mark = tuple[int, int, int, int, int, int]
"""The values of a `Fingerprint`."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """What tells one state of an entry from another. Changes of names and links do not count."""

    inode: int
    size_bytes: int
    modified_ns: int
    mode: int
    uid: int
    gid: int

    @staticmethod
    def plain(found: os.stat_result) -> Mark:
        """The values of the fingerprint of anything but a directory."""
        return (
            found.st_ino, found.st_size, found.st_mtime_ns, found.st_mode, found.st_uid, found.st_gid
        )  # fmt: skip

    @classmethod
    def of(cls, found: os.stat_result) -> Fingerprint:
        """The fingerprint of a status. A directory has no size or time of its own."""
        own = not stat.S_ISDIR(found.st_mode)
        return cls(
            found.st_ino,
            found.st_size if own else 0,
            found.st_mtime_ns if own else 0,
            found.st_mode,
            found.st_uid,
            found.st_gid,
        )


@dataclass(frozen=True, slots=True)
class Record:
    """One step. `kept` is where the former entry is ("" = nowhere); `before` its fingerprint.

    `metadata` are those that a directory had: (permissions, uid, gid, modified_ns, ((name, value), …)).
    `link` is the target of a link, for symbolic links that could not be kept by a name.
    """

    step: Step
    target: bytes = b""
    kept: bytes = b""
    before: Fingerprint | None = None
    after: Fingerprint | None = None
    metadata: tuple[Any, ...] = ()
    more: dict[str, Any] | None = None


class Journal:
    """The journal file of one run, open for writing. Not thread-safe."""

    def __init__(self, directory: str, name: str = NAME) -> None:
        """Open or make it; a torn tail is cut off. Raises ArcxoError E4231 when it is not a journal."""
        self.directory = directory
        os.makedirs(directory, mode=0o700, exist_ok=True)
        path = os.path.join(directory, name)
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._end = sound_length(self._descriptor)
        os.ftruncate(self._descriptor, self._end)
        self._buffer: list[bytes] = []
        self._buffered = 0
        self._named = False
        self._pack = msgpack.Packer().pack

    def append(self, record: Record) -> None:
        """Add a record; `write` or `sync` brings it to the file."""
        data = encode(record)
        self._buffer.append(data)
        self._buffered += len(data)
        if self._buffered >= _BUFFERED:
            self.write()

    def append_created(self, created: Iterable[tuple[bytes, Mark]]) -> None:
        """Add for each what `append` adds of `Record(Step.CREATE, target, after=Fingerprint(*mark))`."""
        pack, head, check = self._pack, _HEAD.pack, zlib.crc32
        for target, mark in created:
            data = pack((_CREATE, target, b"", None, mark, (), None))
            self._buffer += (head(len(data), check(data)), data)
            self._buffered += _HEAD.size + len(data)
        if self._buffered >= _BUFFERED:
            self.write()

    def append_encoded(self, records: bytes) -> None:
        """Add whole records, as `encode` makes each."""
        self._buffer.append(records)
        self._buffered += len(records)
        if self._buffered >= _BUFFERED:
            self.write()

    def write(self) -> None:
        """All records are in the file: they outlive this process."""
        data = memoryview(b"".join(self._buffer))
        self._buffer.clear()
        self._buffered = 0
        while data:
            count = os.pwrite(self._descriptor, data, self._end)
            self._end += count
            data = data[count:]

    def sync(self) -> None:
        """All records are on the disk, and all that is beside them: they outlive a power cut."""
        self.write()
        os.fdatasync(self._descriptor)
        if not self._named:
            # Once, and not before there is something to lose: on a busy disk each of these takes long.
            for beside in sorted(os.listdir(self.directory)):
                path = os.path.join(self.directory, beside)
                if os.path.isfile(path):
                    _sync(path)
            _sync(self.directory)
            _sync(os.path.dirname(self.directory))
            self._named = True

    def close(self) -> None:
        """Write what is left and close."""
        if self._descriptor >= 0:
            self.write()
            os.close(self._descriptor)
            self._descriptor = -1


def read_journal(directory: str, name: str = NAME) -> Iterator[Record]:
    """The records of a journal, in order; ends where the last whole one does. Nothing when there is none."""
    try:
        descriptor = os.open(os.path.join(directory, name), os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        for data in _whole(descriptor):
            yield decode(data)
    finally:
        os.close(descriptor)


def read_backwards(directory: str) -> Iterator[Record]:
    """The records that are there now, the newest first."""
    descriptor = os.open(os.path.join(directory, NAME), os.O_RDONLY | os.O_CLOEXEC)
    try:
        starts, at = array("Q"), 0
        for data in _whole(descriptor):
            starts.append(at)
            at += _HEAD.size + len(data)
        for start in reversed(starts):
            length, _ = _HEAD.unpack(os.pread(descriptor, _HEAD.size, start))
            yield decode(os.pread(descriptor, length, start + _HEAD.size))
    finally:
        os.close(descriptor)


def sound_length(descriptor: int) -> int:
    """How many bytes of an open journal are whole records."""
    return sum(_HEAD.size + len(data) for data in _whole(descriptor))


def encode(record: Record) -> bytes:
    """A record as it is in the file."""
    data: bytes = msgpack.packb(
        [
            record.step.value,
            record.target,
            record.kept,
            _plain(record.before),
            _plain(record.after),
            record.metadata,
            record.more,
        ]
    )
    return _HEAD.pack(len(data), zlib.crc32(data)) + data


def decode(data: bytes) -> Record:
    """The record. Raises ArcxoError E4231 for anything this program does not write."""
    try:
        step, target, kept, before, after, metadata, more = msgpack.unpackb(data, use_list=False)
        _check(target, kept, metadata, more)
        return Record(Step(step), target, kept, _fingerprint(before), _fingerprint(after), metadata, more)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise ArcxoError("E4231", reason=str(error) or type(error).__name__) from error


def _check(target: Any, kept: Any, metadata: Any, more: Any) -> None:
    if not all(type(path) is bytes and (not path or path[:1] == b"/") for path in (target, kept)):
        raise ValueError("a path is not absolute")
    if b"/../" in target + b"/" or b"/../" in kept + b"/":
        raise ValueError("a path is not clean")
    if type(metadata) is not tuple or not (more is None or type(more) is dict):
        raise ValueError("it has another shape")


def _plain(mark: Fingerprint | None) -> tuple[int, ...] | None:
    if mark is None:
        return None
    return mark.inode, mark.size_bytes, mark.modified_ns, mark.mode, mark.uid, mark.gid


def _fingerprint(value: Any) -> Fingerprint | None:
    if value is None:
        return None
    if len(value) != 6 or any(type(number) is not int for number in value):
        raise ValueError("a fingerprint has another shape")
    return Fingerprint(*value)


def _whole(descriptor: int) -> Iterator[bytes]:
    offset, buffer = 0, b""
    while True:
        more = os.pread(descriptor, 1 << 20, offset + len(buffer))
        buffer += more
        start = 0
        while len(buffer) - start >= _HEAD.size:
            length, check = _HEAD.unpack_from(buffer, start)
            if length > _RECORD_MAX:
                return
            data = buffer[start + _HEAD.size : start + _HEAD.size + length]
            if len(data) < length:
                break
            if zlib.crc32(data) != check:
                return
            yield data
            start += _HEAD.size + length
        offset += start
        buffer = buffer[start:]
        if not more:
            return


def _sync(path: str) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
