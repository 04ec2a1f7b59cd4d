"""How a run stands: its one state, derived from its parts, and the picture of it that is shown."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

from app.messages import render
from app.model.errors import ArcxoError
from app.model.paths import shown
from app.model.scenario import ReplicaState, ReplicaStatus, Scenario, ScenarioState, ScenarioStatus
from app.replication.master.run_parts import RunParts
from app.replication.master.waiting import unrecorded

_PROBLEMS_SHOWN = 1_000


class RunState:
    """See the module. Methods may be called from any thread; `on_change` is called in them.

    `ready` is set once the parts are there, or it is known that they will not be.
    """

    def __init__(
        self, scenario: Scenario, parts: RunParts, ready: threading.Event, on_change: Callable[[], None]
    ) -> None:
        self._scenario = scenario
        self._parts = parts
        self._ready = ready
        self._on_change = on_change
        self._lock = threading.RLock()
        self._reason = ""
        self._since = datetime.now(UTC)
        self.now = ScenarioState.STARTING
        """What the scenario does now."""
        self.problem: ArcxoError | None = None
        """Why recording had to end, if it did."""

    def failed(self, error: ArcxoError) -> bool:
        """Recording has to end; whether this is the first reason, which is kept."""
        with self._lock:
            if self.problem is not None:
                return False
            self.problem = error
            return True

    def derive(self) -> None:
        """Find the state that the parts make."""
        parts = self._parts
        with self._lock:
            if self.now is ScenarioState.STOPPING:
                return
            if self.problem is not None:
                self.set(ScenarioState.PROBLEM, render(self.problem.code, self.problem.params).text)
                return
            senders = parts.senders.all()
            if not self._ready.is_set() or not senders:
                return
            braked = parts.braked
            if braked is not None:
                self.set(ScenarioState.PROBLEM, render(braked.code, braked.params).text)
                return
            states = {sender.state for sender in senders}
            bad = {ReplicaState.PROBLEM, ReplicaState.DISCONNECTED}
            if ReplicaState.SYNCHRONIZING in states:
                self.set(ScenarioState.SYNCHRONIZING)
            elif states <= bad:
                self.set(ScenarioState.PROBLEM, next(s.reason for s in senders))
            elif states <= bad | {ReplicaState.CONNECTING}:
                if self.now is not ScenarioState.REPLICATING:
                    self.set(ScenarioState.STARTING)
            else:
                self.set(ScenarioState.REPLICATING)

    def set(self, state: ScenarioState, reason: str = "") -> None:
        """The one setter: records and publishes."""
        with self._lock:
            if (self.now, self._reason) == (state, reason):
                return
            if self.now is not state:
                self._since = datetime.now(UTC)
            self.now, self._reason = state, reason
        self._on_change()

    def status(self, revision: int) -> ScenarioStatus:
        """How everything stands now."""
        parts = self._parts
        recorder, sweeps = parts.recorder, parts.sweeps
        problems = parts.problems()
        return ScenarioStatus(
            scenario=self._scenario,
            state=self.now,
            reason=self._reason,
            since=self._since,
            replicas=self._replicas(),
            roots=parts.statistics(),
            watched_directories=sweeps.watched() if sweeps is not None else 0,
            unwatched_directories=sweeps.unwatched() if sweeps is not None else 0,
            captured_operations=parts.recorded_operations,
            captured_bytes=recorder.recorded_bytes if recorder is not None else 0,
            problems=tuple(problems[:_PROBLEMS_SHOWN]),
            problem_count=len(problems),
            revision=revision,
        )

    def _replicas(self) -> tuple[ReplicaStatus, ...]:
        parts, recorder, braked = self._parts, self._parts.recorder, self._parts.braked
        absent = ReplicaState.BRAKED if braked is not None else ReplicaState.CONNECTING
        reason = render(braked.code, braked.params).text if braked is not None else ""
        replicas = tuple(sender.status() for sender in parts.senders.all()) or tuple(
            ReplicaStatus(spec.host, absent, reason) for spec in self._scenario.replicas
        )
        behind = recorder.hints.behind() if recorder is not None else None
        if recorder is not None and behind is not None:
            why = unrecorded(behind, shown(recorder.roots[behind.root].whole(behind.path)))
            replicas = tuple(
                replace(
                    r,
                    lag_seconds=max(r.lag_seconds or 0.0, behind.seconds),
                    waiting="; ".join(part for part in (r.waiting, why) if part),
                )
                for r in replicas
            )
        if self.problem is not None:
            # Nothing is recorded any more: what goes on is sending what was, not replication.
            replicas = tuple(
                replace(r, state=ReplicaState.PROBLEM, reason=self._reason)
                if r.state is ReplicaState.REPLICATING
                else r
                for r in replicas
            )
        return replicas
