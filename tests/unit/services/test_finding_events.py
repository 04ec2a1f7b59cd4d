"""Events found page by page: forwards, from the end, of one scenario, of some severities, with gaps."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest

from app.agent.api import Agent
from app.model.events import GAP_CODE, EventRecord, Severity
from app.replication import events as store_module
from app.replication.events import EventStore
from app.services import events as module
from app.services.events import find_events


class StoreAgent:
    def __init__(self, store: EventStore) -> None:
        self.store = store
        self.calls = 0

    def events(self, newer_than: int, limit: int = 1000) -> Sequence[EventRecord]:
        self.calls += 1
        return self.store.newer_than(newer_than, limit)


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[StoreAgent]:
    monkeypatch.setattr(module, "_PAGE", 5)
    store = EventStore(str(tmp_path / "e"), "h")
    for number in range(1, 31):
        severity = Severity.ERROR if number % 10 == 0 else Severity.INFORMATION
        store.append("IR00120", severity, scenario_id=number % 3)
    yield StoreAgent(store)
    store.close()


def numbers(agent: StoreAgent, *arguments: Any) -> list[int]:
    return [event.sequence for event in find_events(cast("Agent", agent), *arguments)]


def test_forwards_to_the_limit_or_the_end(agent: StoreAgent) -> None:
    assert numbers(agent, 0, 12, None, ()) == list(range(1, 13))
    assert numbers(agent, 27, 100, None, ()) == [28, 29, 30]
    assert numbers(agent, 30, 100, None, ()) == []


def test_of_one_scenario_and_some_severities(agent: StoreAgent) -> None:
    assert numbers(agent, 0, 100, 0, ()) == list(range(3, 31, 3))
    assert numbers(agent, 0, 100, None, (Severity.ERROR, Severity.CRITICAL)) == [10, 20, 30]
    assert numbers(agent, 0, 100, 0, (Severity.ERROR,)) == [30]


def test_the_newest_are_looked_for_from_the_end(agent: StoreAgent) -> None:
    assert numbers(agent, -7, 1000, None, ()) == list(range(24, 31))
    assert numbers(agent, -2, 1000, None, (Severity.ERROR,)) == [20, 30]
    assert numbers(agent, -100, 1000, None, ()) == list(range(1, 31))
    agent.calls = 0
    numbers(agent, -3, 1000, None, ())
    assert agent.calls <= 3


def test_a_gap_is_told_to_who_comes_back_and_not_to_who_asks_for_the_newest(
    agent: StoreAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "EVENTS_KEPT", 8)
    agent.store._trim()
    found = find_events(cast("Agent", agent), 3, 100, 0, (Severity.ERROR,))
    assert [event.code for event in found] == [GAP_CODE, "IR00120"]
    assert numbers(agent, -100, 1000, None, ()) == list(range(23, 31))
