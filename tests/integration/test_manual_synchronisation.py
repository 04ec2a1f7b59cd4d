"""Synchronising by hand while replicating: one replica or all, with changes going on meanwhile."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.model.errors import BusyError, UsageError
from app.model.scenario import ReplicaState, SyncMethod
from tests.support.replication_group import Group
from tests.support.replication_pair import until
from tests.support.trees import fill


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    made = Group(tmp_path, "one", "two")
    fill(made.master)
    yield made
    made.close()


def times(group: Group, host: str) -> int:
    return group.codes(host).count("SR00202")


@pytest.mark.parametrize("method", list(SyncMethod))
def test_one_replica_is_synchronised_while_changes_go_on(group: Group, method: SyncMethod) -> None:
    for number in range(50):
        (group.master / f"file-{number}").write_bytes(os.urandom(200_000))
    group.run(sync=method)
    group.wait_all(ReplicaState.REPLICATING)
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.wait(0.002):
            number += 1
            with (group.master / f"file-{number % 50}").open("r+b") as file:
                file.seek(number * 777 % 190_000)
                file.write(os.urandom(40))
            if number % 10 == 0:
                (group.master / f"new-{number}").write_text("new")
                (group.master / f"new-{number - 10}").unlink(missing_ok=True)

    writer = threading.Thread(target=change)
    writer.start()
    try:
        (group.hosts["two"].directory / "files/plain/one.txt").unlink()
        group.engine.synchronize(group.id, "two")
        until(lambda: times(group, "two") >= 2, what="the synchronisation of two")
    finally:
        stop.set()
        writer.join()
    assert times(group, "one") == 1
    group.engine.barrier(group.id, 60)
    for host in ("one", "two"):
        group.wait(host, ReplicaState.REPLICATING)
        group.wait_same(host)


def test_all_replicas_are_synchronised_and_a_suspended_one_when_it_is_resumed(group: Group) -> None:
    group.run()
    group.wait_all(ReplicaState.REPLICATING)
    group.engine.suspend(group.id, "one")
    (group.master / "meanwhile").write_text("x")
    group.engine.synchronize(group.id)
    until(lambda: times(group, "two") == 2, what="the synchronisation of two")
    group.engine.resume(group.id, "one")
    until(lambda: times(group, "one") == 2, what="the synchronisation of one")
    for host in ("one", "two"):
        group.wait_same(host)


@pytest.mark.parametrize("method", list(SyncMethod))
def test_content_written_with_size_and_time_kept_is_not_skipped_by_a_synchronisation(
    group: Group, method: SyncMethod
) -> None:
    file = group.master / "kept.bin"
    file.write_bytes(b"before")
    group.run(sync=method)
    group.wait_all(ReplicaState.REPLICATING)
    group.engine.suspend(group.id, "one")
    group.engine.synchronize(group.id, "one")
    # Recorded after it was asked for, and before it begins.
    before = file.stat()
    with file.open("r+b") as opened:
        opened.write(bytes(before.st_size))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    group.engine.barrier(group.id, 60)
    group.engine.resume(group.id, "one")
    until(lambda: times(group, "one") == 2, what="the synchronisation of one")
    group.engine.barrier(group.id, 60)
    group.wait("one", ReplicaState.REPLICATING)
    group.wait_same("one")


def test_a_scenario_that_does_not_run_is_not_synchronised(group: Group) -> None:
    group.run()
    group.wait_all(ReplicaState.REPLICATING)
    group.engine.stop(group.id)
    with pytest.raises(BusyError, match="ER00251"):
        group.engine.synchronize(group.id, "two")


def test_a_bookmark_that_replicas_would_refuse_is_refused_and_replication_goes_on(group: Group) -> None:
    group.run()
    group.wait_all(ReplicaState.REPLICATING)
    for text in ("x" * 5000, "\udcff", "two\nlines"):
        with pytest.raises(UsageError):
            group.engine.bookmark(group.id, text)
    (group.master / "later").write_bytes(b"later")
    group.engine.bookmark(group.id, "fine")
    group.engine.barrier(group.id, 60)
    group.wait_all(ReplicaState.REPLICATING)


def test_a_suspended_replica_is_left_alone_until_it_is_resumed_also_after_a_restart(group: Group) -> None:
    group.run()
    group.wait_all(ReplicaState.REPLICATING)
    lost = group.hosts["one"].directory / "files/plain/one.txt"
    group.engine.suspend(group.id, "one")
    lost.unlink()
    group.engine.synchronize(group.id)
    until(lambda: times(group, "two") == 2, what="the synchronisation of two")
    assert times(group, "one") == 1
    assert not lost.exists()
    group.restart_master()
    group.wait("one", ReplicaState.SUSPENDED)
    group.wait("two", ReplicaState.REPLICATING)
    assert not lost.exists()
    group.engine.resume(group.id, "one")
    until(lambda: times(group, "one") == 2, what="the synchronisation of one")
    group.wait("one", ReplicaState.REPLICATING)
    group.wait_same("one")


def test_it_synchronizes_from_the_moment_it_is_asked_to_until_it_is_done(group: Group) -> None:
    group.run()
    group.wait_all(ReplicaState.REPLICATING)
    lost = group.hosts["two"].directory / "files/plain/one.txt"
    lost.unlink()
    group.engine.synchronize(group.id, "two")
    until(lambda: group.status("two").state is not ReplicaState.SYNCHRONIZING, what="the end")
    assert group.status("two").state is ReplicaState.REPLICATING
    assert lost.exists()
