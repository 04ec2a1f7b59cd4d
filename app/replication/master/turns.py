"""How many of the threads that read ahead read at once."""

from __future__ import annotations

import contextlib
import resource
import threading
import time
from collections.abc import Iterator

_WAITED_TIMES = 8
_WAITED_S = 0.005


class Turns:
    """One at a time while what is read is in memory, all of them once the disk is waited for.

    Each call of the system gives the interpreter to another thread that reads, and has to wait until that one
    makes a call: several threads that never wait for a disk take longer than one.
    """

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._together = False

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """While it is this thread's turn."""
        if self._together:
            yield
            return
        with self._turn:
            blocks, used, began = _blocks_read(), time.thread_time(), time.monotonic()
            yield
            elapsed = time.monotonic() - began
            if _blocks_read() > blocks or elapsed > _WAITED_S + _WAITED_TIMES * (time.thread_time() - used):
                self._together = True


def _blocks_read() -> int:
    """Blocks that this thread has had to wait for."""
    return resource.getrusage(resource.RUSAGE_THREAD).ru_inblock
