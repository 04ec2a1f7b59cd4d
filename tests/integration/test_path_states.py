import os
import socket
import threading

import pytest

from app.model.entry import EntryKind
from app.model.errors import ArcxoError, NotFoundError
from app.model.path_state import PathState
from app.model.scenario import Filters
from tests.support.replication_pair import Pair, until


@pytest.fixture
def replication(tmp_path):
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def states(replication, path="", limit=1000):
    whole = os.fsencode(replication.master / path)
    found = replication.engine.path_states(replication.id, "", whole, limit)
    return {entry.name: entry for entry in found.entries}


def told(replication, path=""):
    return {name.decode(): entry.state.value for name, entry in states(replication, path).items()}


def test_what_the_replica_has_is_in_sync(replication):
    (replication.master / "d").mkdir()
    (replication.master / "d/f").write_bytes(b"1")
    (replication.master / "l").symlink_to("d")
    replication.run()
    replication.settle()
    assert told(replication) == {"d": "in_sync", "l": "in_sync"}
    assert told(replication, "d") == {"f": "in_sync"}
    assert list(states(replication)) == [b"d", b"l"]
    assert states(replication, "d")[b"f"].size_bytes == 1


def test_what_is_left_out_names_the_pattern(replication):
    (replication.master / "cache").mkdir()
    (replication.master / "cache/x").write_bytes(b"1")
    (replication.master / "a.tmp").write_bytes(b"1")
    (replication.master / "b").write_bytes(b"1")
    with socket.socket(socket.AF_UNIX) as open_socket:
        open_socket.bind(str(replication.master / "s"))
    replication.run(filters=Filters(exclude=("*.tmp", "cache/")))
    replication.settle()
    found = states(replication)
    assert (found[b"a.tmp"].state, found[b"a.tmp"].reason) == (PathState.EXCLUDED, "left out by *.tmp")
    assert found[b"cache"].reason == "left out by cache/"
    assert found[b"s"].state is PathState.EXCLUDED
    assert found[b"b"].state is PathState.IN_SYNC
    assert states(replication, "cache")[b"x"].state is PathState.EXCLUDED


def test_what_waits_says_why_also_beneath_and_removed(replication):
    (replication.master / "d").mkdir()
    for name in ("d/same", "d/changed", "gone", "still"):
        (replication.master / name).write_bytes(b"1")
    replication.run()
    replication.settle()
    replication.engine.suspend(replication.id)
    (replication.master / "d/changed").write_bytes(b"22")
    (replication.master / "d/new").write_bytes(b"1")
    (replication.master / "gone").unlink()
    until(lambda: told(replication).get("gone") == "waiting" and told(replication)["d"] == "waiting")
    until(lambda: told(replication, "d") == {"changed": "waiting", "new": "waiting", "same": "in_sync"})
    found = states(replication)
    assert (found[b"still"].state, found[b"gone"].gone) == (PathState.IN_SYNC, True)
    until(lambda: "suspension" in states(replication)[b"d"].reason)
    assert states(replication)[b"d"].beneath >= 2
    replication.engine.resume(replication.id)
    replication.settle()
    assert set(told(replication, "d").values()) == {"in_sync"}
    assert b"gone" not in states(replication)


def test_without_a_run_nothing_is_claimed(replication):
    (replication.master / "f").write_bytes(b"1")
    replication.run()
    replication.settle()
    replication.engine.stop(replication.id)
    found = states(replication)[b"f"]
    assert (found.state, found.kind) == (PathState.UNKNOWN, EntryKind.FILE)
    assert "not running" in found.reason


def test_many_entries_are_cut(replication):
    for number in range(30):
        (replication.master / f"f{number:02}").write_bytes(b"")
    replication.run()
    replication.settle()
    found = replication.engine.path_states(replication.id, "", os.fsencode(replication.master), 10)
    assert [entry.name for entry in found.entries] == [b"f%02d" % number for number in range(10)]
    assert found.truncated


def test_only_directories_of_the_scenario_are_listed(replication, tmp_path):
    replication.run()
    replication.settle()
    with pytest.raises(NotFoundError, match="ER00419"):
        replication.engine.path_states(replication.id, "", b"/etc", 10)
    with pytest.raises(NotFoundError, match="AE1020"):
        states(replication, "nothing")
    with pytest.raises(NotFoundError, match="ER00242"):
        replication.engine.path_states(replication.id, "elsewhere", os.fsencode(replication.master), 10)
    with pytest.raises(ArcxoError):
        replication.engine.path_states(99, "", os.fsencode(replication.master), 10)
