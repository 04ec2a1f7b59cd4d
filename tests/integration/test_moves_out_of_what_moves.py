"""Directories that change places with one they were in, all of it before any of it is recorded."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.replication_pair import Pair, until


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    inner = made.master / "outer/between/inner"
    inner.mkdir(parents=True)
    (inner / "in inner").write_text("1")
    (made.master / "outer/in outer").write_text("2")
    (made.master / "outer/between/in between").write_text("3")
    made.run(brake_percent=0)
    made.settle()
    yield made
    made.close()


def _at_once(pair: Pair, *moves: tuple[str, str]) -> None:
    """Make these renames while nothing is recorded: what they are told as is taken together."""
    recorder = pair.engine._runs._running[pair.id]._parts.recorder
    with recorder.between_batches():
        # From here on the recorder waits with what it took.
        (pair.master / "first").write_text("taken")
        until(lambda: recorder.hints._busy)
        for path, new_path in moves:
            os.rename(pair.master / path, pair.master / new_path)
        until(lambda: os.fsencode(moves[-1][1]) in {path for _, path in recorder.hints._moves})


def test_one_takes_the_place_of_the_directory_it_was_in(pair: Pair) -> None:
    _at_once(
        pair,
        ("outer/between/inner", "away"),
        ("outer", "outer.swap"),
        ("away", "outer"),
        ("outer.swap", "elsewhere"),
    )
    pair.assert_equal()
    assert sorted(os.listdir(pair.replica / "outer")) == ["in inner"]
    assert sorted(os.listdir(pair.replica / "elsewhere")) == ["between", "in outer"]


def test_one_goes_into_what_has_its_name_now(pair: Pair) -> None:
    _at_once(
        pair,
        ("outer/between", "apart"),
        ("outer", "away"),
        ("apart", "outer"),
        ("away", "outer/inner/outer"),
    )
    pair.assert_equal()
    assert sorted(os.listdir(pair.replica / "outer/inner/outer")) == ["in outer"]
