"""Directory nodes: the entries of one directory as one chunk.

An entry is a list; for speed it stays one from reading the base to writing the new node:
[name, kind, permissions, uid, gid, size, mtime_ns, ctime_ns, inode, extra, content].
`content` of a file: for each chunk its id (32 bytes) and length (4 bytes, little-endian); of a directory: the
id of its node; else empty. `extra` is nil or a map: x xattrs, t link target, d device number,
h [device, inode] of a hard-link group, s [[offset, length], …] data extents of a sparse file, y true for
a directory above the roots whose own metadata were not taken.
"""

from __future__ import annotations

import struct
from typing import Any

import msgpack
from blake3 import blake3

from app.model.entry import EntryKind, Metadata

NAME, KIND, PERMISSIONS, UID, GID, SIZE, MTIME, CTIME, INODE, EXTRA, CONTENT = range(11)
FILE, DIRECTORY, SYMLINK, FIFO, CHARACTER_DEVICE, BLOCK_DEVICE = range(6)
KINDS = (
    EntryKind.FILE,
    EntryKind.DIRECTORY,
    EntryKind.SYMLINK,
    EntryKind.FIFO,
    EntryKind.CHARACTER_DEVICE,
    EntryKind.BLOCK_DEVICE,
)
PIECE = struct.Struct("<32sI")
Entry = list[Any]
NAME_MOST = 4095
"""Bytes of a name: what a path can have. Most file systems take 255; where they are characters it is more."""
_FIELDS = 11
_NO_ID = (1 << 32) - 1
"""What chown takes for "leave it"."""
LEFT_OUT = 2
"""What "y" says of a directory that the backup left out; it is true of one above a root."""
_EXTRA_KEYS = {"x", "t", "d", "h", "s", "y"}


def encode_node(entries: list[Entry]) -> bytes:
    """Entries must be sorted by name."""
    packed: bytes = msgpack.packb([1, entries])
    return packed


def decode_node(data: bytes) -> list[Entry]:
    """Checks everything: raises ValueError for names or shapes no writer makes."""
    try:
        document = msgpack.unpackb(data)
    except (ValueError, msgpack.UnpackException) as error:
        raise ValueError("not a directory node") from error
    if type(document) is not list or len(document) != 2 or document[0] != 1:
        raise ValueError("not a directory node of version 1")
    if type(document[1]) is not list:
        raise ValueError("not a directory node of version 1")
    previous = b""
    for entry in document[1]:
        if type(entry) is not list or len(entry) != _FIELDS:
            raise ValueError("an entry has another shape")
        name, kind, permissions, uid, gid, size, modified_ns, changed_ns, inode, extra, content = entry
        if type(name) is not bytes or not previous < name or len(name) > NAME_MOST:
            raise ValueError("an entry has an impossible name")
        if name in (b".", b"..") or b"/" in name or b"\0" in name:
            raise ValueError("an entry has an impossible name")
        previous = name
        if type(kind) is not int or not 0 <= kind < len(KINDS) or type(content) is not bytes:
            raise ValueError("an entry has an impossible kind or content")
        # One by one: this is gone through for each entry of a backup, a restore and a merge.
        if not (
            int is type(permissions) is type(uid) is type(gid) is type(size)
            and int is type(modified_ns) is type(changed_ns) is type(inode)
            and 0 <= permissions < 1 << 32
            and 0 <= uid < _NO_ID
            and 0 <= gid < _NO_ID
            and 0 <= size < 1 << 63
            and -(1 << 63) <= modified_ns < 1 << 63
            and -(1 << 63) <= changed_ns < 1 << 63
            and 0 <= inode < 1 << 64
        ):
            raise ValueError("an entry has an impossible number")
        if (kind == FILE and len(content) % PIECE.size) or (kind == DIRECTORY and len(content) != 32):
            raise ValueError("an entry has an impossible content")
        if extra is not None:
            try:
                _check_extra(extra, kind, entry[SIZE])
            except TypeError as error:
                raise ValueError("an entry has extras of another shape") from error
        elif kind == SYMLINK:
            raise ValueError("a symbolic link has no target")
    entries: list[Entry] = document[1]
    return entries


def _check_extra(extra: Any, kind: int, size: int) -> None:
    if type(extra) is not dict or not extra.keys() <= _EXTRA_KEYS:
        raise ValueError("an entry has unknown extras")
    for pair in extra.get("x", ()):
        if len(pair) != 2 or type(pair[0]) is not bytes or type(pair[1]) is not bytes or b"\0" in pair[0]:
            raise ValueError("an entry has impossible attributes")
    target = extra.get("t", b"")
    if type(target) is not bytes or b"\0" in target or (kind == SYMLINK and not target):
        raise ValueError("an entry has an impossible link target")
    if type(extra.get("d", 0)) is not int or not 0 <= extra.get("d", 0) < 1 << 64:
        raise ValueError("an entry has an impossible device")
    group = extra.get("h", [0, 0])
    if len(group) != 2 or type(group[0]) is not int or type(group[1]) is not int:
        raise ValueError("an entry has an impossible link group")
    end = 0
    for offset, length in extra.get("s", ()):
        if type(offset) is not int or type(length) is not int:
            raise ValueError("an entry has impossible extents")
        if offset < end or length <= 0 or offset + length > size:
            raise ValueError("an entry has impossible extents")
        end = offset + length


def pieces(entry: Entry) -> list[tuple[bytes, int]]:
    """The (chunk id, length) of a file's content, in order."""
    return list(PIECE.iter_unpack(entry[CONTENT]))


def to_metadata(entry: Entry) -> Metadata:
    """An entry as the rest of the product knows it."""
    extra = entry[EXTRA] or {}
    return Metadata(
        kind=KINDS[entry[KIND]],
        permissions=entry[PERMISSIONS] & 0o7777,
        uid=entry[UID],
        gid=entry[GID],
        size_bytes=entry[SIZE],
        modified_ns=entry[MTIME],
        xattrs=tuple((name, value) for name, value in extra.get("x", ())),
        link_target=extra.get("t", b""),
        device=extra.get("d", 0),
    )


def link_group(entry: Entry) -> tuple[object, ...] | None:
    """What is the same for all names of one file, and for no others; None for what has one name alone.

    The content is a part of it: two names of a number are two files where that differs, as of a source that
    changed meanwhile, or of two file systems in a session of a version that did not tell them apart.
    """
    extra = entry[EXTRA]
    if not extra or "h" not in extra:
        return None
    rest = (extra.get("t"), extra.get("d"), msgpack.packb(extra.get("s")))
    return (*extra["h"], entry[KIND], entry[SIZE], entry[CONTENT], *rest)


def content_id(entry: Entry) -> str:
    """32 hex digits that tell one content from another; "" for what has none."""
    kind, content, extra = entry[KIND], entry[CONTENT], entry[EXTRA]
    if kind == FILE:
        if len(content) == PIECE.size and not (extra and "s" in extra):
            return str(content[:16].hex())
        extents = msgpack.packb(extra["s"]) if extra and "s" in extra else b""
        return blake3(content + extents).hexdigest()[:32]
    if kind == SYMLINK:
        return blake3(extra["t"]).hexdigest()[:32]
    return ""


def empty_content_id() -> str:
    """The content id of an empty file."""
    return blake3(b"").hexdigest()[:32]
