"""Checking a media without any password; with data keys the files that damage reaches are named."""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from blake3 import blake3

from app.media.api import Damage, SessionHeader, VerifyProgress, VerifyReport
from app.media.document import decode_document
from app.media.index import ChunkIndex
from app.media.label import read_label
from app.media.node import CONTENT, DIRECTORY, FILE, KIND, NAME, PIECE
from app.media.pack import FOOTER, HEADER, PackIndex, decode_index, encode_index, footer, pack_hash
from app.media.reader import ChunkReader
from app.media.refs import PackReference
from app.media.removal import removed_sessions
from app.media.reserve import NAME as RESERVE
from app.media.reserve import is_damaged
from app.media.session import header_name, load_header, load_refs, numbers
from app.media.store import DirectoryMediaStore, get_if_there
from app.model.errors import ArcxoError, CanceledError, NotFoundError

_FILES_NAMED = 10_000


class Verifier:
    """One check of one media."""

    def __init__(
        self,
        media_path: str,
        emit: Callable[[VerifyProgress], None],
        canceled: Callable[[], bool],
        data_keys: Sequence[bytes],
    ) -> None:
        self._store = DirectoryMediaStore(media_path)
        self._emit = emit
        self._canceled = canceled
        self._data_keys = data_keys
        self._damage: list[Damage] = []
        self._headers: dict[int, SessionHeader] = {}
        self._references: dict[int, dict[str, PackReference]] = {}
        self._indexes: dict[str, PackIndex] = {}
        self._lost_indexes: dict[str, str] = {}
        self._lost: dict[str, tuple[str, set[int] | None]] = {}
        """Pack → (why, ordinals of damaged chunks; None = all of them)."""
        self._bytes_read = 0
        self._names_hidden = False

    def run(self, *, full: bool) -> VerifyReport:
        """See `app.media.api.verify`."""
        read_label(self._store.location)
        self._check_small("keys", "E4134")
        self._check_small("intents", "E4148")
        self._check_small("fossils", "E4153")
        self._check_tombstones()
        if is_damaged(self._store):
            params = {"media": self._store.location, "object": RESERVE, "reason": "it was changed"}
            self._damage.append(Damage("E4153", RESERVE, params=params))
        self._check_sessions()
        packs = dict(self._store.names("packs"))
        self._check_indexes(packs)
        total = sum(packs.values())
        for pack_id in sorted({*packs, *self._referenced()}):
            self._check_pack(pack_id, packs.get(pack_id), full=full)
            self._emit(VerifyProgress(f"packs/{pack_id}", self._bytes_read, total))
            if self._canceled():
                raise CanceledError("E4149")
        self._report_lost()
        return VerifyReport(
            full=full,
            sessions=len(self._headers),
            packs=len(packs),
            bytes_read=self._bytes_read,
            damage=tuple(self._damage),
            names_hidden=self._names_hidden,
        )

    def _referenced(self) -> set[str]:
        return {pack_id for references in self._references.values() for pack_id in references}

    def _found(self, error: ArcxoError, name: str, sessions: tuple[int, ...] = ()) -> None:
        self._damage.append(Damage(error.code, name, sessions, params=error.params))

    def _check_small(self, directory: str, code: str) -> None:
        for name, _ in self._store.names(directory):
            self._check_document(f"{directory}/{name}", code)

    def _check_tombstones(self) -> None:
        for number in removed_sessions(self._store.location):
            self._check_document(f"{header_name(number)}.removed", "E4153")

    def _check_document(self, name: str, code: str) -> None:
        slot = name.partition("/")[2]
        try:
            decode_document(self._store.get(name), code, media=self._store.location, slot=slot, object=name)
        except ArcxoError as error:
            # What was withdrawn since it was listed is no damage.
            if self._store.size(name) is not None:
                self._found(error, name)

    def _check_sessions(self) -> None:
        for number in numbers(self._store):
            try:
                header = self._headers[number] = load_header(self._store, number)
            except NotFoundError:
                continue  # removed since it was listed
            except ArcxoError as error:
                self._found(error, header_name(number), (number,))
                continue
            try:
                found = load_refs(self._store, header)
            except ArcxoError as error:
                if self._store.size(header_name(number)) is None:
                    del self._headers[number]
                    continue
                self._found(error, header_name(number) + ".refs", (number,))
                continue
            self._references[number] = {one.pack_id: one for one in found}

    def _check_indexes(self, packs: dict[str, int]) -> None:
        """Index objects; of packs that nobody refers to, one that is missing is no damage."""
        listed = {name for name, _ in self._store.names("index")}
        for pack_id in sorted(listed | packs.keys()):
            data = get_if_there(self._store, f"index/{pack_id}")
            if data is None:
                self._lost_indexes[pack_id] = "it is missing"
                continue
            self._bytes_read += len(data)
            try:
                self._indexes[pack_id] = decode_index(pack_id, data)
            except ValueError as error:
                self._lost_indexes[pack_id] = str(error)

    def _using(self, pack_id: str) -> tuple[int, ...]:
        return tuple(number for number, found in self._references.items() if pack_id in found)

    def _check_pack(self, pack_id: str, size: int | None, *, full: bool) -> None:
        if size is None:
            self._lost[pack_id] = ("it is missing", None)
            return
        try:
            pack, end = self._table_of(pack_id, size)
            if full:
                self._check_blocks(pack, end)
        except (ValueError, struct.error) as error:
            self._lost[pack_id] = (str(error), None)
        except ArcxoError as error:
            if error.code != "E4142":
                raise
            self._lost[pack_id] = (error.params["reason"], None)

    def _table_of(self, pack_id: str, size: int) -> tuple[PackIndex, int]:
        """A pack's own table, checked, and where its blocks end. Raises ValueError, struct.error."""
        name = f"packs/{pack_id}"
        head = self._store.get_range(name, 0, HEADER.size)
        tail = self._store.get_range(name, max(0, size - FOOTER.size), FOOTER.size)
        offset, length, _, _ = FOOTER.unpack(tail)
        if offset + length + FOOTER.size != size:
            raise ValueError("its table is not where it should be")
        data = self._store.get_range(name, offset, length)
        self._bytes_read += len(head) + len(tail) + len(data)
        if tail != footer(offset, head, data):
            raise ValueError("the checksum of its table does not match")
        known = self._indexes.get(pack_id)
        wanted = known.hash if known else self._hash_by_sessions(pack_id)
        if wanted is not None and pack_hash(head, data) != wanted:
            raise ValueError("it is another pack than its index or sessions say")
        return decode_index(pack_id, encode_index(head, data, size)), offset

    def _hash_by_sessions(self, pack_id: str) -> bytes | None:
        for found in self._references.values():
            if pack_id in found:
                return found[pack_id].hash
        return None

    def _check_blocks(self, pack: PackIndex, end: int) -> None:
        table, position, broken = pack.table, HEADER.size, set()
        for number, offset in enumerate(table.offsets):
            stored = self._store.get_range(f"packs/{pack.pack_id}", offset, table.stored[number])
            self._bytes_read += len(stored)
            if offset != position or blake3(stored).digest() != table.block_hash(number):
                broken.add(number)
            position = offset + table.stored[number]
            if self._canceled():
                raise CanceledError("E4149")
        if position != end:
            self._lost[pack.pack_id] = ("there are bytes no block covers", None)
        elif broken:
            chunks = {n for n, block in enumerate(table.chunk_block) if block in broken}
            self._lost[pack.pack_id] = (f"{len(broken)} of its blocks changed", chunks)

    # -- what the damage reaches ----------------------------------------------------------------------

    def _forget_removed(self) -> None:
        """Sessions that were removed while this ran, and with them what was deleted on purpose."""
        present = set(numbers(self._store))
        self._headers = {number: one for number, one in self._headers.items() if number in present}
        self._references = {number: one for number, one in self._references.items() if number in present}
        for lost in (self._lost, self._lost_indexes):
            for pack_id in lost.keys() - self._referenced():
                if self._store.size(f"packs/{pack_id}") is None:
                    del lost[pack_id]

    def _report_lost(self) -> None:
        self._forget_removed()
        for pack_id, reason in self._lost_indexes.items():
            sessions = self._using(pack_id)
            if sessions or self._store.size(f"index/{pack_id}") is not None:
                params = {"media": self._store.location, "object": pack_id, "reason": reason}
                self._damage.append(Damage("E4147", f"index/{pack_id}", sessions, params=params))
        for pack_id, (reason, chunks) in self._lost.items():
            sessions, files = self._reached(pack_id, chunks)
            params = {"media": self._store.location, "object": pack_id, "reason": reason}
            self._damage.append(Damage("E4147", f"packs/{pack_id}", sessions, files, params))

    def _reached(self, pack_id: str, chunks: set[int] | None) -> tuple[tuple[int, ...], tuple[bytes, ...]]:
        sessions: list[int] = []
        files: set[bytes] = set()
        for number, references in self._references.items():
            one = references.get(pack_id)
            if one is None or not _uses(one, chunks):
                continue
            sessions.append(number)
            pack = self._indexes.get(pack_id)
            lost = None
            if pack is not None:
                ordinals = range(len(pack.table)) if chunks is None else chunks
                lost = {pack.table.chunk_id(ordinal) for ordinal in ordinals}
            files |= self._files(self._headers[number], lost)
        return tuple(sessions), tuple(sorted(files)[:_FILES_NAMED])

    def _files(self, header: SessionHeader, lost: set[bytes] | None) -> set[bytes]:
        keys: Sequence[bytes | None] = self._data_keys if header.encrypted else (None,)
        for data_key in keys:
            reader = ChunkReader(self._store, ChunkIndex(self._store, header.key_id), data_key)
            try:
                reader.node(header.root_id)
            except ArcxoError:
                if len(keys) > 1:
                    continue
            return _walk_lost(reader, header.root_id, lost)
        self._names_hidden = True
        return set()


