"""What a run finds on its media that an earlier try of it had written before that media was full."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

from app.media.mediaset import members
from app.media.pack import DATA, PackIndex
from app.media.refs import PackReference
from app.media.session import header_name, load_header, load_refs, numbers
from app.media.store import MediaStore
from app.model.errors import ArcxoError


def taken_up(
    store: MediaStore,
    references: Collection[PackReference],
    known: Collection[str],
    indexes: Mapping[str, PackIndex],
    since: datetime,
) -> tuple[int, int]:
    """(bytes of content, bytes stored) in packs written `since` that no other session has: this one's own.

    `known` packs are not looked at: those of the base, and what the run has counted already. Nothing but
    figures depends on it, so an object that cannot be read counts nothing.
    """
    moment = since.timestamp()
    found = [one for one in references if one.pack_id not in known and _is_newer(store, one, moment)]
    if not found:
        return 0, 0
    others = _of_sessions(store, moment)
    mine = [one for one in found if one.pack_id not in others]
    return sum(_content(one, indexes.get(one.pack_id)) for one in mine), sum(one.size for one in mine)


def _is_newer(store: MediaStore, one: PackReference, moment: float) -> bool:
    written = store.modified(f"packs/{one.pack_id}")
    return written is not None and written >= moment


def _of_sessions(store: MediaStore, moment: float) -> set[str]:
    """The packs of sessions of the set that were committed meanwhile."""
    found: set[str] = set()
    for one in members(store):
        for number in numbers(one):
            written = one.modified(header_name(number))
            if written is None or written < moment:
                continue
            try:
                found.update(ref.pack_id for ref in load_refs(one, load_header(one, number)))
            except ArcxoError:
                continue
    return found


def _content(one: PackReference, index: PackIndex | None) -> int:
    if index is None or index.header.kind != DATA:
        return 0
    used = one.used
    lengths = index.table.chunk_length
    if used is None:
        return sum(lengths)
    return sum(length for n, length in enumerate(lengths) if used[n >> 3] >> (n & 7) & 1)
