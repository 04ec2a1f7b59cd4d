"""What a purge would free, told before anything is deleted."""

from __future__ import annotations

from collections.abc import Collection

from app.media.intents import live_intents
from app.media.label import read_label
from app.media.pack import PackTable, decode_index
from app.media.refs import PackReference
from app.media.session import header_name, numbers
from app.media.store import DirectoryMediaStore, MediaStore
from app.media.usage import Usage, read_refs
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import PurgePlan


def plan(media_path: str, chosen: Collection[int], expected: Collection[int]) -> PurgePlan:
    """See `app.media.api.plan_purge`."""
    store = DirectoryMediaStore(media_path)
    label = read_label(media_path)
    present = set(numbers(store))
    for number in sorted(chosen):
        if number not in present and number not in expected:
            raise NotFoundError("E4121", media=media_path, session=number)
    usage = Usage(store)
    # A session that is to go may be unreadable: what it alone needs goes with it.
    usage.refresh([number for number in expected if number not in chosen], without=chosen)
    kept = usage.packs()
    known = {one.pack_id for number in chosen for one in _refs_or_none(store, number)}
    packs = dict(store.names("packs"))
    sizes = dict(store.names("index"))
    freed = packs.keys() - kept
    loose = [pack for pack in sizes if pack not in packs and pack not in kept]
    freed_bytes = sum(packs[pack] + sizes.get(pack, 0) for pack in freed) + sum(sizes[pack] for pack in loose)
    own = sum(store.size(header_name(number) + suffix) or 0 for number in chosen for suffix in ("", ".refs"))
    unfinished = _unfinished_refs(store, present | set(chosen))
    garbage = sum(packs[pack] + sizes.get(pack, 0) for pack in freed - known)
    garbage += sum(sizes[pack] for pack in loose if pack not in known) + unfinished
    writers = len(live_intents(store))
    dead_packs, dead_bytes = _partly_dead(store, set(usage.sessions()), packs.keys() & kept)
    return PurgePlan(
        media_serial=label.serial,
        media_name=label.name,
        sessions=tuple(sorted(chosen)),
        remaining=len(present - set(chosen)),
        frees_bytes=freed_bytes + own + unfinished,
        frees_packs=len(freed),
        garbage_bytes=garbage,
        waits_bytes=freed_bytes + unfinished if writers else 0,
        writers=writers,
        partly_dead_bytes=dead_bytes,
        partly_dead_packs=dead_packs,
    )


def used_bytes(media_path: str) -> int:
    """See `app.media.api.used_bytes`."""
    store = DirectoryMediaStore(media_path)
    return sum(size for directory in ("packs", "index") for _, size in store.names(directory))


def _refs_or_none(store: MediaStore, number: int) -> list[PackReference]:
    try:
        return read_refs(store, number)
    except ValueError:
        return []


def _unfinished_refs(store: MediaStore, present: set[int]) -> int:
    """Bytes of refs objects whose writer did not come to the header."""
    return sum(
        size
        for name, size in store.names("sessions")
        if name.endswith(".refs") and name[:6].isdigit() and int(name[:6]) not in present
    )


def _partly_dead(store: MediaStore, sessions: set[int], packs: Collection[str]) -> tuple[int, int]:
    """How many packs hold chunks that no session uses, and how many stored bytes those are."""
    used: dict[str, bytearray | None] = {}
    for number in sessions:
        for one in _refs_or_none(store, number):
            before = used.get(one.pack_id, b"")
            if before is None or one.used is None:
                used[one.pack_id] = None
            else:
                union = int.from_bytes(before, "little") | int.from_bytes(one.used, "little")
                used[one.pack_id] = bytearray(union.to_bytes(max(len(before), len(one.used)), "little"))
    count = dead = 0
    for pack in packs:
        bits = used.get(pack)
        if bits is None:
            continue
        try:
            table = decode_index(pack, store.get(f"index/{pack}")).table
        except (ValueError, ArcxoError):
            continue
        lost = _dead_bytes(table, bits)
        count += lost > 0
        dead += lost
    return count, dead


def _dead_bytes(table: PackTable, bits: bytearray) -> int:
    """Stored bytes of unused chunks; a block that holds both counts by share."""
    dead = [0] * len(table.offsets)
    for chunk, block in enumerate(table.chunk_block):
        if chunk >> 3 >= len(bits) or not bits[chunk >> 3] >> (chunk & 7) & 1:
            dead[block] += table.chunk_length[chunk]
    return sum(table.stored[block] * lost // table.raw[block] for block, lost in enumerate(dead) if lost)
