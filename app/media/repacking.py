"""Repacking: new packs are written, and refs that name them put in place of those before.

It is a writer like a backup, with an intent, and may be killed anywhere: new packs that no session came to
name are garbage, and until the refs before are removed both say what a session needs (see `generations`).
"""

from __future__ import annotations

import os
from collections.abc import Callable

from app.media.fossils import fossil_packs
from app.media.generations import (
    all_generations,
    all_there,
    generations_of,
    newest_refs,
    refs_name,
    settle,
)
from app.media.intents import Intent
from app.media.mediaset import members
from app.media.moving import write_moved
from app.media.pack import PackIndex
from app.media.refs import MovedRefs, PackReference, encode_moved_refs
from app.media.repack import NewPack, RepackPlan, Sessions, plan_repacking
from app.media.reserve import NAME as RESERVE
from app.media.reserve import RESERVE_BYTES, put_with_reserve
from app.media.session import load_header, numbers
from app.media.store import DirectoryMediaStore, MediaStore
from app.model.errors import ArcxoError, BusyError, NotFoundError

_MEDIA_FULL = "E4141"
_NOT_WRITTEN = (_MEDIA_FULL, "E4142")
_SLACK_BYTES = 64 * 1024
"""For the refs and whatever the file system needs for itself."""


class Repacker:
    """One repacking of one media.

    It keeps count of the packs that gave way, of the bytes written less those of refs removed, and of whether
    there was no room for what is left.
    """

    def __init__(self, store: DirectoryMediaStore, checkpoint: Callable[[], None]) -> None:
        self._store = store
        self._members = members(store)
        self._checkpoint = checkpoint
        self.packs = 0
        self.spent_bytes = 0
        self.lacks_room = False

    def plan(self) -> RepackPlan:
        """What there is to do; nothing while refs of an earlier repacking are not settled."""
        store = self._store
        if any(len(found) > 1 for one in self._members for found in all_generations(one).values()):
            return RepackPlan()
        try:
            sessions = Sessions.read([(one, numbers(one)) for one in self._members], self._checkpoint)
        except ValueError:
            return RepackPlan()  # removed just now; a damaged one was told by the collection
        plan = plan_repacking(store, sessions, leave=fossil_packs(store))[0]
        self.lacks_room = self.lacks_room and bool(plan.packs)
        return plan

    def run(self, plan: RepackPlan) -> bool:
        """Write some of the planned packs and have sessions name them; whether anything gave way.

        All at once where there is room, else those that fit, the smallest first: the caller frees what they
        replace and calls again.
        """
        chosen = self._that_fit(plan)
        if not chosen:
            self.lacks_room = bool(plan.packs)
            return False
        try:
            intent = Intent(self._store, 0, 0)
        except ArcxoError as error:
            if error.code != _MEDIA_FULL:
                raise
            self._store.delete(RESERVE)
            intent = Intent(self._store, 0, 0)
        try:
            made = self._write_all(intent, chosen)
            if not made and self.lacks_room and plan.worn:
                # There is less than the system says, by a quota. The smallest alone, with the reserve's room.
                self._store.delete(RESERVE)
                made = self._write_all(intent, [_smallest(plan)])
            if not made:
                return False
            return self._publish(intent, made)
        except BusyError:
            return False  # judged dead: what was written belongs to nobody
        finally:
            intent.withdraw()

    def _write_all(self, intent: Intent, chosen: list[NewPack]) -> list[tuple[NewPack, PackIndex]]:
        """What could be written of the new packs; when the disk is full the rest is left."""
        made: list[tuple[NewPack, PackIndex]] = []
        try:
            for pack in chosen:
                intent.renew()
                written = self._write(pack)
                if written is not None:
                    made.append((pack, written))
        except ArcxoError as error:
            if error.code != _MEDIA_FULL:
                raise
            self.lacks_room = True
        return made

    def _that_fit(self, plan: RepackPlan) -> list[NewPack]:
        room = self._room() - RESERVE_BYTES
        if plan.packs and plan.packs[0].object_bytes > room and self._store.size(RESERVE) is not None:
            # What the first one frees is more than it takes.
            self._store.delete(RESERVE)
            room = self._room() - RESERVE_BYTES
        chosen = []
        for pack in plan.packs:
            room -= pack.object_bytes + _SLACK_BYTES
            if room < 0:
                break
            chosen.append(pack)
        if not chosen:
            # One alone may fit; what it frees makes room for the next.
            room = self._room()
            if plan.worn and _smallest(plan).object_bytes + _SLACK_BYTES <= room:
                chosen.append(_smallest(plan))
        return chosen

    def _room(self) -> int:
        state = os.statvfs(self._store.location)
        return state.f_bavail * state.f_frsize

    # -- packs -----------------------------------------------------------------------------------------

    def _write(self, new: NewPack) -> PackIndex | None:
        """The new pack; None when a block is not as it was written."""
        written = write_moved(self._store, self._store, new, self._checkpoint)
        if written is not None:
            self.spent_bytes += written.size + (self._store.size(f"index/{written.pack_id}") or 0)
        return written

    # -- refs ------------------------------------------------------------------------------------------

    def _publish(self, intent: Intent, made: list[tuple[NewPack, PackIndex]]) -> bool:
        """Put the refs that name the new packs; then remove those before."""
        places = {worn.pack.pack_id: index for pack, index in made for worn in pack.sources}
        mapped = {worn.pack.pack_id: worn.pack for pack, _ in made for worn in pack.sources}
        intent.claim_commit()
        put: list[tuple[MediaStore, int, int]] = []
        for store in self._members:
            for number in numbers(store):
                generation = self._move(store, intent, number, places, mapped)
                if generation:
                    put.append((store, number, generation))
        try:
            intent.confirm()
        except BusyError:
            for store, number, generation in put:
                if any(before < generation for before in generations_of(store, number)):
                    store.delete(refs_name(number, generation))
            raise
        # From here on it is the new refs that keep the new packs, whoever is killed.
        for store, number, generation in put:
            for before in generations_of(store, number):
                if before < generation:
                    self.spent_bytes -= store.size(refs_name(number, before)) or 0
                    store.delete(refs_name(number, before))
        for store in {id(store): store for store, _, _ in put}.values():
            store.synchronize_directory("sessions")
        self.packs += len(mapped)
        return bool(put)

    def _move(
        self,
        store: MediaStore,
        intent: Intent,
        number: int,
        places: dict[str, PackIndex],
        mapped: dict[str, PackIndex],
    ) -> int:
        """Put a session's new refs; their generation, 0 when it uses nothing that moved, or may not."""
        try:
            header = load_header(store, number)
            generation, references = newest_refs(store, number)
        except (NotFoundError, ArcxoError, ValueError):
            return 0  # removed meanwhile, or damaged: then its packs stay
        if not any(one.pack_id in places for one in references):
            return 0
        now = _moved_references(references, places, mapped)
        if now is None:
            return 0  # its packs stay for it
        if not all_there(self._members, references) or not all_there(self._members, now):
            return 0
        data = encode_moved_refs(MovedRefs(generation + 1, header.refs_hash, intent.id, now))
        try:
            if not put_with_reserve(store, refs_name(number, generation + 1), data):
                return 0
        except ArcxoError as error:
            if error.code not in _NOT_WRITTEN:
                raise
            self.lacks_room = True
            return 0  # its packs stay for it
        self.spent_bytes += len(data)
        return generation + 1


