"""Patterns in `scenario set`: several with commas, quotes around those that have one."""

from __future__ import annotations

import pytest

from app.cli.properties import scenario_with, value_text
from app.model.errors import UsageError
from app.model.scenario import (
    Filters,
    ProductType,
    ReplicaSpec,
    Root,
    Scenario,
    ServerType,
)

SCENARIO = Scenario(
    1, "files", ServerType.FILE_SERVER, ProductType.DR, "localhost", (Root(b"/m"),),
    (ReplicaSpec("localhost", (b"/r",)),),
)  # fmt: skip


@pytest.mark.parametrize(
    ("text", "patterns"),
    [
        ("", ()),
        ("*.tmp", ("*.tmp",)),
        ("*.tmp, cache/ ,x", ("*.tmp", "cache/", "x")),
        ('*.tmp,"a,b.txt"', ("*.tmp", "a,b.txt")),
        ('"say ""yes"", please", *.o', ('say "yes", please', "*.o")),
        (",,a", ("a",)),
    ],
)
def test_patterns_are_read_and_shown_in_the_same_form(text: str, patterns: tuple[str, ...]) -> None:
    changed = scenario_with(SCENARIO, {"exclude": text})
    assert changed.filters == Filters((), patterns)
    again = value_text(list(patterns))
    assert scenario_with(SCENARIO, {"include": again}).filters.include == patterns


def test_a_property_that_does_nothing_is_not_offered() -> None:
    with pytest.raises(UsageError, match="E1114") as told:
        scenario_with(SCENARIO, {"assured_recovery": "true"})
    assert "no Assured Recovery" in told.value.params["allowed"]
    assert not scenario_with(SCENARIO, {"assured_recovery": "false"}).properties.assured_recovery


@pytest.mark.parametrize("text", ['"a', '"a"b', '"'])
def test_quotes_that_do_not_fit_are_refused(text: str) -> None:
    with pytest.raises(UsageError, match="E1114"):
        scenario_with(SCENARIO, {"include": text})
