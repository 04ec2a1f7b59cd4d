"""Which files of which sessions damage reaches: those that no restore can bring back, and no others."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from blake3 import blake3

from app.media.index import ChunkIndex
from app.media.node import CONTENT, DIRECTORY, FILE, KIND, NAME, PIECE
from app.media.pack import PackCipher, PackIndex
from app.media.reader import ChunkReader
from app.media.refs import PackReference
from app.media.store import MediaStore
from app.media.values import SessionHeader
from app.model.errors import ArcxoError

_FILES_NAMED = 10_000
Reached = tuple[tuple[int, tuple[bytes, ...]], ...]


@dataclass(frozen=True, slots=True)
class Loss:
    """What is wrong with a pack, and which of its blocks are lost. `pack` None: nobody knows what it held."""

    reason: str
    pack: PackIndex | None
    blocks: frozenset[int] | None


class Reach:
    """Walks each session that may be reached once, whatever the number of damaged packs."""

    def __init__(
        self,
        store: MediaStore,
        headers: dict[int, SessionHeader],
        references: dict[int, dict[str, PackReference]],
        lost: dict[str, Loss],
        data_keys: Sequence[bytes],
    ) -> None:
        self.names_hidden = False
        self._store = store
        self._lost = lost
        self._data_keys = data_keys
        self._indexes: dict[str, ChunkIndex] = {}
        self._chunks: dict[bytes, set[str]] = defaultdict(set)
        self._found: dict[str, dict[int, list[bytes]]] = defaultdict(dict)
        for pack_id, loss in lost.items():
            if loss.pack is not None and loss.blocks is not None:
                table = loss.pack.table
                for chunk, block in enumerate(table.chunk_block):
                    if block in loss.blocks:
                        self._chunks[table.chunk_id(chunk)].add(pack_id)
        for number, packs in sorted(references.items()):
            hit = {pack_id for pack_id in packs.keys() & lost.keys() if _uses(packs[pack_id], lost[pack_id])}
            if hit:
                self._session(headers[number], hit)

    def of(self, pack_id: str) -> Reached:
        """Session → files that are lost with this pack; without files where names cannot be read."""
        return tuple(
            (number, tuple(sorted(files)[:_FILES_NAMED]))
            for number, files in sorted(self._found.get(pack_id, {}).items())
        )

    def _session(self, header: SessionHeader, hit: set[str]) -> None:
        reader = self._reader(header)
        if reader is None:
            self.names_hidden = True
            for pack_id in hit:
                self._found[pack_id][header.number] = []
            return
        owners = bytes.fromhex(header.owners_id)
        if owners and self._is_lost(reader, owners):
            for pack_id in self._packs_of(hit, owners):
                self._found[pack_id].setdefault(header.number, [])
        stack = [(b"", header.root_id)]
        while stack:
            path, node_id = stack.pop()
            try:
                entries = reader.node(node_id)
            except ArcxoError as error:
                if error.code not in ("E4125", "E4142"):
                    raise
                self._blame(header.number, hit, node_id, path + b"/")
                continue
            for entry in entries:
                child = path + b"/" + entry[NAME]
                if entry[KIND] == DIRECTORY:
                    stack.append((child, entry[CONTENT]))
                elif entry[KIND] == FILE:
                    for chunk_id, _ in PIECE.iter_unpack(entry[CONTENT]):
                        if self._is_lost(reader, chunk_id):
                            self._blame(header.number, hit, chunk_id, child)

    def _is_lost(self, reader: ChunkReader, chunk_id: bytes) -> bool:
        """Whether no restore gets it: parts of a damaged block, or another pack, may still have it whole."""
        if chunk_id not in self._chunks:
            return not reader.holds(chunk_id)
        try:
            reader.chunk(chunk_id)
        except ArcxoError as error:
            if error.code not in ("E4125", "E4142"):
                raise
            return True
        return False

    def _blame(self, number: int, hit: set[str], chunk_id: bytes, path: bytes) -> None:
        """Note a path with the packs that held what it needs."""
        for pack_id in self._packs_of(hit, chunk_id):
            files = self._found[pack_id].setdefault(number, [])
            if not files or files[-1] != path:
                files.append(path)

    def _packs_of(self, hit: set[str], chunk_id: bytes) -> set[str]:
        """The packs that held it; when that is not known, those of which nobody knows what they held."""
        blind = {pack_id for pack_id in hit if self._lost[pack_id].blocks is None}
        return (self._chunks.get(chunk_id, set()) & hit) or blind or hit

    def _reader(self, header: SessionHeader) -> ChunkReader | None:
        if header.key_id not in self._indexes:
            self._indexes[header.key_id] = ChunkIndex(self._store, header.key_id)
        index = self._indexes[header.key_id]
        if not header.encrypted:
            return ChunkReader(self._store, index, None)
        for data_key in self._data_keys:
            if self._opens(index, data_key):
                return ChunkReader(self._store, index, data_key)
        return None

    def _opens(self, index: ChunkIndex, data_key: bytes) -> bool:
        """Whether it is the key of these packs, by the first block that is whole: the root may be damaged.

        Where none is whole every key will do: nothing can be read with any.
        """
        for pack in index.packs:
            table, cipher = pack.table, PackCipher(pack.pack_id, pack.header, data_key, pack.table)
            for number, offset in enumerate(table.offsets):
                try:
                    stored = self._store.get_range(pack.object_name, offset, table.stored[number])
                except ArcxoError:
                    continue
                if blake3(stored).digest() != table.block_hash(number):
                    continue
                try:
                    cipher.open(number, stored, table.raw[number], table.flags[number])
                except ValueError:
                    return False
                return True
        return True


def _uses(reference: PackReference, loss: Loss) -> bool:
    used = reference.used
    if used is None or loss.pack is None or loss.blocks is None:
        return loss.blocks is None or bool(loss.blocks)
    return any(
        used[chunk >> 3] >> (chunk & 7) & 1
        for chunk, block in enumerate(loss.pack.table.chunk_block)
        if block in loss.blocks
    )
