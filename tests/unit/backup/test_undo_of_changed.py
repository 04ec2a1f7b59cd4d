"""Undos after people went on working where a restore was: all is told, nothing that is kept is lost."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.backup.api import RestoreTask, UndoTask, restore, undo
from app.model.archive import UndoResult
from app.model.restore import UndoAction, UndoItem
from tests.support.media_samples import MASTER, Events, back_up, new_media


def never(*_: object) -> bool:
    return False


class Restored:
    """A destination with a directory of its own, and a session restored over it, exactly."""

    def __init__(self, directory: Path) -> None:
        source = directory / "source"
        for name in ("shared/both", "shared/new", "made/inner/file", "file"):
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text("of the session")
        self.out = directory / "out"
        for name in ("shared/both", "gone/deep/old"):
            (self.out / name).parent.mkdir(parents=True, exist_ok=True)
            (self.out / name).write_text("as it was")
        (self.out / "shared").chmod(0o711)
        for path in (self.out / "gone/deep", self.out / "gone", self.out / "shared"):
            os.utime(path, ns=(1, 1_000_000_007))
        self.media = new_media(directory)
        back_up(self.media, source)
        self.state = directory / "state"
        task = RestoreTask(
            self.media,
            1,
            (),
            ((MASTER, os.fsencode(self.out)),),
            exact=True,
            state=str(self.state),
            undo_days=7,
        )
        restore(task, never, never)

    def plan(self, *, force: bool = False) -> tuple[UndoResult, dict[str, UndoItem]]:
        items: list[UndoItem] = []
        task = UndoTask(str(self.state), (os.fsencode(self.out),), force, plan_only=True)
        result = undo(task, never, never, None, items.append)
        return result, {os.path.relpath(os.fsdecode(one.target), self.out): one for one in items}

    def undo(self, *, force: bool = False) -> tuple[UndoResult, Events]:
        events = Events()
        result = undo(UndoTask(str(self.state), (os.fsencode(self.out),), force), events, never)
        return result, events

    def kept(self, events: Events) -> set[str]:
        return {
            os.path.relpath(os.fsdecode(path), self.out) for code, path in events.codes() if code == "W4241"
        }


@pytest.fixture
def restored(tmp_path: Path) -> Restored:
    return Restored(tmp_path)


def test_directories_that_were_removed_come_back_with_their_times(restored: Restored) -> None:
    assert not (restored.out / "gone").exists()
    _, events = restored.undo()
    assert events.problems == []
    for name in ("gone/deep", "gone", "shared"):
        assert (restored.out / name).stat().st_mtime_ns == 1_000_000_007, name


def test_a_directory_that_stays_for_what_is_new_in_it_is_told_whatever_else_stays(restored: Restored) -> None:
    (restored.out / "made/inner/mine").write_text("a person's")
    (restored.out / "shared/both").write_text("a person's")
    plan, items = restored.plan()
    assert {name for name, one in items.items() if one.action is UndoAction.KEEP} == {
        "made/inner",
        "shared/both",
    }
    result, events = restored.undo()
    assert restored.kept(events) == {"made/inner", "shared/both"}
    assert (result.changed, result.removed, result.brought_back) == (
        plan.changed,
        plan.removed,
        plan.brought_back,
    )
    assert (restored.out / "made/inner/mine").read_text() == "a person's"


def test_a_directory_made_in_the_place_of_a_restored_file_is_told(restored: Restored) -> None:
    (restored.out / "file").unlink()
    (restored.out / "file").mkdir()
    (restored.out / "file/mine").write_text("a person's")
    for force in (False, True):
        _, items = restored.plan(force=force)
        assert items["file"].action is UndoAction.KEEP
        _, events = restored.undo(force=force)
        assert restored.kept(events) == {"file"}
    assert (restored.out / "file/mine").read_text() == "a person's"


def test_what_was_kept_comes_back_by_force_though_its_directory_was_removed(restored: Restored) -> None:
    shutil.rmtree(restored.out / "shared")
    _, events = restored.undo()
    assert restored.kept(events) == {"shared/both"}
    plan, items = restored.plan(force=True)
    assert items["shared/both"].action is items["shared"].action is UndoAction.BRING_BACK
    result, events = restored.undo(force=True)
    assert events.problems == []
    assert result.brought_back == plan.brought_back == 2
    assert (restored.out / "shared/both").read_text() == "as it was"
    assert (restored.out / "shared").stat().st_mode & 0o777 == 0o711


def test_by_force_even_where_all_of_the_destination_was_removed(restored: Restored) -> None:
    shutil.rmtree(restored.out)
    result, events = restored.undo(force=True)
    assert events.problems == []
    assert (restored.out / "shared/both").read_text() == "as it was"
    assert (restored.out / "gone/deep/old").read_text() == "as it was"
    assert result.changed == 0


@pytest.mark.parametrize(
    "make", [lambda path: path.symlink_to("elsewhere"), lambda path: path.write_text("mine")]
)
def test_nothing_is_put_beneath_what_took_the_place_of_a_directory(
    restored: Restored, make: Callable[[Path], object]
) -> None:
    elsewhere = restored.out / "elsewhere"
    (restored.out / "shared").rename(elsewhere)
    make(restored.out / "shared")
    before = sorted(path.name for path in elsewhere.iterdir())
    for force in (False, True):
        plan, items = restored.plan(force=force)
        assert items["shared/both"].action is UndoAction.KEEP
        result, events = restored.undo(force=force)
        assert "shared/both" in restored.kept(events)
        assert result.problems == 0
        assert result.changed == plan.changed
    assert sorted(path.name for path in elsewhere.iterdir()) == before
