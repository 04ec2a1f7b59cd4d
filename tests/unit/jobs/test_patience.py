"""A restore waits for an agent that was lost, as long as that may help, and says so once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.jobs.patience import patiently
from app.model.errors import ArcxoError
from app.model.job import JobProgress


class Bench:
    """A job, its connections and a clock that only waiting moves."""

    def __init__(self) -> None:
        self.now = 0.0
        self.notes: list[str] = []
        self.dropped = 0
        self.tries = 0
        self.state = JobProgress(session=1)

    def check_cancelled(self) -> None: ...

    def note(self, code: str, **params: str) -> None:
        self.notes.append(f"{code} {params['reason']}")

    def drop(self, _host: str) -> None:
        self.dropped += 1

    def wait_for(self, _text: str, condition: Callable[[], bool]) -> None:
        while not condition():
            self.now += 0.5

    def run(self, work: Callable[[], str]) -> str:
        def counted() -> str:
            self.tries += 1
            return work()

        control, agents = cast("JobControl", self), cast("JobConnections", self)
        return patiently(control, agents, "branch", counted, lambda: self.now)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def failing(bench: Bench, code: str, until: float = float("inf"), takes: float = 0.0) -> Callable[[], str]:
    def work() -> str:
        bench.now += takes
        if bench.now < until:
            raise ArcxoError(code, host="branch", reason="r")
        return "restored"

    return work


def test_a_host_that_is_back_within_minutes_goes_on_and_is_told_of_once(bench: Bench) -> None:
    assert bench.run(failing(bench, "AE1001", until=550.0, takes=10.0)) == "restored"
    assert bench.notes == ["W5153 AE1001"]
    assert bench.dropped == bench.tries - 1


def test_a_host_that_stays_away_fails_after_ten_minutes(bench: Bench) -> None:
    with pytest.raises(ArcxoError, match="AE1001"):
        bench.run(failing(bench, "AE1001", takes=3.0))
    assert 600 < bench.now < 660
    assert len(bench.notes) == 1


def test_a_host_that_was_never_reached_fails_after_a_minute(bench: Bench) -> None:
    bench.state = JobProgress()
    with pytest.raises(ArcxoError, match="AE1001"):
        bench.run(failing(bench, "AE1001", takes=3.0))
    assert 60 < bench.now < 90


def test_after_work_that_went_on_for_long_the_next_outage_is_one_of_its_own(bench: Bench) -> None:
    works = iter([failing(bench, "AE1001", takes=400.0)] * 4 + [lambda: "restored"])

    def next_one() -> str:
        return next(works)()

    assert bench.run(next_one) == "restored"
    assert len(bench.notes) == 4


@pytest.mark.parametrize("code", ["AE1016", "AE1025", "AE1050"])
def test_a_process_that_ends_each_time_is_not_waited_for_for_ever(bench: Bench, code: str) -> None:
    with pytest.raises(ArcxoError, match=code):
        bench.run(failing(bench, code, takes=100.0))
    assert bench.tries == 6


def test_a_host_that_is_lost_again_and_again_is_not_waited_for_for_ever(bench: Bench) -> None:
    with pytest.raises(ArcxoError, match="AE1001"):
        bench.run(failing(bench, "AE1001", takes=100.0))
    assert bench.tries < 50


def test_other_errors_are_told_at_once(bench: Bench) -> None:
    with pytest.raises(ArcxoError, match="AE1006"):
        bench.run(failing(bench, "AE1006"))
    assert (bench.tries, cast("Any", bench.notes)) == (1, [])
