"""Contents on their way to the media: cut, identified, stored once, and marked as used."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from blake3 import blake3

from app.backup.ledger import Ledger
from app.backup.new_ids import new_ids
from app.backup.source import (
    SMALL_FILE_BYTES,
    Extents,
    chunks,
    data_extents,
    open_regular,
    open_unseen,
    read_whole,
)
from app.media.index import ChunkIndex
from app.media.keys import chunk_key
from app.media.node import (
    CONTENT,
    CTIME,
    DIRECTORY,
    EXTRA,
    FILE,
    KIND,
    MTIME,
    PIECE,
    SIZE,
    Entry,
    empty_content_id,
    pieces,
)
from app.media.pack import PackIndex
from app.media.reader import ChunkReader, walk
from app.media.refs import PackReference
from app.media.writer import PackWriter
from app.model.archive import CatalogRow
from app.model.entry import EntryKind, kept_ns
from app.native import native

_native: Any | None = native("gathering")
_EMPTY = empty_content_id()


class _Read(NamedTuple):
    """What reading a file gave. The extents are within the size of `found`, which was asked for before."""

    content: bytes
    extents: Extents | None
    found: os.stat_result
    stable: bool
    """Nothing changed meanwhile, and as much was read as the file system says there is."""


class ContentWriter:
    """Stores contents and nodes, sharing what the media holds; remembers every chunk the session uses."""

    def __init__(self, index: ChunkIndex, writer: PackWriter, ledger: Ledger, data_key: bytes | None) -> None:
        self._index = index
        self._known = index.known
        self._new = new_ids()
        self._used = bytearray(index.capacity // 8)
        self._writer = writer
        self._ledger = ledger
        self._key = chunk_key(data_key)
        self.shared_trees: list[bytes] = []
        """Nodes of the base that were taken over, with all beneath them, without being looked at."""
        self._unknown = False
        self.loose_bytes = 0
        """Bytes of the base's content that are, at most, no longer used."""
        self._groups: dict[tuple[int, ...], _Read] = {}

    def _have(self, chunk_id: bytes) -> bool:
        ordinal = self._known.get(chunk_id)
        if ordinal is None:
            return chunk_id in self._new
        self._used[ordinal >> 3] |= 1 << (ordinal & 7)
        return True

    def _is_new(self, chunk_id: bytes) -> bool:
        """Whether a chunk has to be written; it is known from now on. What the media holds is marked."""
        ordinal = self._known.get(chunk_id)
        if ordinal is None:
            return self._new.add(chunk_id)
        self._used[ordinal >> 3] |= 1 << (ordinal & 7)
        return False

    def share(self, entry: Entry) -> bool:
        """Whether the media still holds all of an entry's content; marks it as used."""
        content = entry[CONTENT]
        if len(content) == PIECE.size:
            return self._have(content[:32])
        return all(self._have(content[i : i + 32]) for i in range(0, len(content), PIECE.size))

    def take_over(self, entry: Entry) -> None:
        """An entry of the base stays as it is, a directory with all beneath it."""
        if entry[KIND] == DIRECTORY:
            self.shared_trees.append(entry[CONTENT])
        elif not self.share(entry):
            self._unknown = True

    def loosen(self, base: Entry, now: Entry | None) -> None:
        """A file of the base is gone, or has another content."""
        if base[KIND] != FILE or (now is not None and now[CONTENT] == base[CONTENT]):
            return
        kept = set() if now is None or now[KIND] != FILE else {chunk_id for chunk_id, _ in pieces(now)}
        self.loose_bytes += sum(length for chunk_id, length in pieces(base) if chunk_id not in kept)

    def mark_shared(self, reader: ChunkReader, checkpoint: Callable[[], None]) -> bool:
        """Mark what the trees taken over use; whether all of it was found, so that the refs are complete."""
        for node_id in self.shared_trees:
            self._have(node_id)
            for _, entry in walk(reader, node_id):
                checkpoint()
                if entry[KIND] == DIRECTORY:
                    self._have(entry[CONTENT])
                elif not self.share(entry):
                    self._unknown = True
        return not self._unknown

    def node(self, data: bytes) -> bytes:
        """Store a directory node; its id."""
        chunk_id = blake3(data, key=self._key).digest()
        if self._is_new(chunk_id):
            self._writer.add_node(chunk_id, data)
        return chunk_id

    def _chunk(self, data: bytes | memoryview) -> bytes:
        chunk_id = blake3(data, key=self._key).digest()
        if self._is_new(chunk_id):
            self._ledger.new_bytes += len(data)
            self._writer.add_data(chunk_id, data)
        return PIECE.pack(chunk_id, len(data))

    def whole_files(
        self,
        steps: list[Any],
        at: int,
        contents: memoryview,
        good: bytes,
        number: int,
        position: int,
        doubtful_ns: int,
    ) -> tuple[int, int, int]:
        """Do the steps of `ListedTree` from `at` on that are nothing but new files which were read whole.

        Returns the first step that is left, and which file and place in `contents` it begins with: the
        same ones where there is nothing to do it with (see `app.native`).
        """
        if _native is None:
            return at, number, position
        rows: list[CatalogRow] = []
        is_new = self._is_new if len(self._known) else self._new.add
        at, number, position, read_bytes, new_bytes = _native.whole_files(
            *(steps, at, contents, good, number, position),
            *(partial(blake3, key=self._key), is_new, self._writer.add_data, doubtful_ns),
            *(rows, CatalogRow, EntryKind.FILE, _EMPTY),
        )
        if rows:
            self._ledger.whole(rows, read_bytes, new_bytes)
        return at, number, position

    def whole(self, entry: Entry, data: memoryview) -> None:
        """Fill in the content of a file entry that has exactly the metadata it was read with."""
        self._ledger.read_bytes += len(data)
        entry[CONTENT] = self._chunk(data) if data else b""

    def file(self, source: bytes, path: bytes, entry: Entry, *, frozen: bool, stamp_ns: int = 0) -> None:
        """Fill in size, content and extents of a file entry.

        Read again once when the file changed meanwhile, then kept as read with a problem (W4210). With
        `frozen` (size and time are a manifest's) another size or time is a problem too. Raises OSError when
        it cannot be read. `stamp_ns` is the change time that its snapshot gave it: with that it is as it was.
        """
        if stamp_ns and entry[SIZE] <= SMALL_FILE_BYTES and self._stamped(source, entry, stamp_ns):
            return
        descriptor, before = open_regular(source)
        try:
            size = before.st_size
            if (
                size <= SMALL_FILE_BYTES
                and before.st_blocks * 512 >= size
                and not (entry[EXTRA] and "h" in entry[EXTRA])
            ):
                data = read_whole(descriptor, size)
                if len(data) == size and _same(before, os.fstat(descriptor)):
                    self._ledger.read_bytes += size
                    content = self._chunk(data) if data else b""
                    self._filled(path, entry, before, content, stable=True, frozen=frozen)
                    return
            self._large(descriptor, path, entry, before, frozen=frozen)
        finally:
            os.close(descriptor)

    def _stamped(self, source: bytes, entry: Entry, stamp_ns: int) -> bool:
        """Nearly every file of a file server, with as few calls as can be: a look after reading proves it.

        False when it is not as it was frozen, is sparse or one of several links: it is to be read as any.
        """
        size = entry[SIZE]
        descriptor = open_unseen(source)
        try:
            data = os.read(descriptor, size + 1)
            found = os.fstat(descriptor)
        finally:
            os.close(descriptor)
        if (
            len(data) != size
            or found.st_ctime_ns != stamp_ns
            or kept_ns(found.st_mtime_ns) != entry[MTIME]
            or found.st_size != size
            or found.st_blocks * 512 < size
            or not stat.S_ISREG(found.st_mode)
            or (entry[EXTRA] and "h" in entry[EXTRA])
        ):
            return False
        self._ledger.read_bytes += size
        entry[CONTENT] = self._chunk(data) if data else b""
        return True

    def _large(
        self, descriptor: int, path: bytes, entry: Entry, before: os.stat_result, *, frozen: bool
    ) -> None:
        group = tuple(entry[EXTRA]["h"]) if entry[EXTRA] and "h" in entry[EXTRA] else None
        known = self._groups.get(group) if group is not None else None
        if known is not None and _same(known.found, before):
            one = known
        else:
            one = self._read(descriptor, path)
            if not one.stable:
                one = self._read(descriptor, path)
        if one.extents is not None:
            entry[EXTRA] = {**(entry[EXTRA] or {}), "s": one.extents}
        self._filled(path, entry, one.found, one.content, stable=one.stable, frozen=frozen)
        if group is not None and one.stable:
            self._groups[group] = one

    def _filled(
        self,
        path: bytes,
        entry: Entry,
        found: os.stat_result,
        content: bytes,
        *,
        stable: bool,
        frozen: bool,
    ) -> None:
        entry[CONTENT] = content
        sparse = entry[EXTRA] is not None and "s" in entry[EXTRA]
        size = found.st_size if sparse else _length(content)
        differs = frozen and (found.st_size, kept_ns(found.st_mtime_ns)) != (entry[SIZE], entry[MTIME])
        if not stable or differs or size != entry[SIZE]:
            if not stable or frozen:
                self._ledger.problem("W4210", path)
            # No stamp: the next backup reads it again.
            entry[CTIME] = 0
        if not frozen:
            entry[MTIME] = kept_ns(found.st_mtime_ns)
        entry[SIZE] = size

    def _read(self, descriptor: int, path: bytes) -> _Read:
        found = os.fstat(descriptor)
        size, ledger = found.st_size, self._ledger
        extents = data_extents(descriptor, found) if size else None
        if size <= SMALL_FILE_BYTES and extents is None:
            data = read_whole(descriptor, size)
            ledger.read_bytes += len(data)
            content, whole = self._chunk(data) if data else b"", len(data) == size
        else:
            parts, wanted, done = [], extents if extents is not None else [[0, size]], 0
            for piece in chunks(descriptor, wanted):
                ledger.read_bytes += len(piece)
                done += len(piece)
                parts.append(self._chunk(piece))
                ledger.tick(path)
            content, whole = b"".join(parts), done == sum(length for _, length in wanted)
            if extents is not None and not whole:
                extents = _cut(extents, done)
        return _Read(content, extents, found, whole and _same(found, os.fstat(descriptor)))

    def references(self, new: list[PackIndex], shared: list[PackReference]) -> list[PackReference]:
        """All packs of the session: new ones whole, older ones by chunks used, `shared` united with them."""
        found: dict[str, PackReference] = {one.pack_id: one for one in shared}
        for number, pack in enumerate(self._index.packs):
            count, start = len(pack.table), self._index.base(number) // 8
            used: bytes | None = bytes(self._used[start : start + (count + 7) // 8])
            before = found.get(pack.pack_id)
            if before is not None:
                used = _united(used, before.used)
            if used is None or any(used):
                found[pack.pack_id] = PackReference(pack.pack_id, pack.size, pack.hash, count, used)
        for pack in new:
            found[pack.pack_id] = PackReference(pack.pack_id, pack.size, pack.hash, len(pack.table), None)
        return list(found.values())


def _cut(extents: Extents, length: int) -> Extents:
    """The extents that the first bytes of a file's data fill: what was not read any more is a hole."""
    found: Extents = []
    for offset, size in extents:
        if length > 0:
            found.append([offset, min(size, length)])
        length -= size
    return found


def _same(one: os.stat_result, other: os.stat_result) -> bool:
    """What must be the same before and after reading."""
    return (
        one.st_dev == other.st_dev
        and one.st_mtime_ns == other.st_mtime_ns
        and one.st_size == other.st_size
        and one.st_ctime_ns == other.st_ctime_ns
        and one.st_ino == other.st_ino
    )


def _length(content: bytes) -> int:
    return sum(length for _, length in PIECE.iter_unpack(content))


def _united(one: bytes | None, other: bytes | None) -> bytes | None:
    if one is None or other is None:
        return None
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(len(one), "little")
