"""What was written through a name of a file shows through the others when that name is gone at once."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.replication_pair import Pair

_FILES = 40


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    for number in range(_FILES):
        folder = made.master / f"folder-{number}"
        folder.mkdir()
        (folder / "one").write_bytes(b"before")
        os.link(folder / "one", made.master / f"two-{number}")
    made.run(brake_percent=0)
    made.settle()
    yield made
    made.close()


def _unlinked(folder: Path) -> None:
    (folder / "one").unlink()


def _removed_with_its_directory(folder: Path) -> None:
    shutil.rmtree(folder)


def _replaced(folder: Path) -> None:
    (folder / "other").write_bytes(b"another file")
    (folder / "other").rename(folder / "one")


def _moved_out(folder: Path) -> None:
    (folder / "one").rename(folder.parent.parent / "other" / f"outside-{folder.name}")


def _its_directory_moved_out(folder: Path) -> None:
    folder.rename(folder.parent.parent / "other" / f"outside-{folder.name}")


def _a_directory_in_its_place(folder: Path) -> None:
    (folder / "one").unlink()
    (folder / "one").mkdir()


@pytest.mark.parametrize("put_back", [False, True], ids=["later", "with the time it had"])
@pytest.mark.parametrize(
    "away",
    [
        _unlinked,
        _removed_with_its_directory,
        _replaced,
        _moved_out,
        _its_directory_moved_out,
        _a_directory_in_its_place,
    ],
)
def test_what_was_written_through_it_is_on_the_replica(
    pair: Pair, away: Callable[[Path], None], put_back: bool
) -> None:
    for number in range(_FILES):
        folder = pair.master / f"folder-{number}"
        written = b"behind" if put_back else b"what was written last"
        with open(folder / "one", "r+b") as file:
            before = os.fstat(file.fileno())
            file.write(written)
            file.flush()
            if put_back:
                os.utime(file.fileno(), ns=(before.st_atime_ns, before.st_mtime_ns))
            away(folder)
    pair.settle()
    assert {(pair.replica / f"two-{number}").read_bytes() for number in range(_FILES)} == {written}
    pair.assert_equal()
