"""Work that must not disturb: the calling thread's place in the queue of the disk."""

from __future__ import annotations

import ctypes
import platform

_SYSCALL = {"x86_64": 251, "aarch64": 30}
_WHO_PROCESS = 1
_CLASS_IDLE = 3 << 13


def read_when_idle() -> bool:
    """Let this thread have the disk only while nobody else wants it; whether the system can do that."""
    number = _SYSCALL.get(platform.machine()) if platform.system() == "Linux" else None
    if number is None:
        return False
    try:
        return bool(ctypes.CDLL(None).syscall(number, _WHO_PROCESS, 0, _CLASS_IDLE) == 0)
    except (OSError, AttributeError):
        return False
