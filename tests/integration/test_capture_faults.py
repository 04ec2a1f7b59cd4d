"""Whatever keeps the kernel from telling of a change, the change is found, and people are told how."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.messages import render
from app.model.errors import ArcxoError
from app.model.scenario import NewScenario, ReplicaSpec, Root, ScenarioProperties, ScenarioState
from app.replication.master import sweeps
from tests.support.inotify_limits import few_watches, short_queues
from tests.support.replication_pair import Pair, until
from tests.support.trees import fill, picture
from tests.support.volumes import mounted_tmpfs

OVERFLOW = "queue overflowed"


class TwoRoots(Pair):
    """A pair whose scenario has a second root, `other_master` on `other_replica`."""

    def create(self, *_args, **properties):
        self.other_master, self.other_replica = self.base / "master2", self.base / "replica2"
        self.other_master.mkdir()
        self.other_replica.mkdir()
        spec = ReplicaSpec("localhost", (os.fsencode(self.replica), os.fsencode(self.other_replica)))
        roots = (Root(os.fsencode(self.master)), Root(os.fsencode(self.other_master)))
        scenario = NewScenario(
            "files", "localhost", (spec,), roots, properties=ScenarioProperties(spool_min_free_mb=0)
        )
        self.id = self.engine.create(scenario).id
        return self.id

    def assert_equal(self):
        super().assert_equal()
        assert picture(self.other_master) == picture(self.other_replica)


@pytest.fixture
def replication(tmp_path):
    made = Pair(tmp_path)
    yield made
    made.close()


@pytest.fixture
def often(monkeypatch):
    """Walks run several times a second."""
    monkeypatch.setattr(sweeps, "MINUTE_S", 0.03)
    monkeypatch.setattr(sweeps, "UNWATCHED_EVERY_S", 0.2)
    monkeypatch.setattr(sweeps, "ROOTS_EVERY_S", 0.2)


def events(replication, code):
    return [event for event in replication.events.newer_than(0, 100_000) if event.code == code]


def text(event):
    message = render(event.code, event.params)
    return f"{message.text} {message.action}"


def status(replication):
    return replication.engine.status(replication.id)


def sweeps_of(replication):
    return replication.engine._runs._running[replication.id]._parts.sweeps


def replicated(replication, path, content):
    target = replication.replica / path
    return lambda: target.is_file() and target.read_bytes() == content


def in_threads(count, work):
    threads = [threading.Thread(target=work, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# lost events


def test_everything_converges_with_a_queue_of_64_events(replication, monkeypatch, expected_log):
    expected_log(OVERFLOW)
    fill(replication.master)
    with short_queues(monkeypatch):
        replication.run()

    def churn(number):
        base = replication.master / f"t{number}"
        for turn in range(60):
            deep = base / f"{turn % 7}/{turn % 3}"
            deep.mkdir(parents=True, exist_ok=True)
            (deep / f"f{turn}").write_bytes(os.urandom(100 + turn))
            if turn % 5 == 4:
                os.rename(deep / f"f{turn}", base / f"moved{turn}")
            if turn % 11 == 10:
                os.rename(base / f"{turn % 7}", base / f"d{turn}")
            if turn % 13 == 12:
                shutil.rmtree(base / f"d{turn - 2}", ignore_errors=True)

    # The reader of events cannot keep up.
    with sweeps_of(replication)._sources[0]._lock:
        in_threads(4, churn)
        for number in range(500):
            (replication.master / f"lost{number}").touch()
    in_threads(4, lambda number: churn(number + 4))
    replication.assert_equal()
    directories = sum(1 for _ in os.walk(replication.master))
    assert (status(replication).watched_directories, status(replication).unwatched_directories) == (
        directories,
        0,
    )
    assert events(replication, "WR00215")


def test_what_only_the_walk_found_is_counted(replication, monkeypatch, expected_log):
    expected_log(OVERFLOW)
    with short_queues(monkeypatch):
        replication.run()
    # The reader of events cannot keep up.
    with sweeps_of(replication)._sources[0]._lock:
        for number in range(500):
            (replication.master / f"lost{number}").touch()
    replication.assert_equal()
    until(lambda: events(replication, "IR00218"))
    found = sum(int(event.params["found"]) for event in events(replication, "IR00218"))
    assert 300 < found <= 500


def test_many_overflows_cost_one_walk(replication, monkeypatch):
    replication.run()
    (replication.master / "f").write_bytes(b"x")
    replication.settle()
    walks = []
    real = sweeps.sweep
    monkeypatch.setattr(sweeps, "sweep", lambda *args, **more: walks.append(1) or real(*args, **more))
    watching = sweeps_of(replication)
    with watching._looking:
        for _ in range(500):
            watching._overflow(0)
    replication.settle()
    assert len(walks) == 1
    (told,) = events(replication, "WR00215")
    assert told.params["times"] == "500"
    until(lambda: events(replication, "IR00218"))
    (found,) = events(replication, "IR00218")
    assert (found.params["found"], found.params["entries"]) == ("0", "1")


# watches that cannot be set


def make_directories(root, count):
    for number in range(count):
        (root / f"d{number:02}/in").mkdir(parents=True)
        (root / f"d{number:02}/in/f").write_bytes(b"old")


def test_more_directories_than_watches_are_replicated_and_told(replication, monkeypatch):
    make_directories(replication.master, 20)
    with few_watches(monkeypatch, 11) as watches:
        replication.run()
        now = status(replication)
        assert (now.watched_directories, now.unwatched_directories) == (10, 31)
        (told,) = events(replication, "WR00217")
        assert told.params["directories"] == "31"
        limit = int(Path("/proc/sys/fs/inotify/max_user_watches").read_text())
        wanted = text(told).partition("sysctl -w fs.inotify.max_user_watches=")[2].partition(".")[0]
        assert int(wanted) >= limit + 31
        # A barrier means them as well, at once.
        (replication.master / "d19/in/f").write_bytes(b"new")
        (replication.master / "d18/in/g").write_bytes(b"new")
        (replication.master / "d17/in/h/deep").mkdir(parents=True)
        (replication.master / "d17/in/h/deep/f").write_bytes(b"new")
        shutil.rmtree(replication.master / "d16")
        os.rename(replication.master / "d15", replication.master / "d15moved")
        replication.assert_equal()
        assert status(replication).unwatched_directories == 31 - 2 + 2
        watches.raise_to(1_000)
        sweeps_of(replication).look_at_unwatched()
        (again,) = events(replication, "IR00222")
        assert (again.params["directories"], again.params["left"]) == ("31", "0")
        assert not replication.engine._runs._running[replication.id]._parts.sweeps._in_doubt()
        now = status(replication)
        assert (now.watched_directories, now.unwatched_directories) == (41, 0)
        (replication.master / "d17/in/h/deep/f").write_bytes(b"newer")
        until(replicated(replication, "d17/in/h/deep/f", b"newer"))


def test_unwatched_directories_are_walked_over_and_watched_again_by_themselves(
    replication, monkeypatch, often
):
    make_directories(replication.master, 5)
    with few_watches(monkeypatch, 4) as watches:
        replication.run(sweep_minutes=0)
        assert status(replication).unwatched_directories == 8
        (replication.master / "d04/in/f").write_bytes(b"new")
        until(replicated(replication, "d04/in/f", b"new"))
        until(lambda: sweeps_of(replication)._recorder.swept(0) >= 1)
        watches.raise_to(100)
        until(lambda: status(replication).unwatched_directories == 0)
        assert status(replication).watched_directories == 11
        assert len(events(replication, "WR00217")) == 1


def test_a_restart_with_few_watches_finds_what_changed_before_and_after(replication, monkeypatch):
    make_directories(replication.master, 5)
    replication.run()
    replication.settle()
    replication.engine.close()
    (replication.master / "d03/in/f").write_bytes(b"while it was down")
    with few_watches(monkeypatch, 4):
        replication.engine = replication.open_engine()
        replication.wait()
        (replication.master / "d04/in/f").write_bytes(b"after")
        replication.assert_equal()


# file systems and roots


@pytest.mark.needs_root
def test_a_file_system_that_is_mounted_beneath_the_root_is_found(replication, often):
    (replication.master / "data").mkdir()
    replication.run()
    with mounted_tmpfs(replication.master / "data"):
        (replication.master / "data/deep").mkdir()
        (replication.master / "data/deep/f").write_bytes(b"mounted")
        until(replicated(replication, "data/deep/f", b"mounted"))
        until(lambda: status(replication).watched_directories == 3)
        (replication.master / "data/deep/f").write_bytes(b"told")
        until(replicated(replication, "data/deep/f", b"told"))
        replication.assert_equal()
        replication.engine.stop(replication.id)


@pytest.mark.needs_root
def test_the_unmounting_of_the_root_deletes_nothing(replication):
    with mounted_tmpfs(replication.master):
        for number in range(20):
            (replication.master / f"f{number}").write_bytes(b"x")
        replication.run()
        replication.assert_equal()
    replication.wait(ScenarioState.PROBLEM)
    assert len(os.listdir(replication.replica)) == 20
    with pytest.raises(ArcxoError, match="ER0022"):
        replication.settle(1)


@pytest.mark.needs_root
def test_another_file_system_over_the_root_is_no_deletion_and_never_in_sync(replication):
    for number in range(20):
        (replication.master / f"f{number}").write_bytes(b"x")
    replication.run()
    replication.assert_equal()
    with mounted_tmpfs(replication.master):
        (replication.master / "f1").write_bytes(b"another")
        with pytest.raises(ArcxoError, match="ER00221"):
            replication.settle(5)
        replication.wait(ScenarioState.PROBLEM)
        assert (replication.replica / "f1").read_bytes() == b"x"
        assert len(os.listdir(replication.replica)) == 20


@pytest.mark.parametrize("asked", [True, False])
def test_a_root_replaced_through_the_directory_above_it_is_noticed(tmp_path, often, asked):
    master = tmp_path / "above/master"
    master.mkdir(parents=True)
    replication = Pair(tmp_path, master)
    try:
        for number in range(20):
            (master / f"f{number}").write_bytes(b"x")
        replication.run(sweep_minutes=0)
        replication.assert_equal()
        os.rename(tmp_path / "above", tmp_path / "elsewhere")
        master.mkdir(parents=True)
        (master / "f1").write_bytes(b"another")
        if asked:
            with pytest.raises(ArcxoError, match="ER00221"):
                replication.settle(5)
        replication.wait(ScenarioState.PROBLEM)
        assert (replication.replica / "f1").read_bytes() == b"x"
        assert len(os.listdir(replication.replica)) == 20
    finally:
        replication.close()


def test_a_reader_of_events_that_died_is_a_problem_and_loses_nothing(replication, monkeypatch):
    replication.run()
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    source = sweeps_of(replication)._sources[0]
    monkeypatch.setattr(source, "on_event", lambda _: 1 / 0)
    (replication.master / "f").write_bytes(b"x")
    replication.wait(ScenarioState.PROBLEM)
    assert "ER00219" in status(replication).reason or "not told any more" in status(replication).reason
    monkeypatch.undo()
    replication.engine.run(replication.id)
    replication.wait()
    replication.assert_equal()


# races and moves


def test_trees_that_are_made_and_filled_at_once_arrive_whole(replication):
    replication.run()

    def grow(number):
        for turn in range(15):
            deep = replication.master.joinpath(f"g{turn % 4}", f"{turn}", *"abcdefgh"[: 1 + turn % 8])
            os.makedirs(deep, exist_ok=True)
            for name in range(3):
                (deep / f"{number}-{name}").write_bytes(b"%d" % turn)

    in_threads(6, grow)
    replication.assert_equal()
    assert status(replication).watched_directories == sum(1 for _ in os.walk(replication.master))
    for directory, _, _ in list(os.walk(replication.master)):
        (Path(directory) / "late").write_bytes(b"late")
    replication.assert_equal()


def test_moves_in_out_and_between_roots_lose_nothing(tmp_path):
    replication = TwoRoots(tmp_path)
    try:
        replication.run()
        outside = tmp_path / "outside"
        one, two = replication.master, replication.other_master
        for base in (one / "a", one / "b", outside / "c"):
            (base / "deep").mkdir(parents=True)
            (base / "deep/f").write_bytes(os.fsencode(base.name))
        (one / "single").write_bytes(b"single")
        os.link(one / "single", two / "linked")
        replication.assert_equal()

        os.rename(one / "a", two / "a")
        os.rename(outside / "c", one / "c")
        os.rename(one / "b", outside / "b")
        os.rename(one / "single", two / "single")
        replication.assert_equal()
        for path in (two / "a/deep/f", one / "c/deep/f", two / "single"):
            path.write_bytes(b"written after the move")
        (outside / "b/deep/f").write_bytes(b"no longer of any root")
        (two / "a/deep/new").mkdir()
        (two / "a/deep/new/f").write_bytes(b"new")
        replication.assert_equal()
        os.rename(outside / "b", two / "back")
        os.rename(two / "a", one / "a")
        replication.assert_equal()
        assert status(replication).watched_directories == sum(1 for root in (one, two) for _ in os.walk(root))
    finally:
        replication.close()


# what no event tells of

_STORE = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR)
memory = mmap.mmap(fd, 0)
os.close(fd)
for line in sys.stdin:
    memory[0:1] = line.strip().encode()
    print("stored", flush=True)
"""


