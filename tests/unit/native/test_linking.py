"""Links made in C, and the rows that tell of them, are what the interpreter makes."""

from __future__ import annotations

import errno
import os
import random
from pathlib import Path

import pytest

from app.model import manifest
from tests.support.capabilities import native_or_report


class Place:
    """A directory to link from, and one to link into."""

    def __init__(self, tmp_path: Path) -> None:
        self.source, self.target = tmp_path / "source", tmp_path / "target"
        self.opened = []
        for directory in (self.source, self.target):
            directory.mkdir()
            self.opened.append(os.open(directory, os.O_RDONLY | os.O_DIRECTORY))

    def link(self, names: list[bytes], prefix: bytes = b"") -> tuple[bytes, int]:
        linking = native_or_report("linking")
        reading, writing = self.opened
        found: tuple[bytes, int] = linking.link_files(
            reading, os.fsencode(self.source), writing, prefix, names
        )
        return found

    def expected(self, names: list[bytes], before: dict[bytes, os.stat_result], prefix: bytes = b"") -> bytes:
        target = os.fsencode(self.target) + b"/"
        rows = [
            manifest.file_entry(prefix + name, before[name], (), os.lstat(target + name).st_ctime_ns)
            for name in names
        ]
        return b"".join(rows)

    def look(self, names: list[bytes]) -> dict[bytes, os.stat_result]:
        return {name: os.lstat(os.fsencode(self.source) + b"/" + name) for name in names}


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_rows_are_those_that_msgpack_packs(place: Place) -> None:
    random_ = random.Random(3)
    times = [0, 1, 127, 128, 255, 256, 65535, 65536, (1 << 32) - 1, 1 << 32, (1 << 62), -1, -32, -33]
    times += [-128, -129, -32768, -32769, -(1 << 31), -(1 << 31) - 1, -(1 << 61)]
    names = [b"%03d" % number + random_.choice((b"", b"\xff", b"x" * 200)) for number in range(150)]
    for number, name in enumerate(names):
        path = os.fsencode(place.source) + b"/" + name
        with open(path, "wb") as file:
            file.truncate(random_.choice((0, 5, 200, 40_000, 70_000, 1 << 33)))
        os.chmod(path, random_.choice((0o600, 0o4755, 0o7777, 0)))
        os.utime(path, ns=(0, times[number % len(times)]))
    for prefix in (b"", b"some/where/", b"d" * 255 + b"/", b"e" * 70_000):
        before = place.look(names)
        rows, done = place.link(names, prefix)
        assert done == len(names)
        assert rows == place.expected(names, before, prefix)
        for name in names:
            os.unlink(os.fsencode(place.target) + b"/" + name)
    assert place.link([]) == (b"", 0)


def test_it_ends_before_what_is_no_plain_file(place: Place) -> None:
    for name in ("a", "b"):
        (place.source / name).write_text(name)
    (place.source / "link").symlink_to("a")
    os.mkfifo(place.source / "pipe")
    (place.source / "directory").mkdir()
    (place.source / "attributes").write_text("more")
    os.setxattr(place.source / "attributes", "user.more", b"1")
    names = [b"a", b"b"]
    before = place.look(names)
    for other in (b"link", b"pipe", b"directory", b"attributes"):
        rows, done = place.link([b"a", b"b", other, b"missing"])
        assert done == 2
        assert rows == place.expected(names, before)
        assert sorted(os.listdir(place.target)) == ["a", "b"]
        for name in ("a", "b"):
            (place.target / name).unlink()
        before = place.look(names)


def test_what_fails_says_why(place: Place) -> None:
    (place.source / "a").write_text("a")
    (place.target / "a").write_text("there")
    with pytest.raises(FileExistsError):
        place.link([b"a"])
    with pytest.raises(FileNotFoundError):
        place.link([b"missing"])
    with pytest.raises(OSError) as caught:
        place.link([b"n" * 300])
    assert caught.value.errno == errno.ENAMETOOLONG
    assert (place.target / "a").read_text() == "there"


@pytest.mark.parametrize("names", [[b""], [b"a/b"], [b"a\0b"], ["text"], [None], [b"n" * 100_000]])
def test_what_is_no_name_is_refused(place: Place, names: list[bytes]) -> None:
    with pytest.raises((TypeError, ValueError)):
        place.link(names)
    assert os.listdir(place.target) == []
