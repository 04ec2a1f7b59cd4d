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
