from typing import Any

import pytest

from app.jobs.kept_agents import LET_BE_S, KeptAgents
from app.model.errors import ArcxoError


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Played:
    """Connections to hosts, of which some are silent."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self.closed: list[str] = []
        self.silent: set[str] = set()
        self.failing = False

    def __call__(self, host: str) -> Any:
        self.made.append(host)
        if host in self.silent:
            raise ArcxoError("AE1001", host=host, reason="silent")
        return _Agent(self, host)


class _Agent:
    def __init__(self, played: Played, host: str) -> None:
        self._played = played
        self._host = host

    def events(self, newer_than: int, limit: int = 1) -> list[int]:
        if self._played.failing:
            raise ArcxoError("AE1001", host=self._host, reason="lost")
        return [newer_than, limit]

    def close(self) -> None:
        self._played.closed.append(self._host)


def test_a_host_is_connected_once_however_often_it_is_asked() -> None:
    played = Played()
    kept = KeptAgents(played)
    for number in range(5):
        agent: Any = kept.lend("hq")
        assert agent.events(number, limit=3) == [number, 3]
        agent.close()
    assert (played.made, played.closed) == (["hq"], [])
    kept.close()
    assert played.closed == ["hq"]


def test_a_host_that_is_silent_is_let_be_for_a_while() -> None:
    played, clock = Played(), Clock()
    kept = KeptAgents(played, clock)
    played.silent.add("branch")
    for _ in range(3):
        with pytest.raises(ArcxoError, match="AE1001"):
            kept.lend("branch")
    assert played.made == ["branch"]
    played.silent.clear()
    clock.now = LET_BE_S + 1
    again: Any = kept.lend("branch")
    assert again.events(1) == [1, 1]


def test_a_connection_that_failed_is_closed_and_made_anew_later() -> None:
    played, clock = Played(), Clock()
    kept = KeptAgents(played, clock)
    agent: Any = kept.lend("hq")
    played.failing = True
    with pytest.raises(ArcxoError, match="AE1001"):
        agent.events(0)
    assert played.closed == ["hq"]
    played.failing = False
    clock.now = LET_BE_S + 1
    again: Any = kept.lend("hq")
    assert again.events(7) == [7, 1]
    assert played.made == ["hq", "hq"]
