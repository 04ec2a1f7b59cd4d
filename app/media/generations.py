"""Which packs a session needs: the refs it was committed with, or what stands in for them since a repacking.

`sessions/NNNNNN.refs` is never changed. Repacking puts `NNNNNN.refs.1`, then `.2` and so on, each if absent.
The highest counts, and the others go when it is certain that all it names is there to stay; until then what
any of them names is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Sequence

from app.media import fossils
from app.media.refs import PackReference, decode_moved_refs, decode_refs, refs_hash
from app.media.store import LOOKS, MediaStore, get_if_there
from app.model.errors import ArcxoError

_SUFFIX = ".refs"
Generations = dict[int, tuple[int, ...]]
"""Session → the generations of refs it has; 0 = those it was committed with."""


def refs_name(number: int, generation: int = 0) -> str:
    """The object of a session's refs."""
    return f"sessions/{number:06d}{_SUFFIX}" + (f".{generation}" if generation else "")


def session_of_refs(name: str) -> tuple[int, int] | None:
    """(session, generation) when this name in the directory `sessions` is one of refs."""
    number, dot, rest = name.partition(_SUFFIX)
    if not dot or not number.isdigit() or len(number) != 6:
        return None
    if not rest:
        return int(number), 0
    return (int(number), int(rest[1:])) if rest[0] == "." and rest[1:].isdigit() and rest[1] != "0" else None


def all_generations(store: MediaStore) -> Generations:
    """The refs there are, also of sessions without a header."""
    found: dict[int, list[int]] = {}
    for name, _ in store.names("sessions"):
        refs = session_of_refs(name)
        if refs is not None:
            found.setdefault(refs[0], []).append(refs[1])
    return {number: tuple(sorted(generations)) for number, generations in found.items()}


def generations_of(store: MediaStore, number: int) -> tuple[int, ...]:
    """The generations of one session, in order."""
    return all_generations(store).get(number, ())


def read_generation(store: MediaStore, number: int, generation: int) -> list[PackReference] | None:
    """One generation by its own checksum; None when it is gone. ValueError when it is damaged."""
    try:
        data = get_if_there(store, refs_name(number, generation))
    except ArcxoError as error:
        raise ValueError(error.params.get("reason", "it cannot be read")) from error
    if data is None:
        return None
    return decode_moved_refs(data).references if generation else decode_refs(data)


def newest_refs(store: MediaStore, number: int) -> tuple[int, list[PackReference]]:
    """(generation, references) that count for a session. ValueError when they are damaged or missing."""
    try:
        generation, data = newest_object(store, number)
    except ArcxoError as error:
        raise ValueError(error.params.get("reason", "it cannot be read")) from error
    return generation, decode_moved_refs(data).references if generation else decode_refs(data)


def newest_object(store: MediaStore, number: int) -> tuple[int, bytes]:
    """(generation, object) of the refs that count for a session. ValueError when there are none.

    A later one may take their place while they are listed, and between listing and reading.
    """
    for _ in range(LOOKS):
        present = generations_of(store, number)
        data = get_if_there(store, refs_name(number, present[-1])) if present else None
        if data is not None:
            return present[-1], data
    raise ValueError("it is missing")


def check_against_header(data: bytes, generation: int, header_hash: bytes) -> list[PackReference]:
    """The references of an object that belongs to a header. ValueError when it does not."""
    if generation:
        moved = decode_moved_refs(data)
        if (moved.generation, moved.header_hash) != (generation, header_hash):
            raise ValueError("it is of another session")
        return moved.references
    if refs_hash(data) != header_hash:
        raise ValueError("its checksum does not match")
    return decode_refs(data)


def settle(members: Sequence[MediaStore], numbers: Callable[[MediaStore], Collection[int]]) -> int:
    """Remove the refs that others stand in for, where those are certain. Returns the bytes freed.

    They are when who put them is done, nothing they name is to be deleted, and it is all there: from then on
    it is they that keep it. Stand-ins that name what is gone are removed instead; they came too late.
    `members` are all media of the set: a session refers to packs of any of them.
    """
    freed = 0
    for store in members:
        unsettled = {number: all_ for number, all_ in all_generations(store).items() if len(all_) > 1}
        for number in unsettled.keys() & set(numbers(store)) if unsettled else ():
            with contextlib.suppress(ArcxoError):  # a member may be read-only; what it names stays needed
                freed += _settle_one(store, members, number, unsettled[number])
    return freed


def _settle_one(
    store: MediaStore, members: Sequence[MediaStore], number: int, present: tuple[int, ...]
) -> int:
    highest = present[-1]
    try:
        data = get_if_there(store, refs_name(number, highest))
        moved = None if data is None else decode_moved_refs(data)
    except (ArcxoError, ValueError):
        return 0  # damaged: a check names it
    if moved is None or any(one.size(f"intents/{moved.writer}") is not None for one in members):
        return 0
    # Fossils before packs: one that is no fossil any more is gone from the packs, if it was deleted.
    unwanted = frozenset[str]().union(*(fossils.fossil_packs(one) for one in members))
    if any(one.pack_id in unwanted for one in moved.references):
        return 0
    if all_there(members, moved.references):
        return _delete(store, number, present[:-1])
    try:
        before = read_generation(store, number, present[-2])
    except ValueError:
        return 0
    if before is not None and all_there(members, before):
        return _delete(store, number, (highest,))
    return 0


def all_there(members: Sequence[MediaStore], references: Sequence[PackReference]) -> bool:
    """Whether every pack that refs name is on a media of the set, by its size."""
    return all(any(store.size(f"packs/{one.pack_id}") == one.size for store in members) for one in references)


def _delete(store: MediaStore, number: int, generations: tuple[int, ...]) -> int:
    freed = 0
    for generation in generations:
        name = refs_name(number, generation)
        freed += store.size(name) or 0
        store.delete(name)
    return freed
