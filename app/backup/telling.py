"""What a restore did, path by path: told in batches to who asked for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.backup.items import Item
from app.media.node import SIZE
from app.model.archive import RestoreItems
from app.model.restore import RestoreAction, RestoreItem

DONE_BEFORE = "by an earlier try"
_BATCH = 1000


class Telling:
    """Nothing is told when it is not `wanted`. Any thread; `emit` is called under the lock, one at a time."""

    def __init__(self, emit: Callable[[RestoreItems], None], *, wanted: bool) -> None:
        self._emit = emit
        self._wanted = wanted
        self._lock = threading.Lock()
        self._items: list[RestoreItem] = []

    def tell(self, item: Item, action: RestoreAction, reason: str = "") -> None:
        """It is done: `action` is what came of it, which may differ from what was planned."""
        if not self._wanted:
            return
        size = item.entry[SIZE] if action is not RestoreAction.DELETE else item.old_bytes
        self._add(RestoreItem(item.source, item.target, action, size, reason))

    def tell_removed(self, target: bytes, size_bytes: int) -> None:
        """Something went that was in a place that is taken by something else."""
        if self._wanted:
            self._add(RestoreItem(b"", target, RestoreAction.DELETE, size_bytes))

    def close(self) -> None:
        """Tell what is left."""
        with self._lock:
            self._hand_over()

    def _add(self, item: RestoreItem) -> None:
        with self._lock:
            self._items.append(item)
            if len(self._items) >= _BATCH:
                self._hand_over()

    def _hand_over(self) -> None:
        if self._items:
            self._emit(RestoreItems(tuple(self._items)))
            self._items.clear()
