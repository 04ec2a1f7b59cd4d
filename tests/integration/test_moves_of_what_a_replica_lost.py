"""Moves on the master of what somebody has removed on the replica: it is all sent, and nothing else stays."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.master import troubles
from tests.support.capabilities import missing
from tests.support.odd_mount import odd_mount
from tests.support.replication_pair import Pair, until
from tests.support.trees import picture, without_folder_times


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    for name in ("one", "two"):
        (made.master / name / "inner").mkdir(parents=True)
        (made.master / name / f"in {name}").write_text(name)
        (made.master / name / "inner/deep").write_text(f"deep in {name}")
    made.run(brake_percent=0)
    made.settle()
    yield made
    made.close()


def _moved_at_once(pair: Pair, source: str, destination: str, *, instead: bool) -> None:
    """Rename before anything is recorded; with `instead`, what has the name is removed first."""
    recorder = pair.engine._runs._running[pair.id]._parts.recorder
    with recorder.between_batches():
        (pair.master / "first").write_text("taken")
        until(lambda: recorder.hints._busy)
        if instead:
            shutil.rmtree(pair.master / destination)
        os.rename(pair.master / source, pair.master / destination)
        until(lambda: (0, os.fsencode(destination)) in recorder.hints._moves)


@pytest.mark.parametrize("lost", ["one", "one/inner", "one/inner/deep"])
@pytest.mark.parametrize("source", ["one", "one/inner", "one/inner/deep"])
@pytest.mark.parametrize("instead", [False, True], ids=["to a new name", "in the place of another"])
def test_it_is_there_under_its_new_name(pair: Pair, lost: str, source: str, instead: bool) -> None:
    _remove(pair.replica / lost)
    destination = "two" if instead else "three"
    _moved_at_once(pair, source, destination, instead=instead)
    pair.settle()
    wanted, found = picture(pair.master / destination), picture(pair.replica / destination)
    if lost.startswith(source + "/"):
        # What a directory lacks that could be moved is a change by others like any other.
        assert found.keys() < wanted.keys()
    else:
        assert found == wanted
    assert not (pair.replica / source).exists()


def test_nothing_stays_of_what_goes_into_a_directory_that_is_lost(pair: Pair) -> None:
    shutil.rmtree(pair.replica / "two")
    _moved_at_once(pair, "one/inner", "two/moved", instead=False)
    pair.settle()
    assert not (pair.replica / "one/inner").exists()
    assert picture(pair.replica / "two") == picture(pair.master / "two")


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


def test_what_was_removed_for_it_comes_back_when_it_is_rewound(pair: Pair) -> None:
    before = picture(pair.replica / "two")
    point = pair.engine.bookmark(pair.id, "before")
    pair.settle()
    shutil.rmtree(pair.replica / "one")
    _moved_at_once(pair, "one", "two", instead=True)
    pair.settle()
    assert picture(pair.replica / "two") == picture(pair.master / "two") != before
    pair.engine.stop(pair.id)
    pair.replica_engine.rewind(pair.id, point.id)
    assert picture(pair.replica / "two") == before


@pytest.mark.needs_root
def test_a_place_that_does_not_answer_refuses_what_moves_there_and_nothing_else(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.05)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.05)
    (pair.master / "dead").mkdir()
    pair.settle()
    try:
        with odd_mount(pair.replica / "dead") as mount:
            mount.end()
            shutil.rmtree(pair.replica / "one")
            _moved_at_once(pair, "one", "dead/one", instead=False)
            (pair.master / "beside").write_text("beside")
            until((pair.replica / "beside").exists, 10, "what is beside it")
            until(lambda: "WR00231" in pair.codes(), 10, "the refusal")
            assert "ER00408" not in pair.codes()
    except OSError as error:
        missing(f"a file system of its own by /dev/fuse ({error})")
    (pair.replica / "dead.tree").unlink()
    # It is gone now, and what it hid is there again.
    moved = pair.replica / "dead/one/inner/deep"
    until(moved.exists, 10, "what moved")
    until(lambda: not pair.engine.status(pair.id).problem_count, 10, "the problem to be over")
    pair.settle()
    # The time of the replica is that of what the mount left in it.
    ours, theirs = picture(pair.master), picture(pair.replica)
    assert without_folder_times(ours) == without_folder_times(theirs)
