"""The frames by which a synchronisation compares: listings of the replica, and hashes of its blocks.

A listing is the replica's root in the order of `order_key`, in parts. Hashes are asked for by number;
requests are answered in any order, one answer each: what the master asks for bounds what it has to hold.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgpack

from app.model.entry import EntryKind
from app.model.paths import check_relative
from app.replication.codec import refuse, take, take_bytes, take_int, take_path, take_root, take_text
from app.replication.content import HASH_BYTES
from app.replication.records import BLOCK_BYTES

LISTING_ENTRIES_MAX = 50_000
HASH_ITEMS_MAX = 1_000
REWOUND_PATHS_MAX = 10_000
HASH_BLOCKS_MAX = 16_384
"""Of one request, over all its items: 1 GiB of content."""

HASH_REQUESTS_MAX = 64
"""Requests that may be without an answer at a time; more is a fault of the master."""

NO_FILE = -1
"""The size that stands for: there is no file that can be read."""

_U63 = (1 << 63) - 1
_U64 = (1 << 64) - 1
_TARGET_MAX = 65_536
_DIGEST_BYTES = 16
_KINDS = {
    stat.S_IFREG >> 12: EntryKind.FILE,
    stat.S_IFDIR >> 12: EntryKind.DIRECTORY,
    stat.S_IFLNK >> 12: EntryKind.SYMLINK,
    stat.S_IFIFO >> 12: EntryKind.FIFO,
    stat.S_IFSOCK >> 12: EntryKind.SOCKET,
    stat.S_IFCHR >> 12: EntryKind.CHARACTER_DEVICE,
    stat.S_IFBLK >> 12: EntryKind.BLOCK_DEVICE,
}
FORMAT_OF = {kind: number for number, kind in _KINDS.items()}
"""The number of a kind in a listing: the topmost bits of `st_mode`."""

Listed = tuple[Any, ...]
"""An entry of a listing as it came, its path checked for being bytes only: `check_listed` does the rest."""

_ENTRY_TYPES = (bytes, int, int, int, int, int, int, bytes, bytes, int, int, int, int)


CONTENT_CHANGES = 1 << 63
CONTENT_UNPROVED = 1 << 62


class ListedEntry(NamedTuple):
    """One entry of a listing. Entries with the same device and inode are hard links.

    `xattrs` is the `xattr_digest` of the extended attributes, `rdev` the number of a device file. In a
    listing of what will be after a rewind the `inode` of a file that gets another content has the bit
    `CONTENT_CHANGES`. In one of what there is, the `links` of a file whose size and time do not prove its
    content have the bit `CONTENT_UNPROVED`.
    """

    path: bytes
    kind: EntryKind
    permissions: int
    uid: int
    gid: int
    size_bytes: int
    modified_ns: int
    xattrs: bytes
    link_target: bytes
    rdev: int
    device: int
    inode: int
    links: int


@dataclass(frozen=True, slots=True)
class ListRequest:
    """Master asks for the listing of one root.

    With `point` as it will be once the replica is rewound to that point, only `paths` of it if there are any
    (absolute, the master's); the root itself stays as it is.
    """

    root: int
    point: str = ""
    paths: tuple[bytes, ...] = ()


@dataclass(frozen=True, slots=True)
class Listing:
    """A part of a root's listing, in the order of `order_key`; the root itself (b"") comes first."""

    root: int
    entries: tuple[ListedEntry, ...]


@dataclass(frozen=True, slots=True)
class ListingEnd:
    """The listing of a root is complete."""

    root: int


@dataclass(frozen=True, slots=True)
class HashItem:
    """`length` bytes of a file from `offset`, which is a multiple of the block size."""

    path: bytes
    offset: int
    length: int


@dataclass(frozen=True, slots=True)
class HashRequest:
    """Master asks for the hashes of blocks of files as the replica has them.

    With `stage` the one item is about that staged content, and its path is b"".
    """

    number: int
    root: int
    items: tuple[HashItem, ...]
    stage: int = 0


@dataclass(frozen=True, slots=True)
class HashedPart:
    """What became of an item: the file's size (`NO_FILE`: none), and the hashes of the blocks in the range.

    The last block of a file is as long as the file reaches.
    """

    size_bytes: int
    hashes: bytes


@dataclass(frozen=True, slots=True)
class BlockHashes:
    """The answer to a request, its parts in the order of the items."""

    number: int
    parts: tuple[HashedPart, ...]


def blocks_of(length: int) -> int:
    """How many blocks `length` bytes from a block's start touch."""
    return -(-length // BLOCK_BYTES)


def unpack_list_request(fields: list[Any]) -> ListRequest:
    """Raises ArcxoError ER00301."""
    root, point, paths = take(fields, 3)
    if not isinstance(paths, list) or len(paths) > REWOUND_PATHS_MAX:
        refuse("a bad request for a listing")
    return ListRequest(take_root(root), take_text(point), tuple(take_bytes(path) for path in paths))


def pack_listing(frame: Listing) -> list[Any]:
    """The fields of a listing for msgpack."""
    return [frame.root, [(e[0], FORMAT_OF[e[1]], *e[2:]) for e in frame.entries]]


def unpack_listing(fields: list[Any]) -> Listing:
    """Check and rebuild what `pack_listing` made. Raises ArcxoError ER00301, E1010."""
    root, listed = take(fields, 2)
    if not isinstance(listed, list) or len(listed) > LISTING_ENTRIES_MAX:
        refuse("a bad listing")
    return Listing(take_root(root), tuple([check_listed(value) for value in listed]))


def raw_entries(data: bytes) -> tuple[Listed, ...]:
    """The entries of a `Listing` frame as they came. Raises ArcxoError ER00301 for bytes that are none."""
    try:
        fields = msgpack.unpackb(data, use_list=False, strict_map_key=True)
    except (ValueError, msgpack.exceptions.UnpackException, RecursionError):
        refuse("bytes that are not a message")
    if type(fields) is not tuple or len(fields) != 3 or type(fields[2]) is not tuple:
        refuse("a bad listing")
    entries: tuple[Listed, ...] = fields[2]
    if not 0 < len(entries) <= LISTING_ENTRIES_MAX:
        refuse("a bad listing")
    for entry in entries:
        if type(entry) is not tuple or len(entry) != len(_ENTRY_TYPES) or type(entry[0]) is not bytes:
            refuse("a bad entry of a listing")
    return entries


def raw_entry(data: bytes) -> Any:
    """One of the entries of a `Listing`, of whose bytes nothing but its types was checked."""
    return msgpack.unpackb(data, use_list=False, strict_map_key=True)


def listed_entry(entry: Listed) -> ListedEntry:
    """The entry that a listing has as `entry`, of which nothing is checked."""
    return ListedEntry(entry[0], _KINDS[entry[1]], *entry[2:])


def check_listed(value: Any) -> ListedEntry:
    """The entry that `value` is. Raises ArcxoError ER00301, E1010."""
    # One comparison of all types and one of all ranges: a listing has an entry per file.
    if type(value) not in (list, tuple) or tuple(map(type, value)) != _ENTRY_TYPES:
        refuse("a bad entry of a listing")
    path, kind, permissions, uid, gid, size, modified, xattrs, target, rdev, device, inode, links = value
    if not (
        kind in _KINDS
        and 0 <= permissions <= 0o7777
        and 0 <= uid <= 0xFFFFFFFF
        and 0 <= gid <= 0xFFFFFFFF
        and 0 <= size <= _U63
        and -_U63 <= modified <= _U63
        and len(xattrs) in (0, _DIGEST_BYTES)
        and len(target) <= _TARGET_MAX
        and bool(target) == (kind == FORMAT_OF[EntryKind.SYMLINK])
        and b"\0" not in target
        and 0 <= rdev <= _U63
        and 0 <= device <= _U64
        and 0 <= inode <= _U64
        and 0 <= links <= _U63
    ):
        refuse("an entry of a listing that is out of range")
    return ListedEntry(
        check_relative(path), _KINDS[kind], permissions, uid, gid, size, modified, xattrs, target, rdev,
        device, inode, links,
    )  # fmt: skip


def pack_hash_request(frame: HashRequest) -> list[Any]:
    """The fields of a request for msgpack."""
    items = [[item.path, item.offset, item.length] for item in frame.items]
    return [frame.number, frame.root, items, frame.stage]


def unpack_hash_request(fields: list[Any]) -> HashRequest:
    """Check and rebuild what `pack_hash_request` made. Raises ArcxoError ER00301, E1010."""
    number, root, listed, stage = take(fields, 4)
    if not isinstance(listed, list) or not 0 < len(listed) <= HASH_ITEMS_MAX:
        refuse("a bad request for hashes")
    items = []
    blocks = 0
    for value in listed:
        path, offset, length = take(value, 3)
        if take_int(offset, 0, _U63) % BLOCK_BYTES:
            refuse("a request for hashes from within a block")
        item = HashItem(take_path(path), offset, take_int(length, 1, HASH_BLOCKS_MAX * BLOCK_BYTES))
        if item.offset + item.length > _U63:
            refuse("a request for hashes beyond any file")
        blocks += blocks_of(item.length)
        items.append(item)
    if blocks > HASH_BLOCKS_MAX:
        refuse("a request for too many hashes")
    known = take_int(stage, 0, _U63)
    if known and (len(items) != 1 or items[0].path):
        refuse("a request for hashes of several staged contents")
    return HashRequest(take_int(number, 1, _U63), take_root(root), tuple(items), known)


def pack_block_hashes(frame: BlockHashes) -> list[Any]:
    """The fields of an answer for msgpack."""
    return [frame.number, [[part.size_bytes, part.hashes] for part in frame.parts]]


def unpack_block_hashes(fields: list[Any]) -> BlockHashes:
    """Check and rebuild what `pack_block_hashes` made. Raises ArcxoError ER00301."""
    number, listed = take(fields, 2)
    if not isinstance(listed, list) or not 0 < len(listed) <= HASH_ITEMS_MAX:
        refuse("a bad answer with hashes")
    parts = []
    total = 0
    for value in listed:
        size, hashes = take(value, 2)
        total += len(take_bytes(hashes))
        if len(hashes) % HASH_BYTES or total > HASH_BLOCKS_MAX * HASH_BYTES:
            refuse("hashes that are not whole or too many")
        parts.append(HashedPart(take_int(size, NO_FILE, _U63), hashes))
    return BlockHashes(take_int(number, 1, _U63), tuple(parts))


def check_answer(request: HashRequest, answer: BlockHashes) -> None:
    """Whether `answer` is one to `request`. Raises ArcxoError ER00301."""
    if len(answer.parts) != len(request.items):
        refuse("hashes of something that was not asked for")
    for item, part in zip(request.items, answer.parts, strict=True):
        there = max(0, min(item.length, part.size_bytes - item.offset))
        if len(part.hashes) != blocks_of(there) * HASH_BYTES:
            refuse("another number of hashes than the file has blocks")
