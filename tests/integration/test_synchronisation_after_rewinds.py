"""What a rewind leaves of the size and time that the master has is compared by content all the same."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.report import ReportedChange
from tests.support.replication_pair import Pair, until

_KEPT_NS = 10**18


@pytest.fixture(params=["file", "block"])
def pair(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Pair]:
    made = Pair(tmp_path)
    made.create(sync=request.param)
    (made.master / "d").mkdir()
    _hidden(made.master / "small", b"first")
    _hidden(made.master / "d/large", bytes(3 << 20))
    for number in range(20):
        (made.master / f"file {number}").write_text("as it is")
    made.run()
    made.settle()
    yield made
    made.close()


def _hidden(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    os.utime(path, ns=(_KEPT_NS, _KEPT_NS))


def _sent(pair: Pair) -> list[int]:
    """The files that each synchronisation sent."""
    return [
        int(one.params["files"].replace(",", ""))
        for one in pair.events.newer_than(0, 1000)
        if one.code == "SR00202"
    ]


def _change(pair: Pair) -> None:
    _hidden(pair.master / "small", b"later")
    _hidden(pair.master / "d/large", b"x" * (3 << 20))
    pair.settle()


@pytest.mark.parametrize("path", ["", "small"])
def test_the_masters_content_comes_back_with_the_next_run(pair: Pair, path: str) -> None:
    point = pair.engine.bookmark(pair.id, "before")
    _change(pair)
    pair.engine.stop(pair.id)
    chosen = [os.fsencode(pair.master / path)] if path else []
    pair.replica_engine.rewind(pair.id, point.id, chosen)
    assert (pair.replica / "small").read_bytes() == b"first"
    # A difference report trusts size and time as well, but for what is known to have been touched.
    found = pair.engine.difference(pair.id).items
    changed = {pair.master / "small"} | (set() if path else {pair.master / "d/large"})
    assert {Path(os.fsdecode(item.path)): item.change for item in found} == dict.fromkeys(
        changed, ReportedChange.CONTENT
    )
    pair.run()
    pair.assert_equal()
    assert _sent(pair)[-1] == (1 if path else 2)
    pair.engine.synchronize(pair.id)
    until(lambda: len(_sent(pair)) == 3, what="another synchronisation")
    assert _sent(pair)[-1] == 0
    assert pair.engine.difference(pair.id).items == ()


def test_a_rewind_that_was_undone_leaves_nothing_different(pair: Pair) -> None:
    point = pair.engine.bookmark(pair.id, "before")
    _change(pair)
    pair.engine.stop(pair.id)
    done = pair.replica_engine.rewind(pair.id, point.id)
    pair.replica_engine.rewind(pair.id, done.undo_point.id)
    pair.run()
    pair.assert_equal()


def test_it_comes_back_into_directories_that_the_rewind_moved(pair: Pair) -> None:
    point = pair.engine.bookmark(pair.id, "before")
    os.rename(pair.master / "d", pair.master / "moved")
    _hidden(pair.master / "moved/large", b"y" * (3 << 20))
    pair.settle()
    pair.engine.stop(pair.id)
    pair.replica_engine.rewind(pair.id, point.id)
    os.rename(pair.master / "moved", pair.master / "d")
    pair.run()
    pair.assert_equal()
