"""Manifests: the metadata of a tree as it was when a snapshot froze it.

Hard links share metadata with the live tree, so a link snapshot carries what it saw. A manifest is a
sequence of msgpack arrays: [path, kind, permissions, uid, gid, size_bytes, modified_ns, xattrs, link_target,
device, inode, changed_ns, links], in the order of `order_key`; the first is the header
["arcxo-manifest", 1], the last ["end", number of entries]: a manifest without its end is not whole. A
fourteenth field is the change time that the snapshot's own link gave the file; without it, it is not known.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgpack

from app.model.entry import EntryKind, Identity, Metadata, kept_ns
from app.model.errors import ArcxoError

_NAME = "arcxo-manifest"
MAGIC = (_NAME, 1)
Buffer = bytes | memoryview


def header() -> bytes:
    """The first bytes of a manifest."""
    return _pack(list(MAGIC))


def entry(path: bytes, metadata: Metadata, identity: Identity, linked_ns: int = 0) -> bytes:
    """One entry; `path` relative to the root, `b""` for the root itself.

    `linked_ns`: the change time after the snapshot's link was made, 0 = not known.
    """
    return _pack(
        [
            path,
            metadata.kind.value,
            metadata.permissions,
            metadata.uid,
            metadata.gid,
            metadata.size_bytes,
            metadata.modified_ns,
            metadata.xattrs,
            metadata.link_target,
            metadata.device,
            identity.inode,
            identity.changed_ns,
            identity.links,
            linked_ns,
        ]
    )


def file_entry(
    path: bytes, status: os.stat_result, xattrs: tuple[tuple[bytes, bytes], ...], linked_ns: int
) -> bytes:
    """The entry of a regular file, straight from what lstat said of it before it was linked."""
    return _pack(
        [
            path,
            "file",
            status.st_mode & 0o7777,
            status.st_uid,
            status.st_gid,
            status.st_size,
            kept_ns(status.st_mtime_ns),
            xattrs,
            b"",
            status.st_rdev,
            status.st_ino,
            status.st_ctime_ns,
            status.st_nlink,
            linked_ns,
        ]
    )


def end(entries: int) -> bytes:
    """The last bytes of a manifest with `entries` entries."""
    return _pack(["end", entries])


def read(data: bytes, name: str) -> Iterator[tuple[bytes, Metadata, Identity]]:
    """The entries of the manifest `data`; `name` is what error messages call it.

    Raises:
        ArcxoError: E4190 when it is cut short, of another version or not a manifest.
    """
    for path, start, length in places(data, name):
        yield path, *entry_at(data, start, length)


def places(data: Buffer, name: str) -> Iterator[tuple[bytes, int, int]]:
    """(path, where its entry begins, bytes of it) for all entries, each of which `entry_at` can read.

    Raises:
        ArcxoError: E4190 as `read`.
    """
    unpacker = msgpack.Unpacker(raw=False, use_list=False, max_buffer_size=max(len(data), 1))
    unpacker.feed(data)
    count = 0
    try:
        if next(unpacker) != MAGIC:
            raise ArcxoError("E4190", manifest=name)
        start = unpacker.tell()
        for item in unpacker:
            if item[0] == "end":
                if item[1] != count:
                    break
                return
            to_entry(item)
            count += 1
            after = unpacker.tell()
            yield item[0], start, after - start
            start = after
    except (StopIteration, ValueError, TypeError, IndexError, msgpack.UnpackException) as error:
        raise ArcxoError("E4190", manifest=name) from error
    raise ArcxoError("E4190", manifest=name)


def entry_at(data: Buffer, start: int, length: int) -> tuple[Metadata, Identity]:
    """The entry at a place that `places` told."""
    return to_entry(msgpack.unpackb(data[start : start + length], raw=False, use_list=False))


def to_entry(item: Any) -> tuple[Metadata, Identity]:
    """Raises ValueError or TypeError for what is none."""
    (
        _path,
        kind,
        permissions,
        uid,
        gid,
        size,
        modified,
        xattrs,
        target,
        device,
        inode,
        changed,
        links,
        *_linked,
    ) = item
    return (
        Metadata(EntryKind(kind), permissions, uid, gid, size, modified, xattrs, target, device),
        Identity(0, inode, changed, links),
    )


def _pack(item: list[object]) -> bytes:
    packed: bytes = msgpack.packb(item, use_bin_type=True)
    return packed
