"""A file layer that dies at a chosen durable call, so that a test can cut a program at every write.

    with CutAt(7, partial=True):   # the 7th durable call of the process writes a part and "the power fails"
        work()                     # raises Cut there; every later durable call fails with Cut too

`durable_calls()` runs something once and tells which such calls it makes; at which of them a test cuts is for
`tests.support.cuts` to say.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

DURABLE_CALLS = (
    "write",
    "pwrite",
    "writev",
    "pwritev",
    "fsync",
    "fdatasync",
    "sync",
    "link",
    "rename",
    "replace",
    "unlink",
    "remove",
    "rmdir",
    "mkdir",
    "symlink",
    "mknod",
    "mkfifo",
    "truncate",
    "ftruncate",
    "copy_file_range",
    "sendfile",
    "chmod",
    "fchmod",
    "chown",
    "fchown",
    "lchown",
    "utime",
    "setxattr",
    "removexattr",
    "posix_fallocate",
)
_WRITES = frozenset({"write", "pwrite"})


class Cut(BaseException):
    """The simulated death. Not an Exception, so that no handler of the program takes it for an error."""


class CutAt:
    """Patches `os` while entered. Calls are counted from 1; `at=0` only counts.

    `threads` limits the cutting to threads whose name satisfies it (None: all). With `partial`, the write
    that is cut leaves the first half of its bytes behind.
    """

    def __init__(
        self,
        at: int,
        *,
        partial: bool = False,
        calls: tuple[str, ...] = DURABLE_CALLS,
        threads: Callable[[str], bool] | None = None,
    ) -> None:
        self.at = at
        self.partial = partial
        self.count = 0
        self.happened = False
        self.trace: list[str] = []
        self._names = calls
        self._threads = threads
        self._originals: dict[str, Any] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        for name in self._names:
            original = getattr(os, name, None)
            if original is not None:
                self._originals[name] = original
                setattr(os, name, self._wrap(name, original))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for name, original in self._originals.items():
            setattr(os, name, original)

    def _wrap(self, name: str, original: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._threads is not None and not self._threads(threading.current_thread().name):
                return original(*args, **kwargs)
            with self._lock:
                self.count += 1
                self.trace.append(name)
                first = self.count == self.at
                if first:
                    self.happened = True
                if self.happened:
                    if first and self.partial and name in _WRITES:
                        data = bytes(args[1])
                        original(args[0], data[: len(data) // 2], *args[2:], **kwargs)
                    raise Cut(f"cut at durable call {self.at}: {name}")
            return original(*args, **kwargs)

        return call


def durable_calls(work: Callable[[], object], **options: Any) -> list[str]:
    """The names of the durable calls that `work` makes, in their order."""
    with CutAt(0, **options) as layer:
        work()
    return layer.trace
