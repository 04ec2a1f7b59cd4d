"""Giving memory back that a burst of work needed: glibc keeps what was freed until it is told not to.

Measured after a synchronisation of 20,000 files: the replica's process 237 to 86 MB, the master's 154 to 91.
What few threads free is given back best: see `child_environment` about arenas.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from collections.abc import Callable

_ARENA_MAX = -8
"""The number of this property in <malloc.h>."""
_EVERY_S = 4.0
"""A backup that begins right after a synchronisation finds it given back."""
_GROWN_BYTES = 8 << 20
_BUSY_S = 0.4
"""Of processor time between two looks: what a burst frees at its end shows in no growth."""


def trim_now_and_then() -> None:
    """Start a thread that gives freed memory back to the system after the process has grown. At once.

    Call before other threads are started: they get no more than two arenas, however the process was started.
    """
    library = ctypes.CDLL(None)
    trim = getattr(library, "malloc_trim", None)
    if trim is not None and (tune := getattr(library, "mallopt", None)) is not None:
        tune(_ARENA_MAX, 2)
    if trim is not None:
        threading.Thread(target=Trimmer(trim).run, name="trim", daemon=True).start()


class Trimmer:
    """Tells the allocator when this process has grown since it was last told, or has come to rest."""

    def __init__(self, trim: Callable[[int], int]) -> None:
        self._trim = trim
        self._least = _resident_bytes()
        self._used_s = time.process_time()
        self._was_busy = False

    def run(self) -> None:
        """Look for ever."""
        pause = threading.Event()
        while not pause.wait(_EVERY_S):
            self.look()

    def look(self) -> None:
        """Look once."""
        now, used_s = _resident_bytes(), time.process_time()
        busy = used_s - self._used_s > _BUSY_S
        rests = self._was_busy and not busy
        self._used_s, self._was_busy = used_s, busy
        if rests or now > self._least + _GROWN_BYTES:
            self._trim(0)
            self._least = _resident_bytes()
        else:
            self._least = min(self._least, now)


def _resident_bytes() -> int:
    with open("/proc/self/statm", "rb") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
