"""Lanes are free again whatever happens to whoever holds one."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from app.jobs.lanes import Lanes
from app.model.errors import BusyError


class Cut:
    """The control of a job whose catalog goes away as soon as the lane is taken."""

    job = SimpleNamespace(id=7)

    def wait_for(self, _text: str, condition: Callable[[], bool]) -> bool:
        assert condition()
        raise BusyError("E6040", file="c", error="gone")


class Waiting:
    """One that looks once."""

    def __init__(self, number: int) -> None:
        self.job = SimpleNamespace(id=number)

    def wait_for(self, _text: str, condition: Callable[[], bool]) -> bool:
        if not condition():
            raise TimeoutError
        return True


@pytest.mark.parametrize("way", ["hold", "slot"])
def test_a_lane_that_was_taken_while_the_catalog_went_away_is_free(way: str) -> None:
    lanes = Lanes()

    def enter(control: Any) -> Any:
        return lanes.hold(control, "lane", "t") if way == "hold" else lanes.slot(control, "lane", 1, "t")

    with pytest.raises(BusyError), enter(Cut()):
        pass
    with enter(Waiting(8)), pytest.raises(TimeoutError), enter(Waiting(9)):
        pass
    with enter(Waiting(10)):
        pass


def test_where_several_servers_share_a_catalog_the_reason_names_the_server_of_the_lane() -> None:
    told: list[str] = []

    class Told(Waiting):
        def wait_for(self, text: str, condition: Callable[[], bool]) -> bool:
            told.append(text)
            return super().wait_for(text, condition)

    job: Any = Told(1)
    shared = Lanes("BKP-02")
    with shared.hold(job, "lane", "another backup of X"), shared.slot(job, "group", 1, "4 write to G"):
        pass
    with Lanes().hold(job, "lane", "another backup of X"):
        pass
    assert told == ["another backup of X on BKP-02", "4 write to G on BKP-02", "another backup of X"]


def test_a_lane_of_all_servers_is_entered_by_the_place_in_their_line(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = [100.0]
    monkeypatch.setattr("app.jobs.lanes.time.monotonic", lambda: clock[0])
    ahead, asked = [3], []

    def place() -> int:
        asked.append(clock[0])
        return ahead[0]

    told: list[str] = []

    class Line(Waiting):
        def wait_for(self, text: str, condition: Callable[[], bool]) -> bool:
            told.append(text)
            for number in range(30):
                if condition():
                    return True
                clock[0] += 0.2
                if number == 12:
                    ahead[0] = 1
            raise TimeoutError

    lanes, job = Lanes("BKP-02"), Line(7)
    with lanes.slot(job, "group", 2, "2 write to G", place):  # type: ignore[arg-type]  # the part of it
        pass
    # Asked once a second, not at each look; and the lane is no server's own.
    assert len(asked) == 4
    assert told == ["2 write to G"]
