"""What a session needs that lies on media of its set which are not at hand."""

from __future__ import annotations

from app.media.far import FAR
from app.media.index import QUARANTINE
from app.media.label import read_label
from app.media.mediaset import MEMBERS, SetStore, membership
from app.media.session import load_header, load_refs
from app.media.store import DirectoryMediaStore
from app.media.values import Absence
from app.model.errors import ArcxoError


def absence(media_path: str, number: int) -> Absence | None:
    """See `app.media.api.absence`."""
    if media_path.startswith(FAR):
        return None
    store = DirectoryMediaStore(media_path)
    try:
        if read_label(media_path).sequence == 1 and not store.names(MEMBERS):
            return None  # nearly all media are alone
        found = membership(media_path)
        if not found.missing:
            return None
        of_set = SetStore(media_path, list(found.paths.values()))
        lacking = [
            one
            for one in load_refs(store, load_header(store, number))
            if is_elsewhere(store, of_set, one.pack_id)
        ]
    except ArcxoError:
        return None
    if not lacking:
        return None
    return Absence(found.missing, len(lacking), sum(one.size for one in lacking))


def is_elsewhere(store: DirectoryMediaStore, of_set: SetStore, pack_id: str) -> bool:
    """Whether a pack is nowhere at hand, and nothing on this media says that it was there once."""
    if any(store.size(f"{place}/{pack_id}") is not None for place in ("index", QUARANTINE)):
        return False
    return all(of_set.size(f"{place}/{pack_id}") is None for place in ("packs", "index", QUARANTINE))