def _smallest(plan: RepackPlan) -> NewPack:
    """The pack that takes the least room, of one that is worn alone."""
    return min((NewPack((worn,)) for worn in plan.worn), key=NewPack.size)


def _moved_references(
    references: list[PackReference], places: dict[str, PackIndex], mapped: dict[str, PackIndex]
) -> list[PackReference] | None:
    """The same chunks in the packs where they are now; None when one is not among those that were moved.

    A backup may have come to share a chunk that nobody used when the blocks were chosen.
    """
    kept: list[PackReference] = []
    used: dict[str, set[bytes]] = {}
    for one in references:
        if one.pack_id not in places:
            kept.append(one)
            continue
        table = mapped[one.pack_id].table
        chunks = used.setdefault(places[one.pack_id].pack_id, set())
        for chunk in range(len(table)):
            if one.used is None or one.used[chunk >> 3] >> (chunk & 7) & 1:
                chunks.add(table.chunk_id(chunk))
    for index in {one.pack_id: one for one in places.values()}.values():
        wanted = used.get(index.pack_id)
        if wanted is None:
            continue
        bits, found = bytearray((len(index.table) + 7) // 8), set()
        for chunk in range(len(index.table)):
            chunk_id = index.table.chunk_id(chunk)
            if chunk_id in wanted:
                bits[chunk >> 3] |= 1 << (chunk & 7)
                found.add(chunk_id)
        if found != wanted:
            return None
        kept.append(PackReference(index.pack_id, index.size, index.hash, len(index.table), bytes(bits)))
    return kept


def settle_sessions(store: DirectoryMediaStore) -> int:
    """Remove refs that others certainly stand in for, on all media of the set; the bytes freed."""
    return settle(members(store), numbers)
