"""Change records as bytes and back.

A record is one msgpack array: its tag and its fields in order. Decoding is strict, as the bytes may come
from a hostile or damaged peer: anything but exactly what `encode` makes is refused with ER00301.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgpack

from app.model.entry import EntryKind, Metadata, Xattrs, kept_ns
from app.model.errors import ArcxoError
from app.model.paths import check_relative
from app.model.rewind import PointKind
from app.replication.records import (
    Extent,
    MakeEntry,
    MakeLink,
    Mark,
    Record,
    Remove,
    Rename,
    ReplaceFile,
    SetMetadata,
    Skip,
    StageContent,
    WriteBlocks,
)

RECORD_MAX_BYTES = 7 * 1024 * 1024
"""No encoded record is larger, so that a batch with one record always fits a frame."""

ROOTS_MAX = 10_000
TEXT_MAX_CHARACTERS = 4_096
XATTRS_MAX = 1_024
EXTENTS_MAX = 100_000
CONTAINERS_MAX = 1_000_000
MAP_MAX = 64
_SMALL_BYTES = 64 * 1024
_U63 = (1 << 63) - 1
_SMALL_CONTENT_BYTES = 8 * 1024
"""More than this is not worth packing by msgpack, which copies twice what is large."""

_KINDS = tuple(EntryKind)
KIND_NUMBER = {kind: number for number, kind in enumerate(_KINDS)}
_FILE_NUMBER = KIND_NUMBER[EntryKind.FILE]
_METADATA_TYPES = (int, int, int, int, int, int, list, bytes, int)
_REPLACE_TYPES = (int, int, bytes, list, list, bytes, int)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_9999_US = 253_402_300_799_999_999

_STAGE, _REPLACE, _BLOCKS, _ENTRY, _LINK, _REMOVE, _RENAME, _METADATA, _MARK, _SKIP = range(1, 11)


def encode(record: Record) -> bytes:
    """The bytes of one record."""
    match record:
        case StageContent(stage, offset, data):
            fields: list[Any] = [_STAGE, stage, offset, data]
        case ReplaceFile(root, path, metadata, extents, data, stage):
            if data is not None and len(data) > _SMALL_CONTENT_BYTES:
                return _joined(
                    [_REPLACE, root, path, pack_metadata(metadata), _pack_extents(extents)], data, stage
                )
            fields = [_REPLACE, root, path, pack_metadata(metadata), _pack_extents(extents), data, stage]
        case WriteBlocks(root, path, metadata, extents, data, stage, holes):
            fields = [_BLOCKS, root, path, pack_metadata(metadata), _pack_extents(extents), data, stage]
            if holes:
                fields.append(_pack_extents(holes))
        case MakeEntry(root, path, metadata):
            fields = [_ENTRY, root, path, pack_metadata(metadata)]
        case MakeLink(root, path, existing):
            fields = [_LINK, root, path, existing]
        case Remove(root, path):
            fields = [_REMOVE, root, path]
        case Rename(root, path, new_path):
            fields = [_RENAME, root, path, new_path]
        case SetMetadata(root, path, metadata):
            fields = [_METADATA, root, path, pack_metadata(metadata)]
        case Mark(kind, id, text, at):
            fields = [_MARK, kind.value, id, text, pack_time(at)]
        case Skip():
            fields = [_SKIP]
    packed: bytes = msgpack.packb(fields, use_bin_type=True)
    return packed


def encode_file(
    root: int, path: bytes, status: os.stat_result, xattrs: Xattrs, extents: tuple[Extent, ...], data: bytes
) -> bytes:
    """The bytes of the `ReplaceFile` of a file in this state, without making one: there are very many."""
    metadata = [
        _FILE_NUMBER, status.st_mode & 0o7777, status.st_uid, status.st_gid, status.st_size,
        kept_ns(status.st_mtime_ns), xattrs, b"", 0,
    ]  # fmt: skip
    if len(data) > _SMALL_CONTENT_BYTES:
        return _joined([_REPLACE, root, path, metadata, _pack_extents(extents)], data, 0)
    packed: bytes = msgpack.packb(
        [_REPLACE, root, path, metadata, _pack_extents(extents), data, 0], use_bin_type=True
    )
    return packed


def _joined(before: list[Any], data: bytes, after: int) -> bytes:
    """What msgpack makes of all that in one array, with one copy of `data`."""
    head: bytes = msgpack.packb(before, use_bin_type=True)
    tail: bytes = msgpack.packb(after)
    return b"".join((array_header(len(before) + 2), head[1:], bin_header(len(data)), data, tail))


def array_header(count: int) -> bytes:
    """What stands before `count` things in msgpack."""
    if count < 1 << 4:
        return b"%c" % (0x90 | count)
    if count < 1 << 16:
        return b"\xdc" + count.to_bytes(2, "big")
    return b"\xdd" + count.to_bytes(4, "big")


def bin_header(length: int) -> bytes:
    """What stands before `length` bytes in msgpack."""
    if length < 1 << 8:
        return b"\xc4%c" % length
    if length < 1 << 16:
        return b"\xc5" + length.to_bytes(2, "big")
    return b"\xc6" + length.to_bytes(4, "big")


def decode(data: bytes) -> Record:
    """The record that `encode` turned into `data`.

    Raises:
        ArcxoError: ER00301 when the bytes are no such record, E1010 for a path that is not clean.
    """
    fields = unpack(data, RECORD_MAX_BYTES)
    tag = take_int(fields[0] if fields else None, 1, _SKIP)
    # One comparison of all types: a synchronisation has one of these for each file.
    if tag == _REPLACE and tuple(map(type, fields)) == _REPLACE_TYPES and fields[6] == 0:
        _, root, path, metadata, extents, content, _ = fields
        known, size = unpack_metadata(metadata), len(content)
        if (
            known.kind is EntryKind.FILE
            and size == known.size_bytes
            and extents == [0, size]
            and type(extents[0]) is type(extents[1]) is int
        ):
            return ReplaceFile(take_root(root), take_path(path), known, (Extent(0, size),), content)
    rest = fields[1:]
    if tag == _STAGE:
        stage, offset, content = take(rest, 3)
        return StageContent(take_int(stage, 1, _U63), take_int(offset, 0, _U63), take_bytes(content))
    if tag in (_REPLACE, _BLOCKS):
        return _decode_content(tag, rest)
    if tag in (_ENTRY, _METADATA):
        root, path, metadata = take(rest, 3)
        kind = MakeEntry if tag == _ENTRY else SetMetadata
        return kind(take_root(root), take_path(path), unpack_metadata(metadata))
    if tag == _LINK:
        root, path, existing = take(rest, 3)
        return MakeLink(take_root(root), take_path(path), take_path(existing))
    if tag == _REMOVE:
        root, path = take(rest, 2)
        return Remove(take_root(root), take_path(path))
    if tag == _RENAME:
        root, path, new_path = take(rest, 3)
        return Rename(take_root(root), take_path(path), take_path(new_path))
    if tag == _SKIP:
        take(rest, 0)
        return Skip()
    kind_text, mark_id, text, at = take(rest, 4)
    try:
        point = PointKind(take_text(kind_text))
    except ValueError:
        refuse("an unknown kind of mark")
    return Mark(point, take_text(mark_id), take_text(text), take_time(at))


def _decode_content(tag: int, rest: list[Any]) -> Record:
    holes: object = []
    if tag == _BLOCKS and len(rest) == 7:
        rest, holes = rest[:6], rest[6]
    root, path, metadata, extents, content, stage = take(rest, 6)
    known = unpack_metadata(metadata)
    if known.kind is not EntryKind.FILE:
        refuse("content of something that is not a file")
    runs = _unpack_extents(extents, known.size_bytes)
    if content is not None and len(take_bytes(content)) != sum(run.length for run in runs):
        refuse("content that does not fill its extents")
    number = take_int(stage, 0, _U63)
    if content is None and number == 0:
        refuse("a record with neither content nor a stage")
    if tag == _REPLACE:
        return ReplaceFile(take_root(root), take_path(path), known, runs, content, number)
    empty = _unpack_extents(holes, known.size_bytes)
    return WriteBlocks(take_root(root), take_path(path), known, runs, content, number, empty)


def pack_metadata(metadata: Metadata) -> list[Any]:
    """A metadata's fields for msgpack."""
    return [
        KIND_NUMBER[metadata.kind],
        metadata.permissions,
        metadata.uid,
        metadata.gid,
        metadata.size_bytes,
        metadata.modified_ns,
        metadata.xattrs,
        metadata.link_target,
        metadata.device,
    ]


