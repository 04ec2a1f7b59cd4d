"""What a restore to a directory grows out of sight, and what it does when the place is not what it was."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from app.backup import restorer
from app.backup.api import RestoreTask, UndoTask, restore, undo
from app.backup.growing import GrowingSink
from app.model.errors import ArcxoError, CanceledError
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.restore_model import Leaf, make
from tests.support.trees import assert_identical, picture

TREE = {
    b"new": Leaf(None, mode=0o750),
    b"new/file": Leaf(b"content", 10**12),
    b"new/deep": Leaf(None),
    b"new/deep/file": Leaf(b"deeper", 2 * 10**12),
    b"new/deep/link": Leaf(b"file", 10**12, link=True, mode=0o777),
    b"top": Leaf(b"beside", 10**12),
}


@pytest.fixture
def task(tmp_path: Path) -> RestoreTask:
    make(tmp_path / "source", TREE)
    (tmp_path / "out").mkdir()
    media = new_media(tmp_path)
    back_up(media, tmp_path / "source")
    directories = ((MASTER, os.fsencode(tmp_path / "out")),)
    return RestoreTask(media, 1, (), directories, state=str(tmp_path / "state"), undo_days=7)


def run(task: RestoreTask, canceled: Callable[[], bool] = lambda: False) -> tuple[Any, Events]:
    events = Events()
    return restore(task, events, canceled), events


def before_it_is_put(monkeypatch: pytest.MonkeyPatch, action: Callable[[], None]) -> None:
    put = GrowingSink._put_tree

    def meddled(self: GrowingSink, tree: Any) -> Any:
        action()
        return put(self, tree)

    monkeypatch.setattr(GrowingSink, "_put_tree", meddled)


def test_a_new_directory_appears_whole(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[list[str]] = []
    before_it_is_put(monkeypatch, lambda: seen.append(sorted(os.listdir(tmp_path / "out"))))
    result, events = run(task)
    assert (result.files, result.directories, result.problems, events.codes()) == (4, 3, 0, [])
    ((hidden, top),) = seen
    assert top == "top"
    assert hidden.startswith(".arcxo-restore-")
    assert_identical(tmp_path / "source", tmp_path / "out")
    undo(UndoTask(task.state, tuple(task.directories())), Events(), lambda: False)
    assert os.listdir(tmp_path / "out") == []


def test_times_are_right_where_one_window_adds_to_what_another_put_in_place(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(restorer, "WINDOW", 1)
    run(task)
    assert picture(tmp_path / "source") == picture(tmp_path / "out")


def test_what_was_made_in_its_place_meanwhile_stays(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"

    def meddle() -> None:
        make(out, {b"new": Leaf(None), b"new/file": Leaf(b"theirs", 1), b"new/deep": Leaf(b"a file", 1)})

    before_it_is_put(monkeypatch, meddle)
    result, events = run(task)
    assert sorted(events.codes()) == [
        ("E4225", os.fsencode(out) + path)
        for path in (b"/new/deep", b"/new/deep/file", b"/new/deep/link", b"/new/file")
    ]
    assert result.problems == 4
    assert (out / "new/file").read_bytes() == b"theirs"
    assert (out / "new/deep").read_bytes() == b"a file"
    assert (out / "top").read_bytes() == b"beside"
    assert sorted(os.listdir(out)) == ["new", "top"]


def test_an_empty_directory_made_meanwhile_is_taken_over(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before_it_is_put(monkeypatch, (tmp_path / "out" / "new").mkdir)
    _, events = run(task)
    assert events.codes() == []
    assert_identical(tmp_path / "source", tmp_path / "out")


def test_no_link_on_the_way_is_followed_when_it_is_put(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, outside = tmp_path / "out", tmp_path / "outside"
    outside.mkdir()
    (out / "new").mkdir()

    def meddle() -> None:
        (out / "new").rename(tmp_path / "moved")
        (out / "new").symlink_to(outside)

    before_it_is_put(monkeypatch, meddle)
    run(task)
    assert os.listdir(outside) == []


def test_a_full_disk_when_it_is_put_ends_the_restore(
    task: RestoreTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = os.rename

    def full(source: Any, target: Any, **more: Any) -> None:
        if b"/t" in os.fsencode(source):
            raise OSError(28, "No space left on device")
        rename(source, target, **more)

    monkeypatch.setattr(os, "rename", full)
    with pytest.raises(ArcxoError) as caught:
        run(task)
    assert caught.value.code == "E4226"
    monkeypatch.undo()
    run(task)
    assert_identical(tmp_path / "source", tmp_path / "out")


@pytest.mark.parametrize("late", [2, 4, 6, 12])
def test_a_stop_keeps_what_is_whole_of_a_new_directory_and_nothing_else(
    task: RestoreTask, tmp_path: Path, late: int
) -> None:
    asked = 0

    def canceled() -> bool:
        nonlocal asked
        asked += 1
        return asked > late

    with contextlib.suppress(CanceledError):
        run(task, canceled)
    assert asked > 2
    for path in (tmp_path / "out").rglob("*"):
        other = tmp_path / "source" / path.relative_to(tmp_path / "out")
        assert path.is_dir() or path.read_bytes() == other.read_bytes()
    run(task)
    assert_identical(tmp_path / "source", tmp_path / "out")
    assert not [name for name in os.listdir(tmp_path / "out") if name.startswith(".arcxo")]
