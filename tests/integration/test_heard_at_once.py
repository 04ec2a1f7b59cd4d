"""What is asked of a scenario at rest is done at once, not when its sender looks around the next time."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scenario import ReplicaState
from tests.support.replication_pair import Pair, until

_REST_S = 120.0
_AT_ONCE_S = 30.0


@pytest.fixture
def pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    """A pair in sync whose sender rests for minutes unless something comes."""
    monkeypatch.setattr("app.replication.master.streaming._IDLE_S", _REST_S)
    made = Pair(tmp_path)
    (made.master / "file").write_text("x")
    made.run()
    made.settle()
    yield made
    began = time.monotonic()
    made.close()
    assert time.monotonic() - began < _AT_ONCE_S


def state(pair: Pair) -> ReplicaState:
    return pair.engine.status(pair.id).replicas[0].state


def test_a_scenario_at_rest_stops_at_once(pair: Pair) -> None:
    began = time.monotonic()
    pair.engine.stop(pair.id)
    assert time.monotonic() - began < _AT_ONCE_S


def test_sending_is_held_and_goes_on_at_once(pair: Pair) -> None:
    pair.engine.suspend(pair.id, "localhost")
    (pair.master / "later").write_text("y")
    assert state(pair) is ReplicaState.SUSPENDED
    pair.engine.resume(pair.id, "localhost")
    pair.settle()
    assert (pair.replica / "later").read_text() == "y"


def test_a_synchronisation_begins_at_once(pair: Pair) -> None:
    (pair.replica / "file").write_text("changed on the replica")
    os.utime(pair.replica / "file", (1, 1))
    pair.engine.synchronize(pair.id)
    until(lambda: (pair.replica / "file").read_text() == "x", _AT_ONCE_S, "the synchronisation")


def test_a_decision_about_the_brake_is_followed_at_once(pair: Pair) -> None:
    for number in range(20):
        (pair.master / f"f{number}").touch()
    pair.settle()
    for path in list(pair.master.iterdir()):
        path.unlink()
    until(lambda: state(pair) is ReplicaState.BRAKED, _AT_ONCE_S, "the brake")
    pair.engine.brake_accept(pair.id)
    pair.settle()
    assert not (pair.replica / "f0").exists()
