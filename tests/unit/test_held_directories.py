import os

import pytest

from app.held_directories import entries_in, names_in
from tests.support.capabilities import volume_or_report


def held(path):
    return os.open(path, os.O_RDONLY | os.O_DIRECTORY)


def look(place):
    fd = held(place)
    try:
        assert names_in(fd) == []
        for number in range(50):
            (place / f"f{number}").write_bytes(b"")
        assert len(names_in(fd)) == 50
        (place / "d").mkdir()
        with entries_in(fd) as entries:
            assert {entry.name for entry in entries if entry.is_dir(follow_symlinks=False)} == {"d"}
        (place / "f0").unlink()
        assert len(names_in(fd)) == 50
    finally:
        os.close(fd)


def test_a_held_directory_shows_what_is_there_now(tmp_path):
    look(tmp_path)


@pytest.mark.needs_root
@pytest.mark.parametrize("kind", ["btrfs", "xfs"])
def test_it_does_so_on_other_file_systems(tmp_path, kind):
    with volume_or_report(tmp_path, kind) as place:
        look(place)


def test_a_removed_directory_is_empty(tmp_path):
    (tmp_path / "d").mkdir()
    fd = held(tmp_path / "d")
    try:
        (tmp_path / "d").rmdir()
        assert names_in(fd) == []
        with entries_in(fd) as entries:
            assert list(entries) == []
    finally:
        os.close(fd)