def unpack_metadata(value: object) -> Metadata:
    """Check and rebuild what `pack_metadata` made. Raises ArcxoError ER00301."""
    # One comparison of all types and one of all ranges: a synchronisation has one of these for each file.
    if type(value) is not list or tuple(map(type, value)) != _METADATA_TYPES:
        refuse("bad metadata")
    kind, permissions, uid, gid, size, modified, xattrs, target, device = value
    if not (
        0 <= kind < len(_KINDS)
        and 0 <= permissions <= 0o7777
        and 0 <= uid <= 0xFFFFFFFF
        and 0 <= gid <= 0xFFFFFFFF
        and 0 <= size <= _U63
        and -_U63 <= modified <= _U63
        and 0 <= device <= _U63
        and len(xattrs) <= XATTRS_MAX
    ):
        refuse("metadata that is out of range")
    pairs = []
    for pair in xattrs:
        name, content = take(pair, 2)
        if not take_bytes(name) or b"\0" in name or len(name) > 255 or len(take_bytes(content)) > 1 << 20:
            refuse("a bad extended attribute")
        pairs.append((name, content))
    known = _KINDS[kind]
    if bool(target) != (known is EntryKind.SYMLINK) or (target and (b"\0" in target or len(target) > 65_536)):
        refuse("a bad link target")
    return Metadata(known, permissions, uid, gid, size, modified, tuple(pairs), target, device)


