from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from app.agent.abilities import KNOWS
from app.model.host import CheckOutcome, CheckResult, HostInfo
from app.services.connections import Connections
from app.services.host_checks import preflight


class _Here:
    """This host, with an agent that says what the test wants."""

    def __init__(self, *, knows: tuple[str, ...], ahead_s: float = 0.0) -> None:
        self.knows, self.ahead_s = knows, ahead_s

    def is_here(self, _host: str) -> bool:
        return True

    def local_agent(self) -> Any:
        return self

    def hello(self) -> HostInfo:
        now = datetime.now(UTC)
        told = now + timedelta(seconds=self.ahead_s)
        return HostInfo("h", "0.0.9", "Linux", "id", now, told, "AB", knows=self.knows)

    def preflight(self, _paths: object) -> list[CheckResult]:
        return [CheckResult("space", CheckOutcome.OK, "AI1110")]


def lines(here: _Here) -> dict[str, CheckResult]:
    return {one.code: one for one in preflight(cast("Connections", here), "localhost", ())}


def test_a_host_that_knows_all_is_fine() -> None:
    assert set(lines(_Here(knows=tuple(KNOWS)))) == {"I1163", "I1164", "AI1110"}


def test_an_older_version_is_a_warning_that_says_what_it_does_not_know() -> None:
    found = lines(_Here(knows=()))["W1166"]
    assert found.outcome is CheckOutcome.WARNING
    assert "suspending until a time" in found.params["what"]


@pytest.mark.parametrize(("ahead", "word"), [(3600.0, "ahead"), (-3600.0, "behind")])
def test_a_clock_an_hour_off_is_a_warning_with_its_direction(ahead: float, word: str) -> None:
    found = lines(_Here(knows=tuple(KNOWS), ahead_s=ahead))["W1165"]
    assert (found.params["direction"], found.params["seconds"]) == (word, "3600")
