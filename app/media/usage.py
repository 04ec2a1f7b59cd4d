"""What the sessions of a media refer to. Readable without any password."""

from __future__ import annotations

from collections.abc import Callable, Collection

from app.media.generations import (
    Generations,
    all_generations,
    generations_of,
    newest_refs,
    read_generation,
)
from app.media.refs import PackReference
from app.media.removal import is_removed
from app.media.session import header_name, numbers
from app.media.store import MediaStore
from app.model.errors import ArcxoError


class Usage:
    """Session → packs. Kept up to date by `refresh`: refs objects never change, so each is read once.

    Memory: one bit per session and pack.
    """

    def __init__(self, store: MediaStore) -> None:
        self._store = store
        self._ordinals: dict[str, int] = {}
        self._sessions: dict[int, int] = {}
        self._read: dict[int, tuple[int, ...]] = {}

    def refresh(
        self,
        expected: Collection[int] = (),
        checkpoint: Callable[[], None] = lambda: None,
        *,
        without: Collection[int] = (),
    ) -> None:
        """Learn of sessions that came and went; those of `without` are as if they were not there.

        Raises:
            ArcxoError: E4150 a session's list of packs cannot be read, so nothing may be taken for
                unreferenced; E4152 a session of `expected` is neither there nor was removed.
        """
        present = set(numbers(self._store)) - set(without)
        for number in sorted(set(expected) - present):
            if not is_removed(self._store, number):
                raise ArcxoError("E4152", media=self._store.location, session=number)
        generations = all_generations(self._store)
        for number in list(self._sessions):
            if number not in present or self._read.get(number) != generations.get(number):
                del self._sessions[number]
                del self._read[number]
        for number in sorted(present - self._sessions.keys()):
            checkpoint()
            self._learn(number, generations)

    def _learn(self, number: int, generations: Generations) -> None:
        """Read what a session needs: whatever any generation of its refs names."""
        while number not in self._sessions or self._read.get(number) != generations.get(number):
            bits = 0
            try:
                if not generations.get(number):
                    raise ValueError("it is missing")  # noqa: TRY301 - told like all else that is wrong with it
                for generation in generations[number]:
                    references = read_generation(self._store, number, generation)
                    if references is None:
                        break
                    bits |= self._bits(references)
                else:
                    self._read[number] = generations[number]
                    self._sessions[number] = bits
                    return
            except ValueError as error:
                if self._store.size(header_name(number)) is None:
                    return  # removed since it was listed
                if generations_of(self._store, number) == generations.get(number, ()):
                    raise ArcxoError(
                        "E4150", media=self._store.location, session=number, reason=str(error)
                    ) from error
            # One stands in for another since they were listed, or the session is being removed.
            if self._store.size(header_name(number)) is None:
                return
            generations = {number: generations_of(self._store, number)}

    def _bits(self, references: list[PackReference]) -> int:
        ordinals = [self._ordinals.setdefault(one.pack_id, len(self._ordinals)) for one in references]
        if not ordinals:
            return 0
        bits = bytearray(max(ordinals) // 8 + 1)
        for ordinal in ordinals:
            bits[ordinal >> 3] |= 1 << (ordinal & 7)
        return int.from_bytes(bits, "little")

    def sessions(self) -> list[int]:
        """The sessions that were there at the last refresh."""
        return sorted(self._sessions)

    def packs(self) -> set[str]:
        """Every pack that a session refers to."""
        union = 0
        for bits in self._sessions.values():
            union |= bits
        return {pack for pack, ordinal in self._ordinals.items() if union >> ordinal & 1}


def read_refs(store: MediaStore, number: int) -> list[PackReference]:
    """The packs of a session by its own checksum, whatever its header says. ValueError when that is wrong."""
    return newest_refs(store, number)[1]
