"""Reading sessions: blocks, chunks, nodes and the entries in them."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence

from blake3 import blake3

from app.media.index import ChunkIndex, Location
from app.media.keys import chunk_key
from app.media.mediaset import open_set, out_of_reach
from app.media.node import CONTENT, DIRECTORY, KIND, NAME, Entry, content_id, decode_node, to_metadata
from app.media.pack import PackCipher, PackIndex
from app.media.session import load_header
from app.media.store import LOOKS, MediaStore
from app.media.values import SessionEntry, SessionHeader
from app.model.entry import EntryKind
from app.model.errors import ArcxoError, CredentialsError, NotFoundError
from app.model.paths import shown

_CACHED_BLOCKS = 8
MAX_DEPTH = 4096
_UNREADABLE = ("E4125", "E4142")
_LOOK_AGAIN_S = 1.0
_VAIN_LOOKS = 2
"""So often in a row the packs are listed for a chunk that none holds; then at most once a second."""


class ChunkReader:
    """Checked chunks of one deduplication domain; any thread may read.

    Raises ArcxoError E4125 when a chunk is damaged or gone, CredentialsError E4132 without its key.
    """

    def __init__(self, store: MediaStore, index: ChunkIndex, data_key: bytes | None) -> None:
        self.store = store
        self.index = index
        self._data_key = data_key
        self._id_key = chunk_key(data_key)
        self._ciphers: dict[str, PackCipher] = {}
        self._blocks: OrderedDict[tuple[str, int], bytes] = OrderedDict()
        self._lock = threading.Lock()
        self._gone: set[str] = set()
        self._absent: str | None = None
        self._looked_at = 0.0
        self._vain_looks = 0

    def _cipher(self, pack: PackIndex) -> PackCipher:
        cipher = self._ciphers.get(pack.pack_id)
        if cipher is None:
            cipher = self._ciphers[pack.pack_id] = PackCipher(
                pack.pack_id, pack.header, self._data_key, pack.table
            )
        return cipher

    def block(self, pack: PackIndex, number: int) -> bytes:
        """The raw bytes of a block."""
        key = (pack.pack_id, number)
        with self._lock:
            data = self._blocks.get(key)
            if data is not None:
                self._blocks.move_to_end(key)
                return data
        table = pack.table
        stored = self.store.get_range(pack.object_name, table.offsets[number], table.stored[number])
        try:
            data = self._cipher(pack).open(number, stored, table.raw[number], table.flags[number])
        except ValueError as error:
            raise ArcxoError(
                "E4125", media=self.store.location, object=pack.pack_id, reason=str(error)
            ) from error
        with self._lock:
            self._blocks[key] = data
            while len(self._blocks) > _CACHED_BLOCKS:
                self._blocks.popitem(last=False)
        return data

    def locate(self, chunk_id: bytes) -> Location:
        """Where a chunk is. E4125 when the media does not hold it."""
        location = self.index.locate(chunk_id)
        if location is None:
            raise ArcxoError(
                "E4125", media=self.store.location, object=chunk_id.hex(), reason=self._why_not_there()
            )
        return location

    def _why_not_there(self) -> str:
        if self._absent is None:
            self._absent = ", ".join(out_of_reach(self.store.location))
        if self._absent:
            return f"it is on no media at hand, and of the set cannot be reached: {self._absent}"
        return "no pack holds it any more"

    def chunk(self, chunk_id: bytes) -> memoryview:
        """A chunk whose content is what its id says, from any pack that holds it whole."""
        for _ in range(LOOKS):
            listed = len(self.index.packs)
            try:
                return self._chunk(chunk_id)
            except ArcxoError as error:
                # What was repacked since the packs were listed is in others now.
                if error.code not in _UNREADABLE or not self._learn_new_packs(chunk_id, listed):
                    raise
        return self._chunk(chunk_id)

    def holds(self, chunk_id: bytes) -> bool:
        """Whether the media has a chunk, as far as the tables of its packs tell."""
        if chunk_id not in self.index.known:
            self._learn_new_packs(chunk_id, len(self.index.packs))
        return chunk_id in self.index.known

    def _chunk(self, chunk_id: bytes) -> memoryview:
        place = self.locate(chunk_id)
        try:
            return self.cut(self.block(place.pack, place.block), place.offset, place.length, chunk_id)
        except ArcxoError as error:
            if error.code not in _UNREADABLE:
                raise
            fault = error
        for other in self.index.places(chunk_id):
            try:
                return self.cut(self.block(other.pack, other.block), other.offset, other.length, chunk_id)
            except ArcxoError as error:
                if error.code not in _UNREADABLE:
                    raise
        raise fault

    def _learn_new_packs(self, chunk_id: bytes, listed: int) -> bool:
        """Look for packs that came since, when one that held the chunk went away; whether to try again."""
        places = [place.pack for place in self.index.places(chunk_id)]
        gone = {one.pack_id for one in places if self.store.size(one.object_name) is None}
        with self._lock:
            if len(self.index.packs) > listed:
                return True  # another thread has looked since
            now = time.monotonic()
            if not gone - self._gone:
                if places:
                    return False
                # A list made while others repack may lack both the old pack and the new one.
                if self._vain_looks >= _VAIN_LOOKS and now - self._looked_at < _LOOK_AGAIN_S:
                    return False
            self._gone |= gone
            self._looked_at = now
            came = self.index.learn(self.store)
            self._vain_looks = 0 if came else self._vain_looks + 1
            return came or not places

    def cut(self, block: bytes, offset: int, length: int, chunk_id: bytes) -> memoryview:
        """A chunk out of its block, checked."""
        data = memoryview(block)[offset : offset + length]
        if self.identify(data) != chunk_id:
            raise ArcxoError(
                "E4125", media=self.store.location, object=chunk_id.hex(), reason="its content has changed"
            )
        return data

    def identify(self, data: bytes | memoryview) -> bytes:
        """The id a content has in this domain."""
        return blake3(data, key=self._id_key).digest()

    def node(self, node_id: bytes) -> list[Entry]:
        """The entries of a directory node."""
        try:
            return decode_node(bytes(self.chunk(node_id)))
        except ValueError as error:
            raise ArcxoError(
                "E4125", media=self.store.location, object=node_id.hex(), reason=str(error)
            ) from error


def open_session(
    media_path: str, number: int, data_key: bytes | None, index: ChunkIndex | None = None
) -> tuple[SessionHeader, ChunkReader]:
    """A session ready to be read. CredentialsError E4132 when it is encrypted and no key was given."""
    store = open_set(media_path)
    header = load_header(store, number)
    if header.encrypted and data_key is None:
        raise CredentialsError("E4132", key=header.key_id)
    reader = ChunkReader(
        store,
        index or ChunkIndex(store, header.key_id),
        data_key if header.encrypted else None,
    )
    return header, reader


def walk(reader: ChunkReader, node_id: bytes, prefix: bytes = b"") -> Iterator[tuple[bytes, Entry]]:
    """(path, entry) of everything beneath a node, parents first; `prefix` has no trailing slash."""
    stack = [(prefix, iter(reader.node(node_id)))]
    while stack:
        directory, entries = stack[-1]
        for entry in entries:
            path = directory + b"/" + entry[NAME]
            yield path, entry
            if entry[KIND] == DIRECTORY:
                if len(stack) > MAX_DEPTH:
                    raise ArcxoError(
                        "E4125",
                        media=reader.store.location,
                        object=shown(path[:200]),
                        reason="it is too deep",
                    )
                stack.append((path, iter(reader.node(entry[CONTENT]))))
                break
        else:
            stack.pop()


def _as_entry(path: bytes, entry: Entry) -> SessionEntry:
    return SessionEntry(path, to_metadata(entry), content_id(entry))


def session_entries(media_path: str, number: int, data_key: bytes | None) -> Iterator[SessionEntry]:
    """See `app.media.api.session_entries`."""
    header, reader = open_session(media_path, number, data_key)
    for path, entry in walk(reader, header.root_id):
        yield _as_entry(path, entry)


def list_directory(
    media_path: str, number: int, path: bytes, data_key: bytes | None
) -> Sequence[SessionEntry]:
    """See `app.media.api.list_directory`."""
    header, reader = open_session(media_path, number, data_key)
    node_id = header.root_id
    for name in [part for part in path.split(b"/") if part]:
        found = next((entry for entry in reader.node(node_id) if entry[NAME] == name), None)
        if found is None or found[KIND] != DIRECTORY:
            raise NotFoundError("E4123", path=shown(path), session=number, kind=EntryKind.DIRECTORY)
        node_id = found[CONTENT]
    prefix = path.rstrip(b"/")
    return [_as_entry(prefix + b"/" + entry[NAME], entry) for entry in reader.node(node_id)]
