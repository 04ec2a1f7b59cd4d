"""What a purge would free, told before anything is deleted."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from app.media.fossils import fossil_names
from app.media.generations import all_generations, refs_name, session_of_refs
from app.media.intents import live_intents
from app.media.label import read_label
from app.media.mediaset import CollectorStore, members
from app.media.refs import PackReference
from app.media.repack import Sessions, plan_repacking
from app.media.session import header_name, numbers
from app.media.set_usage import SetUsage
from app.media.store import DirectoryMediaStore, MediaStore
from app.media.usage import read_refs
from app.model.errors import ArcxoError, NotFoundError
from app.model.media import PurgePlan


def plan(media_path: str, chosen: Collection[int], expected: Collection[int]) -> PurgePlan:
    """See `app.media.api.plan_purge`."""
    store = CollectorStore(media_path)
    label = read_label(media_path)
    present = set(numbers(store))
    for number in sorted(chosen):
        if number not in present and number not in expected:
            raise NotFoundError("E4121", media=media_path, session=number)
    usage = SetUsage(store)
    # A session that is to go may be unreadable: what it alone needs goes with it.
    usage.refresh([number for number in expected if number not in chosen], without=chosen)
    kept = usage.packs()
    known = {one.pack_id for number in chosen for one in _refs_or_none(store, number)}
    packs = dict(store.names("packs"))
    sizes = dict(store.names("index"))
    freed = packs.keys() - kept
    loose = [pack for pack in sizes if pack not in packs and pack not in kept]
    freed_bytes = sum(packs[pack] + sizes.get(pack, 0) for pack in freed) + sum(sizes[pack] for pack in loose)
    on_others = [_unused_on(other, kept) for other in store.others]
    refs = all_generations(store)
    own = sum(
        store.size(name) or 0
        for number in chosen
        for name in (header_name(number), *(refs_name(number, one) for one in refs.get(number, ())))
    )
    unfinished = _unfinished_refs(store, present | set(chosen))
    garbage = sum(packs[pack] + sizes.get(pack, 0) for pack in freed - known)
    garbage += sum(sizes[pack] for pack in loose if pack not in known) + unfinished
    writers = len(live_intents(store))
    for unused in on_others:
        freed_bytes += sum(unused.values())
        garbage += sum(size for pack, size in unused.items() if pack not in known)
    repack = _repacking(store, set(usage.sessions()))
    return PurgePlan(
        media_serial=label.serial,
        media_name=label.name,
        sessions=tuple(sorted(chosen)),
        remaining=len(present - set(chosen)),
        frees_bytes=freed_bytes + own + unfinished + repack.frees_bytes,
        frees_packs=len(freed) + sum(len(unused) for unused in on_others),
        garbage_bytes=garbage,
        waits_bytes=freed_bytes + unfinished + repack.frees_bytes if writers else 0,
        writers=writers,
        partly_dead_bytes=repack.kept_bytes,
        partly_dead_packs=repack.kept_packs,
        repacks_bytes=repack.frees_bytes,
        repacks_packs=repack.packs,
    )


def _unused_on(other: DirectoryMediaStore, kept: set[str]) -> dict[str, int]:
    """Packs of another media of the set that no session needs then, with what each takes."""
    packs, indexes = dict(other.names("packs")), dict(other.names("index"))
    return {
        pack: packs.get(pack, 0) + indexes.get(pack, 0)
        for pack in packs.keys() | indexes.keys()
        if pack not in kept
    }


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
        if (refs := session_of_refs(name)) is not None and refs[0] not in present
    )


@dataclass
class _Repacking:
    """What repacking frees on all media of a set, and what stays unused after it."""

    frees_bytes: int = 0
    packs: int = 0
    kept_packs: int = 0
    kept_bytes: int = 0


def _repacking(store: CollectorStore, sessions: set[int]) -> _Repacking:
    """What each media of the set does once the chosen sessions are gone."""
    found = _Repacking()
    media = members(store)
    wanted = [(media[0], sessions), *((other, set(numbers(other))) for other in media[1:])]
    try:
        read = Sessions.read(wanted)
    except ValueError as error:
        number = min(sessions, default=0)
        raise ArcxoError("E4150", media=store.location, session=number, reason=str(error)) from error
    for one in media:
        plan, packs, lost = plan_repacking(one, read, leave=fossil_names(one))
        found.kept_packs += packs
        found.kept_bytes += lost
        if read_label(one.location).format_version > 1:
            found.frees_bytes += plan.frees_bytes
            found.packs += len(plan.worn)
        else:
            found.kept_packs += len(plan.worn)
    return found
