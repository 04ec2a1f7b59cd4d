"""What `scenario synchronize` says at its end of paths that could not be copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from app.cli import main
from app.model.errors import Problem
from app.model.scenario import ScenarioStatus
from tests.support.cli_services import FakeComposition, FakeScenarios


def refused(number: int, replica: str = "localhost") -> Problem:
    path = f"/data/master/{number}"
    return Problem("WR00231", path.encode(), {"path": path, "replica": replica, "cause": "no right"})


@pytest.fixture
def composition() -> FakeComposition:
    return FakeComposition()


def synchronize(
    composition: FakeComposition,
    monkeypatch: pytest.MonkeyPatch,
    problems: Sequence[Problem],
    *arguments: str,
    count: int | None = None,
) -> int:
    """The exit code of the command when a synchronisation ends so."""
    shown = FakeScenarios.show

    def show(self: FakeScenarios, name: str) -> ScenarioStatus:
        status = shown(self, name)
        return replace(
            status, problems=tuple(problems), problem_count=len(problems) if count is None else count
        )

    def nothing(*_: Any, **__: Any) -> list[str]:
        return []

    monkeypatch.setattr(FakeScenarios, "show", show)
    monkeypatch.setattr(FakeScenarios, "synchronize", nothing, raising=False)
    monkeypatch.setattr(FakeScenarios, "wait_synchronized", nothing, raising=False)
    return main(["scenario", "synchronize", "files", *arguments], composition)


def test_without_problems_it_is_done(
    composition: FakeComposition, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert synchronize(composition, monkeypatch, []) == 0
    assert capsys.readouterr().out == "Scenario files is synchronized\n"


def test_paths_that_were_refused_are_counted_the_first_are_named_and_it_is_incomplete(
    composition: FakeComposition, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert synchronize(composition, monkeypatch, [refused(n) for n in range(7)], count=1200) == 3
    said = capsys.readouterr().out.splitlines()
    assert said[0] == "Scenario files is synchronized, but for 1,200 paths that could not be copied in full:"
    assert said[1] == "  WR00231  Replica localhost could not take /data/master/0: no right"
    assert said[6:] == ["  and 1,195 more: arcxo scenario show files"]


def test_what_another_replica_refused_does_not_count_for_this_one(
    composition: FakeComposition, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    unread = Problem("WR00230", b"/data/master/u", {"path": "/data/master/u", "cause": "no right"})
    problems = [refused(1, "other"), unread]
    assert synchronize(composition, monkeypatch, problems, "--replica", "localhost", "--json") == 3
    document = json.loads(capsys.readouterr().out)
    assert document["problem_count"] == 1
    assert [one["code"] for one in document["problems"]] == ["WR00230"]
    assert synchronize(composition, monkeypatch, problems[:1], "--replica", "localhost") == 0
