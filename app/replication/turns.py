"""How many of several threads that do the same thing do it at once."""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Iterator

_WAITED_TIMES = 8
_WAITED_S = 0.005
_TOGETHER_TURNS = 64


class Turns:
    """One at a time while that is quickest, all of them while a disk is waited for.

    Each call of the system gives the interpreter to another thread that does the same, and has to wait until
    that one makes a call: several threads that never wait for a disk take longer than one. After a turn that
    waited, many that follow are taken together. Nobody waits longer than `patience_s` for a turn: what holds
    it up then may not be the interpreter.
    """

    def __init__(self, patience_s: float = -1.0) -> None:
        self._patience_s = patience_s
        self._turn = threading.Lock()
        self._together = 0

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """While it is this thread's turn."""
        # Counted without a lock: one more or less of them does not matter.
        if self._together > 0:
            self._together -= 1
            yield
            return
        if not self._turn.acquire(timeout=self._patience_s):
            yield
            return
        try:
            blocks, used, began = _blocks_read(), time.thread_time(), time.monotonic()
            yield
            elapsed = time.monotonic() - began
            if _blocks_read() > blocks or elapsed > _WAITED_S + _WAITED_TIMES * (time.thread_time() - used):
                self._together = _TOGETHER_TURNS
        finally:
            self._turn.release()


def _blocks_read() -> int:
    """Blocks that this thread has had to wait for."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
