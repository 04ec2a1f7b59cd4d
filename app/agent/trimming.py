"""Giving memory back that a burst of work needed: glibc keeps what was freed until it is told not to.

Measured after a synchronisation of 20,000 files: the replica's process 237 to 86 MB, the master's 154 to 91.
"""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable

_EVERY_S = 4.0
"""A backup that begins right after a synchronisation finds it given back."""
_GROWN_BYTES = 8 << 20


def trim_now_and_then() -> None:
    """Start a thread that gives freed memory back to the system after the process has grown. At once."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        threading.Thread(target=Trimmer(trim).run, name="trim", daemon=True).start()


class Trimmer:
    """Tells the allocator when this process has grown since it was last told."""

    def __init__(self, trim: Callable[[int], int]) -> None:
        self._trim = trim
        self._least = _resident_bytes()

    def run(self) -> None:
        """Look for ever."""
        pause = threading.Event()
        while not pause.wait(_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        now = _resident_bytes()
        if now > self._least + _GROWN_BYTES:
            self._trim(0)
            self._least = _resident_bytes()
        else:
            self._least = min(self._least, now)


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
