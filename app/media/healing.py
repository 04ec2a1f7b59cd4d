"""Healing: damaged objects are made again, byte for byte, from what still holds the same content.

A pack's table has a hash of every stored block, so a block from anywhere is as good as the lost one, or is
refused: from a copy of the media, or compressed and sealed anew out of the same chunks in other packs. What
cannot be healed goes into quarantine: readable where it is whole, and nothing new is built on it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from blake3 import blake3

from app.media.document import decode_document
from app.media.generations import check_against_header, session_of_refs
from app.media.index import QUARANTINE, ChunkIndex, read_index, read_table
from app.media.intents import open_intents
from app.media.pack import COMPRESSED, PackCipher, PackIndex, encode_index, footer
from app.media.reader import ChunkReader
from app.media.session import load_header, load_refs, numbers
from app.media.set_usage import SetUsage
from app.media.store import DirectoryMediaStore, DirectoryUpload, get_if_there
from app.media.usage import read_refs
from app.media.values import Damage, HealReport, VerifyProgress
from app.media.writer import compressed_blocks
from app.model.errors import ArcxoError, CanceledError

_UNREADABLE = ("E4125", "E4132", "E4142")


@dataclass
class _Sources:
    """A media that may hold what another lost. `indexes` by key id, made when first needed."""

    store: DirectoryMediaStore
    indexes: dict[str, ChunkIndex] = field(default_factory=dict)

    def readers(self, key_id: str, data_keys: Sequence[bytes]) -> Iterator[ChunkReader]:
        """Readers of a deduplication domain."""
        if key_id not in self.indexes:
            self.indexes[key_id] = ChunkIndex(self.store, key_id)
        index = self.indexes[key_id]
        if not key_id:
            yield ChunkReader(self.store, index, None)
        else:
            for data_key in data_keys:
                yield ChunkReader(self.store, index, data_key)


class Healer:
    """Heals what one verification found."""

    def __init__(
        self,
        media_path: str,
        twins: Sequence[str],
        data_keys: Sequence[bytes],
        emit: Callable[[VerifyProgress], None],
        canceled: Callable[[], bool],
    ) -> None:
        self._store = DirectoryMediaStore(media_path)
        self._sources = [_Sources(DirectoryMediaStore(path)) for path in (media_path, *twins)]
        self._data_keys = data_keys
        self._emit = emit
        self._canceled = canceled
        self._healed: list[str] = []
        self._quarantined: list[str] = []

    def run(self, damage: Sequence[Damage]) -> HealReport:
        """See `app.media.api.heal`."""
        names = dict.fromkeys(one.object_name for one in damage)
        # Headers before refs before packs: each says what the next should be.
        for directory in ("keys", "sessions", "packs", "index"):
            for number, name in enumerate(names):
                if self._canceled():
                    raise CanceledError("E4149")
                if name.startswith(f"{directory}/"):
                    self._heal(directory, name)
                    self._emit(VerifyProgress(name, number + 1, len(names)))
        return HealReport(tuple(self._healed), tuple(self._quarantined))

    def _heal(self, directory: str, name: str) -> None:
        if directory == "packs":
            self._heal_pack(name.partition("/")[2])
        elif directory == "index":
            self._heal_index(name.partition("/")[2])
        else:
            self._copy(name)

    # -- small objects ---------------------------------------------------------------------------------

    def _copy(self, name: str) -> None:
        """Take a small object from a copy of the media, if it is what it should be."""
        for twin in self._sources[1:]:
            data = get_if_there(twin.store, name)
            if data is not None and self._is_right(twin.store, name, data):
                self._store.replace(name, data)
                self._healed.append(name)
                return

    def _is_right(self, twin: DirectoryMediaStore, name: str, data: bytes) -> bool:
        try:
            refs = session_of_refs(name.partition("/")[2]) if name.startswith("sessions/") else None
            if refs is not None:
                # Held against this media's own header; a copy that was repacked by itself names other packs.
                header = load_header(self._store, refs[0])
                found = check_against_header(data, refs[1], header.refs_hash)
                return not refs[1] or all(
                    self._store.size(f"packs/{one.pack_id}") == one.size for one in found
                )
            fields = decode_document(data, "E4153", media=twin.location, object=name)
            if name.startswith("sessions/"):
                own = decode_document(self._store.get("label"), "E4106", path=self._store.location)
                copied = load_header(twin, int(name[9:15]))
                # One of another media would be another session under the same number.
                if copied.media_serial != own.get("serial"):
                    return False
                load_refs(twin, copied)
        except (ArcxoError, ValueError):
            return False
        return "format" in fields

    def _heal_index(self, pack_id: str) -> None:
        """An index object is made again from its pack."""
        size = self._store.size(f"packs/{pack_id}")
        if size is None:
            return
        try:
            pack = read_table(self._store, f"packs/{pack_id}", size)
        except (ValueError, ArcxoError):
            return
        wanted = self._wanted_hash(pack_id)
        if wanted in (None, pack.hash):
            self._put_index(pack)
            self._healed.append(f"index/{pack_id}")

    def _put_index(self, pack: PackIndex) -> None:
        data = encode_index(pack.header.encode(), pack.table.encode(), pack.size)
        self._store.replace(f"index/{pack.pack_id}", data)

    def _wanted_hash(self, pack_id: str) -> bytes | None:
        """What sessions say a pack's hash is; None when none refers to it."""
        for number in numbers(self._store):
            try:
                for one in read_refs(self._store, number):
                    if one.pack_id == pack_id:
                        return one.hash
            except ValueError:
                continue
        return None

    # -- packs -----------------------------------------------------------------------------------------

    def _heal_pack(self, pack_id: str) -> None:
        wanted = self._wanted_hash(pack_id)
        pack = None if wanted is None else self._table(pack_id, wanted)
        made = None if pack is None else self._make(pack)
        self._quarantine(pack_id)
        if pack is None or made is None:
            if self._store.size(f"{QUARANTINE}/{pack_id}") is not None:
                self._quarantined.append(f"packs/{pack_id}")
            return
        made.commit(f"packs/{pack_id}")
        self._put_index(pack)
        self._store.delete(f"{QUARANTINE}/{pack_id}")
        self._healed.append(f"packs/{pack_id}")
        for source in self._sources:
            source.indexes.clear()

    def _quarantine(self, pack_id: str) -> None:
        """Out of the way of writers, but still there for who reads."""
        if self._store.size(f"packs/{pack_id}") is not None:
            self._store.move(f"packs/{pack_id}", f"{QUARANTINE}/{pack_id}")

    def _places(self, pack_id: str) -> Iterator[tuple[DirectoryMediaStore, str]]:
        """Where (parts of) a pack may be."""
        for source in self._sources:
            for directory in ("packs", QUARANTINE):
                name = f"{directory}/{pack_id}"
                if source.store.size(name) is not None:
                    yield source.store, name

    def _table(self, pack_id: str, wanted: bytes) -> PackIndex | None:
        """A pack's table, from its index object, itself or a copy of either."""
        for source in self._sources:
            found = read_index(source.store, pack_id)
            if found is not None and found.hash == wanted:
                return found
        for store, name in self._places(pack_id):
            try:
                found = read_table(store, name, store.size(name) or 0)
            except (ValueError, ArcxoError):
                continue
            if found.hash == wanted:
                return found
        return None

    def _make(self, pack: PackIndex) -> DirectoryUpload | None:
        """The whole pack as an upload that is not committed yet; None when a block is nowhere."""
        upload = DirectoryUpload(self._store)
        try:
            header, table = pack.header.encode(), pack.table.encode()
            upload.write(header)
            position = len(header)
            for number in range(len(pack.table.offsets)):
                stored = self._stored(pack, number) or self._rebuilt(pack, number)
                if stored is None or pack.table.offsets[number] != position:
                    upload.abort()
                    return None
                upload.write(stored)
                position += len(stored)
            upload.write(table + footer(position, header, table))
        except BaseException:
            upload.abort()
            raise
        return upload

    def _stored(self, pack: PackIndex, number: int) -> bytes | None:
        """A block's stored bytes from any copy of the pack that has them as they were written."""
        for store, name in self._places(pack.pack_id):
            try:
                data = store.get_range(name, pack.table.offsets[number], pack.table.stored[number])
            except ArcxoError:
                continue
            if blake3(data).digest() == pack.table.block_hash(number):
                return data
        return None

    def _rebuilt(self, pack: PackIndex, number: int) -> bytes | None:
        """A block made anew from its chunks, as other packs hold them; None unless it is the very same."""
        table = pack.table
        chunks = [i for i, block in enumerate(table.chunk_block) if block == number]
        raw = b"".join(part for part in (self._chunk(pack, table.chunk_id(i)) for i in chunks) if part)
        if len(raw) != table.raw[number]:
            return None
        flags = table.flags[number]
        for data in compressed_blocks(raw) if flags & COMPRESSED else (raw,):
            for data_key in self._data_keys if pack.header.key_id else (None,):
                sealed = PackCipher(pack.pack_id, pack.header, data_key, table).seal(
                    number, data, len(raw), flags
                )
                if blake3(sealed).digest() == table.block_hash(number):
                    return sealed
        return None

    def _chunk(self, pack: PackIndex, chunk_id: bytes) -> bytes | None:
        for source in self._sources:
            for reader in source.readers(pack.header.key_id, self._data_keys):
                if reader.index.locate(chunk_id) is None:
                    continue
                try:
                    return bytes(reader.chunk(chunk_id))
                except ArcxoError as error:
                    if error.code not in _UNREADABLE:
                        raise
        return None


