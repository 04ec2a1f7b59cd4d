"""The limits that Linux sets to inotify, and the commands that raise them."""

from __future__ import annotations

_ROUND = 65_536
_SPARE = 8_192


def more_watches(missing: int) -> str:
    """The command that lets `missing` more directories be watched, now that the limit is reached.

    Within a user namespace its own limit counts, when it is the lower one.
    """
    limit, own = _read("fs/inotify/max_user_watches"), _read("user/max_inotify_watches")
    name = "fs.inotify.max_user_watches"
    if 0 < own < limit:
        limit, name = own, "user.max_inotify_watches"
    wanted = limit + missing + missing // 4 + _SPARE
    return f"sysctl -w {name}={-(-wanted // _ROUND) * _ROUND}"


def watch_limit() -> int:
    """How many directories may be watched at most; 0 where the system does not say."""
    limit, own = _read("fs/inotify/max_user_watches"), _read("user/max_inotify_watches")
    return min(limit, own) if own > 0 else limit


def more_instances() -> str:
    """The command that lets more roots be watched."""
    return f"sysctl -w fs.inotify.max_user_instances={max(2 * _read('fs/inotify/max_user_instances'), 512)}"


def _read(name: str) -> int:
    try:
        with open(f"/proc/sys/{name}", encoding="ascii") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
