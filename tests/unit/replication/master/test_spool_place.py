from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.replication.master.spool import Spool
from app.replication.master.spool_place import place_spool, remove_spool, spool_path
from tests.support.cuts import every_call
from tests.support.faults import Cut, CutAt, durable_calls

RECORDS = [b"record %d" % n for n in range(20)]


def _dirs(base: Path) -> tuple[Path, Path]:
    own, chosen = base / "own", base / "chosen"
    own.mkdir(parents=True)
    chosen.mkdir()
    return own, chosen


def _filled(path: str) -> None:
    spool = Spool(path, segment_bytes=100)
    spool.reset("e" * 32)
    spool.append(RECORDS[:10])
    spool.append(RECORDS[10:])
    spool.sync()
    spool.close()


def _content(path: str) -> list[bytes]:
    spool = Spool(path, segment_bytes=100)
    found = spool.read(0, 1 << 20) if spool.last_seq else []
    while found and found[-1].seq < spool.last_seq:
        found += spool.read(found[-1].seq, 1 << 20)
    spool.close()
    return [record.data for record in found]


def test_it_moves_there_and_back_when_the_property_changes(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    _filled(place_spool(str(own), 7, ""))
    moved = place_spool(str(own), 7, str(chosen))
    assert moved == str(chosen / "arcxo-spool-7")
    assert _content(moved) == RECORDS
    assert not (own / "spool").exists()
    back = place_spool(str(own), 7, "")
    assert back == str(own / "spool")
    assert _content(back) == RECORDS
    assert os.listdir(chosen) == []


def test_a_chosen_directory_that_is_gone_is_not_taken_for_an_empty_spool(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    _filled(place_spool(str(own), 7, str(chosen)))
    away = tmp_path / "away"
    chosen.rename(away)
    with pytest.raises(ArcxoError, match="ER00291"):
        place_spool(str(own), 7, str(chosen))
    chosen.mkdir()
    with pytest.raises(ArcxoError, match="ER00291"):
        place_spool(str(own), 7, str(chosen))
    assert os.listdir(chosen) == [], "the volume is not mounted: nothing is written beneath it"
    chosen.rmdir()
    away.rename(chosen)
    assert _content(place_spool(str(own), 7, str(chosen))) == RECORDS


def test_another_place_can_be_chosen_while_the_old_one_is_gone(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    _filled(place_spool(str(own), 7, str(chosen)))
    shutil.rmtree(chosen)
    assert _content(place_spool(str(own), 7, "")) == []


def test_only_its_own_files_are_touched_in_a_chosen_directory(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    (chosen / "mine").write_text("mine")
    other = tmp_path / "other"
    other.mkdir()
    _filled(place_spool(str(own), 7, str(chosen)))
    _filled(place_spool(str(other), 8, str(chosen)))
    remove_spool(str(own))
    assert sorted(os.listdir(chosen)) == ["arcxo-spool-8", "mine"]


def test_a_note_that_names_another_directory_removes_nothing_there(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    (chosen / "mine").write_text("mine")
    (own / "spool.json").write_text(json.dumps({"at": str(chosen), "leave": str(chosen)}))
    place_spool(str(own), 7, "")
    remove_spool(str(own))
    assert (chosen / "mine").read_text() == "mine"
    for damaged in ("", "[]", '{"at": 1}', "{"):
        (own / "spool.json").write_text(damaged)
        place_spool(str(own), 7, "")


def test_a_copy_of_a_home_leaves_the_first_one_its_spool(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    first = place_spool(str(own), 7, "")
    _filled(first)
    copy = tmp_path / "copy"
    shutil.copytree(own, copy)
    assert place_spool(str(copy), 7, "") == str(copy / "spool")
    assert _content(str(copy / "spool")) == RECORDS
    assert _content(first) == RECORDS
    assert _content(place_spool(str(copy), 7, str(chosen))) == RECORDS
    remove_spool(str(copy))
    assert _content(first) == RECORDS
    # One that was moved goes on with its own.
    own.rename(tmp_path / "moved")
    assert _content(place_spool(str(tmp_path / "moved"), 7, "")) == RECORDS


def test_a_copy_made_while_its_spool_moves_removes_none_of_the_first_one(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    first = place_spool(str(own), 7, "")
    _filled(first)
    copy = tmp_path / "copy"
    shutil.copytree(own, copy)
    note = {"at": spool_path(str(own), 7, str(chosen)), "leave": first}
    (copy / "spool.json").write_text(json.dumps(note))
    os.makedirs(note["at"])
    place_spool(str(copy), 7, str(chosen))
    assert _content(first) == RECORDS
    assert not (copy / "spool").exists()


def test_a_copy_of_a_home_does_not_write_the_chosen_spool_of_the_first_one(tmp_path: Path) -> None:
    own, chosen = _dirs(tmp_path)
    first = place_spool(str(own), 7, str(chosen))
    _filled(first)
    copy = tmp_path / "copy"
    shutil.copytree(own, copy)
    with pytest.raises(ArcxoError, match="ER00299") as refused:
        place_spool(str(copy), 7, str(chosen))
    assert refused.value.params["other"] == str(own)
    # Elsewhere it begins with an empty one, and the first one's stays.
    assert _content(place_spool(str(copy), 7, "")) == []
    remove_spool(str(copy))
    assert _content(first) == RECORDS
    assert place_spool(str(own), 7, str(chosen)) == first
    # One that was moved, or whose first one is gone, takes it.
    own.rename(tmp_path / "moved")
    assert _content(place_spool(str(tmp_path / "moved"), 7, str(chosen))) == RECORDS
    remove_spool(str(tmp_path / "moved"))
    assert os.listdir(chosen) == []


def test_a_disk_without_room_for_it_leaves_it_where_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own, chosen = _dirs(tmp_path)
    _filled(place_spool(str(own), 7, ""))
    real = os.write

    def write(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").startswith(str(chosen)):
            raise OSError(28, "No space left on device")
        return real(fd, data)

    monkeypatch.setattr(os, "write", write)
    with pytest.raises(OSError, match="No space"):
        place_spool(str(own), 7, str(chosen))
    monkeypatch.undo()
    assert _content(spool_path(str(own), 7, "")) == RECORDS
    assert _content(place_spool(str(own), 7, str(chosen))) == RECORDS


@pytest.mark.parametrize("partial", [False, True])
def test_a_move_that_is_cut_at_any_write_is_finished_by_the_next_start(tmp_path: Path, partial: bool) -> None:
    def made(name: str) -> tuple[str, str]:
        own, chosen = _dirs(tmp_path / name)
        _filled(place_spool(str(own), 7, ""))
        return str(own), str(chosen)

    own, chosen = made("count")
    calls = durable_calls(lambda: place_spool(own, 7, chosen))
    assert len(calls) > 10
    for at in every_call(calls):
        own, chosen = made(f"{at}")
        with CutAt(at, partial=partial), pytest.raises(Cut):
            place_spool(own, 7, chosen)
        assert _content(place_spool(own, 7, chosen)) == RECORDS
        assert not os.path.exists(spool_path(own, 7, ""))
