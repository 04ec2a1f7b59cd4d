"""Making many files at a time: as asked for, read back, and nothing left of what was refused."""

from __future__ import annotations

import errno
import os
import random
import resource
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.capabilities import native_or_report

Row = tuple[int, bytes, int, int, int, int, int, int]


@pytest.fixture
def making() -> Any:
    return native_or_report("making")


def made(making: Any, place: Path, rows: list[Row], data: bytes, *more: Path) -> list[int]:
    result: list[int] = making.files([os.fsencode(place), *map(os.fsencode, more)], rows, data)
    return result


def test_files_have_the_content_and_the_metadata_that_they_were_to_have(making: Any, tmp_path: Path) -> None:
    chance = random.Random(5)
    data = chance.randbytes(300_000)
    other = tmp_path / "other"
    other.mkdir()
    rows: list[Row] = []
    for number in range(200):
        start = chance.randrange(len(data))
        length = min(len(data) - start, chance.choice((0, 1, 17, 4096, 65_536, 65_537, 250_000)))
        mode = chance.choice((0o644, 0o600, 0o777, 0o000, 0o4755, 0o2750, 0o1644))
        modified = chance.choice((0, 1, -1, -1_500_000_000, 1_700_000_000_123_456_789))
        name = b"%d " % number + bytes(chance.choice(range(0x80, 0xFF)) for _ in range(4))
        rows.append((number % 2, name, start, length, mode, os.geteuid(), os.getegid(), modified))
    inodes = made(making, tmp_path, rows, data, other)
    for (directory, name, start, length, mode, uid, gid, modified), inode in zip(rows, inodes, strict=True):
        path = os.fsencode((tmp_path, other)[directory]) + b"/" + name
        found = os.lstat(path)
        assert (found.st_ino, stat.S_IMODE(found.st_mode), found.st_mtime_ns) == (inode, mode, modified)
        assert (found.st_uid, found.st_gid, found.st_size) == (uid, gid, length)
        assert stat.S_ISREG(found.st_mode)
        if mode & 0o400 or os.geteuid() == 0:
            assert Path(os.fsdecode(path)).read_bytes() == data[start : start + length]


@pytest.mark.needs_root
def test_a_new_owner_keeps_the_permissions(making: Any, tmp_path: Path) -> None:
    (inode,) = made(making, tmp_path, [(0, b"a", 0, 3, 0o6755, 1001, 1002, 5)], b"abc")
    found = os.lstat(tmp_path / "a")
    assert (found.st_ino, found.st_uid, found.st_gid) == (inode, 1001, 1002)
    assert stat.S_IMODE(found.st_mode) == 0o6755


def test_what_is_there_stays_and_links_are_not_followed(making: Any, tmp_path: Path) -> None:
    (tmp_path / "there").write_bytes(b"mine")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    (tmp_path / "directory").symlink_to(tmp_path)
    own = (0o644, os.geteuid(), os.getegid(), 0)
    rows: list[Row] = [
        (0, b"there", 0, 3, *own), (0, b"link", 0, 3, *own), (1, b"a", 0, 3, *own), (2, b"b", 0, 3, *own),
        (0, b"fine", 0, 3, *own),
    ]  # fmt: skip
    results = made(making, tmp_path, rows, b"new", tmp_path / "directory", tmp_path / "gone")
    assert results[:2] == [-errno.EEXIST] * 2
    assert results[2] in (-errno.ENOTDIR, -errno.ELOOP)
    assert results[3] == -errno.ENOENT
    assert results[4] == os.lstat(tmp_path / "fine").st_ino
    assert sorted(os.listdir(tmp_path)) == ["directory", "fine", "link", "there"]
    assert (tmp_path / "there").read_bytes() == b"mine"


def test_nothing_is_left_of_what_cannot_be_written(making: Any, tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    own = (0o644, os.geteuid(), os.getegid(), 0)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        results = made(making, tmp_path, [(0, b"a", 0, 999, *own), (0, b"b", 0, 1001, *own)], bytes(2000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert results == [os.lstat(tmp_path / "a").st_ino, -errno.EFBIG]
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.parametrize(
    "row",
    [
        (0, b"a/b", 0, 1, 0o644, 0, 0, 0),
        (0, b"..", 0, 1, 0o644, 0, 0, 0),
        (0, b".", 0, 1, 0o644, 0, 0, 0),
        (0, b"", 0, 1, 0o644, 0, 0, 0),
        (0, b"a\0b", 0, 1, 0o644, 0, 0, 0),
        (1, b"a", 0, 1, 0o644, 0, 0, 0),
        (-1, b"a", 0, 1, 0o644, 0, 0, 0),
        (0, b"a", -1, 1, 0o644, 0, 0, 0),
        (0, b"a", 4, 2, 0o644, 0, 0, 0),
        (0, b"a", 0, -1, 0o644, 0, 0, 0),
        (0, b"a", 1, (1 << 63) - 1, 0o644, 0, 0, 0),
        (0, b"a", 0, 1 << 64, 0o644, 0, 0, 0),
        (0, b"a", 0, 1, 0o644, -1, 0, 0),
        (0, b"a", 0, 1, 0o644, 0, 1 << 32, 0),
        (0, b"a", 0, 1, 0o644, 0, 0, 1 << 63),
        (0, "a", 0, 1, 0o644, 0, 0, 0),
        (0, None, 0, 1, 0o644, 0, 0, 0),
        (0, b"a", 0, 1),
    ],
)
def test_impossible_files_are_refused_before_anything_is_made(making: Any, tmp_path: Path, row: Any) -> None:
    with pytest.raises((ValueError, OverflowError, TypeError)):
        made(making, tmp_path, [(0, b"first", 0, 1, 0o644, os.geteuid(), os.getegid(), 0), row], b"hello")
    assert os.listdir(tmp_path) == []


def test_an_impossible_directory_is_refused(making: Any) -> None:
    for directories in ([b"/tmp\0/x"], [None], ["/tmp"]):
        with pytest.raises((ValueError, TypeError)):
            making.files(directories, [], b"")


def test_nothing_stays_open(making: Any, tmp_path: Path) -> None:
    def opened() -> int:
        return len(os.listdir("/proc/self/fd"))

    before = opened()
    rows: list[Row] = [(n % 2, b"%d" % n, 0, 1, 0o600, os.geteuid(), os.getegid(), 0) for n in range(50)]
    made(making, tmp_path, rows, b"x", tmp_path / "gone")
    made(making, tmp_path, rows, b"x", tmp_path / "gone")
    assert opened() == before
