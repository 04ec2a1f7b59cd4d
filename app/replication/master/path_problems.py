"""Paths of the master's roots that are not replicated, and why: shown while that is so, and told of once."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Sequence

from app.model.errors import Problem
from app.model.events import Severity
from app.model.paths import shown
from app.replication.master.recordable import UnrecordableError
from app.replication.master.roots import ComparedRoot

UNREADABLE, REFUSED, MORE_REFUSED = "WR00230", "WR00232", "WR00233"
_TOLD_EACH = 20
_TOLD_MOST = 100_000
_MORE_EVERY_S = 600.0
_TOO_LONG = "its whole path is longer than this system takes"

Event = Callable[..., None]


class PathProblems:
    """For all roots of a run; any thread. `event` is told of each path that is refused, of many in one."""

    def __init__(self, roots: Sequence[ComparedRoot]) -> None:
        self._roots = roots
        self._lock = threading.Lock()
        self._problems: dict[tuple[int, bytes], Problem] = {}
        self._told: set[tuple[int, bytes]] = set()
        self._more_at: float | None = None
        self.event: Event = lambda *_, **__: None

    def __bool__(self) -> bool:
        return bool(self._problems)

    def all(self) -> list[Problem]:
        """What is shown to people."""
        with self._lock:
            return list(self._problems.values())

    def of_root(self, root: int) -> list[bytes]:
        """The paths of a root that have one."""
        with self._lock:
            return [path for number, path in self._problems if number == root]

    def covers(self, root: int, path: bytes) -> bool:
        """Whether a path, or a directory above it, has one."""
        if not self._problems:
            return False
        while path and (root, path) not in self._problems:
            path = path.rpartition(b"/")[0]
        return (root, path) in self._problems

    def report(self, root: int, path: bytes, error: OSError) -> bool:
        """Note why a path is not replicated; whether that may be otherwise without the path changing."""
        refused = isinstance(error, UnrecordableError) or error.errno == errno.ENAMETOOLONG
        cause = error.strerror or str(error)
        if isinstance(error, UnrecordableError):
            path = error.path or path
        elif refused:
            cause = _TOO_LONG
        whole = self._roots[root].whole(path)
        code = REFUSED if refused else UNREADABLE
        problem = Problem(code, whole, {"path": shown(whole), "cause": cause})
        with self._lock:
            self._problems[root, path] = problem
            tell = refused and self._is_news((root, path))
        if tell:
            self._tell(problem)
        return error.errno != errno.ENAMETOOLONG

    def fine(self, root: int, path: bytes) -> bool:
        """A path was read; whether it had a problem."""
        if not self._problems:
            return False
        with self._lock:
            return self._problems.pop((root, path), None) is not None

    def gone(self, root: int, path: bytes, *, beneath: bool) -> None:
        """Nothing is there any more (and with `beneath`: nor beneath it)."""
        if not self._problems:
            return
        with self._lock:
            self._forget((root, path))
            if beneath:
                prefix = path + b"/"
                for key in [one for one in self._problems if one[0] == root and one[1].startswith(prefix)]:
                    self._forget(key)

    def _forget(self, key: tuple[int, bytes]) -> None:
        self._problems.pop(key, None)
        self._told.discard(key)

    def _is_news(self, key: tuple[int, bytes]) -> bool:
        if key in self._told or len(self._told) >= _TOLD_MOST:
            return False
        self._told.add(key)
        return True

    def _tell(self, problem: Problem) -> None:
        """One event each for the first, and then one for many: each is among the problems that are shown."""
        if len(self._told) <= _TOLD_EACH:
            self.event(problem.code, Severity.WARNING, **problem.params)
            return
        now = time.monotonic()
        if self._more_at is None or now - self._more_at >= _MORE_EVERY_S:
            self._more_at = now
            self.event(MORE_REFUSED, Severity.WARNING, path=problem.params["path"])