def _pack_extents(extents: tuple[Extent, ...]) -> list[int]:
    flat: list[int] = []
    for extent in extents:
        flat += (extent.offset, extent.length)
    return flat


def _unpack_extents(value: object, size_bytes: int) -> tuple[Extent, ...]:
    if not isinstance(value, list) or len(value) % 2 or len(value) > 2 * EXTENTS_MAX:
        refuse("a bad list of extents")
    if (
        len(value) == 2
        and value == [0, size_bytes]
        and type(value[0]) is type(value[1]) is int
        and size_bytes
    ):
        return (Extent(0, size_bytes),)
    extents = []
    end = 0
    for offset, length in zip(value[::2], value[1::2], strict=True):
        start = take_int(offset, end, size_bytes)
        end = start + take_int(length, 1, size_bytes - start if size_bytes > start else 0)
        extents.append(Extent(start, end - start))
    return tuple(extents)


def pack_time(at: datetime) -> int:
    """A moment as microseconds since 1970 UTC."""
    return (at - _EPOCH) // timedelta(microseconds=1)


def take_time(value: object) -> datetime:
    """The moment that `pack_time` packed. Raises ArcxoError ER00301."""
    return _EPOCH + timedelta(microseconds=take_int(value, 0, _YEAR_9999_US))


def unpack(data: bytes | memoryview, most_bytes: int) -> list[Any]:
    """One msgpack array of at most `most_bytes`. Raises ArcxoError ER00301."""
    if len(data) > most_bytes:
        refuse("more bytes than allowed")
    hook = _counted() if len(data) > _SMALL_BYTES else None
    try:
        fields = msgpack.unpackb(
            data,
            raw=False,
            strict_map_key=True,
            max_array_len=2 * EXTENTS_MAX,
            max_map_len=MAP_MAX,
            list_hook=hook,
            object_hook=hook,
        )
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError):
        refuse("bytes that are not a message")
    if not isinstance(fields, list):
        refuse("a message that is no array")
    return fields


def _counted() -> Callable[[Any], Any]:
    """Bounds the memory of a message that is made of empty arrays: each byte of it would be sixty."""
    left = CONTAINERS_MAX

    def count(made: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise ValueError("too many arrays")
        return made

    return count


def take(value: object, count: int) -> list[Any]:
    """`value` if it is an array of `count` fields. Raises ArcxoError ER00301."""
    if not isinstance(value, list) or len(value) != count:
        refuse("a wrong number of fields")
    return value


def take_int(value: object, least: int, most: int) -> int:
    """`value` if it is an integer in the range. Raises ArcxoError ER00301."""
    if type(value) is not int or not least <= value <= most:
        refuse("a number out of range")
    return value


def take_bytes(value: object) -> bytes:
    """`value` if it is bytes. Raises ArcxoError ER00301."""
    if not isinstance(value, bytes):
        refuse("a field that is not bytes")
    return value


def take_text(value: object) -> str:
    """`value` if it is a text of bounded length. Raises ArcxoError ER00301."""
    if not isinstance(value, str) or len(value) > TEXT_MAX_CHARACTERS:
        refuse("a field that is not a text")
    return value


def take_path(value: object) -> bytes:
    """`value` if it is a clean relative path. Raises ArcxoError ER00301 or E1010."""
    return check_relative(take_bytes(value))


def take_root(value: object) -> int:
    """`value` if it can be the index of a root. Raises ArcxoError ER00301."""
    return take_int(value, 0, ROOTS_MAX)


def refuse(what: str) -> NoReturn:
    """Raise the error for bytes that are not what they should be."""
    raise ArcxoError("ER00301", cause=what)
