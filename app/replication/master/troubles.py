"""Paths that one replica could not take: sent again in full, ever less often, and shown when that fails."""

from __future__ import annotations

import time
from collections.abc import Callable

from app.messages import render
from app.model.errors import Problem
from app.model.events import Severity
from app.model.scenario import Scenario
from app.replication.codec import refuse
from app.replication.frames import Trouble
from app.replication.master.recorder import Recorder

_TRIES = 4
_DELAY_MOST_S = 60.0
_KEPT_MOST = 100_000
_TOLD_AGAIN_S = 600.0
"""The same path is told of no more often, however often it is sent in vain."""
CHANGED_BY_OTHERS = "WR00432"
"""Why a replica asks for a path that somebody else changed there: no fault of the path itself."""


class Troubles:
    """Of one replica. `take` is called in the thread that receives; `event` tells people."""

    def __init__(self, scenario: Scenario, host: str, recorder: Recorder, event: Callable[..., None]) -> None:
        self._roots = scenario.roots
        self._host = host
        self._recorder = recorder
        self._event = event
        self._tries: dict[tuple[int, bytes], int] = {}
        self._problems: dict[tuple[int, bytes], Problem] = {}
        self._told: dict[tuple[int, bytes], float] = {}
        self._final: set[tuple[int, bytes]] = set()
        """Not tried again by itself: only once something is recorded of it, and then in full."""
        self._in_full: set[tuple[int, bytes]] = set()
        recorder.lacking.append(self._recorded)
        self.count = 0
        """Paths recorded anew since the start."""

    def clear(self) -> None:
        """Forget them: a synchronisation compares everything."""
        self._tries.clear()
        self._problems.clear()
        self._final.clear()

    def problems(self) -> list[Problem]:
        """What is shown to people."""
        return list(self._problems.values())

    @property
    def any(self) -> bool:
        """Whether there are problems to be shown."""
        return bool(self._problems)

    def _recorded(self, root: int, path: bytes) -> bool:
        """A path is recorded again: whether that must be done in full, as the replica lacks what was sent.

        If it fails it is a problem again. In the recorder's thread.
        """
        key = (root, path)
        known = self._problems.pop(key, None) is not None
        if key in self._in_full:
            self._in_full.discard(key)
            return False
        if not known or key not in self._final:
            return False
        self._in_full.add(key)
        return True

    def take(self, trouble: Trouble) -> None:
        """Have the path recorded anew, in full, unless that cannot help. Raises ArcxoError ER00301."""
        key = (trouble.root, trouble.path)
        if trouble.root >= len(self._roots):
            refuse("trouble in a root that does not exist")
        if trouble.code == CHANGED_BY_OTHERS:
            self.count += 1
            self._recorder.hints.add(
                trouble.root, trouble.path, content=True, tree=True, force=True, delay=0.0
            )
            return
        tries = self._tries.pop(key, 0) + 1
        self._tries[key] = tries
        if len(self._tries) > _KEPT_MOST:
            del self._tries[next(iter(self._tries))]
        self.count += not trouble.final
        whole = self._roots[trouble.root].master_path + b"/" + trouble.path
        text = whole.decode("utf-8", "replace")
        if not trouble.final:
            delay = min(_DELAY_MOST_S, 0.05 * 4 ** min(tries - 1, 10))
            self._recorder.hints.add(
                trouble.root, trouble.path, content=True, tree=True, force=True, delay=delay
            )
            if tries < _TRIES:
                return
        cause = render(trouble.code, trouble.params).text
        if len(self._problems) >= _KEPT_MOST:
            return
        if key not in self._problems and self._told_long_ago(key):
            self._event("WR00231", Severity.WARNING, path=text, replica=self._host, cause=cause)
        (self._final.add if trouble.final else self._final.discard)(key)
        self._problems[key] = Problem("WR00231", whole, {"path": text, "replica": self._host, "cause": cause})

    def _told_long_ago(self, key: tuple[int, bytes]) -> bool:
        now = time.monotonic()
        last = self._told.pop(key, None)
        if last is not None and now - last < _TOLD_AGAIN_S:
            self._told[key] = last
            return False
        self._told[key] = now
        if len(self._told) > _KEPT_MOST:
            del self._told[next(iter(self._told))]
        return True
