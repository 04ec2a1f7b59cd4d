"""What is remembered of restores into a replica until a run replaces it, or all was taken back."""

from __future__ import annotations

import os
from pathlib import Path

from app.replication.replica.restored_mark import clear_mark, restored_at, set_mark, take_from_mark, undo_of


def test_the_mark_goes_when_every_restore_was_taken_back(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    assert restored_at(place) is None
    set_mark(place, ["12"])
    set_mark(place, ["13"])
    set_mark(place, [undo_of("12")])
    at = restored_at(place)
    take_from_mark(place, "12")
    assert restored_at(place) == at
    set_mark(place, [undo_of("13")])
    take_from_mark(place, "13")
    assert restored_at(place) is None
    assert os.listdir(place) == []


def test_what_an_undo_brings_back_after_a_run_is_not_what_the_master_has(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    set_mark(place, ["12"])
    clear_mark(place)
    set_mark(place, [undo_of("12")])
    take_from_mark(place, "12")
    assert restored_at(place) is not None


def test_a_restore_that_is_not_known_by_its_number_stays_until_the_run(tmp_path: Path) -> None:
    place = os.fsencode(tmp_path)
    (tmp_path / "restored").write_text("restored\n")  # of an earlier version
    set_mark(place, ["12"])
    take_from_mark(place, "12")
    assert restored_at(place) is not None
    take_from_mark(place, "11")
    clear_mark(place)
    assert restored_at(place) is None
    set_mark(place)
    take_from_mark(place, "")
    assert restored_at(place) is not None
