from __future__ import annotations

import threading
import time
from dataclasses import replace
from typing import Any, cast

import pytest

from app.catalog.api import Registration
from app.model.errors import ArcxoError
from app.model.scenario import ScenarioState, ScenarioStatus
from app.services.connections import Connections
from app.services.elsewhere import QUIET_S, TRUSTED_S, Elsewhere
from tests.unit.agent.test_agent_convert import SCENARIO

STATUS = ScenarioStatus(replace(SCENARIO, master="branch"), ScenarioState.REPLICATING)
KNOWN = [Registration(SCENARIO.id, SCENARIO.name, "branch", ("localhost",), (b"/data",))]


class _Branch:
    """The host `branch`, and the connections to it."""

    def __init__(self) -> None:
        self.status = STATUS
        self.error: ArcxoError | None = None
        self.asked = 0

    def is_here(self, host: str) -> bool:
        return host == "localhost"

    def status_agent_of(self, _host: str) -> Any:
        return self

    def found_silent(self, _host: str, _error: ArcxoError) -> None: ...

    def scenarios(self) -> list[ScenarioStatus]:
        self.asked += 1
        if self.error is not None:
            raise self.error
        return [self.status]


@pytest.fixture
def branch() -> _Branch:
    return _Branch()


def test_a_host_that_says_the_same_is_asked_once_a_second(branch: _Branch) -> None:
    now = [0.0]
    elsewhere = Elsewhere(cast("Connections", branch), lambda: now[0])
    for _ in range(2 * 30):
        assert elsewhere.statuses(KNOWN) == ({SCENARIO.id: STATUS}, {})
        now[0] += 0.5
    assert 29 <= branch.asked <= 32


def test_a_change_is_seen_within_a_second_and_then_at_every_look(branch: _Branch) -> None:
    now = [0.0]
    elsewhere = Elsewhere(cast("Connections", branch), lambda: now[0])
    for _ in range(3):
        elsewhere.statuses(KNOWN)
    stopped = replace(STATUS, state=ScenarioState.STOPPED)
    branch.status = stopped
    now[0] += QUIET_S
    assert QUIET_S < 1
    assert elsewhere.statuses(KNOWN)[0] == {SCENARIO.id: stopped}
    branch.status = STATUS
    assert elsewhere.statuses(KNOWN)[0] == {SCENARIO.id: STATUS}


def test_a_host_that_does_not_answer_is_silent_at_once_when_asked(branch: _Branch) -> None:
    now = [0.0]
    elsewhere = Elsewhere(cast("Connections", branch), lambda: now[0])
    for _ in range(3):
        elsewhere.statuses(KNOWN)
    branch.error = ArcxoError("AE1001", host="branch", reason="gone")
    now[0] += QUIET_S
    assert elsewhere.statuses(KNOWN) == ({}, {"branch": branch.error})
    branch.error = None
    assert elsewhere.statuses(KNOWN)[0] == {SCENARIO.id: STATUS}


def test_a_host_that_hangs_holds_nobody_up_and_is_silent_after_some_seconds(branch: _Branch) -> None:
    now = [0.0]
    elsewhere = Elsewhere(cast("Connections", branch), lambda: now[0])
    assert elsewhere.statuses(KNOWN)[0] == {SCENARIO.id: STATUS}
    answers, free = branch.scenarios, threading.Event()
    branch.scenarios = lambda: (free.wait(30), answers())[1]  # type: ignore[method-assign]
    began = time.monotonic()
    now[0] += QUIET_S
    assert elsewhere.statuses(KNOWN) == ({SCENARIO.id: STATUS}, {}), "what it said last, for a while"
    now[0] += TRUSTED_S + 1
    found, silent = elsewhere.statuses(KNOWN)
    assert (found, silent["branch"].code) == ({}, "AE1027")
    assert time.monotonic() - began < 5
    assert branch.asked == 1, "it is asked once while it does not answer"
    free.set()
    deadline = time.monotonic() + 10
    while elsewhere.statuses(KNOWN) != ({SCENARIO.id: STATUS}, {}):
        assert time.monotonic() < deadline


def test_a_host_speaks_for_no_scenario_of_another_master(branch: _Branch) -> None:
    others = Registration(SCENARIO.id + 1, "others", "hq", ("localhost",), (b"/data",))
    lie = replace(STATUS, scenario=replace(STATUS.scenario, id=others.id))

    class _Two(_Branch):
        def status_agent_of(self, host: str) -> Any:
            return branch if host == "branch" else self

    hq = _Two()
    branch.status = lie
    hq.status = replace(lie, state=ScenarioState.PROBLEM)
    found, _ = Elsewhere(cast("Connections", hq)).statuses([*KNOWN, others])
    assert found == {others.id: hq.status}


def test_without_other_hosts_nobody_is_asked(branch: _Branch) -> None:
    here = [replace(KNOWN[0], master="localhost")]
    assert Elsewhere(cast("Connections", branch)).statuses(here) == ({}, {})
    assert branch.asked == 0
