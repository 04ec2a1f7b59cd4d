"""Entries of directories read in C are what the interpreter reads."""

from __future__ import annotations

import errno
import os
import socket
import stat
import tempfile
from pathlib import Path

import pytest

from app.model.entry import kept_ns
from app.native import native
from tests.support.capabilities import native_or_report

_FIELDS = (
    "st_mode", "st_uid", "st_gid", "st_ino", "st_dev", "st_rdev", "st_nlink", "st_size", "st_blocks",
    "st_mtime_ns", "st_ctime_ns",
)  # fmt: skip


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory with an entry of each kind, and strange names."""
    (tmp_path / "file").write_bytes(b"abc")
    os.utime(tmp_path / "file", ns=(-5, -1_500_000_001))
    (tmp_path / "directory").mkdir()
    (tmp_path / "link").symlink_to("nowhere")
    os.link(tmp_path / "file", tmp_path / "other name")
    os.mkfifo(tmp_path / "fifo")
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(tmp_path / "socket"))
    for name in (b"\xff\xfe", b"n" * 255, b"line\nfeed", b"...", b"..x", b"\xc3\xa4"):
        Path(os.fsdecode(os.fsencode(tmp_path) + b"/" + name)).touch()
    for number in range(300):
        (tmp_path / f"many-{number}").touch()
    with (tmp_path / "large").open("wb") as file:
        file.truncate(1 << 40)
    return tmp_path


def test_entries_are_those_of_stat_by_name(place: Path) -> None:
    scan = native_or_report("scan")
    found, unread = scan.entries(-100, os.fsencode(place), b"some/where/")
    assert unread == []
    names = sorted(os.listdir(os.fsencode(place)))
    assert [path for path, _ in found] == [b"some/where/" + name for name in names]
    for name, (_, status) in zip(names, found, strict=True):
        expected = os.lstat(os.fsencode(place) + b"/" + name)
        assert [getattr(status, field) for field in _FIELDS] == [
            getattr(expected, field) for field in _FIELDS
        ]


def test_a_directory_is_found_beneath_an_open_one_and_links_are_not_followed(place: Path) -> None:
    scan = native_or_report("scan")
    (place / "directory/in it").touch()
    (place / "to it").symlink_to("directory")
    fd = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    try:
        found, _ = scan.entries(fd, b"directory", b"")
        assert [(path, stat.S_ISREG(status.st_mode)) for path, status in found] == [(b"in it", True)]
        for name, reason in (
            (b"to it", errno.ENOTDIR), (b"file", errno.ENOTDIR), (b"gone", errno.ENOENT),
            (b"fifo", errno.ENOTDIR), (b"n" * 300, errno.ENAMETOOLONG),
        ):  # fmt: skip
            with pytest.raises(OSError, match=os.strerror(reason)) as raised:
                scan.entries(fd, name, b"")
            assert raised.value.errno == reason
    finally:
        os.close(fd)


def test_nothing_stays_open(place: Path) -> None:
    scan = native_or_report("scan")
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(20):
        scan.entries(-100, os.fsencode(place), b"")
        with pytest.raises(FileNotFoundError):
            scan.entries(-100, os.fsencode(place) + b"/gone", b"")
    assert len(os.listdir("/proc/self/fd")) == before


def test_they_are_not_used_where_they_are_not_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCXO_NATIVE", "off")
    assert native("scan") is None
    monkeypatch.delenv("ARCXO_NATIVE")
    assert native("no such module") is None


@pytest.mark.parametrize(
    "seconds",
    [0, -1, 9_223_372_036, 9_223_372_037, 13_569_465_600, -9_223_372_036, -9_223_372_037, -(1 << 35)],
)
@pytest.mark.parametrize("fraction", [0, 145_224_192, 145_224_193, 854_775_807, 854_775_808, 999_999_999])
def test_times_beyond_what_is_kept_are_those_that_python_keeps(seconds: int, fraction: int) -> None:
    # Memory keeps any time, other file systems what they have room for.
    with tempfile.TemporaryDirectory(dir="/dev/shm") as place:
        path = place + "/f"
        Path(path).touch()
        os.utime(path, ns=(0, seconds * 10**9 + fraction))
        found, _ = native_or_report("scan").entries(-1, os.fsencode(place), b"")
        assert found[0][1].st_mtime_ns == kept_ns(os.lstat(path).st_mtime_ns)
        assert abs(found[0][1].st_mtime_ns) < 1 << 63
