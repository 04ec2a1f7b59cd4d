"""Files with several names, changed where no event and no time tells of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.replication_pair import Pair


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
