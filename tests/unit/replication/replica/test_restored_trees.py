"""Restores into a replica of which whole directories are missing: put in place by one operation each."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app.agent.applier_sink import ApplierSink
from app.backup import restorer
from app.backup.api import RestoreTask, UndoTask, restore, undo
from app.backup.windows import Windows
from app.model.archive import RestoreResult
from app.model.errors import CanceledError, Problem
from app.model.rewind import PointKind
from app.replication.replica.engine import ReplicaEngine
from app.replication.staged import RestoreArea, StagedOperation, packed_files
from tests.support.capabilities import native_or_report
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.replica_tree import directory_metadata, file_metadata, put
from tests.support.restore_helpers import ThreadHelper, helped
from tests.support.trees import fill, picture, without_folder_times
from tests.unit.replication.replica.test_replica_engine import Master, definition

__all__ = ["helped"]


class Place:
    """A session, and a replica that has one other file."""

    def __init__(self, engine: ReplicaEngine, directory: Path) -> None:
        self.engine = engine
        self.replica, self.source, self.state = (directory / name for name in ("replica", "source", "state"))
        self.source.mkdir()
        fill(self.source)
        for number in range(60):
            folder = self.source / f"deep/{number % 3}/{number % 7}"
            folder.mkdir(parents=True, exist_ok=True)
            (folder / f"file-{number}").write_text(f"{number} " * number)
        os.link(self.source / "deep/0/0/file-0", self.source / "plain/another-name")
        self.media = new_media(directory)
        back_up(self.media, self.source)
        master = Master(engine, definition(directory))
        master.welcome()
        master.synchronize(put(b"other", b"stays"))
        master.end()
        self.before = picture(self.replica)
        self.operations: list[StagedOperation] = []
        self.meanwhile = lambda: None
        self.canceled = lambda: False

    def task(self) -> RestoreTask:
        targets = ((MASTER, os.fsencode(self.replica)),)
        return RestoreTask(self.media, 1, (), targets, state=str(self.state), undo_days=7)

    def sink(self) -> tuple[ApplierSink, RestoreArea]:
        area = self.engine.begin_restore(77)

        def apply(operations: Any) -> list[Problem]:
            self.meanwhile()
            self.operations += operations
            return self.engine.apply_staged(77, operations)

        return ApplierSink(apply, area, [os.fsencode(self.replica)]), area

    def restore(self, **more: Any) -> tuple[RestoreResult | None, Events]:
        sink, area = self.sink()
        events, result = Events(), None
        try:
            result = restore(replace(self.task(), **more), events, self.canceled, sink, ThreadHelper)
        except CanceledError:
            assert self.canceled()
        finally:
            self.engine.end_restore(77, area)
        return result, events

    def check(self, result: RestoreResult | None) -> None:
        assert result is not None
        assert (result.problems, result.mismatches) == (0, 0)
        found = picture(self.replica)
        assert found.pop(b"other") == self.before[b"other"]
        assert found == picture(self.source)

    def undo(self) -> None:
        sink, area = self.sink()
        undo(UndoTask(str(self.state), (os.fsencode(self.replica),)), Events(), lambda: False, sink)
        self.engine.end_restore(77, area)
        assert without_folder_times(picture(self.replica)) == without_folder_times(self.before)

    def trees(self) -> list[StagedOperation]:
        return [one for one in self.operations if one.tree]


@pytest.fixture
def place(engine: ReplicaEngine, tmp_path: Path) -> Place:
    return Place(engine, tmp_path)


def test_what_is_missing_comes_back_directory_by_directory(place: Place) -> None:
    result, _ = place.restore()
    place.check(result)
    assert sorted(one.path for one in place.trees()) == [b"deep", b"empty", b"plain"]
    assert len(place.operations) < 20
    place.undo()


@pytest.mark.usefixtures("helped")
def test_others_help_to_grow_them(place: Place) -> None:
    result, _ = place.restore()
    place.check(result)
    place.undo()


@pytest.mark.parametrize("window", [3, 10, 40])
def test_a_directory_of_which_a_part_is_in_place_gets_the_rest(
    place: Place, monkeypatch: pytest.MonkeyPatch, window: int
) -> None:
    monkeypatch.setattr(restorer, "WINDOW", window)
    result, _ = place.restore()
    place.check(result)
    place.undo()


def test_what_waits_for_a_slow_applier_is_checked_as_any(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    native_or_report("making")
    folded: list[int] = []
    check = Windows._check_placed

    def fold_before(windows: Windows, upto: int | None = None) -> None:
        waiting = [cut for number, _, cuts in windows._unchecked for cut in cuts if number <= windows._last]
        for cut in waiting:
            folded.append(len(cut.entries))
            cut.fold()
            assert not cut.entries
        check(windows, upto)

    monkeypatch.setattr(Windows, "_check_placed", fold_before)
    result, _ = place.restore()
    assert sum(folded) > 40
    place.check(result)
    assert result is not None
    regular = [path for path in place.source.rglob("*") if path.is_file() and not path.is_symlink()]
    assert result.verified_files == len(regular)
    place.undo()


def test_a_rewind_takes_all_of_it_back_and_brings_it_again(place: Place) -> None:
    result, _ = place.restore()
    place.check(result)
    restored = picture(place.replica)
    before = place.engine.rewind_points(77, kinds=[PointKind.SYNCHRONIZATION])[0]
    done = place.engine.rewind(77, before.id)
    assert picture(place.replica) == place.before
    assert done.undo_point is not None
    place.engine.rewind(77, done.undo_point.id)
    assert picture(place.replica) == restored


def test_what_somebody_made_in_its_place_meanwhile_is_filled(place: Place) -> None:
    def make() -> None:
        (place.replica / "deep/0").mkdir(parents=True, exist_ok=True)
        (place.replica / "deep/theirs").write_text("theirs")
        place.meanwhile = lambda: None

    place.meanwhile = make
    result, _ = place.restore()
    assert (place.replica / "deep/theirs").read_text() == "theirs"
    (place.replica / "deep/theirs").unlink()
    os.utime(place.replica / "deep", ns=(0, (place.source / "deep").stat().st_mtime_ns))
    place.check(result)


@pytest.mark.parametrize("late", [20, 45])
def test_a_stopped_restore_leaves_whole_files_and_is_gone_on_with(place: Place, late: int) -> None:
    asked = 0

    def stop() -> bool:
        nonlocal asked
        asked += 1
        return asked > late

    place.canceled = stop
    result, _ = place.restore()
    assert result is None
    found, wanted = picture(place.replica), picture(place.source)
    for path, entry in without_folder_times(found).items():
        assert path in (b"", b"other") or entry == without_folder_times(wanted)[path]
    place.canceled = lambda: False
    result, _ = place.restore()
    place.check(result)
    place.undo()


@pytest.mark.parametrize("wrong", ["missing", "more", "kind", "shallow"])
def test_a_tree_that_is_not_what_was_told_is_not_put_in_place(place: Place, wrong: str) -> None:
    area = place.engine.begin_restore(77)
    staged = Path(os.fsdecode(area.directories[0])) / "t0"
    staged.mkdir()
    (staged / "file").write_bytes(b"1234")
    told = [(b"", directory_metadata()), (b"file", file_metadata(4))]
    if wrong == "missing":
        told.append((b"not-there", file_metadata(4)))
    elif wrong == "more":
        (staged / "untold").touch()
    elif wrong == "kind":
        told[1] = (b"file", directory_metadata())
    else:
        told = told[1:]
    operation = StagedOperation(0, b"new", staged_path=os.fsencode(staged), tree=tuple(told))
    (problem,) = place.engine.apply_staged(77, [operation])
    place.engine.end_restore(77, area)
    assert problem.code == "ER00404"
    assert picture(place.replica) == place.before


_ROW = (b"file", 0o640, 0, 0, 4, 5)


@pytest.mark.parametrize(
    "packed",
    [
        packed_files([_ROW, (b"missing", *_ROW[1:])]),
        packed_files([]),
        packed_files([(b"directory", *_ROW[1:])]),
        packed_files([(b"../file", *_ROW[1:])]),
        packed_files([_ROW])[:-1],
        b"\xc0",
        b"",
        b"\x91\x91\xc4\x04file",
    ],
)
def test_files_told_together_are_looked_at_one_by_one(place: Place, packed: bytes) -> None:
    area = place.engine.begin_restore(77)
    for name in ("t0", "t1"):
        staged = Path(os.fsdecode(area.directories[0])) / name
        (staged / "directory").mkdir(parents=True)
        (staged / "file").write_bytes(b"1234")
    told = ((b"", directory_metadata()), (b"directory", directory_metadata()))
    operations = [
        StagedOperation(0, name, staged_path=os.fsencode(staged.parent) + b"/" + at, tree=told, files=files)
        for name, at, files in (
            (b"bad", b"t0", ((b"", packed),)),
            (b"good", b"t1", ((b"", packed_files([_ROW])),)),
        )
    ]
    (problem,) = place.engine.apply_staged(77, operations)
    place.engine.end_restore(77, area)
    assert (problem.code, problem.path.rpartition(b"/")[2]) == ("ER00404", b"bad")
    assert not (place.replica / "bad").exists()
    assert (place.replica / "good" / "file").read_bytes() == b"1234"
