"""Small files read in C are what the interpreter reads, and nothing else is taken for them."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from tests.support.capabilities import native_or_report

Wanted = tuple[bytes, int, int, int]


def wanted(place: Path, path: bytes, **other: int) -> Wanted:
    found = os.lstat(os.path.join(os.fsencode(place), path))
    values = {"size": found.st_size, "modified": found.st_mtime_ns, "changed": found.st_ctime_ns, **other}
    return path, values["size"], values["modified"], values["changed"]


def read(place: Path, files: list[Wanted]) -> tuple[bytes, bytes]:
    reading = native_or_report("reading")
    top = os.open(place, os.O_RDONLY | os.O_DIRECTORY)
    before = os.listdir("/proc/self/fd")
    try:
        found: tuple[bytes, bytes] = reading.read_files(top, files)
        assert os.listdir("/proc/self/fd") == before
    finally:
        os.close(top)
    return found


def test_contents_come_in_their_order(tmp_path: Path) -> None:
    random_ = random.Random(7)
    files: list[bytes] = []
    expected = []
    for directory in ("", "one", "one/two", "\udcff\udcfe", "one", "three"):
        (tmp_path / directory).mkdir(exist_ok=True)
        for number in range(random_.randrange(5)):
            path = os.fsencode(f"{directory}/{number}-{len(files)}".lstrip("/"))
            data = random_.randbytes(random_.choice((0, 1, 4096, 70_000)))
            (tmp_path / os.fsdecode(path)).write_bytes(data)
            os.utime(tmp_path / os.fsdecode(path), ns=(0, random_.randrange(-(10**18), 10**18)))
            files.append(path)
            expected.append(data)
    contents, good = read(tmp_path, [wanted(tmp_path, path) for path in files])
    assert contents == b"".join(expected)
    assert good == bytes([1]) * len(files)
    assert read(tmp_path, []) == (b"", b"")


def test_what_is_not_as_it_was_said_is_told_and_empty(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("good", "in/grown", "in/shrunk", "in/touched", "in/stamped"):
        (tmp_path / name).write_bytes(b"0123456789")
    with (tmp_path / "in/sparse").open("wb") as file:
        file.truncate(100_000)
    os.mkfifo(tmp_path / "in/fifo")
    (tmp_path / "in/link").symlink_to("../good")
    (tmp_path / "other").symlink_to("in")
    good = wanted(tmp_path, b"good")
    files = [
        good,
        wanted(tmp_path, b"in/grown", size=9),
        wanted(tmp_path, b"in/shrunk", size=11),
        wanted(tmp_path, b"in/touched", modified=5),
        good,
        wanted(tmp_path, b"in/stamped", changed=5),
        wanted(tmp_path, b"in/sparse"),
        wanted(tmp_path, b"in/fifo"),
        (b"in/link", *good[1:]),
        (b"in/missing", 7, 0, 0),
        (b"in/missing/too", 7, 0, 0),
        (b"in", 7, 0, 0),
        (b"other/grown", 10, *wanted(tmp_path, b"in/grown")[2:]),
        (b"other/shrunk", 10, *wanted(tmp_path, b"in/shrunk")[2:]),
        (b"n" * 300, 7, 0, 0),
        (b"n/" * 3000 + b"1", 7, 0, 0),
        (b"n/" * 3000 + b"2", 7, 0, 0),
        good,
    ]
    contents, marks = read(tmp_path, files)
    there = [at for at, mark in enumerate(marks) if mark]
    assert there[:2] == [0, 4]
    assert there[-1] == len(files) - 1
    assert len(contents) == sum(size for _, size, _, _ in files)
    assert contents.count(b"0123456789") == len(there)
    assert contents.replace(b"0123456789", b"").strip(b"\0") == b""


@pytest.mark.parametrize(
    "files",
    [
        [None],
        [(b"a", 1, 2)],
        [["a", 1, 2, 3]],
        [(b"a", -1, 2, 3)],
        [(b"a", 1 << 62, 2, 3)],
        [(b"a", 1 << 80, 2, 3)],
        [(b"a", 1 << 30, 2, 3)] * 3,
        [(b"", 1, 2, 3)],
        [(b"/etc/passwd", 1, 2, 3)],
        [(b"a\0b", 1, 2, 3)],
        [("text", 1, 2, 3)],
        [(None, 1, 2, 3)],
    ],
)
def test_what_is_no_list_of_files_is_refused(tmp_path: Path, files: list[Wanted]) -> None:
    with pytest.raises((TypeError, ValueError, OverflowError)):
        read(tmp_path, files)