def test_stores_into_mapped_memory_are_found_while_it_is_mapped(replication, often):
    path = replication.master / "mapped"
    path.write_bytes(b"." * 5_000)
    replication.run()
    replication.assert_equal()
    program = subprocess.Popen(
        [sys.executable, "-c", _STORE, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )

    def store(letter):
        program.stdin.write(letter + "\n")
        program.stdin.flush()
        program.stdout.readline()

    try:
        # The page stays writable and dirty after the first store: the times of the file show no second one.
        for letter in "abc":
            store(letter)
            until(replicated(replication, "mapped", letter.encode() + b"." * 4_999))
        until(lambda: sum(int(e.params["found"]) for e in events(replication, "IR00218")) >= 3)
    finally:
        program.stdin.close()
        program.stdout.close()
        program.wait(10)
    replication.assert_equal()


def test_a_write_through_a_hard_link_outside_is_found_by_the_walk(replication, often):
    path = replication.master / "linked"
    path.write_bytes(b"before")
    os.link(path, replication.base / "outside")
    replication.run()
    replication.assert_equal()
    (replication.base / "outside").write_bytes(b"after!")
    until(replicated(replication, "linked", b"after!"))
    # The same size, and the time put back: only the change time tells.
    times = path.stat()
    (replication.base / "outside").write_bytes(b"later!")
    os.utime(replication.base / "outside", ns=(times.st_atime_ns, times.st_mtime_ns))
    until(replicated(replication, "linked", b"later!"))
    until(lambda: sum(int(e.params["found"]) for e in events(replication, "IR00218")) >= 2)
