"""Names of temporary objects tell who writes them, so that what a dead writer left can be removed."""

from __future__ import annotations

import functools
import os
import socket

from blake3 import blake3

_ABANDONED_AFTER_S = 48 * 3600.0


def _read_text(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


@functools.cache
def _host() -> str:
    """Who can look at this process: containers of one host may share its name, but not their processes."""
    try:
        space = os.readlink("/proc/self/ns/pid")
    except OSError:
        space = ""
    return blake3(f"{socket.gethostname()} {space}".encode()).hexdigest()[:8]


@functools.cache
def _boot() -> str:
    return blake3(_read_text("/proc/sys/kernel/random/boot_id").encode()).hexdigest()[:8]


def _started(pid: int) -> str:
    """The start stamp of a process (clock ticks since boot), "" when there is none such."""
    return (_read_text(f"/proc/{pid}/stat").rpartition(")")[2].split() + [""] * 20)[19]


def owner_prefix() -> str:
    """`<host>-<boot>-<pid>-<start>` of this process."""
    pid = os.getpid()
    return f"{_host()}-{_boot()}-{pid}-{_started(pid)}"


def is_abandoned(name: str, age_s: float) -> bool:
    """Whether the writer of a temporary is gone: known on its own host, by age (48 h) from elsewhere."""
    parts = name.split("-")
    if len(parts) == 5 and parts[0] == _host() and parts[2].isdigit() and parts[3]:
        return parts[1] != _boot() or _started(int(parts[2])) != parts[3]
    return age_s > _ABANDONED_AFTER_S
