"""Garbage collection in a console: what is there when it opens is never walked again, the rest seldom.

A collection of everything takes 50 ms and more once the modules and some thousand rows are there, on whatever
thread allocates next, while the event loop stands.
"""

from __future__ import annotations

import gc

_YOUNG_OBJECTS = 20_000
_OLD_AFTER = 20


def collect_seldom() -> None:
    """Call it once, when the window is there. Takes no time itself."""
    gc.freeze()
    gc.set_threshold(_YOUNG_OBJECTS, _OLD_AFTER, _OLD_AFTER)
