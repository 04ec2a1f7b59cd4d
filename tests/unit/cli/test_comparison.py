"""The comparison must see every kind of difference: the demonstration's proofs rest on it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from app.cli.comparison import Aspect, compare, take_picture
from tests.support.capabilities import missing


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    """Two identical trees, the second a copy of the first."""
    one = tmp_path / "one"
    (one / "directory/empty").mkdir(parents=True)
    (one / "file").write_bytes(b"content")
    (one / "directory/other").write_bytes(b"other content")
    (one / "pointer").symlink_to("file")
    os.link(one / "file", one / "second name")
    (one / "directory/other name of other").hardlink_to(one / "directory/other")
    two = tmp_path / "two"
    shutil.copytree(one, two, symlinks=True)
    (two / "second name").unlink()
    os.link(two / "file", two / "second name")
    (two / "directory/other name of other").unlink()
    os.link(two / "directory/other", two / "directory/other name of other")
    for path in sorted(one.rglob("*"), reverse=True):
        _same_times(path, two / path.relative_to(one))
    _same_times(one, two)
    return one, two


def _same_times(source: Path, target: Path) -> None:
    state = source.lstat()
    os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns), follow_symlinks=False)


def _aspects(pair: tuple[Path, Path]) -> set[tuple[bytes, Aspect]]:
    one, two = (take_picture(os.fsencode(path)) for path in pair)
    return {(item.path, item.aspect) for item in compare(one, two)}


def test_identical_trees_have_no_difference(pair: tuple[Path, Path]) -> None:
    assert _aspects(pair) == set()


def _keep_time(path: Path, change: Callable[[Path], object]) -> None:
    state = path.lstat()
    change(path)
    os.utime(path, ns=(state.st_atime_ns, state.st_mtime_ns), follow_symlinks=False)


def _overwrite(top: Path) -> None:
    _keep_time(top / "file", lambda path: path.write_bytes(b"CONTENT"))


def _retarget(top: Path) -> None:
    time = (top / "pointer").lstat().st_mtime_ns
    (top / "pointer").unlink()
    (top / "pointer").symlink_to("elsewhere")
    os.utime(top / "pointer", ns=(time, time), follow_symlinks=False)


def _unlink_and_copy(top: Path) -> None:
    (top / "second name").unlink()
    shutil.copy2(top / "file", top / "second name")


def _become_directory(top: Path) -> None:
    (top / "pointer").unlink()
    (top / "pointer").mkdir()


@pytest.mark.parametrize(
    ("change", "path", "aspect"),
    [
        (_overwrite, b"file", Aspect.CONTENT),
        (lambda top: (top / "file").write_bytes(b"longer content"), b"file", Aspect.SIZE),
        (lambda top: (top / "file").chmod(0o640), b"file", Aspect.MODE),
        (lambda top: (top / "directory/empty").chmod(0o700), b"directory/empty", Aspect.MODE),
        (lambda top: os.utime(top / "file", ns=(1, 1)), b"file", Aspect.MODIFIED),
        (lambda top: os.utime(top / "directory/empty", ns=(1, 1)), b"directory/empty", Aspect.MODIFIED),
        (_retarget, b"pointer", Aspect.TARGET),
        (_unlink_and_copy, b"second name", Aspect.LINKS),
        (_become_directory, b"pointer", Aspect.KIND),
        (lambda top: (top / "directory/empty").rmdir(), b"directory/empty", Aspect.MISSING),
        (lambda top: (top / "more").touch(), b"more", Aspect.EXTRA),
    ],
)
def test_each_kind_of_difference_is_found(
    pair: tuple[Path, Path], change: Callable[[Path], object], path: bytes, aspect: Aspect
) -> None:
    change(pair[1])
    assert (path, aspect) in _aspects(pair)


def test_an_extended_attribute_is_a_difference(pair: tuple[Path, Path]) -> None:
    try:
        os.setxattr(pair[1] / "file", "user.note", b"value")
    except OSError:
        missing("extended attributes on this file system")
    assert (b"file", Aspect.XATTRS) in _aspects(pair)


@pytest.mark.needs_root
def test_another_owner_is_a_difference(pair: tuple[Path, Path]) -> None:
    if os.geteuid() != 0:
        missing("root")
    os.chown(pair[1] / "file", 12345, 54321)
    assert (b"file", Aspect.OWNER) in _aspects(pair)


def test_the_top_itself_can_be_left_out(pair: tuple[Path, Path]) -> None:
    pair[1].chmod(0o700)
    one, two = (take_picture(os.fsencode(path)) for path in pair)
    assert [item.path for item in compare(one, two)] == [b""]
    assert compare(one, two, top=False) == []


def test_names_that_are_not_text_are_compared(pair: tuple[Path, Path]) -> None:
    Path(os.fsdecode(os.fsencode(pair[0]) + b"/\xff\xfe")).write_bytes(b"x")
    assert (b"\xff\xfe", Aspect.MISSING) in _aspects(pair)


def test_linked_files_count_their_size_once(pair: tuple[Path, Path]) -> None:
    picture = take_picture(os.fsencode(pair[0]))
    assert picture.files == 4
    assert picture.size_bytes == len(b"content") + len(b"other content")
