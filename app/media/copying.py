"""Sessions are copied to media of another set: all that they need, as it is stored, read back before the end.

The copy has the key of the original, and the key slots come along: the same passwords open it. What the other
set has already is not copied again, which is also how a copy that was cut goes on.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from blake3 import blake3

from app.media.generations import generations_of
from app.media.index import ChunkIndex, read_index, read_table
from app.media.intents import Intent, sweep_intents
from app.media.label import read_label
from app.media.mediaset import join_set, open_set
from app.media.moving import write_moved
from app.media.pack import DATA, PackIndex
from app.media.refs import PackReference
from app.media.repack import NewPack, Worn
from app.media.session import commit, headers, load_header, load_refs
from app.media.store import LOOKS, MediaStore
from app.media.values import SessionHeader
from app.model.errors import ArcxoError, CanceledError, UsageError

_PACK_BYTES = 32 * 1024 * 1024
_UNREADABLE = ("E4124", "E4125", "E4142")
_MISSING_REASON = "the pack is missing or damaged"


@dataclass(frozen=True, slots=True)
class CopyProgress:
    """A step of a copy: bytes copied, of those that are to be, then bytes checked."""

    object_name: str
    copied_bytes: int
    total_bytes: int
    checked_bytes: int = 0


def origin_of_session(header: SessionHeader) -> tuple[str, int]:
    """The session that a session is, or is a copy of: media serial and number."""
    return header.origin_serial or header.media_serial, header.origin_number or header.number


def find_copy(media_path: str, origin: tuple[str, int]) -> SessionHeader | None:
    """The copy of a session on a media."""
    return next((one for one in headers(media_path) if origin_of_session(one) == origin), None)


class SessionCopier:
    """Copies sessions from one media to another. One thread."""

    def __init__(
        self,
        source_path: str,
        target_path: str,
        emit: Callable[[CopyProgress], None],
        canceled: Callable[[], bool],
        *,
        job_id: int = 0,
        fence: int = 0,
    ) -> None:
        self._source_path = source_path
        self._target_path = target_path
        self._emit = emit
        self._canceled = canceled
        self._job_id = job_id
        self._fence = fence
        self._source: MediaStore = open_set(source_path)
        self._stored = 0
        self._new = 0

    def copy(self, number: int) -> SessionHeader:
        """Copy a session, or find the copy that is there; its header.

        Raises:
            NotFoundError: E4121. CanceledError: E4149, to be gone on with.
            UsageError: E4171 the two media are of one set.
            ArcxoError: E4125 the session is damaged, E4170 the media is of version 1 and cannot hold an
                encrypted copy, E4141 full (to be gone on with on the next media of the set), E4173 what was
                written reads otherwise.
        """
        header = load_header(self._source, number)
        label = read_label(self._target_path)
        if label.set_id == header.set_id:
            raise UsageError("E4171", media=label.name)
        if header.encrypted and label.format_version < 2:
            raise ArcxoError("E4170", media=label.name)
        there = find_copy(self._target_path, origin_of_session(header))
        if there is not None:
            return there
        target = join_set(self._target_path)
        target.sweep_temporaries()
        sweep_intents(target)
        intent = Intent(target, self._job_id, self._fence)
        try:
            return self._copy(target, intent, header)
        finally:
            intent.withdraw()

    def _copy(self, target: MediaStore, intent: Intent, header: SessionHeader) -> SessionHeader:
        self._copy_keys(target, header.key_id)
        index = ChunkIndex(target, header.key_id, sharing=True)
        self._stored = self._new = 0
        for _ in range(LOOKS):
            before = generations_of(self._source, header.number)
            try:
                return self._attempt(target, intent, header, index)
            except ArcxoError as error:
                # Packs may be moved together while they are copied: the session's refs tell where to.
                if error.code not in _UNREADABLE or generations_of(self._source, header.number) == before:
                    raise
        return self._attempt(target, intent, header, index)

    def _attempt(
        self, target: MediaStore, intent: Intent, header: SessionHeader, index: ChunkIndex
    ) -> SessionHeader:
        """Copy what the other set has not; `index` learns of it, so that another attempt goes on."""
        label = read_label(self._target_path)
        references = load_refs(self._source, header)
        missing = list(self._missing(references, index))
        total = sum(worn.pack.table.stored[block] for worn in missing for block in worn.live)
        copied = 0
        for new in _arranged(missing):
            intent.renew()
            self._emit(CopyProgress(new.sources[0].pack.object_name, copied, total))
            written = write_moved(self._source, join_set(self._target_path), new, self._check)
            if written is None:
                names = ", ".join(worn.pack.pack_id for worn in new.sources)
                raise self._damaged(names)
            index.add(written)
            self._stored += written.size
            copied += sum(written.table.stored)
            if written.header.kind == DATA:
                self._new += sum(written.table.raw)
        used = self._used(references, index)
        self._read_back(target, index, used, copied, total)
        origin_serial, origin_number = origin_of_session(header)
        copy = dataclasses.replace(
            header,
            media_serial=label.serial,
            set_id=label.set_id,
            base_session=0,
            new_bytes=self._new,
            stored_bytes=self._stored,
            origin_serial=origin_serial,
            origin_number=origin_number,
        )
        return commit(join_set(self._target_path), intent, copy, used)

    def _check(self) -> None:
        if self._canceled():
            raise CanceledError("E4149")

    def _damaged(self, names: str) -> ArcxoError:
        return ArcxoError("E4125", media=self._source_path, object=names, reason=_MISSING_REASON)

    def _copy_keys(self, target: MediaStore, key_id: str) -> None:
        """The slots of a key that is new there: a slot that was removed there does not return."""
        mine = [name for name, _ in self._source.names("keys") if _is_slot_of(name, key_id)]
        if not key_id or any(_is_slot_of(name, key_id) for name, _ in target.names("keys")):
            return
        for name in mine:
            target.put_if_absent(f"keys/{name}", self._source.get(f"keys/{name}"))

    def _pack(self, reference: PackReference) -> PackIndex:
        """A pack of the original as the session knows it. E4125 when it is not there like that."""
        found = read_index(self._source, reference.pack_id)
        if found is None or found.hash != reference.hash:
            name = f"packs/{reference.pack_id}"
            with contextlib.suppress(ValueError):
                found = read_table(self._source, name, self._source.size(name) or 0)
        if found is None or found.hash != reference.hash:
            raise self._damaged(reference.pack_id)
        return found

    def _needed(self, reference: PackReference) -> Iterator[tuple[PackIndex, int]]:
        """The chunks of a pack that the session uses."""
        pack = self._pack(reference)
        used = reference.used
        for chunk in range(len(pack.table)):
            if used is None or used[chunk >> 3] >> (chunk & 7) & 1:
                yield pack, chunk

    def _missing(self, references: list[PackReference], index: ChunkIndex) -> Iterator[Worn]:
        """The blocks with a chunk that the other set does not have."""
        for reference in references:
            self._check()
            blocks: set[int] = set()
            pack = None
            for pack, chunk in self._needed(reference):
                if pack.table.chunk_id(chunk) not in index.known:
                    blocks.add(pack.table.chunk_block[chunk])
            if pack is not None and blocks:
                yield Worn(pack, tuple(sorted(blocks)))

    def _used(self, references: list[PackReference], index: ChunkIndex) -> list[PackReference]:
        """The same chunks in the packs of the other set."""
        marked = bytearray(index.capacity // 8)
        for reference in references:
            self._check()
            for pack, chunk in self._needed(reference):
                ordinal = index.known[pack.table.chunk_id(chunk)]
                marked[ordinal >> 3] |= 1 << (ordinal & 7)
        found = []
        for number, pack in enumerate(index.packs):
            count, start = len(pack.table), index.base(number) // 8
            used = bytes(marked[start : start + (count + 7) // 8])
            if any(used):
                found.append(PackReference(pack.pack_id, pack.size, pack.hash, count, used))
        return found

    def _read_back(
        self,
        target: MediaStore,
        index: ChunkIndex,
        references: list[PackReference],
        copied: int,
        total: int,
    ) -> None:
        """Read every block that the copy needs from the device, also those that were there before."""
        used = {one.pack_id: one.used for one in references}
        checked = 0
        for pack in index.packs:
            if pack.pack_id not in used:
                continue
            bits = used[pack.pack_id] or b""
            blocks = {
                block
                for chunk, block in enumerate(pack.table.chunk_block)
                if bits[chunk >> 3] >> (chunk & 7) & 1
            }
            _forget_cached(f"{target.location}/{pack.object_name}")
            for block in sorted(blocks):
                self._check()
                data = target.get_range(pack.object_name, pack.table.offsets[block], pack.table.stored[block])
                if blake3(data).digest() != pack.table.block_hash(block):
                    raise ArcxoError("E4173", media=self._target_path, object=pack.pack_id)
                checked += len(data)
                self._emit(CopyProgress(pack.object_name, copied, total, checked))


def _arranged(missing: list[Worn]) -> Iterator[NewPack]:
    """Blocks of one kind and key together, in packs of the usual size."""
    groups: dict[tuple[int, str], list[Worn]] = {}
    for worn in missing:
        groups.setdefault((worn.pack.header.kind, worn.pack.header.key_id), []).append(worn)
    for group in groups.values():
        taken: list[Worn] = []
        size = 0
        for worn in group:
            taken.append(worn)
            size += sum(worn.pack.table.stored[block] for block in worn.live)
            if size >= _PACK_BYTES:
                yield NewPack(tuple(taken))
                taken, size = [], 0
        if taken:
            yield NewPack(tuple(taken))


def _is_slot_of(name: str, key_id: str) -> bool:
    key, _, slot = name.partition(".")
    return key == key_id and slot.isdigit()


def _forget_cached(path: str) -> None:
    """Ask the system to read from the device, not from memory; best effort."""
    if hasattr(os, "posix_fadvise"):
        with contextlib.suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
            finally:
                os.close(descriptor)
