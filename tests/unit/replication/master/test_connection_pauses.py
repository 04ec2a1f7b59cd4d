"""How soon a replica is tried again: after a cut at once, after what fails each time more and more seldom."""

from __future__ import annotations

from typing import Any

import pytest

from app.model.errors import ArcxoError
from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.master import connection
from app.replication.master.connection import Connection

_TOLD: list[str] = []


class _Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


class _NoChance:
    def uniform(self, _least: float, most: float) -> float:
        return most


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    made = _Clock()
    monkeypatch.setattr(connection, "time", made)
    monkeypatch.setattr(connection, "random", _NoChance())
    _TOLD.clear()
    return made


def _connection() -> Connection:
    spec = ReplicaSpec("replica", (b"/replica",))
    scenario = Scenario(
        1, "files", ServerType.FILE_SERVER, ProductType.DR, "master", (Root(b"/master"),), (spec,)
    )

    def tell(code: str, _severity: object, **_params: object) -> None:
        _TOLD.append(code)

    unused: Any = None
    return Connection(scenario, spec, unused, tell)


def _tried(line: Connection, clock: _Clock, code: str, seconds: float, *, applied: bool = False) -> float:
    """A try that took so long and ended so; the pause after it."""
    line.welcomed()
    clock.now += seconds
    if applied:
        line.progressed()
    line.failed(ArcxoError(code, path="x", cause="full"))
    pause = line.pause_s()
    clock.now += pause
    return pause


def test_a_line_that_was_cut_is_tried_again_at_once(clock: _Clock) -> None:
    line = _connection()
    assert [_tried(line, clock, "ER00201", 5.0) for _ in range(4)] == [connection.BACK_OFF_FIRST_S] * 4


def test_what_fails_each_time_takes_a_share_of_the_time_however_long_it_takes(clock: _Clock) -> None:
    line = _connection()
    pauses = [_tried(line, clock, "ER00408", 5.0) for _ in range(5)]
    assert pauses == [connection.BACK_OFF_FIRST_S, 15.0, 15.0, 15.0, 15.0]
    assert _tried(line, clock, "ER00408", 3_600.0) == connection.FRUITLESS_MOST_S
    assert _TOLD == ["IR00203", "ER00204"]
    assert line.trying_again


def test_short_tries_that_fail_are_told_apart_by_the_usual_pauses(clock: _Clock) -> None:
    line = _connection()
    pauses = [_tried(line, clock, "ER00408", 0.01) for _ in range(8)]
    assert pauses == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0]


def test_once_something_was_applied_it_begins_anew(clock: _Clock) -> None:
    line = _connection()
    for _ in range(3):
        _tried(line, clock, "ER00408", 5.0)
    assert _tried(line, clock, "ER00408", 5.0, applied=True) == connection.BACK_OFF_FIRST_S
    assert _TOLD == ["IR00203", "ER00204", "SR00207", "ER00204"]
