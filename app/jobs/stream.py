"""Reading an agent's stream so that a stop is honoured even while the agent says nothing."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from app.jobs.control import JobControl

T = TypeVar("T")
_POLL_S = 0.1
_BUFFERED = 16
"""Each may be 2,000 rows of a session, a third of a kilobyte each."""
_END_GRACE_S = 5.0


class _End:
    """The stream has ended, with `error` or well."""

    def __init__(self, error: BaseException | None) -> None:
        self.error = error


class CancellableStream(Generic[T]):
    """The items of `open_stream()`, read in a thread; leaving the iteration closes the agent's stream.

    Iterating raises what the stream raises, and CanceledError E5131 within a fraction of a second when the
    job is asked to stop.
    """

    def __init__(self, open_stream: Callable[[], Iterator[T]], control: JobControl) -> None:
        self._open = open_stream
        self._control = control
        self._items: queue.Queue[T | _End] = queue.Queue(_BUFFERED)
        self._abandoned = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._read, name="agent-stream", daemon=True)

    def __iter__(self) -> Iterator[T]:
        self._thread.start()
        try:
            while True:
                self._control.check_cancelled()
                try:
                    item = self._items.get(timeout=_POLL_S)
                except queue.Empty:
                    continue
                if isinstance(item, _End):
                    if item.error is not None:
                        raise item.error
                    return
                yield item
        finally:
            self._abandoned.set()
            # A gRPC call can be canceled from here; other iterators end at their next item.
            cancel = getattr(self._stream, "cancel", None)
            if cancel is not None:
                with contextlib.suppress(RuntimeError):
                    cancel()
            self._thread.join(_END_GRACE_S)

    def _read(self) -> None:
        end = _End(None)
        try:
            self._stream = self._open()
            try:
                for item in self._stream:
                    self._put(item)
                    if self._abandoned.is_set():
                        break
            finally:
                close = getattr(self._stream, "close", None)
                if close is not None:
                    close()
        except BaseException as error:  # noqa: BLE001 - raised again in the job's thread
            end = _End(error)
        self._put(end)

    def _put(self, item: T | _End) -> None:
        while not self._abandoned.is_set():
            try:
                self._items.put(item, timeout=_POLL_S)
            except queue.Full:
                continue
            return
