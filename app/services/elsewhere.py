"""How the scenarios stand whose masters are other hosts: all hosts asked at once, none waited for long.

Whoever looks at a list asks several times a second. A host that said the same twice is asked once a second.
A host that is slow to answer holds nobody up: what it said last is taken for some seconds, then that it does
not answer; its answer counts when it comes.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from app.catalog.api import Registration
from app.model.errors import ArcxoError
from app.model.scenario import ScenarioStatus
from app.services.connections import Connections

QUIET_S = 0.9
"""What a host said lately is taken as it is for so long, once it has said it twice."""
PATIENCE_S = 0.3
"""A host that was heard of before is waited for so long."""
TRUSTED_S = 6.0
"""What a host said is taken for so long while it does not answer."""
Statuses = dict[int, ScenarioStatus]


@dataclass(frozen=True, slots=True)
class _Said:
    at: float
    statuses: Sequence[ScenarioStatus]
    again: bool


class _Question:
    """One call to a host, in a thread of its own. `answer` is what it said, or why it did not."""

    def __init__(self, host: str, ask: Callable[[str], Sequence[ScenarioStatus]], began: float) -> None:
        self.began = began
        self.answer: Sequence[ScenarioStatus] | ArcxoError = ()
        self.unexpected: Exception | None = None
        self.answered = threading.Event()
        self._host, self._ask = host, ask
        threading.Thread(target=self._work, name=f"status of {host}", daemon=True).start()

    def _work(self) -> None:
        try:
            self.answer = self._ask(self._host)
        except ArcxoError as error:
            self.answer = error
        except Exception as error:  # noqa: BLE001 - raised again where it is waited for
            self.unexpected = error
        self.answered.set()


class Elsewhere:
    """See the module. Any thread; blocks on hosts never heard of, and shortly on others."""

    def __init__(self, connections: Connections, clock: Callable[[], float] = time.monotonic) -> None:
        self._connections = connections
        self._clock = clock
        self._guard = threading.Lock()
        self._said: dict[str, _Said] = {}
        self._refused: dict[str, ArcxoError] = {}
        self._asked: dict[str, _Question] = {}

    def statuses(self, registrations: Sequence[Registration]) -> tuple[Statuses, dict[str, ArcxoError]]:
        """(status by scenario id, why not by host) of the registrations whose masters are other hosts."""
        hosts = sorted({one.master for one in registrations if not self._connections.is_here(one.master)})
        # A host speaks for the scenarios whose master it is, and for no others.
        wanted = {(one.id, one.master) for one in registrations}
        due = {host: question for host in hosts if (question := self._question(host)) is not None}
        patient_until = time.monotonic() + PATIENCE_S
        for host, question in due.items():
            known = host in self._said or host in self._refused
            question.answered.wait(max(0.0, patient_until - time.monotonic()) if known else None)
            self._learn(host, question)
        found: Statuses = {}
        silent: dict[str, ArcxoError] = {}
        for host in hosts:
            with self._guard:
                said, refused = self._said.get(host), self._refused.get(host)
            if refused is not None:
                silent[host] = refused
            elif said is not None:
                found |= {one.scenario.id: one for one in said.statuses if (one.scenario.id, host) in wanted}
        return found, silent

    def _question(self, host: str) -> _Question | None:
        """What the host is asked now; None: what it said stands."""
        with self._guard:
            asked, said = self._asked.get(host), self._said.get(host)
            if asked is not None:
                return asked
            if said is not None and said.again and self._clock() - said.at < QUIET_S:
                return None
            made = self._asked[host] = _Question(host, self._ask, self._clock())
            return made

    def _ask(self, host: str) -> Sequence[ScenarioStatus]:
        return self._connections.status_agent_of(host).scenarios()

    def _learn(self, host: str, question: _Question) -> None:
        """Take the answer of a host; that it does not come tells something, too."""
        now = self._clock()
        with self._guard:
            if not question.answered.is_set():
                said = self._said.get(host)
                waited = now - question.began
                if said is not None and waited > TRUSTED_S:
                    del self._said[host]
                    self._refused[host] = ArcxoError(
                        "AE1027", host=host, call="scenarios", seconds=round(waited)
                    )
                return
            if self._asked.get(host) is not question:
                return  # another thread took it
            del self._asked[host]
            if question.unexpected is not None:
                raise question.unexpected
            if isinstance(question.answer, ArcxoError):
                self._said.pop(host, None)
                self._refused[host] = question.answer
            else:
                before = self._said.get(host)
                again = before is not None and before.statuses == question.answer
                self._said[host] = _Said(now, question.answer, again)
                self._refused.pop(host, None)
        if isinstance(question.answer, ArcxoError):
            self._connections.found_silent(host, question.answer)
