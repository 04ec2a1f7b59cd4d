"""Fossils: packs that no session refers to, announced before they are deleted.

A generation is three objects, and the order in which they come and go is what makes deleting safe without any
lock (see `resources/docs/formats/media.md`):

- `fossils/<generation>`: the packs. No writer that comes after it shares anything with them.
- `fossils/<generation>.known`: the writers announced after that. While one of them is not done, all stays.
- `fossils/<generation>.end`: the decision, made once: which of the packs are deleted. What one collector
  has decided, any other may finish.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime

from app.media.document import Document, decode_document, encode_document
from app.media.intents import open_intents
from app.media.object_names import check_names
from app.media.reserve import put_with_reserve
from app.media.store import MediaStore
from app.model.errors import ArcxoError

_KNOWN, _END = ".known", ".end"
_GENERATION_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Generation:
    """Packs that were found unreferenced together."""

    name: str
    packs: tuple[str, ...]


def announce(store: MediaStore, packs: list[str]) -> Generation:
    """Put a new generation. Raises E4141 when even the reserve does not make room for it."""
    generation = Generation(secrets.token_hex(_GENERATION_DIGITS // 2), tuple(sorted(packs)))
    fields: Document = {
        "format": "arcxo fossils",
        "packs": list(generation.packs),
        "made_at": datetime.now(UTC).isoformat(),
    }
    put_with_reserve(store, f"fossils/{generation.name}", encode_document(fields))
    return generation


def generations(store: MediaStore) -> list[str]:
    """The generations there are. What a crash left of one that is done is removed."""
    names = {name for name, _ in store.names("fossils")}
    for name in names:
        if "." in name and name.partition(".")[0] not in names:
            store.delete(f"fossils/{name}")
    return sorted(name for name in names if "." not in name)


def read(store: MediaStore, name: str) -> Generation | None:
    """A generation; None when it is done. A damaged one is given up: its packs stay, and are found again.

    Unless it was decided what to delete, as then someone may be deleting it now.
    """
    packs = _list_of(store, f"fossils/{name}", "packs")
    if packs is None and store.size(f"fossils/{name}") is not None:
        fields: Document = {"format": "arcxo fossils end", "delete": []}
        put_with_reserve(store, f"fossils/{name}{_END}", encode_document(fields))
        packs = _list_of(store, f"fossils/{name}{_END}", "delete")
        if not packs:
            forget(store, name)
    return None if packs is None else Generation(name, tuple(packs))


def waits_for(store: MediaStore, name: str) -> set[str]:
    """The writers a generation still waits for; those announced by now when nobody has listed them yet."""
    known = _list_of(store, f"fossils/{name}{_KNOWN}", "intents")
    if known is None:
        known = sorted(open_intents(store))
        fields: Document = {"format": "arcxo fossils known", "intents": known}
        if not put_with_reserve(store, f"fossils/{name}{_KNOWN}", encode_document(fields)):
            # Another collector's list is as good; a damaged one stays, and this one holds for this look.
            known = _list_of(store, f"fossils/{name}{_KNOWN}", "intents") or known
    return {intent for intent in known if store.size(f"intents/{intent}") is not None}


def decision(store: MediaStore, generation: Generation) -> list[str] | None:
    """The packs that are to be deleted, once that is decided. Never others than the generation's."""
    packs = _list_of(store, f"fossils/{generation.name}{_END}", "delete")
    return None if packs is None else [pack for pack in packs if pack in set(generation.packs)]


def decide(store: MediaStore, generation: Generation, packs: list[str]) -> list[str]:
    """Decide, or learn what another has decided. Empty when the generation is done by now.

    Raises E4141 when even the reserve does not make room.
    """
    fields: Document = {"format": "arcxo fossils end", "delete": sorted(packs)}
    won = put_with_reserve(store, f"fossils/{generation.name}{_END}", encode_document(fields))
    if store.size(f"fossils/{generation.name}") is None:
        # It was done, and its packs may be in use again: this decision comes too late.
        store.delete(f"fossils/{generation.name}{_END}")
        return []
    if won:
        return packs
    decided = decision(store, generation)
    if decided is None and store.size(f"fossils/{generation.name}{_END}") is not None:
        # Damaged. Nobody can have begun to use these packs while the generation is there: ours is as good.
        return packs
    return decided or []


def forget(store: MediaStore, name: str) -> None:
    """The generation is done: what it named is deleted or may be used again."""
    store.delete(f"fossils/{name}")
    # Were the list to come back after a power failure, it must not find the old list of writers.
    store.synchronize_directory("fossils")
    store.delete(f"fossils/{name}{_KNOWN}")
    store.delete(f"fossils/{name}{_END}")


def fossil_packs(store: MediaStore) -> frozenset[str]:
    """The packs that a writer must not share, to be asked after its intent is there."""
    found: set[str] = set()
    for name in generations(store):
        generation = read(store, name)
        if generation is not None:
            found.update(generation.packs)
    return frozenset(found)


def fossil_names(store: MediaStore) -> frozenset[str]:
    """The packs that are named by readable fossil objects now. Changes nothing."""
    found: set[str] = set()
    for name, _ in store.names("fossils"):
        if "." not in name:
            found.update(_list_of(store, f"fossils/{name}", "packs") or ())
    return frozenset(found)


def _list_of(store: MediaStore, name: str, key: str) -> list[str] | None:
    """A list of names out of a document; None when it is gone or damaged."""
    try:
        names = decode_document(store.get(name), "E4153", media=store.location, object=name)[key]
        # What is named here is deleted: nothing but an object of the media may be.
        return check_names(names) if isinstance(names, list) else None
    except (ArcxoError, KeyError, ValueError):
        return None
