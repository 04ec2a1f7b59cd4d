"""Paths to be looked at once more after a while, each once, in the order they were named."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Iterator

from app.replication.master.hints import Key

_MOST = 200_000


class Later:
    """Bounded: what finds no room is not kept, and found by the next walk. For one thread."""

    def __init__(self, after_s: float) -> None:
        self._after_s = after_s
        self._due: OrderedDict[Key, float] = OrderedDict()

    def add(self, root: int, path: bytes) -> None:
        """Name a path; one that waits already keeps its moment."""
        if len(self._due) < _MOST:
            self._due.setdefault((root, path), time.monotonic() + self._after_s)

    def due(self, most: int) -> Iterator[Key]:
        """Up to `most` paths whose moment has come; each is given once."""
        now = time.monotonic()
        while most > 0 and self._due:
            key, due = next(iter(self._due.items()))
            if due > now:
                return
            del self._due[key]
            most -= 1
            yield key
