"""What a crash left in the spool ahead of the shadow: recorded, perhaps applied, but not known any more.

Records become durable before the shadow says so. A path that is recorded in between and then vanishes, or
goes back to what it was, while no engine runs would be the same to shadow and walk. So at a start every
path of those records is made unknown, and compared anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from app.model.entry import EntryKind
from app.replication.codec import decode
from app.replication.content import HASH_BYTES
from app.replication.master.outlet import RECORDED_FACT, Outlet
from app.replication.master.shadow import Shadow
from app.replication.master.spool import Spool
from app.replication.records import (
    BLOCK_BYTES,
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

_READ_BYTES = 4 * 1024 * 1024


def unlearn(
    spool: Spool, shadow: Shadow, outlet: Outlet, removing: Callable[[int, bytes], None]
) -> list[tuple[int, bytes]]:
    """Make every path that the spool has beyond the shadow unknown; returns them, to be compared.

    `removing` (the safety brake) is told of each path before it is recorded as removed.

    Durable when it returns; killed before, it is done again.
    """
    known = shadow.fact(RECORDED_FACT)
    if not known.isdecimal():
        return []
    found: dict[tuple[int, bytes], None] = {}
    for record in _records(spool, int(known)):
        for root, path in _unlearn(record, shadow, outlet, removing):
            found[root, path] = None
    if found:
        outlet.commit()
    return list(found)


def _records(spool: Spool, after: int) -> Iterator[Record]:
    position = max(after, spool.first_seq() - 1)
    last = spool.last_seq
    while position < last:
        read = spool.read(position, _READ_BYTES)
        if not read:
            return
        for spooled in read:
            position = spooled.seq
            if position <= last:
                yield decode(spooled.data)


def _unlearn(
    record: Record, shadow: Shadow, outlet: Outlet, removing: Callable[[int, bytes], None]
) -> Iterator[tuple[int, bytes]]:
    if isinstance(record, StageContent | Mark | Skip):
        return
    root, path = record.root, record.path
    row = shadow.get(root, path)
    if row is not None:
        stale = row._replace(modified_ns=-1, changed_ns=0)
        if isinstance(record, SetMetadata) or (
            isinstance(record, MakeEntry) and row.kind is EntryKind.DIRECTORY is record.metadata.kind
        ):
            shadow.put(root, stale)
            yield root, path
            return
        if row.kind is EntryKind.FILE and isinstance(record, WriteBlocks):
            shadow.put(root, stale._replace(hashes=_without(row.hashes, record)))
            yield root, path
            return
        if row.kind is EntryKind.FILE and isinstance(record, ReplaceFile | MakeLink):
            shadow.put(root, stale._replace(inode=0, hashes=None))
            yield root, path
            return
    elif isinstance(record, SetMetadata) and not path:
        return
    yield from _gone(root, path, shadow, outlet, removing)
    if isinstance(record, Rename):
        yield from _gone(root, record.new_path, shadow, outlet, removing)


def _gone(
    root: int, path: bytes, shadow: Shadow, outlet: Outlet, removing: Callable[[int, bytes], None]
) -> Iterator[tuple[int, bytes]]:
    """The replica has perhaps something else there, or nothing: it is sent anew as a whole, if it exists."""
    if path:
        removing(root, path)
        outlet.put(Remove(root, path))
        shadow.remove(root, path)
        yield root, path


def _without(hashes: bytes | None, record: WriteBlocks) -> bytes | None:
    """The hashes of a file's blocks but for those that were written."""
    if hashes is None:
        return None
    left = bytearray(hashes)
    for extent in (*record.extents, *record.holes):
        first = extent.offset // BLOCK_BYTES * HASH_BYTES
        end = min(len(left), -(-(extent.offset + extent.length) // BLOCK_BYTES) * HASH_BYTES)
        if first < end:
            left[first:end] = bytes(end - first)
    return bytes(left)
