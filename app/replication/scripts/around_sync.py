"""The scripts around the synchronisations of a scenario, on the master or on a replica.

The one before runs when a synchronisation begins, and the synchronisation waits until it has ended with exit
code 0: a failed preparation (a database not put to rest, a volume not mounted) must not be copied. Else it is
tried again, after a minute at first, later after up to ten. Synchronisations of several replicas that overlap
are one: the script runs before the first and the other one after the last. The one after runs when at least
one was completed; nobody waits for it but the next one before.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from app.model.scripts import ScriptPurpose, ScriptResult
from app.replication.scripts.outcome import outcome_of, reason_of
from app.replication.scripts.running import Scripts

RETRY_FIRST_S = 60.0
RETRY_MOST_S = 600.0
_TICK_S = 0.25

Tell = Callable[..., None]
"""(code, severity, **params): keep an event."""


class AroundSync:
    """`begin` and `end` come in pairs, from any thread. What `tick`, called while waiting, raises leaves."""

    def __init__(
        self,
        scripts: Scripts,
        before: str,
        after: str,
        timeout_s: float,
        variables: Mapping[str, str],
        tell: Tell,
    ) -> None:
        self._scripts = scripts
        self._before = before
        self._after = after
        self._timeout_s = timeout_s
        self._variables = dict(variables)
        self._tell = tell
        self._lock = threading.Lock()
        self._busy = False
        self._open = 0
        self._completed: list[str] = []

    def begin(self, replica: str, tick: Callable[[], None], waits: Callable[[str], None]) -> None:
        """Return once the synchronisation of `replica` may begin; `waits(reason)` tells why not yet."""
        self._take_turn(tick, waits)
        with self._lock:
            if self._open:
                self._open += 1
                self._busy = False
                return
        good = False
        try:
            if self._before:
                self._prepare(replica, tick, waits)
            good = True
        finally:
            with self._lock:
                self._open += good
                self._busy = False
                self._completed = []

    def end(self, replica: str, *, completed: bool) -> None:
        """The synchronisation has ended; `completed` unless it was cut short."""
        with self._lock:
            self._open -= 1
            if completed:
                self._completed.append(replica)
            if self._open or not self._completed or not self._after:
                return
            self._busy = True
            done = ",".join(self._completed)
        self._scripts.start(lambda: self._finish(done))

    def _take_turn(self, tick: Callable[[], None], waits: Callable[[str], None]) -> None:
        told = False
        while True:
            with self._lock:
                if not self._busy:
                    self._busy = True
                    return
            if not told:
                told = True
                waits("Another script around a synchronisation has not ended yet")
            tick()
            time.sleep(_TICK_S)

    def _prepare(self, replica: str, tick: Callable[[], None], waits: Callable[[str], None]) -> None:
        pause = RETRY_FIRST_S
        while True:
            waits(f"The script {self._before} runs before the synchronisation")
            result = self._run(ScriptPurpose.BEFORE_SYNC, self._before, replica, tick)
            outcome = outcome_of(result, ScriptPurpose.BEFORE_SYNC, self._before, self._timeout_s)
            self._tell(outcome[0], outcome[1], **outcome[2])
            if result.good:
                return
            waits(f"{reason_of(outcome)}. The synchronisation waits; next try in {pause:.0f} s")
            until = time.monotonic() + pause
            while time.monotonic() < until:
                tick()
                time.sleep(_TICK_S)
            pause = min(RETRY_MOST_S, pause * 2)

    def _finish(self, replicas: str) -> None:
        try:
            result = self._run(ScriptPurpose.AFTER_SYNC, self._after, replicas, None)
            code, severity, params = outcome_of(
                result, ScriptPurpose.AFTER_SYNC, self._after, self._timeout_s
            )
            self._tell(code, severity, **params)
        finally:
            with self._lock:
                self._busy = False

    def _run(
        self, purpose: ScriptPurpose, command: str, replica: str, tick: Callable[[], None] | None
    ) -> ScriptResult:
        return self._scripts.run(
            command,
            timeout_s=self._timeout_s,
            variables=self._variables | {"ARCXO_PURPOSE": purpose.value, "ARCXO_REPLICA": replica},
            tick=tick,
        )
