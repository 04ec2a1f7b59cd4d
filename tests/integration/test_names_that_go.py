"""What was written through a name of a file shows through the others when that name is gone at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.replication_pair import Pair

_FILES = 10


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    for way in _WAYS:
        for number in range(_FILES):
            folder = made.master / f"{way}-{number}"
            folder.mkdir()
            (folder / "one").write_bytes(b"before")
            os.link(folder / "one", made.master / f"two-{way}-{number}")
    made.run(brake_percent=0)
    made.settle()
    yield made
    made.close()


def _outside(folder: Path) -> Path:
    return folder.parent.parent / "other" / f"outside-{folder.name}"


def _replaced(folder: Path) -> None:
    (folder / "other").write_bytes(b"another file")
    (folder / "other").rename(folder / "one")


def _a_directory(folder: Path) -> None:
    (folder / "one").unlink()
    (folder / "one").mkdir()


_WAYS: dict[str, Callable[[Path], object]] = {
    "unlinked": lambda folder: (folder / "one").unlink(),
    "removed with its directory": shutil.rmtree,
    "replaced": _replaced,
    "moved out": lambda folder: (folder / "one").rename(_outside(folder)),
    "its directory moved out": lambda folder: folder.rename(_outside(folder)),
    "a directory": _a_directory,
}


@pytest.mark.parametrize("put_back", [False, True], ids=["later", "with the time it had"])
def test_what_was_written_through_it_is_on_the_replica(pair: Pair, put_back: bool) -> None:
    written = b"behind" if put_back else b"what was written last"
    for way, away in _WAYS.items():
        for number in range(_FILES):
            folder = pair.master / f"{way}-{number}"
            with open(folder / "one", "r+b") as file:
                before = os.fstat(file.fileno())
                file.write(written)
                file.flush()
                if put_back:
                    os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
                away(folder)
    pair.settle()
    found = {path.name: path.read_bytes() for path in pair.replica.glob("two-*")}
    assert {name: content for name, content in found.items() if content != written} == {}
    assert len(found) == _FILES * len(_WAYS)
    pair.assert_equal()
