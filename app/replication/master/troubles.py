"""Paths that one replica could not take: sent again in full, ever less often, and shown when that fails."""

from __future__ import annotations

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
        self.count = 0
        """Paths recorded anew since the start."""

    def clear(self) -> None:
        """Forget them: a synchronisation compares everything."""
        self._tries.clear()
        self._problems.clear()

    def problems(self) -> list[Problem]:
        """What is shown to people."""
        return list(self._problems.values())

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
        if key not in self._problems:
            self._event("WR00231", Severity.WARNING, path=text, replica=self._host, cause=cause)
        self._problems[key] = Problem("WR00231", whole, {"path": text, "replica": self._host, "cause": cause})