def _walk_lost(reader: ChunkReader, root_id: bytes, lost: set[bytes] | None) -> set[bytes]:
    """Files that hold a lost chunk or one no pack holds; directories (with a final /) whose node is lost."""
    found: set[bytes] = set()
    stack = [(b"", root_id)]
    known = reader.index.known
    while stack:
        path, node_id = stack.pop()
        try:
            entries = reader.node(node_id)
        except ArcxoError:
            found.add(path + b"/")
            continue
        for entry in entries:
            child = path + b"/" + entry[NAME]
            if entry[KIND] == DIRECTORY:
                stack.append((child, entry[CONTENT]))
            elif entry[KIND] == FILE:
                for chunk_id, _ in PIECE.iter_unpack(entry[CONTENT]):
                    if (lost is not None and chunk_id in lost) or chunk_id not in known:
                        found.add(child)
                        break
    return found


def _uses(reference: PackReference, chunks: set[int] | None) -> bool:
    used = reference.used
    if used is None or chunks is None:
        return True
    return any(used[chunk >> 3] >> (chunk & 7) & 1 for chunk in chunks)


def verify(
    media_path: str,
    *,
    full: bool,
    emit: Callable[[VerifyProgress], None] | None,
    canceled: Callable[[], bool] | None,
    data_keys: Sequence[bytes],
) -> VerifyReport:
    """See `app.media.api.verify`."""
    return Verifier(media_path, emit or (lambda _: None), canceled or (lambda: False), data_keys).run(
        full=full
    )
