"""Holes that are punched in a file on the master are holes on the replica, and a rewind fills them again."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.replica import holes as module
from tests.support.capabilities import missing
from tests.support.replication_pair import Pair

MEGABYTE = 1 << 20
SIZE = 8 * MEGABYTE


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    (made.master / "file").write_bytes(os.urandom(SIZE))
    made.run()
    made.settle()
    # From its first change on, the blocks of a file are known.
    with (made.master / "file").open("r+b") as file:
        file.write(b"first change")
    made.assert_equal()
    yield made
    made.close()


def _punch(path: Path, offset: int, length: int) -> None:
    fd = os.open(path, os.O_RDWR)
    try:
        library = ctypes.CDLL(None, use_errno=True)
        if library.fallocate(fd, 3, ctypes.c_int64(offset), ctypes.c_int64(length)):
            missing("a file system with holes")
    finally:
        os.close(fd)


def test_a_punched_hole_becomes_one_on_the_replica_and_is_rewound(pair: Pair) -> None:
    master, replica = pair.master / "file", pair.replica / "file"
    before = master.read_bytes()
    inode = replica.stat().st_ino
    point = pair.engine.bookmark(pair.id, "before")
    _punch(master, MEGABYTE, 4 * MEGABYTE)
    with master.open("r+b") as file:
        file.seek(7 * MEGABYTE)
        file.write(b"and blocks")
    pair.assert_equal()
    assert replica.stat().st_ino == inode
    assert replica.stat().st_blocks <= master.stat().st_blocks + 256
    assert replica.stat().st_blocks * 512 < SIZE - 3 * MEGABYTE
    pair.engine.stop(pair.id)
    result = pair.replica_engine.rewind(pair.id, point.id)
    assert replica.read_bytes() == before
    assert result.undo_point is not None
    pair.replica_engine.rewind(pair.id, result.undo_point.id)
    assert replica.read_bytes() == master.read_bytes()


def test_where_there_are_no_holes_zeros_are_written(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_punched", lambda _fd, _hole: False)
    _punch(pair.master / "file", 100_000, 3 * MEGABYTE)
    pair.assert_equal()


def test_zeros_that_are_written_stay_data(pair: Pair) -> None:
    with (pair.master / "file").open("r+b") as file:
        file.write(bytes(4 * MEGABYTE))
    pair.assert_equal()
    assert (pair.replica / "file").stat().st_blocks * 512 >= SIZE