def sweep_quarantine(store: DirectoryMediaStore, usage: SetUsage) -> int:
    """Delete what no session refers to, when no writer is at work, and what is whole again in its place.

    Returns the bytes freed.
    """
    held = store.names(QUARANTINE)
    if not held or open_intents(store):
        return 0
    usage.refresh()
    used, freed = usage.packs(), 0
    for pack_id, size in held:
        if pack_id not in used or _is_whole(store, pack_id):
            store.delete(f"{QUARANTINE}/{pack_id}")
            freed += size
    return freed


def _is_whole(store: DirectoryMediaStore, pack_id: str) -> bool:
    name = f"packs/{pack_id}"
    try:
        table = read_table(store, name, store.size(name) or 0).table
        return all(
            blake3(store.get_range(name, offset, table.stored[number])).digest() == table.block_hash(number)
            for number, offset in enumerate(table.offsets)
        )
    except (ValueError, ArcxoError):
        return False


def heal(
    media_path: str,
    damage: Sequence[Damage],
    *,
    twins: Sequence[str],
    data_keys: Sequence[bytes],
    emit: Callable[[VerifyProgress], None] | None,
    canceled: Callable[[], bool] | None,
) -> HealReport:
    """See `app.media.api.heal`."""
    others = [path for path in twins if path != media_path]
    return Healer(media_path, others, data_keys, emit or (lambda _: None), canceled or (lambda: False)).run(
        damage
    )
