import os
import shutil
import threading
import time

import pytest

from app.model.errors import ArcxoError, BusyError
from app.model.scenario import Filters, ReplicaState, ScenarioState, SyncMethod
from tests.support.replication_pair import Pair, until
from tests.support.trees import fill


@pytest.fixture
def replication(tmp_path):
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def test_every_kind_of_entry_is_synchronised(replication):
    fill(replication.master)
    (replication.replica / "stray/inner").mkdir(parents=True)
    (replication.replica / "plain").write_text("a file where a directory comes")
    replication.run()
    replication.assert_equal()
    assert {"SR00014", "IR00119", "IR00120", "SR00202", "SR00139"} <= set(replication.codes())


def test_every_kind_of_change_is_replicated(replication):
    fill(replication.master)
    root = replication.master
    replication.run()
    (root / "plain/one.txt").write_text("changed through one of two names\n")
    with (root / "plain/inner/two.bin").open("ab") as file:
        file.write(b"appended")
    os.truncate(root / "sparse", 7_000_000)
    os.chmod(root / "empty", 0o750)
    os.setxattr(root / "empty", "user.a", b"b")
    os.utime(root / "dangling", ns=(1, 2), follow_symlinks=False)
    (root / "new/deep/er").mkdir(parents=True)
    (root / "new/deep/er/file").write_bytes(os.urandom(3_000_000))
    os.link(root / "new/deep/er/file", root / "new/second")
    os.rename(root / "plain", root / "renamed")
    (root / "renamed/after").write_text("x")
    os.unlink(root / "link")
    os.mkdir(root / "link")
    os.rename(os.fsencode(root) + b"/not-\xff\xfe-utf8", os.fsencode(root) + b"/link/\xfe")
    shutil.rmtree(root / "new/deep")
    os.mkfifo(root / "pipe2")
    replication.assert_equal()
    (root / "new/second").unlink()
    replication.assert_equal()


def test_a_rename_is_sent_as_one(replication):
    (replication.master / "a/b").mkdir(parents=True)
    path = replication.master / "a/b/file"
    path.write_bytes(os.urandom(2_000_000))
    # What is recorded the moment it is written is read, and sent, once more.
    until(lambda: time.time() - path.stat().st_ctime > 0.1)
    replication.run()
    inode = (replication.replica / "a/b/file").stat().st_ino
    os.rename(replication.master / "a", replication.master / "z")
    replication.assert_equal()
    assert (replication.replica / "z/b/file").stat().st_ino == inode
    assert replication.engine.status(replication.id).roots[0].renamed == 1


def test_only_changed_blocks_of_a_large_file_are_sent(replication):
    replication.run()
    path = replication.master / "large"
    path.write_bytes(os.urandom(8 << 20))
    replication.assert_equal()
    before = replication.engine.status(replication.id).captured_bytes
    with path.open("r+b") as file:
        file.seek(3 << 20)
        file.write(b"changed")
    replication.assert_equal()
    assert replication.engine.status(replication.id).captured_bytes - before < 300_000


def test_a_suspended_replica_gets_everything_from_the_spool(replication):
    (replication.master / "f").write_text("0")
    replication.run()
    replication.engine.suspend(replication.id)
    (replication.master / "f").write_text("1")
    (replication.master / "g").write_text("1")
    until(lambda: replication.engine.status(replication.id).replicas[0].waiting_operations >= 2)
    status = replication.engine.status(replication.id).replicas[0]
    assert status.state is ReplicaState.SUSPENDED
    assert (replication.replica / "f").read_text() == "0"
    with pytest.raises(BusyError, match="ER00250"):
        replication.settle(0.5)
    replication.engine.resume(replication.id)
    replication.assert_equal()
    assert replication.codes().count("SR00202") == 1


def test_a_restarted_engine_finds_what_changed_meanwhile_without_synchronising(replication):
    fill(replication.master)
    replication.run()
    replication.assert_equal()
    replication.engine.close()
    (replication.master / "plain/one.txt").write_text("while it was down")
    shutil.rmtree(replication.master / "empty")
    (replication.master / "later").write_text("x")
    replication.engine = replication.open_engine()
    replication.wait()
    replication.assert_equal()
    assert replication.codes().count("SR00202") == 1


def test_a_lost_connection_is_made_again_and_the_stream_goes_on(replication):
    replication.run()
    replication.connector.reachable = False
    replication.connector.cut()
    replication.wait(ScenarioState.PROBLEM)
    (replication.master / "f").write_text("x")
    replication.connector.reachable = True
    replication.assert_equal()
    assert replication.codes().count("SR00202") == 1


