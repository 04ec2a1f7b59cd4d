"""Passwords and keys stay in memory: no core file of a process that crashes, nothing for others to read."""

from __future__ import annotations

import contextlib
import ctypes

_PR_SET_DUMPABLE = 4


def keep_memory_private() -> None:
    """For this process and those it starts: no core files; for itself: no dumps and no other's debugger.

    A limit of 0 does not keep a system's crash handler from a copy, being marked as not dumpable does. The
    mark is lost by exec, so every program sets it when it starts.
    """
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
