"""A disk without room, at chosen durable calls of this process; see `faults` for one that dies."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from typing import Any, Self

import pytest

from tests.support.faults import DURABLE_CALLS


class NoRoom:
    """While entered, the durable calls from the `first`-th on, `count` of them, find no room.

    `threads`: whether calls of a thread count (all do). `begin` counts from the start again, `end` gives
    room.
    """

    def __init__(self, threads: Callable[[threading.Thread], bool] = lambda _: True) -> None:
        self.calls = 0
        self._threads = threads
        self._none: range = range(0)
        self._patches = pytest.MonkeyPatch()

    def begin(self, first: int, count: int = 1 << 60) -> None:
        self.calls = 0
        self._none = range(first, first + count)

    def end(self) -> None:
        self._none = range(0)

    def __enter__(self) -> Self:
        for name in DURABLE_CALLS:
            if hasattr(os, name):
                self._patches.setattr(os, name, self._wrapped(getattr(os, name)))
        return self

    def __exit__(self, *_: object) -> None:
        self._patches.undo()

    def _wrapped(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._threads(threading.current_thread()):
                self.calls += 1
                if self.calls in self._none:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return original(*args, **kwargs)

        return call
