"""What a password was stretched to, for a while: jobs that follow each other do not pay for it each time.

Only what opened a slot is kept, in memory alone, found by a keyed hash; the slot itself is read and opened
each time, so that one that was removed opens nothing.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable

from blake3 import blake3

KEPT_S = 600.0
_MOST = 32
_hiding = secrets.token_bytes(32)
_guard = threading.Lock()
_kept: dict[bytes, tuple[float, bytes]] = {}


def handle_of(secret: bytes, salt: bytes, *cost: int) -> bytes:
    """Names what a secret is stretched to, without telling it."""
    told = blake3(secret).digest() + salt + repr(cost).encode()
    return blake3(told, key=_hiding).digest()


def kept_or_made(handle: bytes, make: Callable[[], bytes]) -> bytes:
    """What was kept under a handle, else what `make` makes. Any thread."""
    now = time.monotonic()
    with _guard:
        for old in [one for one, (until, _) in _kept.items() if until < now]:
            del _kept[old]
        found = _kept.get(handle)
    return make() if found is None else found[1]


def keep(handle: bytes, made: bytes) -> None:
    """It opened what it was for."""
    with _guard:
        _kept.pop(handle, None)
        while len(_kept) >= _MOST:
            del _kept[next(iter(_kept))]
        _kept[handle] = (time.monotonic() + KEPT_S, made)


def forget_all() -> None:
    """Keep nothing any more."""
    with _guard:
        _kept.clear()
