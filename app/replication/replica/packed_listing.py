"""A root's listing as the frames that a synchronisation is sent, made in C where all is as it was noted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import msgpack

from app.native import native
from app.replication.frame_codec import encode_listing, encode_packed_listing
from app.replication.replica.drift_listing import ListedStates
from app.replication.replica.link_groups import ListedLinks
from app.replication.replica.listing import PART_BYTES, PART_ENTRIES, in_parts, list_raw, raw_entry
from app.replication.replica.rooted import Rooted
from app.replication.replica.side_store import RESERVED_PREFIX
from app.replication.replica.trouble import PathTrouble
from app.replication.sync_frames import Listed, listed_entry

_native = native("listing")


def encoded_listing(root: int, place: Rooted, noted: ListedStates, links: ListedLinks) -> Iterator[bytes]:
    """The `Listing`s of everything beneath `place`, in order, encoded. Blocks on the disk.

    Raises OSError for a directory that cannot be read; what vanishes meanwhile is left out.
    """
    if _native is None:
        for part in in_parts(list_raw(place, noted)):
            for entry in part:
                _see(links, entry)
            yield encode_listing(root, part)
        return
    walk = _native.Walk(place.fd, RESERVED_PREFIX)
    try:
        yield from _walked(walk, root, place, noted, links)
    finally:
        walk.close()


def _walked(walk: Any, root: int, place: Rooted, noted: ListedStates, links: ListedLinks) -> Iterator[bytes]:
    done, ask, opens = _native.DONE, _native.ASK, _native.OPEN  # type: ignore[union-attr]  # it is there: `walk` is
    packed: list[bytes] = []
    count = size = 0
    why = -1
    while why != done:
        rows, at = noted.waiting()
        more, number, grown, at, why, linked = walk.run(rows, at, PART_ENTRIES - count, PART_BYTES - size)
        noted.met(at)
        packed.append(more)
        count += number
        size += grown
        for path, inode in linked:
            links.note(path, inode)
        if why == ask:
            entry = raw_entry(place, walk.path, _status(walk.status), noted)
            walk.go_on(entry is not None)
            if entry is not None:
                _see(links, entry)
                packed.append(msgpack.packb(entry, use_bin_type=True))
                count += 1
                size += len(entry[0]) + len(entry[8]) + 100
        elif why == opens:
            _open(walk, place)
        if count >= PART_ENTRIES or size >= PART_BYTES or (why == done and count):
            yield encode_packed_listing(root, count, b"".join(packed))
            packed, count, size = [], 0, 0


def _open(walk: Any, place: Rooted) -> None:
    """Go into a directory that is too deep for all above it to be held open."""
    try:
        fd = place.directory(walk.path)
    except (PathTrouble, FileNotFoundError):
        walk.go_on(False)
    else:
        walk.enter(fd)


def _see(links: ListedLinks, entry: Listed) -> None:
    if entry[12] > 1:
        links.see(listed_entry(entry))


def _status(found: tuple[int, ...]) -> os.stat_result:
    mode, inode, device, links, uid, gid, size, rdev, modified_ns, changed_ns = found
    return os.stat_result(
        (mode, inode, device, links, uid, gid, size, 0, modified_ns // 10**9, changed_ns // 10**9),
        {"st_rdev": rdev, "st_mtime_ns": modified_ns, "st_ctime_ns": changed_ns},
    )
