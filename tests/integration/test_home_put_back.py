"""A home that is put back to an earlier state, as with a snapshot of its machine, loses nothing."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.scenario import ScenarioState
from app.replication.replica.engine import ReplicaEngine
from tests.support.replication_pair import Pair, until

_FILES = 30


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    made = Pair(tmp_path)
    (made.master / "first").write_text("first")
    made.run()
    made.settle()
    yield made
    made.close()


def _write(pair: Pair, text: str) -> None:
    """Another content of the same size and time each time: only what is recorded tells of it."""
    for number in range(_FILES):
        path = pair.master / f"file {number}"
        path.write_text(text)
        os.utime(path, ns=(10**18, 10**18))


def _put_back(pair: Pair) -> None:
    """Replicate more, and then have the engine's files as they were before."""
    engine, kept = pair.home / "engine/master", pair.base / "kept"
    pair.engine.close()
    shutil.copytree(engine, kept)
    pair.engine = pair.open_engine()
    pair.wait()
    _write(pair, "one")
    pair.settle()
    pair.engine.close()
    shutil.rmtree(engine)
    kept.rename(engine)


def _compares_contents(pair: Pair) -> None:
    pair.assert_equal()
    assert (pair.replica / "file 1").read_text() == "two"
    assert pair.codes().count("WR00297") == 1
    pair.restart_master()
    pair.assert_equal()
    assert pair.codes().count("WR00297") == 1


def test_what_is_written_after_the_home_was_put_back_arrives(pair: Pair) -> None:
    _put_back(pair)
    _write(pair, "two")
    pair.engine = pair.open_engine()
    pair.wait()
    _compares_contents(pair)


def test_it_arrives_though_the_replica_is_met_only_after_more_starts(pair: Pair) -> None:
    _put_back(pair)
    _write(pair, "two")
    pair.connector.reachable = False
    for text in ("three", "two"):
        pair.engine = pair.open_engine()
        until(lambda: pair.engine.status(pair.id).state is ScenarioState.PROBLEM)
        _write(pair, text)
        until(lambda: pair.engine.status(pair.id).replicas[0].waiting_operations > _FILES)
        pair.engine.close()
    pair.connector.reachable = True
    pair.engine = pair.open_engine()
    pair.wait()
    _compares_contents(pair)


def _begin_replica(pair: Pair) -> None:
    pair.replica_engine = ReplicaEngine(str(pair.base / "other"), "localhost", pair.events)
    pair.replica_engine.start()
    pair.connector.reachable = True


def _end_replica(pair: Pair) -> None:
    pair.connector.reachable = False
    pair.connector.cut()
    pair.replica_engine.close()


def test_what_a_replica_has_already_is_not_done_again_to_something_else(pair: Pair) -> None:
    """A rename that is replayed would take what has the name by now."""
    (pair.master / "old").write_text("the old one")
    pair.settle()
    _end_replica(pair)
    shutil.copytree(pair.base / "other", pair.base / "kept")
    _begin_replica(pair)
    pair.settle()
    os.rename(pair.master / "old", pair.master / "new")
    pair.settle()
    (pair.master / "old").write_text("another one")
    pair.settle()
    _end_replica(pair)
    shutil.rmtree(pair.base / "other")
    (pair.base / "kept").rename(pair.base / "other")
    _begin_replica(pair)
    until(lambda: "WR00297" in pair.codes())
    pair.wait()
    pair.assert_equal()


def test_a_start_after_everything_was_sent_compares_nothing(pair: Pair) -> None:
    _write(pair, "one")
    pair.settle()
    pair.connector.cut()
    _write(pair, "two")
    pair.settle()
    pair.restart_master()
    pair.assert_equal()
    assert pair.codes().count("SR00202") == 1
    assert "WR00297" not in pair.codes()
