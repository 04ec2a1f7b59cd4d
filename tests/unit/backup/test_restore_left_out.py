"""Paths that a person took out of the plan stay as they are; the plan and the restore agree on the rest."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.backup.api import RestoreTask, plan_restore, restore
from app.model.job import Conflict, Structure
from app.model.restore import RestoreAction, RestorePlan
from tests.support.media_samples import back_up, new_media


@pytest.fixture
def media(tmp_path: Path) -> str:
    source = tmp_path / "source"
    for name in ("a/one", "a/two", "b/three", "top"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("new")
    made = new_media(tmp_path)
    back_up(made, source)
    return made


def task(media: str, out: Path, *left_out: str, **more: object) -> RestoreTask:
    return RestoreTask(
        media_path=media,
        session=1,
        paths=(),
        targets=((b"/", str(out).encode()),),
        structure=Structure.NONE,
        relocate=True,
        left_out=tuple(str(out / name).encode() for name in left_out),
        **more,  # type: ignore[arg-type]
    )


def run(one: RestoreTask) -> RestorePlan:
    plan = plan_restore(one, 1000)
    restore(one, lambda _: None, lambda: False)
    return plan


def contents(out: Path) -> dict[str, str]:
    return {str(path.relative_to(out)): path.read_text() for path in sorted(out.rglob("*")) if path.is_file()}


def test_a_file_and_a_whole_directory_are_left_out(media: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "a").mkdir(parents=True)
    (out / "a/one").write_text("mine")
    plan = run(task(media, out, "a/one", "b"))
    assert contents(out) == {"a/one": "mine", "a/two": "new", "top": "new"}
    assert not (out / "b").exists()
    assert {item.target.rpartition(b"/out/")[2] for item in plan.items} == {b"a/two", b"top"}
    assert plan.counts[RestoreAction.CREATE] == 2


def test_an_exact_restore_leaves_them_and_what_holds_them(media: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "extra/deep").mkdir(parents=True)
    for name in ("extra/deep/kept", "extra/gone", "a.txt", "b"):
        (out / name).write_text("mine")
    plan = run(task(media, out, "extra/deep/kept", "b", exact=True))
    assert contents(out) == {
        "a/one": "new",
        "a/two": "new",
        "b": "mine",
        "extra/deep/kept": "mine",
        "top": "new",
    }
    gone = {item.target.rpartition(b"/")[2] for item in plan.items if item.action is RestoreAction.DELETE}
    assert gone == {b"gone", b"a.txt"}


def test_a_file_does_not_replace_a_directory_that_holds_one(media: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "top").mkdir(parents=True)
    (out / "top/kept").write_text("mine")
    run(task(media, out, "top/kept", exact=True))
    assert (out / "top/kept").read_text() == "mine"


def test_the_name_that_a_restored_copy_would_get_is_left_out_too(media: str, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (out / "top").write_text("mine")
    first = plan_restore(task(media, out, conflict=Conflict.RENAME), 1000)
    (renamed,) = [item.target for item in first.items if item.action is RestoreAction.RENAME]
    run(task(media, out, renamed.decode().rpartition("/")[2], conflict=Conflict.RENAME))
    assert sorted(path.name for path in out.iterdir()) == ["a", "b", "top"]
