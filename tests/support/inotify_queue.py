"""How many events the queues hold that this process opens from now on.

The kernel takes the sysctl's value when a queue is made, so that it is another one for that moment only, and
under a lock: tests run side by side, and none may take the short limit of another one for the usual one.
"""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path

from watchdog.observers.inotify_c import InotifyFD

SYSCTL = Path("/proc/sys/fs/inotify/max_queued_events")
QUEUE_EVENTS = "ARCXO_QUEUE_EVENTS"
"""Names the variable with what `queue_of` takes, for a process that has just begun."""
_USUAL_LEAST = 16_384
_LOCK = Path(tempfile.gettempdir()) / f"arcxo-inotify-queues-{os.geteuid()}.lock"
_made = InotifyFD._create_inotify_fd


def may_be_set() -> bool:
    """Whether the limit can be set here."""
    return os.access(SYSCTL, os.W_OK)


def queue_of(events: int) -> None:
    """Sources opened from now on hold `events`, as with that sysctl; 0: the usual number."""
    InotifyFD._create_inotify_fd = staticmethod(lambda: _short(events) if events else _usual())


def _usual() -> int:
    with open(_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_SH)
        return _made()


def _short(events: int) -> int:
    with open(_LOCK, "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        usual = max(int(SYSCTL.read_text()), _USUAL_LEAST)
        try:
            SYSCTL.write_text(str(events))
            return _made()
        finally:
            SYSCTL.write_text(str(usual))
