"""Checking a media without any password; with data keys the files that damage reaches are named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from blake3 import blake3

from app.media.absence import is_elsewhere
from app.media.document import decode_document
from app.media.generations import all_generations, generations_of, read_generation, refs_name
from app.media.index import QUARANTINE, read_index, read_table
from app.media.label import read_label
from app.media.mediaset import membership, open_set
from app.media.pack import FOOTER, HEADER, PackIndex, decode_index
from app.media.reach import Loss, Reach
from app.media.refs import PackReference
from app.media.removal import removed_sessions
from app.media.reserve import NAME as RESERVE
from app.media.reserve import is_damaged
from app.media.session import header_name, load_header, load_refs, numbers
from app.media.store import DirectoryMediaStore, get_if_there
from app.media.values import Damage, SessionHeader, VerifyProgress, VerifyReport
from app.model.errors import ArcxoError, CanceledError, NotFoundError

_MISSING = "it is missing"


class Verifier:
    """One check of one media."""

    def __init__(
        self,
        media_path: str,
        emit: Callable[[VerifyProgress], None],
        canceled: Callable[[], bool],
        data_keys: Sequence[bytes],
    ) -> None:
        self._store = open_set(media_path, listed=False)
        self._emit = emit
        self._canceled = canceled
        self._data_keys = data_keys
        self._damage: list[Damage] = []
        self._headers: dict[int, SessionHeader] = {}
        self._references: dict[int, dict[str, PackReference]] = {}
        self._generations: dict[int, tuple[int, ...]] = {}
        self._indexes: dict[str, PackIndex] = {}
        self._lost_indexes: dict[str, str] = {}
        self._lost: dict[str, Loss] = {}
        self._missing: tuple[str, ...] = ()
        self._elsewhere: set[str] = set()
        self._bytes_read = 0
        self._names_hidden = False

    def run(self, *, full: bool) -> VerifyReport:
        """See `app.media.api.verify`."""
        read_label(self._store.location)
        self._missing = membership(self._store.location).missing
        self._check_small("keys", "E4134")
        self._check_small("intents", "E4148")
        self._check_small("fossils", "E4153")
        self._check_small("homes", "E4181")
        self._check_tombstones()
        if is_damaged(self._store):
            params = {"media": self._store.location, "object": RESERVE, "reason": "it was changed"}
            self._damage.append(Damage("E4153", RESERVE, params=params))
        self._check_sessions()
        packs = dict(self._store.names("packs"))
        self._check_indexes(packs)
        total = sum(packs.values())
        checked: set[str] = set()
        # What is repacked meanwhile is in packs that came since: they are looked at too.
        while left := sorted({*packs, *self._referenced()} - checked):
            for pack_id in left:
                self._check_pack(pack_id, packs.get(pack_id), full=full)
                self._emit(VerifyProgress(f"packs/{pack_id}", self._bytes_read, total))
                if self._canceled():
                    raise CanceledError("E4149")
            checked.update(left)
            self._forget_removed()
            packs = {} if self._referenced() <= checked else dict(self._store.names("packs"))
        self._report_lost()
        unproved = tuple(
            number for number, found in sorted(self._references.items()) if self._elsewhere & found.keys()
        )
        return VerifyReport(
            full=full,
            sessions=len(self._headers),
            packs=len(checked),
            bytes_read=self._bytes_read,
            damage=tuple(self._damage),
            names_hidden=self._names_hidden,
            missing=self._missing if unproved else (),
            unproved=unproved,
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
            self._check_refs(header)

    def _check_refs(self, header: SessionHeader) -> None:
        """The refs that count, and those they stand in for as long as they are there."""
        number = header.number
        generations = generations_of(self._store, number)
        try:
            found = load_refs(self._store, header)
        except ArcxoError as error:
            if self._store.size(header_name(number)) is None:
                del self._headers[number]
                return
            self._found(error, refs_name(number, generations[-1] if generations else 0), (number,))
            return
        self._references[number] = {one.pack_id: one for one in found}
        self._generations[number] = generations
        for generation in generations[:-1]:
            try:
                read_generation(self._store, number, generation)
            except ValueError as error:
                params = {"media": self._store.location, "session": str(number), "reason": str(error)}
                self._damage.append(Damage("E4124", refs_name(number, generation), params=params))

    def _check_indexes(self, packs: dict[str, int]) -> None:
        """Index objects; of packs that nobody refers to, one that is missing is no damage."""
        listed = {name for name, _ in self._store.names("index")}
        for pack_id in sorted(listed | packs.keys()):
            data = get_if_there(self._store, f"index/{pack_id}")
            if data is None:
                self._lost_indexes[pack_id] = _MISSING
                continue
            self._bytes_read += len(data)
            try:
                self._indexes[pack_id] = decode_index(pack_id, data)
            except ValueError as error:
                self._lost_indexes[pack_id] = str(error)

    def _check_pack(self, pack_id: str, size: int | None, *, full: bool) -> None:
        if size is None:
            # Another media of the set may have it: what the sessions here need there is checked as well.
            size = self._store.size(f"packs/{pack_id}")
        if size is None:
            self._check_quarantined(pack_id)
            return
        name = f"packs/{pack_id}"
        reason = ""
        pack = self._indexes.get(pack_id)
        try:
            own = read_table(self._store, name, size)
            self._bytes_read += size - self._blocks_end(own)
            wanted = pack.hash if pack else self._hash_by_sessions(pack_id)
            if wanted is not None and own.hash != wanted:
                reason = "it is another pack than its index or sessions say"
            else:
                pack = own
        except ValueError as error:
            reason = str(error)
        except ArcxoError as error:
            if error.code != "E4142":
                raise
            reason = error.params["reason"]
        if pack is None:
            self._lost[pack_id] = Loss(reason, None, None)
        elif full or reason:
            # Damaged or not: which of its blocks are whole decides which files are lost.
            bad = self._bad_blocks(pack, name)
            gap = not reason and pack is not None and self._has_gaps(pack, size)
            if bad or reason or gap:
                told = reason or (f"{len(bad)} of its blocks changed" if bad else "bytes no block covers")
                self._lost[pack_id] = Loss(told, pack, bad)

    def _check_quarantined(self, pack_id: str) -> None:
        """A pack that is not where it should be: it may be in quarantine, with what is whole in it."""
        pack, name = self._indexes.get(pack_id), f"{QUARANTINE}/{pack_id}"
        size = self._store.size(name)
        if size is None and self._missing and self._is_elsewhere(pack_id):
            self._elsewhere.add(pack_id)
            return
        if size is None:
            every = None if pack is None else frozenset(range(len(pack.table.offsets)))
            self._lost[pack_id] = Loss("it is missing", pack, every)
            return
        if pack is None:
            try:
                pack = read_table(self._store, name, size)
            except ValueError:
                self._lost[pack_id] = Loss("it is in quarantine", None, None)
                return
        self._lost[pack_id] = Loss("it is in quarantine", pack, self._bad_blocks(pack, name))

    def _is_elsewhere(self, pack_id: str) -> bool:
        own = DirectoryMediaStore(self._store.location)
        return pack_id not in self._lost_indexes and is_elsewhere(own, self._store, pack_id)

    def _hash_by_sessions(self, pack_id: str) -> bytes | None:
        for found in self._references.values():
            if pack_id in found:
                return found[pack_id].hash
        return None

    def _blocks_end(self, pack: PackIndex) -> int:
        table = pack.table
        return table.offsets[-1] + table.stored[-1] if len(table.offsets) else HEADER.size

    def _has_gaps(self, pack: PackIndex, size: int) -> bool:
        position = HEADER.size
        for offset, length in zip(pack.table.offsets, pack.table.stored, strict=True):
            if offset != position:
                return True
            position = offset + length
        return position + len(pack.table.encode()) + FOOTER.size != size

    def _bad_blocks(self, pack: PackIndex, name: str) -> frozenset[int]:
        """The blocks of a pack whose stored bytes are not as they were written."""
        table, broken = pack.table, set()
        for number, offset in enumerate(table.offsets):
            try:
                stored = self._store.get_range(name, offset, table.stored[number])
            except ArcxoError as error:
                if error.code != "E4142":
                    raise
                stored = b""
            self._bytes_read += len(stored)
            if blake3(stored).digest() != table.block_hash(number):
                broken.add(number)
            if self._canceled():
                raise CanceledError("E4149")
        return frozenset(broken)

    # -- what the damage reaches ----------------------------------------------------------------------

    def _forget_removed(self) -> None:
        """Sessions removed or repacked while this ran, and with them what was deleted on purpose."""
        present = set(numbers(self._store))
        self._headers = {number: one for number, one in self._headers.items() if number in present}
        self._references = {number: one for number, one in self._references.items() if number in present}
        generations = all_generations(self._store)
        for number in list(self._references):
            if generations.get(number) != self._generations[number]:
                self._check_refs(self._headers[number])
        for pack_id in (self._lost.keys() | self._lost_indexes.keys()) - self._referenced():
            if self._store.size(f"packs/{pack_id}") is None:
                self._lost.pop(pack_id, None)
                self._lost_indexes.pop(pack_id, None)

    def _report_lost(self) -> None:
        for pack_id, reason in self._lost_indexes.items():
            if reason == _MISSING and read_index(self._store, pack_id) is not None:
                continue  # its writer had put the pack, and not this yet
            used = any(pack_id in found for found in self._references.values())
            if used or self._store.size(f"index/{pack_id}") is not None:
                params = {"media": self._store.location, "object": pack_id, "reason": reason}
                self._damage.append(Damage("E4147", f"index/{pack_id}", params=params))
        of_set = open_set(self._store.location)
        reach = Reach(of_set, self._headers, self._references, self._lost, self._data_keys)
        for pack_id, loss in self._lost.items():
            reached = reach.of(pack_id)
            params = {"media": self._store.location, "object": pack_id, "reason": loss.reason}
            self._damage.append(
                Damage(
                    "E4147",
                    f"packs/{pack_id}",
                    tuple(number for number, _ in reached),
                    tuple(sorted({path for _, files in reached for path in files})),
                    params,
                    reached,
                )
            )
        self._names_hidden = reach.names_hidden


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
