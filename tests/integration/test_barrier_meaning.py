"""In sync, and a bookmark, mean what was written before the call: by anyone, in any way, also unnoticed."""

import os
import threading
import time

import pytest

from app.replication.master import sweeps
from tests.support.inotify_limits import few_watches, short_queues
from tests.support.replication_pair import Pair, until

WRITERS = 8


@pytest.fixture
def replication(tmp_path):
    made = Pair(tmp_path)
    yield made
    made.close()


class Writers:
    """Threads that write as fast as they can: each knows what it has written so far."""

    def __init__(self, root):
        self._root = root
        self._stopping = threading.Event()
        self.done = [-1] * WRITERS
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(WRITERS)]
        for number in range(WRITERS):
            (root / f"w{number}").mkdir()

    def _write(self, number):
        turn = 0
        base = self._root / f"w{number}"
        while not self._stopping.is_set():
            # The same file again and again (a merged burst), a new one, a rename, a large one in place.
            (base / "same").write_bytes(b"%d" % turn)
            fresh = base / "new"
            fresh.write_bytes(b"%d" % turn)
            os.rename(fresh, base / f"turn{turn % 5}")
            with open(base / "large", "r+b" if turn else "wb") as file:
                file.seek(0 if turn else 1_500_000)
                file.write(b"%020d" % turn)
            self.done[number] = turn
            turn += 1
            time.sleep(0.01)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        until(lambda: min(self.done) > 2)
        return self

    def __exit__(self, *_):
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def assert_contains(root, done):
    """Every writer's tree shows at least what it had done."""
    for number, turn in enumerate(done):
        base = root / f"w{number}"
        # Empty: in the middle of being written anew.
        assert int((base / "same").read_bytes() or b"%d" % turn) >= turn, (number, "same")
        assert int((base / f"turn{turn % 5}").read_bytes()) >= turn, (number, "rename")
        assert int((base / "large").read_bytes()[:20]) >= turn, (number, "large")


def bookmarks_contain_what_was_written(replication, count=3):
    asked = []
    with Writers(replication.master) as writers:
        for number in range(count):
            done = list(writers.done)
            point = replication.engine.bookmark(replication.id, f"mark {number}")
            asked.append((done, point.id))
            time.sleep(0.05)
    replication.settle(60)
    # The newest first: each is rewound to from the one after it.
    replication.engine.stop(replication.id)
    for done, point in reversed(asked):
        replication.replica_engine.rewind(replication.id, point)
        assert_contains(replication.replica, done)


def test_a_bookmark_contains_what_was_written_before_it(replication):
    replication.run(brake_percent=0)
    bookmarks_contain_what_was_written(replication)


def test_a_bookmark_contains_it_after_lost_events(replication, monkeypatch, expected_log):
    expected_log("queue overflowed")
    with short_queues(monkeypatch):
        replication.run(brake_percent=0)
    source = replication.engine._runs._running[replication.id]._parts.sweeps._sources[0]
    stopping = threading.Event()

    def hold_up() -> None:
        # The reader of events falls behind again and again.
        while not stopping.is_set():
            with source._lock:
                time.sleep(0.05)
            time.sleep(0.05)

    thread = threading.Thread(target=hold_up)
    thread.start()
    try:
        bookmarks_contain_what_was_written(replication)
    finally:
        stopping.set()
        thread.join()
    assert "WR00215" in replication.codes()


def test_a_bookmark_contains_it_where_nothing_is_watched(replication, monkeypatch):
    monkeypatch.setattr(sweeps, "UNWATCHED_EVERY_S", 3600.0)
    with few_watches(monkeypatch, 3):
        replication.run(brake_percent=0, sweep_minutes=0)
        bookmarks_contain_what_was_written(replication)


def test_in_sync_means_what_was_written_before_while_a_big_file_is_read(replication):
    (replication.master / "big").write_bytes(os.urandom(64 << 20))
    replication.run(brake_percent=0)
    stopping = threading.Event()

    def keep_writing():
        with (replication.master / "big").open("r+b") as file:
            while not stopping.is_set():
                file.seek(int(time.monotonic() * 1e6) % (60 << 20))
                file.write(os.urandom(4_096))
                file.flush()
                time.sleep(0.002)

    thread = threading.Thread(target=keep_writing)
    thread.start()
    try:
        for number in range(5):
            mark = b"%032d" % number
            with (replication.master / "big").open("r+b") as file:
                file.seek(62 << 20)
                file.write(mark)
            (replication.master / "small").write_bytes(mark)
            replication.settle(60)
            assert (replication.replica / "small").read_bytes() == mark
            with (replication.replica / "big").open("rb") as file:
                file.seek(62 << 20)
                assert file.read(32) == mark
    finally:
        stopping.set()
        thread.join()
    replication.assert_equal()
