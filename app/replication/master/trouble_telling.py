"""What people are told of paths that a replica could not take: each once, very many together."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from app.model.errors import Problem
from app.model.events import Severity

KEPT_MOST = 100_000
"""So many paths are known to be lacking, or to have been told of."""
_TOLD_EACH = 20
"""More at once are told of together."""
_TOLD_AGAIN_S = 600.0
"""The same path is told of no more often, however often it is sent in vain."""

Key = tuple[int, bytes]
"""Root and path."""


class TroubleTelling:
    """Of one replica. `event(code, severity, **params)` tells people.

    `is_news`, `forget` and `many` under a lock of whoever calls; `tell` and `taken` without it, they may wait
    for a disk.
    """

    def __init__(self, host: str, event: Callable[..., None]) -> None:
        self._host = host
        self._event = event
        self._told: dict[Key, float] = {}
        self._told_of_more = -_TOLD_AGAIN_S

    @property
    def many(self) -> bool:
        """Whether so many are told of that the next ones are told of together."""
        return len(self._told) > _TOLD_EACH

    def is_news(self, key: Key) -> bool:
        """Whether a path was not told of for a while; it counts as told of then."""
        now = time.monotonic()
        last = self._told.pop(key, None)
        if last is not None and now - last < _TOLD_AGAIN_S:
            self._told[key] = last
            return False
        self._told[key] = now
        if len(self._told) > KEPT_MOST:
            del self._told[next(iter(self._told))]
        return True

    def forget(self, key: Key) -> None:
        """It was taken: when it is refused again, that is news."""
        self._told.pop(key, None)

    def tell(self, problem: Problem, *, many: bool) -> None:
        """Tell of a path that was refused; one of very `many` is told of seldom, for all of them."""
        if not many:
            self._event(problem.code, Severity.WARNING, **problem.params)
            return
        now = time.monotonic()
        if now - self._told_of_more >= _TOLD_AGAIN_S:
            self._told_of_more = now
            self._event("WR00233", Severity.WARNING, path=problem.params["path"])

    def taken(self, paths: Sequence[str]) -> None:
        """Tell that these were taken now."""
        if len(paths) > _TOLD_EACH:
            self._event("IR00235", Severity.INFORMATION, count=len(paths), path=paths[0], replica=self._host)
            return
        for path in paths:
            self._event("IR00234", Severity.INFORMATION, path=path, replica=self._host)
