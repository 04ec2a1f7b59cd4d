"""Which calls a test cuts at: never fewer than what a tier has to prove."""

from __future__ import annotations

import os
from pathlib import Path

from tests.support.cuts import every_call, some_calls
from tests.support.faults import durable_calls

_OBJECT = ["write", "fsync", "link", "fsync", "unlink"]


def test_the_deep_tier_cuts_at_each_call_whatever_the_other_takes() -> None:
    assert list(every_call(_OBJECT, each=3)) == [1, 2, 3, 4, 5]
    assert list(every_call([])) == some_calls([]) == []


def test_the_change_tier_takes_the_first_the_last_and_those_behind_what_takes_effect_at_one_stroke() -> None:
    assert some_calls(["write"]) == [1]
    assert some_calls(["write"] * 8) == [1, 4, 7, 8]
    assert some_calls(["write", "rename", "fsync", "write", "write", "replace"], each=9) == [1, 3, 6]


def test_of_several_objects_each_of_their_calls_is_met() -> None:
    for each in (3, 11):
        assert {(number - 1) % 5 for number in some_calls(_OBJECT * 12, each)} == {0, 1, 2, 3, 4}


def test_calls_are_told_in_their_order(tmp_path: Path) -> None:
    assert durable_calls(lambda: (os.mkdir(tmp_path / "a"), os.rmdir(tmp_path / "a"))) == ["mkdir", "rmdir"]
