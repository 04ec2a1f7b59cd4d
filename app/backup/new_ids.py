"""Which chunks a run has written: a set of ids in 40 bytes each instead of 120.

A first backup of a million small files writes a million chunks; remembering them must not take what the rest
of the worker takes together.
"""

from __future__ import annotations

from array import array
from typing import Any

from app.native import native

_native: Any | None = native("new_ids")
_ID_BYTES = 32
_SMALLEST = 1024


class NewIds:
    """A set of 32-byte ids that only grows. Not safe to share between threads.

    Open addressing: `_slots` has one more than the number of an id at the place that its first bytes say, or
    the next free one; an id counts as there only when all of it is the same.
    """

    def __init__(self) -> None:
        self._ids = bytearray()
        self._slots = array("I", bytes(4 * _SMALLEST))
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def __contains__(self, chunk_id: bytes) -> bool:
        return self._slots[self._place(chunk_id)] != 0

    def add(self, chunk_id: bytes) -> bool:
        """Add an id; False when it is there already."""
        place = self._place(chunk_id)
        if self._slots[place]:
            return False
        self._ids += chunk_id
        self._count += 1
        self._slots[place] = self._count
        if 3 * self._count > 2 * len(self._slots):
            self._grow()
        return True

    def _place(self, chunk_id: bytes) -> int:
        slots, ids, mask = self._slots, self._ids, len(self._slots) - 1
        place = int.from_bytes(chunk_id[:8], "little") & mask
        while number := slots[place]:
            if ids[(number - 1) * _ID_BYTES : number * _ID_BYTES] == chunk_id:
                break
            place = (place + 1) & mask
        return place

    def _grow(self) -> None:
        ids = self._ids
        slots = array("I", bytes(4 * 2 * len(self._slots)))
        mask = len(slots) - 1
        for number in range(self._count):
            start = number * _ID_BYTES
            place = int.from_bytes(ids[start : start + 8], "little") & mask
            while slots[place]:
                place = (place + 1) & mask
            slots[place] = number + 1
        self._slots = slots


def new_ids() -> NewIds:
    """An empty set, the quickest there is."""
    made: NewIds = NewIds() if _native is None else _native.NewIds()
    return made
