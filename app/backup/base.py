"""The base session of a backup: what is shared with it, and whether a change list may build on it."""

from __future__ import annotations

from app.media.api import SessionHeader
from app.media.far import FAR
from app.media.index import ChunkIndex
from app.media.mediaset import open_set
from app.media.node import CONTENT, DIRECTORY, KIND, NAME, Entry
from app.media.reader import ChunkReader
from app.media.refs import PackReference
from app.media.session import load_header, load_refs
from app.media.store import MediaStore
from app.model.errors import ArcxoError


class Base:
    """A committed session that a new one is compared with."""

    def __init__(
        self, store: MediaStore, number: int, key_id: str, index: ChunkIndex, reader: ChunkReader
    ) -> None:
        self.header: SessionHeader = load_header(store, number)
        self.reader = reader
        self._store = store
        self._index = index
        if self.header.key_id != key_id:
            raise ArcxoError("E4203", session=number)
        self.references: list[PackReference] = load_refs(store, self.header)
        present = {pack.pack_id: pack.hash for pack in index.packs}
        self.complete = all(present.get(one.pack_id) == one.hash for one in self.references)

    def is_repacked_since(self) -> bool:
        """Whether packs it refers to came after the index was read: then that is to be read anew."""
        known = {pack.pack_id for pack in self._index.packs}
        return any(
            one.pack_id not in known and self._store.size(f"packs/{one.pack_id}") == one.size
            for one in self.references
        )

    def directory(self, path: bytes) -> Entry | None:
        """The entry of an absolute path when the base has a directory there."""
        node_id, found = self.header.root_id, None
        names = [part for part in path.split(b"/") if part]
        if not names:
            # The top has no entry of its own: its metadata are never taken.
            return [b"", DIRECTORY, 0o755, 0, 0, 0, 0, 0, 0, {"y": True}, node_id]
        for name in names:
            found = next((entry for entry in self.reader.node(node_id) if entry[NAME] == name), None)
            if found is None or found[KIND] != DIRECTORY:
                return None
            node_id = found[CONTENT]
        return found


def usable_base(media_path: str, session: int, incarnation: str, change: int, data_key: bytes | None) -> bool:
    """See `app.backup.api.usable_base`."""
    if session <= 0 or not incarnation:
        return False
    if media_path.startswith(FAR):
        return True  # the media's host has looked, and leaves the incarnation out where it may not be used
    store = open_set(media_path)
    try:
        header = load_header(store, session)
        if (
            header.incomplete
            or header.incarnation != incarnation
            or header.change != change
            or header.encrypted != (data_key is not None)
        ):
            return False
        packs, indexes = dict(store.names("packs")), dict(store.names("index"))
        return all(
            packs.get(one.pack_id) == one.size and one.pack_id in indexes for one in load_refs(store, header)
        )
    except ArcxoError:
        return False
