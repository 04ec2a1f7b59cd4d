"""Which chunks a media holds, and where: the tables of all packs of one deduplication domain."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

from app.media.fossils import fossil_packs
from app.media.pack import PackIndex, decode_index
from app.media.store import MediaStore, get_if_there


@dataclass(frozen=True, slots=True)
class Location:
    """A chunk's place: the block of a pack, and the part of the block."""

    pack: PackIndex
    block: int
    offset: int
    length: int


class ChunkIndex:
    """Chunk id → place. `known` maps ids to global ordinals; packs follow each other in them.

    A pack that is missing, of another size than its index says or of another key is left out. With `sharing`
    (a writer, whose intent must be there already) fossils are left out too, so nothing new is built on them.
    """

    def __init__(self, store: MediaStore, key_id: str, *, sharing: bool = False) -> None:
        self.known: dict[bytes, int] = {}
        self.packs: list[PackIndex] = []
        self._bases: list[int] = []
        self._end = 0
        self.damaged: list[str] = []
        # Fossils before packs: one that is no fossil any more is then gone from the packs, if it was deleted.
        unwanted = fossil_packs(store) if sharing else frozenset()
        present = dict(store.names("packs"))
        for pack_id, _ in store.names("index"):
            if pack_id in unwanted or pack_id not in present:
                continue
            data = get_if_there(store, f"index/{pack_id}")
            if data is None:
                continue  # deleted since it was listed
            try:
                pack = decode_index(pack_id, data)
            except ValueError:
                self.damaged.append(pack_id)
                continue
            if pack.header.key_id == key_id and pack.size == present[pack_id]:
                self.add(pack)

    def add(self, pack: PackIndex) -> None:
        """Append a pack; ids known already keep their place."""
        count, ids = len(pack.table), bytes(pack.table.ids)
        names = [ids[i : i + 32] for i in range(0, 32 * count, 32)]
        if self.known:
            for ordinal, name in enumerate(names, self._end):
                self.known.setdefault(name, ordinal)
        else:
            self.known.update(zip(names, range(self._end, self._end + count), strict=True))
        self.packs.append(pack)
        self._bases.append(self._end)
        self._end += (count + 7) // 8 * 8  # so that a pack's part of a bitmap begins at a byte

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
        if ordinal is None:
            return None
        number, local = self.position(ordinal)
        pack = self.packs[number]
        table = pack.table
        return Location(pack, table.chunk_block[local], table.chunk_offset[local], table.chunk_length[local])
