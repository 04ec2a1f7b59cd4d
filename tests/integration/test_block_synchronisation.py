import os
import threading
import time
from dataclasses import replace

import pytest

from app.model.scenario import ReplicaState, SyncMethod
from app.replication import content
from tests.support.replica_link import MemoryLink
from tests.support.replication_pair import Pair, until
from tests.support.trees import fill

MB = 1 << 20


@pytest.fixture
def replication(tmp_path):
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


@pytest.fixture
def traffic(monkeypatch):
    """Bytes of all frames, both ways."""
    moved = [0]
    plain = MemoryLink.send

    def send(self, frame, **more):
        moved[0] += len(frame)
        plain(self, frame, **more)

    monkeypatch.setattr(MemoryLink, "send", send)
    return moved


def write_incompressible(path, size):
    with path.open("wb") as file:
        for _ in range(size // (4 * MB)):
            file.write(os.urandom(4 * MB))


def change_blocks(path, blocks):
    with path.open("r+b") as file:
        for block in blocks:
            file.seek(block * content.BLOCK_BYTES + 17)
            file.write(os.urandom(50))


def sent(replication):
    return replication.engine.status(replication.id).replicas[0].synchronized_bytes


@pytest.mark.slow
def test_one_percent_of_changed_blocks_sends_one_and_a_half_percent_at_most(replication, traffic):
    size = 256 * MB
    big = replication.master / "big"
    write_incompressible(big, size)
    replication.run(sync=SyncMethod.BLOCK)
    replication.settle(60)
    inode = (replication.replica / "big").stat().st_ino
    replication.engine.stop(replication.id)
    change_blocks(big, range(7, 4096, 100))
    traffic[0] = 0
    replication.run()
    replication.settle(60)
    assert "SR00096" in replication.codes()
    assert "IR00119" not in replication.codes()
    assert 0 < sent(replication) <= size * 0.0101
    assert traffic[0] <= size * 0.015
    assert (replication.replica / "big").stat().st_ino == inode
    replication.assert_equal()


@pytest.mark.parametrize("change", ["shrink", "grow", "hole", "touch", "inner", "empty", "most"])
def test_a_file_ends_the_same_however_it_changed(replication, change):
    path = replication.master / "file"
    path.write_bytes(os.urandom(3 * MB + 1000))
    replication.run(sync=SyncMethod.BLOCK, block_whole_file_percent=70)
    replication.engine.stop(replication.id)
    if change == "shrink":
        os.truncate(path, 2 * MB + 5)
    elif change == "grow":
        with path.open("ab") as file:
            file.write(os.urandom(100_000))
    elif change == "hole":
        os.truncate(path, 300 * MB)
    elif change == "touch":
        os.utime(path, ns=(1, 1))
    elif change == "inner":
        change_blocks(path, [0, 20, 48])
    elif change == "empty":
        os.truncate(path, 0)
    else:
        change_blocks(path, range(40))
    inode = (replication.replica / "file").stat().st_ino
    replication.run()
    replication.assert_equal()
    now = (replication.replica / "file").stat()
    assert (now.st_ino == inode) == (change not in ("most", "empty"))
    if change == "touch":
        assert sent(replication) == 0
    if change == "hole":
        assert sent(replication) <= content.BLOCK_BYTES
        assert now.st_blocks * 512 < 10 * MB


def test_blocks_of_a_file_that_are_more_than_a_record_takes_are_staged(replication):
    path = replication.master / "file"
    path.write_bytes(os.urandom(20 * MB))
    replication.run(sync=SyncMethod.BLOCK)
    replication.engine.stop(replication.id)
    change_blocks(path, range(0, 320, 3))
    replication.run()
    replication.assert_equal()
    assert sent(replication) == 107 * content.BLOCK_BYTES
    assert os.listdir(replication.base / "other/side" / str(replication.id) / "0/stage") == []


def test_all_names_of_a_file_see_changed_blocks(replication):
    (replication.master / "a").write_bytes(os.urandom(2 * MB))
    os.link(replication.master / "a", replication.master / "b")
    os.link(replication.master / "a", replication.master / "c")
    replication.run(sync=SyncMethod.BLOCK)
    replication.engine.stop(replication.id)
    change_blocks(replication.master / "a", [3])
    replication.run()
    replication.assert_equal()
    assert sent(replication) == content.BLOCK_BYTES


def test_files_that_the_replica_has_joined_are_parted_first(replication):
    data = os.urandom(2 * MB)
    for name in ("a", "b"):
        (replication.master / name).write_bytes(data)
    (replication.replica / "a").write_bytes(data)
    os.link(replication.replica / "a", replication.replica / "b")
    os.utime(replication.replica / "a", ns=(7, 7))
    change_blocks(replication.master / "a", [1])
    change_blocks(replication.master / "b", [2])
    replication.run(sync=SyncMethod.BLOCK)
    replication.assert_equal()


@pytest.mark.parametrize("method", list(SyncMethod))
def test_a_content_behind_the_same_size_and_time_is_found_only_when_it_is_looked_for(replication, method):
    for name, size in (("small", 1000), ("middle", 500_000), ("large", 3 * MB)):
        path = replication.master / name
        path.write_bytes(os.urandom(size))
        os.utime(path, ns=(5, 5))
    (replication.master / "more").mkdir()
    fill(replication.master / "more")
    # What changed shortly before a stop is compared by content in any case.
    until(lambda: time.time() - (replication.master / "more").stat().st_ctime > 3)
    replication.run(sync=method)
    replication.settle()
    replication.engine.stop(replication.id)
    for name in ("small", "middle", "large"):
        path = replication.replica / name
        change_blocks(path, [0])
        os.truncate(path, (replication.master / name).stat().st_size)
        os.utime(path, ns=(5, 5))
    replication.run()
    replication.settle()
    assert sent(replication) == 0
    replication.engine.stop(replication.id)
    scenario = replication.engine.status(replication.id).scenario
    properties = replace(scenario.properties, ignore_same_size_time=False)
    replication.engine.update(replace(scenario, properties=properties))
    replication.run()
    replication.assert_equal()
    whole = 1000 + 500_000 + 3 * MB
    blocks = 1000 + 2 * content.BLOCK_BYTES
    assert sent(replication) == (whole if method is SyncMethod.FILE else blocks)


def test_files_written_while_blocks_are_compared_converge(replication):
    paths = [replication.master / f"f{number}" for number in range(6)]
    for path in paths:
        path.write_bytes(os.urandom(4 * MB))
    replication.run(sync=SyncMethod.BLOCK)
    stop = threading.Event()

    def write():
        number = 0
        while not stop.is_set():
            number += 1
            change_blocks(paths[number % 6], [number % 64])

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(2):
            before = replication.codes().count("SR00202")
            replication.engine.synchronize(replication.id, "localhost")
            until(lambda: replication.codes().count("SR00202") > before, 30, "the synchronisation")  # noqa: B023
    finally:
        stop.set()
        writer.join()
    until(lambda: replication.engine.status(replication.id).replicas[0].state is ReplicaState.REPLICATING)
    replication.assert_equal()
