"""`arcxo scenario events`: which ones are asked for, and the stream of new ones."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from app.cli import main, scenario_show
from app.model.errors import BusyError
from app.model.events import GAP_CODE, EventRecord, Severity
from tests.support.cli_services import FakeComposition

WHEN = datetime(2026, 3, 1, 12, 30, tzinfo=UTC)


def event(number: int, code: str = "SR00014", scenario: int | None = 7) -> EventRecord:
    severity = Severity.SIGNIFICANT if number % 2 else Severity.ERROR
    return EventRecord(number, code, severity, WHEN, "localhost", scenario, "files", {"scenario": "files"})


class Events:
    """The events of a host, and what was asked of them."""

    def __init__(self) -> None:
        self.kept = [event(number) for number in range(1, 11)]
        self.asked: list[tuple[str, int, int, tuple[Severity, ...]]] = []
        self.script: list[Any] = []

    def __call__(
        self,
        name: str = "",
        *,
        newer_than: int = 0,
        limit: int = 1000,
        severities: Sequence[Severity] = (),
        host: str = "",
    ) -> list[EventRecord]:
        self.asked.append((name, newer_than, limit, tuple(severities)))
        if newer_than < 0:
            return self.kept[newer_than:]
        return [one for one in self.kept if one.sequence > newer_than][:limit]


@pytest.fixture
def events() -> Events:
    return Events()


@pytest.fixture
def composition(events: Events) -> FakeComposition:
    made = FakeComposition()
    made.services.scenarios.events = events
    return made


def numbers(capsys: pytest.CaptureFixture[str]) -> list[int]:
    return [one["sequence"] for one in json.loads(capsys.readouterr().out)]


def test_the_newest_are_shown_unless_a_number_is_given(
    composition: Any, events: Events, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--json", "scenario", "events", "--limit", "3"], composition) == 0
    assert numbers(capsys) == [8, 9, 10]
    assert main(["--json", "scenario", "events", "--last", "2"], composition) == 0
    assert numbers(capsys) == [9, 10]
    assert main(["--json", "scenario", "events", "--newer-than", "0", "--limit", "3"], composition) == 0
    assert numbers(capsys) == [1, 2, 3]
    assert (
        main(["scenario", "events", "files", "--severity", "error", "--severity", "critical"], composition)
        == 0
    )
    assert events.asked[-1] == ("files", -1000, 1000, (Severity.ERROR, Severity.CRITICAL))
    assert main(["scenario", "events", "--last", "2", "--newer-than", "3"], composition) == 2


def test_the_stream_goes_on_over_an_agent_that_was_away_and_tells_gaps(
    composition: Any, events: Events, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def turn(_seconds: float) -> None:
        step = len(events.script)
        events.script.append(step)
        if step == 0:
            events.kept += [event(11), event(12), event(13, scenario=8)]
        elif step == 1:
            monkeypatch.setattr(composition.services.scenarios, "events", away)
        elif step == 2:
            monkeypatch.setattr(composition.services.scenarios, "events", events)
            events.kept.append(event(20, GAP_CODE, None))
            events.kept.append(event(21))
        else:
            raise KeyboardInterrupt

    def away(**_options: Any) -> list[EventRecord]:
        raise BusyError("E1120", home="/h")

    monkeypatch.setattr(scenario_show.time, "sleep", turn)
    argv = ["--json", "scenario", "events", "files", "--follow", "--severity", "significant", "--last", "1"]
    assert main(argv, composition) == 7
    seen = [json.loads(line)["sequence"] for line in capsys.readouterr().out.splitlines()]
    assert seen == [10, 11, 20, 21]