def test_the_shortest_time_out_loses_no_quiet_replica(replication):
    (replication.master / "a").write_text("a")
    replication.run(timeout_seconds=1)
    replication.settle()
    time.sleep(2.2)  # nothing is to happen for as long
    assert "ER00205" not in replication.codes()
    (replication.master / "b").write_text("b")
    replication.settle()
    replication.assert_equal()


def test_stopping_sends_what_was_captured_and_running_again_synchronises(replication):
    replication.run()
    for number in range(200):
        (replication.master / f"f{number}").write_text(str(number))
    replication.engine.stop(replication.id)
    assert replication.engine.status(replication.id).state is ScenarioState.STOPPED
    assert len(os.listdir(replication.replica)) == 200
    (replication.master / "f1").unlink()
    replication.run()
    replication.assert_equal()
    assert replication.codes().count("SR00202") == 2


def test_a_vanished_root_is_a_problem_and_deletes_nothing(replication):
    for number in range(20):
        (replication.master / f"f{number}").write_text("x")
    replication.run()
    replication.assert_equal()
    os.rename(replication.master, replication.base / "elsewhere")
    replication.wait(ScenarioState.PROBLEM)
    assert len(os.listdir(replication.replica)) == 20
    with pytest.raises(ArcxoError, match="ER0022"):
        replication.settle(1)


def test_filters_leave_out_and_protect_names(replication):
    (replication.replica / "kept.tmp").write_text("mine")
    (replication.master / "a.tmp").write_text("x")
    (replication.master / "cache").mkdir()
    (replication.master / "cache/in").write_text("x")
    replication.run(Filters(exclude=("*.tmp", "cache")))
    (replication.master / "cache/in").write_text("y")
    (replication.master / "b.tmp").write_text("x")
    (replication.master / "b.txt").write_text("x")
    replication.settle()
    assert sorted(os.listdir(replication.replica)) == ["b.txt", "kept.tmp"]


def test_a_bookmark_becomes_a_rewind_point_after_what_was_written_before(replication):
    replication.run()
    (replication.master / "f").write_text("before")
    point = replication.engine.bookmark(replication.id, "here")
    (replication.master / "f").write_text("after")
    replication.settle()
    points = replication.replica_engine.rewind_points(replication.id)
    assert [p.text for p in points if p.id == point.id] == ["here"]


def test_overlapping_and_missing_directories_are_refused(replication):
    replication.replica = replication.master / "inside"
    with pytest.raises(ArcxoError, match="ER00106"):
        replication.create()
    replication.replica = replication.home / "x"
    with pytest.raises(ArcxoError, match="ER00107"):
        replication.create()
    replication.replica = replication.base / "r"
    replication.master = replication.base / "missing"
    with pytest.raises(ArcxoError, match="ER00101"):
        replication.create()


@pytest.mark.slow
def test_a_storm_arrives_complete_and_identical(replication):
    replication.run()
    for directory in range(20):
        (replication.master / f"d{directory}").mkdir()
        for number in range(200):
            (replication.master / f"d{directory}/f{number}").write_bytes(b"%d" % number * 50)
    replication.settle(60)
    replication.assert_equal()


def test_suspending_and_resuming_again_posts_nothing_more(replication):
    replication.run()
    for _ in range(3):
        replication.engine.suspend(replication.id)
    for _ in range(3):
        replication.engine.resume(replication.id)
    assert replication.codes().count("SR00150") == 1
    assert replication.codes().count("SR00151") == 1


@pytest.mark.parametrize("sync", list(SyncMethod))
def test_files_sent_are_those_whose_content_was(replication, sync):
    for name in ("content", "metadata", "touched", "same"):
        (replication.master / name).write_text(name)
    (replication.master / "large").write_bytes(b"x" * 3_000_000)
    replication.run(sync=sync, ignore_same_size_time=False)
    replication.settle()
    replication.engine.stop(replication.id)
    (replication.master / "content").write_text("changed")
    (replication.master / "metadata").chmod(0o600)
    os.utime(replication.master / "touched", (5, 5))
    os.utime(replication.master / "large", (5, 5))
    replication.run()
    replication.assert_equal()
    last = [event for event in replication.events.newer_than(0, 1_000) if event.code == "SR00202"][-1]
    # By files, one of another time is sent as it is; by blocks, its content is found to be the same.
    expected = ("1", "3") if sync is SyncMethod.BLOCK else ("3", "1")
    assert (last.params["files"], last.params["metadata"]) == expected


def test_suspending_can_be_forbidden(replication):
    replication.run(suspend_enabled=False)
    with pytest.raises(ArcxoError, match="ER00243"):
        replication.engine.suspend(replication.id)
    assert replication.engine.status(replication.id).replicas[0].state is ReplicaState.REPLICATING
