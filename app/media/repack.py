"""What repacking frees: packs of which sessions use a part are written anew with only the blocks in use.

Blocks are moved as they are stored, so no password is needed, and what comes out is known to the byte before
anything is done.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from app.media.generations import newest_refs, refs_name
from app.media.index import read_index
from app.media.label import read_label
from app.media.pack import FOOTER, HASH_BYTES, HEADER, Origin, PackIndex, PackTable
from app.media.refs import MovedRefs, PackReference, encode_moved_refs
from app.media.store import MediaStore
from app.model.errors import ArcxoError

DEAD_SHARE = 0.25
"""A pack is written anew when at least this share of it is in blocks that no session uses."""
WORTH_BYTES = 256 * 1024
"""Less than this in all is left for a later collection."""
_TARGET_BYTES = 32 * 1024 * 1024
_INDEX_BYTES = 8 + 8 + HEADER.size + HASH_BYTES
_WRITER_DIGITS = 32


Place = tuple[str, int]
"""A session: the path of the media that has its header, and its number."""


@dataclass(frozen=True, slots=True)
class Worn:
    """A pack of which some blocks are in use, and some are not. `live` in order."""

    pack: PackIndex
    live: tuple[int, ...]

    @property
    def object_bytes(self) -> int:
        """What it takes with its index object."""
        return self.pack.size + _INDEX_BYTES + len(self.pack.table.encode())


@dataclass(frozen=True, slots=True)
class NewPack:
    """A pack to be written: which blocks of which packs, one after the other."""

    sources: tuple[Worn, ...]

    @property
    def blocks(self) -> list[tuple[PackIndex, int]]:
        """The blocks, in order."""
        return [(worn.pack, block) for worn in self.sources for block in worn.live]

    @property
    def chunks(self) -> int:
        """How many chunks are in it."""
        return sum(chunks_in(worn) for worn in self.sources)

    def origins(self) -> list[Origin]:
        """Where the blocks were sealed; nowhere when they are not encrypted."""
        found: dict[Origin, None] = {}
        for pack, block in self.blocks:
            if pack.header.key_id:
                found.setdefault(origin_of(pack, block)[0])
        return list(found)

    def table_bytes(self) -> int:
        """The size of its table."""
        return PackTable.encoded_size(len(self.blocks), self.chunks, len(self.origins()))

    def size(self) -> int:
        """The size of the pack."""
        stored = sum(pack.table.stored[block] for pack, block in self.blocks)
        return HEADER.size + stored + self.table_bytes() + FOOTER.size

    @property
    def object_bytes(self) -> int:
        """What it takes with its index object."""
        return self.size() + _INDEX_BYTES + self.table_bytes()


@dataclass(frozen=True, slots=True)
class RepackPlan:
    """What would be written, in which order, and how much smaller the media is after."""

    packs: tuple[NewPack, ...] = ()
    sessions: tuple[Place, ...] = ()
    """The sessions whose refs change."""
    frees_bytes: int = 0

    @property
    def worn(self) -> list[Worn]:
        """The packs that go."""
        return [worn for pack in self.packs for worn in pack.sources]


def origin_of(pack: PackIndex, block: int) -> tuple[Origin, int]:
    """(pack and salt, number) that a block was sealed with."""
    table = pack.table
    if table.origins:
        return table.origins[table.block_origin[block]], table.block_number[block]
    return (bytes.fromhex(pack.pack_id), pack.header.salt), block


def chunks_in(worn: Worn) -> int:
    """How many chunks are in the blocks that stay."""
    live = set(worn.live)
    return sum(block in live for block in worn.pack.table.chunk_block)


@dataclass
class _Uses:
    """Which chunks of a pack are in use: bit n of `bits` = chunk n; None = all of them."""

    bits: int | None = 0
    chunks: int = 0

    def is_whole(self) -> bool:
        """Whether every chunk is in use."""
        return self.bits is None or self.bits.bit_count() >= self.chunks

    def add(self, used: bytes | None, chunks: int) -> None:
        self.chunks = chunks
        if used is None or self.bits is None:
            self.bits = None
        else:
            self.bits |= int.from_bytes(used, "little")

    def mask(self, chunks: int) -> bytes:
        """One bit per chunk."""
        if self.bits is None:
            return b"\xff" * ((chunks + 7) // 8)
        length = max((chunks + 7) // 8, (self.bits.bit_length() + 7) // 8)
        return self.bits.to_bytes(length, "little")


@dataclass
class Sessions:
    """The newest refs of the sessions of a set, and what all of them together use."""

    references: dict[Place, tuple[int, list[PackReference]]] = field(default_factory=dict)
    uses: dict[str, _Uses] = field(default_factory=dict)
    stores: dict[str, MediaStore] = field(default_factory=dict)

    @classmethod
    def read(
        cls,
        wanted: Sequence[tuple[MediaStore, Collection[int]]],
        checkpoint: Callable[[], None] = lambda: None,
    ) -> Sessions:
        """ValueError when one cannot be read: then nothing may be taken for unused."""
        found = cls()
        for store, numbers in wanted:
            found.stores[store.location] = store
            for number in sorted(numbers):
                checkpoint()
                generation, references = newest_refs(store, number)
                found.references[store.location, number] = generation, references
                for one in references:
                    found.uses.setdefault(one.pack_id, _Uses()).add(one.used, one.chunks)
        return found

    def fixed_packs(self) -> set[str]:
        """Packs of sessions whose refs cannot be put anew: their media are read-only, or of version 1."""
        fixed = {location for location in self.stores if not _takes_refs(location)}
        return {
            one.pack_id
            for (location, _), (_, references) in self.references.items()
            if location in fixed
            for one in references
        }

    def live_blocks(self, pack: PackIndex) -> tuple[int, ...]:
        """The blocks of a pack with a chunk in use."""
        mask = self.uses[pack.pack_id].mask(len(pack.table))
        used = {b for chunk, b in enumerate(pack.table.chunk_block) if mask[chunk >> 3] >> (chunk & 7) & 1}
        return tuple(sorted(used))


def _takes_refs(location: str) -> bool:
    try:
        writable = not os.statvfs(location).f_flag & os.ST_RDONLY
        return writable and read_label(location).format_version > 1
    except (OSError, ArcxoError):
        return False


def plan_repacking(
    store: MediaStore, sessions: Sessions, *, leave: Collection[str] = ()
) -> tuple[RepackPlan, int, int]:
    """(what would be repacked, how many packs stay partly unused, stored bytes in those that nobody uses).

    `leave` are packs that are not looked at (fossils). Changes nothing.
    """
    present = dict(store.names("packs"))
    fixed = sessions.fixed_packs()
    worn: list[Worn] = []
    kept_packs = kept_bytes = 0
    for pack_id in sorted(sessions.uses.keys() & present.keys()):
        if sessions.uses[pack_id].is_whole() or pack_id in leave:
            continue
        try:
            pack = read_index(store, pack_id)
        except ArcxoError:
            continue
        if pack is None or pack.size != present[pack_id]:
            continue
        live = sessions.live_blocks(pack)
        dead = sum(pack.table.stored) - sum(pack.table.stored[block] for block in live)
        worth = dead >= DEAD_SHARE * pack.size and len(live) < len(pack.table.offsets)
        if worth and pack_id not in fixed:
            worn.append(Worn(pack, live))
        elif lost := dead_bytes(pack, sessions):
            kept_packs += 1
            kept_bytes += lost
    plan = _arranged(sessions, worn)
    if plan.frees_bytes < WORTH_BYTES:
        losses = [dead_bytes(one.pack, sessions) for one in worn]
        return RepackPlan(), kept_packs + len(worn), kept_bytes + sum(losses)
    return plan, kept_packs, kept_bytes + sum(_shared_blocks(one, sessions) for one in worn)


def dead_bytes(pack: PackIndex, sessions: Sessions) -> int:
    """Stored bytes of unused chunks; a block that holds both counts by share."""
    table, mask = pack.table, sessions.uses[pack.pack_id].mask(len(pack.table))
    dead = [0] * len(table.offsets)
    for chunk, block in enumerate(table.chunk_block):
        if not mask[chunk >> 3] >> (chunk & 7) & 1:
            dead[block] += table.chunk_length[chunk]
    return sum(table.stored[block] * lost // table.raw[block] for block, lost in enumerate(dead) if lost)


def _shared_blocks(worn: Worn, sessions: Sessions) -> int:
    """What stays of a pack that is repacked, although unused: it is in blocks with chunks in use."""
    gone = set(range(len(worn.pack.table.offsets))) - set(worn.live)
    return dead_bytes(worn.pack, sessions) - sum(worn.pack.table.stored[block] for block in gone)


def _arranged(sessions: Sessions, worn: list[Worn]) -> RepackPlan:
    """Packs of one kind and key together, the emptiest first: on a full disk they make room for others."""
    groups: dict[tuple[int, str], list[Worn]] = {}
    for one in sorted(worn, key=lambda one: (_live_bytes(one), one.pack.pack_id)):
        groups.setdefault((one.pack.header.kind, one.pack.header.key_id), []).append(one)
    packs: list[NewPack] = []
    for group in groups.values():
        taken: list[Worn] = []
        size = 0
        for one in group:
            if taken and size + _live_bytes(one) > _TARGET_BYTES:
                packs.append(NewPack(tuple(taken)))
                taken, size = [], 0
            taken.append(one)
            size += _live_bytes(one)
        packs.append(NewPack(tuple(taken)))
    gone = {one.pack.pack_id for one in worn}
    touched = [
        place
        for place, (_, references) in sessions.references.items()
        if any(one.pack_id in gone for one in references)
    ]
    frees = sum(one.object_bytes for one in worn) - sum(pack.object_bytes for pack in packs)
    places = {one.pack.pack_id: pack for pack in packs for one in pack.sources}
    for place in touched:
        generation, references = sessions.references[place]
        frees += _refs_bytes(sessions.stores[place[0]], place[1], generation)
        frees -= len(encode_moved_refs(_placeholder(generation + 1, references, places)))
    packs.sort(key=lambda pack: pack.size())
    return RepackPlan(tuple(packs), tuple(touched), frees)


def _live_bytes(worn: Worn) -> int:
    return sum(worn.pack.table.stored[block] for block in worn.live)


def _refs_bytes(store: MediaStore, number: int, generation: int) -> int:
    return store.size(refs_name(number, generation)) or 0


def _placeholder(generation: int, references: list[PackReference], places: dict[str, NewPack]) -> MovedRefs:
    """Refs as long as those that will be put: ids and hashes of packs have one length."""
    made: dict[int, PackReference] = {}
    kept: list[PackReference] = []
    for one in references:
        pack = places.get(one.pack_id)
        if pack is None:
            kept.append(one)
        elif id(pack) not in made:
            chunks = pack.chunks
            made[id(pack)] = PackReference(
                f"{len(made):032x}", pack.size(), bytes(HASH_BYTES), chunks, bytes((chunks + 7) // 8)
            )
    return MovedRefs(generation, bytes(HASH_BYTES), "0" * _WRITER_DIGITS, [*kept, *made.values()])
