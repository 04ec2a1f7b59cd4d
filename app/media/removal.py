"""Removing sessions. A tombstone says that one was removed on purpose, and keeps its number from reuse."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import UTC, datetime

from app.media.document import Document, encode_document
from app.media.generations import all_generations, generations_of, refs_name
from app.media.reserve import put_with_reserve
from app.media.session import header_name, numbers
from app.media.store import DirectoryMediaStore, MediaStore
from app.model.errors import NotFoundError

_REMOVED = ".removed"


def is_removed(store: MediaStore, number: int) -> bool:
    """Whether a session was removed on purpose."""
    return store.size(header_name(number) + _REMOVED) is not None


def removed_sessions(media_path: str) -> list[int]:
    """See `app.media.api.removed_sessions`."""
    store = DirectoryMediaStore(media_path)
    names = [name for name, _ in store.names("sessions")]
    return [int(name[:6]) for name in names if name.endswith(_REMOVED) and name[:6].isdigit()]


def remove_sessions(media_path: str, chosen: Sequence[int], known: Collection[int]) -> None:
    """See `app.media.api.remove_sessions`."""
    store = DirectoryMediaStore(media_path)
    present = {*numbers(store), *known}
    for number in chosen:
        if number not in present and not is_removed(store, number):
            raise NotFoundError("E4121", media=media_path, session=number)
    for number in chosen:
        fields: Document = {
            "format": "arcxo removed session",
            "number": number,
            "removed_at": datetime.now(UTC).isoformat(),
        }
        put_with_reserve(store, header_name(number) + _REMOVED, encode_document(fields))
        _finish(store, number)
    store.synchronize_directory("sessions")


def finish_removals(store: MediaStore) -> None:
    """Take away what is left of sessions whose removal was cut short."""
    names = {name for name, _ in store.names("sessions")}
    begun = [int(name[:6]) for name in names if name.endswith(_REMOVED) and name[:6].isdigit()]
    refs = all_generations(store)
    left = [n for n in begun if header_name(n)[9:] in names or n in refs]
    for number in left:
        _finish(store, number)
    # Also when nothing was left: whoever removed it may have been cut before this. A header that came back
    # after a power failure must not find its packs deleted.
    if begun:
        store.synchronize_directory("sessions")


def _finish(store: MediaStore, number: int) -> None:
    store.delete(header_name(number))
    for generation in generations_of(store, number):
        store.delete(refs_name(number, generation))
