"""Calls over a pipe, with the far end in a thread of the test."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection

import pytest

from app.agent import pipe
from app.agent.pipe import PipeCaller, make_pipe, serve_pipe
from app.model.errors import ArcxoError, BusyError


class Target:
    def __init__(self) -> None:
        self.go_on = threading.Event()

    def quick(self, value: int) -> int:
        return value + 1

    def slow(self) -> str:
        self.go_on.wait(30)
        return "done"


@pytest.fixture
def target() -> Target:
    return Target()


@pytest.fixture
def caller(target: Target) -> Iterator[PipeCaller]:
    ours, theirs = make_pipe()
    ended = threading.Event()
    far = Connection(theirs.detach())
    thread = threading.Thread(target=serve_pipe, args=(far, target, "ready"))
    thread.start()
    made = PipeCaller(ours, "child", ended.set)
    assert made.ready.result(5) == "ready"
    yield made
    target.go_on.set()
    made.close()
    assert ended.wait(5)
    thread.join(5)
    far.close()


def test_a_call_that_takes_long_is_waited_for_while_the_child_lives(
    caller: PipeCaller, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipe, "PULSE_S", 0.05)
    monkeypatch.setattr(pipe, "STALLED_S", 0.3)
    threading.Timer(1.2, target.go_on.set).start()
    assert caller.call("slow", timeout_s=30) == "done"


def test_time_that_is_not_enough_names_the_call(caller: PipeCaller) -> None:
    began = time.monotonic()
    with pytest.raises(BusyError) as raised:
        caller.call("slow", timeout_s=0.2)
    assert raised.value.params == {"host": "child", "call": "slow", "seconds": "0.2"}
    assert time.monotonic() - began < 5
    assert caller.call("quick", 1, timeout_s=5) == 2


def test_calls_of_many_threads_get_their_own_answers(caller: PipeCaller) -> None:
    found: dict[int, int] = {}

    def ask(number: int) -> None:
        found[number] = caller.call("quick", number, timeout_s=10)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == {number: number + 1 for number in range(50)}


def test_what_cannot_be_sent_is_told_to_who_asked(caller: PipeCaller) -> None:
    with pytest.raises((TypeError, AttributeError)):
        caller.call("quick", threading.Lock(), timeout_s=5)
    assert caller.call("quick", 1, timeout_s=5) == 2


def test_a_child_that_ends_is_told_to_all_who_wait(caller: PipeCaller) -> None:
    threading.Timer(0.1, caller.close).start()
    with pytest.raises(ArcxoError, match="AE1016"):
        caller.call("slow", timeout_s=30)
    with pytest.raises(ArcxoError, match="AE1016"):
        caller.call("quick", 1, timeout_s=30)
