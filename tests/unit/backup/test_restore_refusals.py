"""Destinations that cannot be one, metadata that are refused, and how far a restore came that did not end."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from app.backup import growing, windows
from app.backup.api import RestoreTask, plan_restore, restore
from app.model.archive import Progress
from app.model.errors import ArcxoError, CanceledError, UsageError
from tests.support.media_samples import MASTER, Events, back_up, new_media
from tests.support.restore_model import Leaf, make

SetXattr = Callable[..., None]


def never() -> bool:
    return False


def task(media: str, out: Path) -> RestoreTask:
    return RestoreTask(media, 1, (), ((MASTER, os.fsencode(out)),))


@pytest.fixture
def sample(tmp_path: Path) -> str:
    source = tmp_path / "source"
    make(source, {b"dir": Leaf(None, mode=0o755), b"dir/file": Leaf(b"content", 10**12)})
    for path in (source / "dir", source / "dir/file"):
        for name in ("user.first", "user.second"):
            os.setxattr(path, name, name.encode())
    media = new_media(tmp_path)
    back_up(media, source)
    return media


@pytest.mark.parametrize("named", ["file", "file/beneath/it", "link"])
def test_what_is_no_directory_is_refused_as_destination_and_left(
    sample: str, tmp_path: Path, named: str
) -> None:
    (tmp_path / "file").write_text("a person's")
    (tmp_path / "link").symlink_to("nowhere")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(UsageError, match="E4244"):
        plan_restore(task(sample, tmp_path / named))
    with pytest.raises(UsageError, match="E4244"):
        restore(task(sample, tmp_path / named), Events(), never)
    assert (tmp_path / "file").read_text() == "a person's"
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_a_link_to_a_directory_is_a_destination(sample: str, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    restore(task(sample, tmp_path / "link"), Events(), never)
    assert (tmp_path / "there/dir/file").read_text() == "content"


def test_an_attribute_that_is_refused_is_named_once_and_keeps_no_other_from_being_set(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    setxattr: SetXattr = os.setxattr

    def refusing(path: int | bytes, name: bytes, value: bytes, **more: bool) -> None:
        if name == b"user.first":
            raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))
        setxattr(path, name, value, **more)

    monkeypatch.setattr(os, "setxattr", refusing)
    events = Events()
    out = tmp_path / "out"
    # In place from the beginning, so that its metadata are set where it is.
    (out / "dir").mkdir(parents=True)
    restore(task(sample, out), events, never)
    for path in (out / "dir", out / "dir/file"):
        assert os.listxattr(path) == ["user.second"]
    told = [(one.path, one.params["what"]) for one in events.problems if "user.first" in str(one.params)]
    assert sorted(told) == [
        (os.fsencode(out / name), "attributes (user.first)") for name in ("dir", "dir/file")
    ]


def test_a_directory_whose_attributes_are_refused_twice_is_told_once(
    sample: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusing(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, os.strerror(errno.ENOTSUP))

    monkeypatch.setattr(os, "setxattr", refusing)
    put = growing.GrowingSink.finish

    def touched(self: growing.GrowingSink, *, durable: bool = True) -> list[object]:
        self.settle()
        self._touched(os.fsencode(tmp_path / "out/dir/more"))
        return put(self, durable=durable)  # type: ignore[return-value]

    monkeypatch.setattr(growing.GrowingSink, "finish", touched)
    events = Events()
    restore(task(sample, tmp_path / "out"), events, never)
    assert events.codes().count(("W4224", os.fsencode(tmp_path / "out/dir"))) == 1


@pytest.mark.parametrize("full", [False, True])
def test_a_restore_that_does_not_end_tells_how_many_files_are_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, full: bool
) -> None:
    source, out = tmp_path / "source", tmp_path / "out"
    make(source, {b"a%d" % number: Leaf(b"x" * 100, 10**12) for number in range(50)})
    media = new_media(tmp_path)
    back_up(media, source)
    out.mkdir()
    put = growing.GrowingSink.publish
    count = 0

    def counted(self: growing.GrowingSink, *args: object, **more: object) -> object:
        nonlocal count
        count += 1
        if full and count == 31:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return put(self, *args, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(growing.GrowingSink, "publish", counted)
    monkeypatch.setattr(windows, "_BATCH_FILES", 10)
    events = Events()

    def canceled() -> bool:
        return not full and count >= 20

    with pytest.raises(ArcxoError if full else CanceledError):
        restore(task(media, out), events, canceled)
    (*_, last) = [event for event in events.all if isinstance(event, Progress)]
    assert last.files == len(list(out.iterdir())) == (30 if full else 20)
