"""Large files: what their first change sends, how often they are read, and how far behind that leaves."""

from __future__ import annotations

import itertools
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.replication.master import hints, learning
from app.replication.master.shadow import ShadowReader
from tests.support.replication_pair import Pair, until

MB = 1024 * 1024


@pytest.fixture
def both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Pair]:
    monkeypatch.setattr(learning, "POLL_S", 0.05)
    monkeypatch.setattr(learning, "SETTLE_S", 0.2)
    made = Pair(tmp_path)
    yield made
    made.close()


def _unhashed(both: Pair) -> int:
    reader = ShadowReader(str(both.home / f"engine/master/{both.id}/shadow.sqlite3"))
    try:
        return len(reader.unhashed(100))
    finally:
        reader.close()


def _write(path: Path, offset: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        file.write(data)


@pytest.mark.parametrize("there", [False, True])
def test_the_first_change_of_a_synchronised_file_sends_its_blocks_only(both: Pair, there: bool) -> None:
    data = os.urandom(8 * MB)
    (both.master / "big").write_bytes(data)
    os.link(both.master / "big", both.master / "other name")
    if there:
        (both.replica / "big").write_bytes(data)
        status = os.stat(both.master / "big")
        os.utime(both.replica / "big", ns=(0, status.st_mtime_ns))
    both.run()
    both.settle()
    assert _unhashed(both) == 2
    until(lambda: not _unhashed(both), what="hashes")
    before = both.engine.status(both.id).captured_bytes
    _write(both.master / "big", 5 * MB, b"changed")
    both.assert_equal()
    assert both.engine.status(both.id).captured_bytes - before < MB
    assert (both.master / "other name").stat().st_ino == (both.master / "big").stat().st_ino


def test_a_file_that_changes_while_its_hashes_are_learned_is_sent_as_it_is(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    (both.master / "big").write_bytes(os.urandom(4 * MB))
    both.run()
    both.settle()
    read = threading.Event()
    go = threading.Event()
    windows = learning.windows

    def slowly(*arguments: object) -> Iterator[object]:
        yield from windows(*arguments)  # type: ignore[arg-type]
        read.set()
        assert go.wait(10)

    monkeypatch.setattr(learning, "windows", slowly)
    assert read.wait(20)
    status = os.stat(both.master / "big")
    _write(both.master / "big", 3 * MB, b"changed")
    os.utime(both.master / "big", ns=(0, status.st_mtime_ns))
    go.set()
    both.assert_equal()
    both.restart_master()
    both.assert_equal()


def test_a_large_file_under_constant_writing_is_read_as_often_as_that_costs(
    both: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading takes a fifth of the time at most, and how far that leaves the replica behind is told."""
    monkeypatch.setattr(hints, "MERGE_MOST_S", 0.1)
    path = both.master / "big"
    path.write_bytes(os.urandom(16 * MB))
    both.run()
    both.settle()
    costs: list[tuple[float, float]] = []
    recorded = hints.Hints.recorded

    def noted(self: hints.Hints, root: int, path: bytes, cost_s: float) -> None:
        if path == b"big":
            costs.append((time.monotonic(), cost_s))
        recorded(self, root, path, cost_s)

    monkeypatch.setattr(hints.Hints, "recorded", noted)
    lags: list[float] = []
    ends = time.monotonic() + 4
    number = 0
    while time.monotonic() < ends:
        number += 1
        _write(path, number * 65536 % (16 * MB), b"%d" % number)
        replica = both.engine.status(both.id).replicas[0]
        lags.append(replica.lag_seconds or 0.0)
        if lags[-1] > 1.5:
            assert replica.waiting, "a lag that is not explained"
        time.sleep(0.002)
    pauses = [later[0] - later[1] - first[0] for first, later in itertools.pairwise(costs)]
    assert pauses, "it was never read twice"
    for (_, cost), pause in zip(costs, pauses, strict=False):
        assert pause > cost * hints.COST_FACTOR * 0.9
    assert max(lags) > max(cost for _, cost in costs) * hints.COST_FACTOR * 0.5
    both.assert_equal()
    until(lambda: not both.engine.status(both.id).replicas[0].lag_seconds, what="no lag when quiet")
