"""What was not read since its change is read after a crash, whatever size and times say."""

import os

import pytest

from app.replication.master import files, proofs
from tests.support.comparing_bench import Bench
from tests.support.replication_naive import NaiveReplica
from tests.support.trees import picture

OLD_NS = 1_000_000_000_000_000_000


@pytest.fixture
def bench(tmp_path):
    """`one` and `two` are names of a file, recorded and sent long ago."""
    for side in ("master", "replica"):
        (tmp_path / side).mkdir()
    master = tmp_path / "master"
    (master / "one").write_bytes(b"old" * 1000)
    os.link(master / "one", master / "two")
    made = Bench(tmp_path, NaiveReplica(os.fsencode(tmp_path / "replica")))
    made.spool.reset("e" * 32)
    made.take([], [b"", b"one", b"two"])
    _age(made)
    yield made
    made.close()


def _age(bench):
    """As if two seconds had gone since everything that was changed."""
    bench.take([], bench.young_paths)
    youngest, proofs.YOUNG_NS = proofs.YOUNG_NS, 0
    try:
        bench.take([], bench.young_paths)
    finally:
        proofs.YOUNG_NS = youngest
    for path in bench.unproved_paths:
        bench.comparer.prove(0, path)
    bench.young_paths.clear()
    bench.unproved_paths.clear()
    bench.outlet.commit()


def _rewrite(path):
    """Other content of the same size, and the time as it was."""
    status = os.lstat(path)
    with path.open("r+b") as file:
        file.write(b"new")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _crash_and_walk(bench, tmp_path, **how):
    bench.waiting.clear()
    bench.walk(**how)
    bench.send(0)
    assert picture(tmp_path / "replica") == picture(tmp_path / "master")


def test_nothing_is_read_again_that_is_proved(bench):
    bench.walk()
    assert not bench.waiting
    assert bench.shadow.get(0, b"one").changed_ns == os.lstat(bench.root.whole(b"one")).st_ctime_ns
    known = bench.spool.last_seq
    bench.walk()
    assert bench.spool.last_seq == known


def test_a_write_whose_hint_was_lost_behind_a_new_link(bench, tmp_path):
    _rewrite(tmp_path / "master/one")
    os.link(tmp_path / "master/two", tmp_path / "master/third")
    bench.take([], [b"third"])
    _crash_and_walk(bench, tmp_path)


def test_a_write_whose_hint_was_lost_behind_new_permissions(bench, tmp_path):
    _rewrite(tmp_path / "master/one")
    os.chmod(tmp_path / "master/two", 0o600)
    bench.take([], [b"two"], content=False)
    _crash_and_walk(bench, tmp_path)


def test_a_write_whose_hint_was_lost_behind_a_rename(bench, tmp_path):
    _rewrite(tmp_path / "master/one")
    os.rename(tmp_path / "master/two", tmp_path / "master/renamed")
    bench.take([(b"two", b"renamed")], [])
    _crash_and_walk(bench, tmp_path)


def test_a_write_and_a_removed_name_that_nothing_told_of(bench, tmp_path):
    _rewrite(tmp_path / "master/one")
    os.unlink(tmp_path / "master/two")
    _crash_and_walk(bench, tmp_path)


def test_new_names_elsewhere_cost_no_reading_while_all_writes_are_told_of(bench, tmp_path, monkeypatch):
    os.link(tmp_path / "master/one", tmp_path / "backup")
    monkeypatch.setattr(files, "open_file", None)
    bench.walk(all_told=True)
    assert b"one" in bench.unproved_paths
    for path in bench.unproved_paths:
        bench.comparer.prove(0, path)
    assert bench.shadow.get(0, b"two").changed_ns == os.lstat(bench.root.whole(b"two")).st_ctime_ns


def test_what_was_read_too_soon_is_read_again_after_a_crash(bench, tmp_path):
    (tmp_path / "master/one").write_bytes(b"new" * 1000)
    bench.take([], [b"one"])
    assert bench.young_paths == [b"one"]
    assert bench.shadow.get(0, b"two").changed_ns == 0
    assert bench.shadow.get(0, b"one").changed_ns == 0
    # Written within the granularity of the clock: no time tells of it.
    row = bench.shadow.get(0, b"one")
    with (tmp_path / "master/one").open("r+b") as file:
        file.write(b"too")
    os.utime(tmp_path / "master/one", ns=(0, row.modified_ns))
    _crash_and_walk(bench, tmp_path)


def test_nothing_is_proved_while_a_hint_for_another_name_waits(bench, tmp_path):
    os.chmod(tmp_path / "master/two", 0o600)
    bench.take([], [b"two"], content=False)
    bench.pending.add(b"one")
    bench.unproved_paths.clear()
    bench.comparer.prove(0, b"two")
    assert bench.unproved_paths == [b"two"]
    assert bench.shadow.get(0, b"two").changed_ns < 0


def test_what_changed_since_it_was_looked_at_is_compared_not_proved(bench, tmp_path):
    os.chmod(tmp_path / "master/two", 0o600)
    bench.take([], [b"two"], content=False)
    os.chmod(tmp_path / "master/two", 0o640)
    bench.comparer.prove(0, b"two")
    assert bench.waiting == [(b"two", True, False)]
    assert bench.shadow.get(0, b"two").changed_ns < 0


def test_a_time_that_was_set_back_is_not_young(bench, tmp_path, monkeypatch):
    """The clock was an hour ahead when the file was written."""
    (tmp_path / "master/one").write_bytes(b"new" * 1000)
    ahead = os.lstat(tmp_path / "master/one").st_ctime_ns - 3_600_000_000_000
    monkeypatch.setattr(proofs.time, "time_ns", lambda: ahead)
    bench.take([], [b"one"])
    assert bench.young_paths == []
