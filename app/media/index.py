"""Which chunks a media holds, and where: the tables of all packs of one deduplication domain."""

from __future__ import annotations

import dataclasses
import struct
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass

from app.media.fossils import fossil_packs
from app.media.mediaset import members
from app.media.pack import FOOTER, HEADER, PackIndex, decode_index, encode_index, footer
from app.media.store import LOOKS, MediaStore, get_if_there
from app.model.errors import ArcxoError
from app.native import native

_native = native("ids")
QUARANTINE = "quarantine"
"""Where damaged packs are moved: what is whole in them can still be read, nothing new is built on it."""


@dataclass(frozen=True, slots=True)
class Location:
    """A chunk's place: the block of a pack, and the part of the block."""

    pack: PackIndex
    block: int
    offset: int
    length: int


class Ids(dict[bytes, int]):
    """Chunk id → ordinal, as `app.native.ids` keeps them in a tenth of the memory."""

    def expect(self, count: int) -> None:
        """Make room for so many more, where that can be done."""

    def add(self, ids: bytes | bytearray, first: int) -> list[int]:
        """Add ids that follow each other; the first gets the ordinal `first`. The places of those known."""
        again: list[int] = []
        kept = bytes(ids)
        for local, start in enumerate(range(0, len(kept), 32)):
            if self.setdefault(kept[start : start + 32], first + local) != first + local:
                again.append(local)
        return again


class ChunkIndex:
    """Chunk id → place. `known` maps ids to global ordinals; packs follow each other in them.

    For reading, all that is left counts: packs in quarantine, cut ones, those that lost their index object.
    With `sharing` (a writer, whose intent must be there already) only whole packs that are no fossils do, so
    nothing new is built on others. With `kind` only packs of that kind are in it.
    """

    def __init__(
        self, store: MediaStore, key_id: str, *, sharing: bool = False, kind: int | None = None
    ) -> None:
        self.known: Ids = Ids() if _native is None else _native.Ids()
        self.packs: list[PackIndex] = []
        self._others: dict[bytes, list[int]] = {}
        self._bases: list[int] = []
        self._end = 0
        self._key_id = key_id
        self._sharing = sharing
        self._kind = kind
        self._listed: set[str] = set()
        if sharing:
            # Fossils before packs: one that is no fossil any more is then gone from the packs, if deleted.
            unwanted = frozenset().union(*(fossil_packs(one) for one in members(store)))
            present = dict(store.names("packs"))
            packs: list[PackIndex] = []
            for pack_id, _ in store.names("index"):
                if pack_id in present and pack_id not in unwanted:
                    pack = read_index(store, pack_id)
                    if pack is not None and pack.header.key_id == key_id and pack.size == present[pack_id]:
                        packs.append(pack)
            self.known.expect(sum(len(pack.table) for pack in packs))
            for pack in packs:
                self.add(pack)
            return
        self._look(store)

    def add(self, pack: PackIndex) -> None:
        """Append a pack; ids known already keep their place."""
        count, ids, first = len(pack.table), pack.table.ids, self._end
        # Before the chunks are known: other threads may look for them now.
        self.packs.append(pack)
        self._bases.append(first)
        for local in self.known.add(ids, first):
            self._others.setdefault(pack.table.chunk_id(local), []).append(first + local)
        self._end += (count + 7) // 8 * 8  # so that a pack's part of a bitmap begins at a byte

    def learn(self, store: MediaStore) -> bool:
        """Add the packs that came since the media was listed; whether there were any. One thread only."""
        if self._sharing:
            return False  # a writer builds on what it saw when it began
        return self._look(store)

    def _look(self, store: MediaStore) -> bool:
        """Add what is not known yet; whether there was any.

        A pack that goes away between listing and reading was repacked, removed or put into quarantine: what
        took its place is there by then, so all is listed anew.
        """
        came = False
        for _ in range(LOOKS):
            gone = False
            for directory in ("packs", QUARANTINE):
                for pack_id, size in store.names(directory):
                    name = f"{directory}/{pack_id}"
                    if name in self._listed:
                        continue
                    pack = read_index(store, pack_id) or _read_table(store, name, size)
                    if pack is None:
                        gone = gone or store.size(name) is None
                        continue
                    self._listed.add(name)
                    if pack.header.key_id == self._key_id and self._kind in (None, pack.header.kind):
                        self.add(dataclasses.replace(pack, directory=directory))
                        came = True
            if not gone:
                break
        return came

    def position(self, ordinal: int) -> tuple[int, int]:
        """(number of the pack in `packs`, ordinal of the chunk in it)."""
        number = bisect_right(self._bases, ordinal) - 1
        return number, ordinal - self._bases[number]

    @property
    def capacity(self) -> int:
        """One more than the highest ordinal."""
        return self._end

    def base(self, number: int) -> int:
        """The ordinal of the first chunk of a pack; a multiple of 8."""
        return self._bases[number]

    def locate(self, chunk_id: bytes) -> Location | None:
        """Where a chunk is; None when the media does not hold it."""
        ordinal = self.known.get(chunk_id)
        return None if ordinal is None else self._location(ordinal)

    def spot(self, chunk_id: bytes) -> tuple[int, int, int, int] | None:
        """(number of the pack in `packs`, block, offset, length) of the place that `locate` gives."""
        ordinal = self.known.get(chunk_id)
        if ordinal is None:
            return None
        number = bisect_right(self._bases, ordinal) - 1
        table, local = self.packs[number].table, ordinal - self._bases[number]
        return number, table.chunk_block[local], table.chunk_offset[local], table.chunk_length[local]

    def places(self, chunk_id: bytes) -> Iterator[Location]:
        """All places of a chunk, the one of `locate` first."""
        ordinal = self.known.get(chunk_id)
        if ordinal is not None:
            yield self._location(ordinal)
            for other in self._others.get(chunk_id, ()):
                yield self._location(other)

    def _location(self, ordinal: int) -> Location:
        number, local = self.position(ordinal)
        pack = self.packs[number]
        table = pack.table
        return Location(pack, table.chunk_block[local], table.chunk_offset[local], table.chunk_length[local])


def read_index(store: MediaStore, pack_id: str) -> PackIndex | None:
    """A pack's index object; None when it is gone or damaged."""
    data = get_if_there(store, f"index/{pack_id}")
    try:
        return None if data is None else decode_index(pack_id, data)
    except ValueError:
        return None


def _read_table(store: MediaStore, name: str, size: int) -> PackIndex | None:
    try:
        return read_table(store, name, size)
    except (ValueError, ArcxoError):
        return None


def read_table(store: MediaStore, name: str, size: int) -> PackIndex:
    """What a pack of `size` bytes says of itself at its end. ValueError when that is damaged."""
    head = store.get_range(name, 0, HEADER.size)
    tail = store.get_range(name, max(0, size - FOOTER.size), FOOTER.size)
    try:
        offset, length, _, _ = FOOTER.unpack(tail)
        if offset + length + FOOTER.size != size:
            raise ValueError("its table is not where it should be")
        table = store.get_range(name, offset, length)
        if tail != footer(offset, head, table):
            raise ValueError("the checksum of its table does not match")
        return decode_index(name.rpartition("/")[2], encode_index(head, table, size))
    except struct.error as error:
        raise ValueError("it is cut short") from error
