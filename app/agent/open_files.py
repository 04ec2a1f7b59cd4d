"""How many files the processes of an agent may have open."""

from __future__ import annotations

import contextlib
import sys

ENOUGH = 65_536


def allow_many_open_files() -> None:
    """As many as the system lets this process have, up to `ENOUGH`; its children inherit that.

    Shells give 1,024, which the streams of some dozens of scenarios may need alone.
    """
    if sys.platform == "win32":
        return
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = ENOUGH if hard == resource.RLIM_INFINITY else min(ENOUGH, hard)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
