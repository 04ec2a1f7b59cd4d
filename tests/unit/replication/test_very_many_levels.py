"""Trees of very many levels cost steps in proportion to what is in them, not to that times their depth."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from app.replication.master.recordable import UnrecordableError, check_name
from app.replication.master.roots import ComparedRoot
from app.replication.replica.inspecting import listing_after
from app.replication.replica.rooted import Rooted
from app.replication.replica.trouble import PathTrouble

_LEVELS = 600


def _path(levels: int) -> bytes:
    return b"/".join([b"d"] * levels)


@pytest.fixture
def top(tmp_path: Path) -> bytes:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _ in range(_LEVELS):
        os.mkdir("d", dir_fd=fd)
        deeper = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = deeper
    os.close(fd)
    return os.fsencode(tmp_path)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """What `os.open` was called with."""
    calls: list[object] = []
    real = os.open
    monkeypatch.setattr(os, "open", lambda *args, **kwargs: (calls.append(args), real(*args, **kwargs))[1])
    return calls


def test_coming_up_from_the_deepest_directory_does_not_begin_at_the_top_each_time(
    top: bytes, opened: list[object]
) -> None:
    before = len(os.listdir("/proc/self/fd"))
    rooted = Rooted(top)
    for levels in range(_LEVELS, 0, -1):
        fd, name = rooted.place(_path(levels) + b"/file")
        whole = top + b"/" + _path(levels)
        assert (os.fstat(fd).st_ino, name) == (os.stat(whole).st_ino, b"file")
    assert len(opened) < 10 * _LEVELS
    assert len(os.listdir("/proc/self/fd")) < before + 250
    rooted.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_what_two_calls_gave_stays_open_over_long_ways(top: bytes) -> None:
    rooted = Rooted(top)
    first, _ = rooted.place(_path(500) + b"/file")
    inode = os.fstat(first).st_ino
    for levels in (480, 400, 300, 200, 100):
        rooted.place(_path(levels) + b"/file")
    assert os.fstat(first).st_ino == inode
    rooted.close()


def test_a_long_way_that_ends_early_leaves_nothing_open(top: bytes) -> None:
    os.rmdir(top + b"/" + _path(_LEVELS))
    os.symlink("elsewhere", top + b"/" + _path(_LEVELS))
    before = len(os.listdir("/proc/self/fd"))
    rooted = Rooted(top)
    for missing, code in ((_path(_LEVELS) + b"/d", "ER00402"), (_path(_LEVELS - 1) + b"/e/d", "ER00401")):
        with pytest.raises(PathTrouble) as caught:
            rooted.directory(missing)
        assert caught.value.code == code
    rooted.close()
    assert len(os.listdir("/proc/self/fd")) == before


def test_whether_all_above_are_directories_is_asked_once_for_all_levels(
    top: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = ComparedRoot(0, top)
    looks: list[object] = []
    real = os.lstat
    monkeypatch.setattr(os, "lstat", lambda path: (looks.append(path), real(path))[1])
    for levels in range(1, _LEVELS):
        assert root.holds(_path(levels) + b"/file")
    assert len(looks) < 5 * _LEVELS


@pytest.mark.parametrize("levels", [3, 300])
def test_a_link_on_the_way_is_seen_at_any_depth(top: bytes, levels: int) -> None:
    root = ComparedRoot(0, top)
    link = top + b"/" + _path(levels)
    os.rename(link, top + b"/moved")
    assert not root.holds(_path(levels + 100) + b"/file")
    os.symlink(top + b"/moved", link)
    assert not root.holds(_path(levels + 100) + b"/file")
    assert not root.holds(_path(levels) + b"/d")
    assert root.holds(_path(levels))


def test_a_root_that_is_reached_through_a_link_holds_what_is_in_it(top: bytes, tmp_path: Path) -> None:
    os.symlink(top, tmp_path / "link")
    root = ComparedRoot(0, os.fsencode(tmp_path / "link"))
    assert root.holds(_path(_LEVELS) + b"/file")


def test_a_listing_for_a_comparison_does_not_begin_at_the_top_for_each_directory(
    top: bytes, opened: list[object]
) -> None:
    rooted = Rooted(top)
    assert sum(1 for _ in listing_after(rooted, None)) == _LEVELS + 1
    assert len(opened) < 10 * _LEVELS
    rooted.close()


def test_a_name_beneath_very_many_levels_is_looked_at_alone() -> None:
    class Levels(bytes):
        def split(self, *_: object) -> list[bytes]:  # type: ignore[override]
            raise AssertionError("each of its directories is looked at again")

    check_name(Levels(_path(_LEVELS)))
    for refused in (b"d/" + b"n" * 256, b"/".join([b"d" * 200] * 400)):
        with pytest.raises(UnrecordableError):
            check_name(refused)
