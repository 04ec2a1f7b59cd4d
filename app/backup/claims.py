"""Which places at the destination the entries of one restore have taken."""

from __future__ import annotations

_DIRECTORY = 0


class Claims:
    """Places by 64-bit keyed hashes: some bytes for each of millions of paths, not the path."""

    def __init__(self) -> None:
        self._taken: dict[int, int] = {}

    def take(self, target: bytes, origin: int) -> None:
        """The place is taken by the entry that `origin` tells (see `origin_of`); 0 = by a directory."""
        self._taken[hash(target)] = origin

    def by(self, target: bytes) -> int | None:
        """Who has the place: an origin, 0 = a directory, None = nobody."""
        return self._taken.get(hash(target))

    def __contains__(self, target: bytes) -> bool:
        return hash(target) in self._taken


def origin_of(machine: str, scenario_id: int, source: bytes) -> int:
    """What versions of one entry have in common, and no other entry; never 0."""
    return hash((machine, scenario_id, source)) or 1
