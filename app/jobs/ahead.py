"""Work that is done in a thread while what came before it is used."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

T = TypeVar("T")
_POLL_S = 0.1


class _End:
    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class _Ahead(Generic[T]):
    def __init__(self, items: Iterator[T], depth: int) -> None:
        self._source = items
        self._queue: queue.Queue[T | _End] = queue.Queue(depth)
        self._abandoned = threading.Event()
        self._thread = threading.Thread(target=self._run, name="read-ahead", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def items(self) -> Iterator[T]:
        while True:
            item = self._queue.get()
            if isinstance(item, _End):
                if item.error is not None:
                    raise item.error
                return
            yield item

    def close(self) -> None:
        self._abandoned.set()
        self._thread.join()

    def _run(self) -> None:
        end = _End(None)
        try:
            for item in self._source:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that uses the items
            end = _End(error)
        self._put(end)

    def _put(self, item: T | _End) -> bool:
        while not self._abandoned.is_set():
            try:
                self._queue.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return True
        return False


@contextmanager
def ahead(items: Iterator[T], depth: int = 2) -> Iterator[Iterator[T]]:
    """The same items, up to `depth` of them made ahead in a thread, which has ended when the block is left.

    What the items raise is raised where they are used.
    """
    made = _Ahead(items, depth)
    made.start()
    try:
        yield made.items()
    finally:
        made.close()
