"""Files changed where no event, no time or no comparison with what is recorded tells of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.master import reading
from tests.support.replication_pair import Pair, until


@pytest.fixture
def both(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    yield made
    made.close()


def _rewrite(path: Path, content: bytes) -> None:
    """Other content of the same size, and the time as it was."""
    status = os.lstat(path)
    assert len(content) == status.st_size
    with path.open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_content_changed_and_linked_while_no_engine_runs_is_sent(both: Pair) -> None:
    (both.master / "first").write_bytes(b"old" * 1000)
    both.run()
    both.assert_equal()
    both.engine.close()
    _rewrite(both.master / "first", b"new" * 1000)
    os.link(both.master / "first", both.master / "second")
    both.engine = both.open_engine()
    both.wait()
    both.assert_equal()


def test_content_changed_and_a_name_removed_while_no_engine_runs_is_sent(both: Pair) -> None:
    (both.master / "first").write_bytes(b"old" * 1000)
    os.link(both.master / "first", both.master / "second")
    os.link(both.master / "first", both.master / "third")
    both.run()
    both.assert_equal()
    both.engine.close()
    _rewrite(both.master / "first", b"new" * 1000)
    (both.master / "third").unlink()
    both.engine = both.open_engine()
    both.wait()
    both.assert_equal()


@pytest.mark.parametrize("links", [1, 2])
def test_a_content_that_comes_and_goes_while_it_is_synchronised_is_not_left_there(
    both: Pair, monkeypatch: pytest.MonkeyPatch, links: int
) -> None:
    path = both.master / "file"
    both.run(ignore_same_size_time=False)
    path.write_bytes(b"recorded" * 100)
    for number in range(1, links):
        os.link(path, both.master / f"file-{number}")
    both.assert_equal()
    read = reading.read_exact

    def between(fd: int, offset: int, length: int) -> bytes:
        path.write_bytes(b"passing by" * 80)
        data = read(fd, offset, length)
        path.write_bytes(b"recorded" * 100)
        return data

    monkeypatch.setattr(reading, "read_exact", between)
    both.engine.synchronize(both.id)
    until(lambda: both.codes().count("SR00202") == 2)
    monkeypatch.undo()
    both.assert_equal()
