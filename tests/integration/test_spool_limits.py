"""Spools that get full, damaged or lost while a scenario runs."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.scenario import ReplicaState, ScenarioState
from app.replication.master.exchange import Exchange
from app.replication.sync_frames import HashItem
from tests.support.replication_group import Group
from tests.support.replication_pair import until

MEGABYTE = 1 << 20


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    made = Group(tmp_path, "one", "two")
    (made.master / "first").write_text("first")
    yield made
    made.close()


def _spool(group: Group) -> Path:
    return group.home / "engine/master" / str(group.id) / "spool"


def _write(group: Group, names: range, size: int = MEGABYTE) -> None:
    for number in names:
        (group.master / f"file {number}").write_bytes(os.urandom(size))
        group.wait_same("one")


def test_a_spool_that_is_full_stops_the_scenario_where_that_is_wanted(group: Group) -> None:
    group.run(spool_max_mb=8)
    group.engine.suspend(group.id, "two")
    for number in range(12):
        (group.master / f"file {number}").write_bytes(os.urandom(MEGABYTE))
    group.wait_scenario(ScenarioState.PROBLEM)
    assert "The spool has reached its limit" in group.engine.status(group.id).reason
    until(lambda: "CR00100" in group.codes())
    status = group.engine.status(group.id)
    assert all(replica.state is not ReplicaState.REPLICATING for replica in status.replicas), status.replicas
    codes = group.codes()
    assert codes.index("WR00216") < codes.index("CR00100")


def test_a_spool_that_is_full_stops_only_who_holds_it_back(group: Group) -> None:
    group.run(spool_max_mb=8, stop_if_spool_full=False)
    group.engine.suspend(group.id, "two")
    _write(group, range(14))
    group.wait("two", ReplicaState.PROBLEM)
    status = group.status("two")
    assert "the spool is full" in status.reason
    assert status.waiting == status.reason
    assert group.engine.status(group.id).state is ScenarioState.REPLICATING
    assert group.status("one").state is ReplicaState.REPLICATING
    codes = group.codes()
    assert codes.index("WR00216") < codes.index("ER00290")
    assert codes.count("ER00290") == 1
    assert sum(path.stat().st_size for path in _spool(group).glob("*.seg")) < 8 * MEGABYTE
    with pytest.raises(ArcxoError, match="ER00250"):
        group.engine.barrier(group.id, 0.5)

    # It stays stopped over a restart, and nobody else is synchronised when it is started again.
    group.restart_master()
    group.wait("two", ReplicaState.PROBLEM)
    group.wait("one", ReplicaState.REPLICATING)
    assert not group.same("two")
    group.engine.resume(group.id, "two")
    group.wait_same("two")
    group.wait("two", ReplicaState.REPLICATING)
    until(lambda: group.codes("two").count("SR00202") == 2)
    assert group.codes("one").count("SR00202") == 1
    group.engine.barrier(group.id, 20)


def test_what_was_dropped_arrives_though_size_and_time_hide_it(group: Group) -> None:
    hidden = group.master / "hidden"
    hidden.write_text("before")
    os.utime(hidden, ns=(10**18, 10**18))
    group.run(spool_max_mb=8, stop_if_spool_full=False)
    group.engine.suspend(group.id, "two")
    hidden.write_text("after!")
    os.utime(hidden, ns=(10**18, 10**18))
    group.wait_same("one")
    _write(group, range(14))
    group.wait("two", ReplicaState.PROBLEM)
    group.engine.resume(group.id, "two")
    group.wait_same("two")


def test_damage_in_the_spool_is_told_by_file_and_the_replica_synchronised(group: Group) -> None:
    hidden = group.master / "hidden"
    hidden.write_text("before")
    os.utime(hidden, ns=(10**18, 10**18))
    group.run(spool_max_mb=32)
    group.engine.suspend(group.id, "two")
    hidden.write_text("after!")
    os.utime(hidden, ns=(10**18, 10**18))
    group.wait_same("one")
    _write(group, range(9))
    group.engine.close()
    oldest = min(_spool(group).glob("*.seg"))
    content = bytearray(oldest.read_bytes())
    content[200:220] = bytes(20)
    oldest.write_bytes(content)
    group.engine = group.open_engine()
    group.wait_scenario(ScenarioState.REPLICATING)
    group.wait("two", ReplicaState.SUSPENDED)
    group.engine.resume(group.id, "two")
    group.wait_same("two")
    damaged = [event for event in group.events.newer_than(0, 10_000) if event.code == "ER00212"]
    assert [event.params["file"] for event in damaged] == [str(oldest)]
    until(lambda: group.codes("two").count("SR00202") == 2)
    assert group.codes("one").count("SR00202") == 1


def test_a_spool_that_lost_its_end_is_begun_anew(group: Group) -> None:
    group.run()
    group.engine.suspend(group.id, "two")
    _write(group, range(2))
    group.engine.close()
    newest = max(_spool(group).glob("*.seg"))
    with newest.open("r+b") as file:
        file.truncate(newest.stat().st_size // 2)
    group.engine = group.open_engine()
    group.wait_scenario(ScenarioState.REPLICATING)
    group.wait("one", ReplicaState.REPLICATING)
    assert "ER00212" in group.codes()
    group.engine.resume(group.id, "two")
    (group.master / "later").write_text("later")
    for host in group.hosts:
        group.wait_same(host)


def test_a_spool_that_vanishes_is_a_problem_with_a_name_and_nothing_is_lost(group: Group) -> None:
    chosen = group.base / "chosen"
    chosen.mkdir()
    group.run(spool_directory=str(chosen))
    group.engine.suspend(group.id, "two")
    _write(group, range(2))
    shutil.rmtree(chosen)

    def noticed() -> bool:
        (group.master / "more").write_bytes(os.urandom(1000))
        return group.engine.status(group.id).state is ScenarioState.PROBLEM

    until(noticed)
    assert str(chosen) in group.engine.status(group.id).reason
    with pytest.raises(ArcxoError, match="ER00293"):
        group.engine.run(group.id)
    chosen.mkdir()
    group.engine.run(group.id)
    group.wait_scenario(ScenarioState.PROBLEM)
    assert os.listdir(chosen) == []


def test_a_spool_directory_is_checked_and_moved(group: Group) -> None:
    for wrong in (str(group.master), str(group.master / "inner"), str(group.hosts["one"].directory)):
        if wrong.endswith("one"):
            continue
        Path(wrong).mkdir(exist_ok=True)
        with pytest.raises(ArcxoError, match="ER00292"):
            group.create(spool_directory=wrong)
    with pytest.raises(ArcxoError, match="ER00293"):
        group.create(spool_directory=str(group.base / "absent"))
    chosen = group.base / "chosen"
    chosen.mkdir()
    group.run(spool_directory=str(chosen))
    assert list(chosen.glob("arcxo-spool-*/*.seg"))
    assert not _spool(group).exists()
    group.engine.stop(group.id)
    group.engine.delete(group.id)
    assert os.listdir(chosen) == []


def test_a_disk_that_gets_full_is_told_before_it_is(group: Group, monkeypatch: pytest.MonkeyPatch) -> None:
    free = 200 * MEGABYTE
    for module in ("spool_log", "spool_keeper"):
        monkeypatch.setattr(f"app.replication.master.{module}.free_bytes", lambda _path: free)
    monkeypatch.setattr("app.replication.master.spool_keeper._DISK_CHECK_S", 0.0)
    monkeypatch.setattr("app.replication.master.spool_log._SPACE_CHECK_S", 0.0)
    group.run(spool_min_free_mb=100)
    (group.master / "one more").write_text("1")
    group.wait_same("one")
    assert "WR00294" not in group.codes()
    free = 120 * MEGABYTE
    (group.master / "another").write_text("1")
    until(lambda: group.codes().count("WR00294") == 1)
    assert group.engine.status(group.id).state is ScenarioState.REPLICATING
    free = 99 * MEGABYTE
    (group.master / "the last").write_text("1")
    group.wait_scenario(ScenarioState.PROBLEM)
    assert "must stay free" in group.engine.status(group.id).reason


def test_the_disk_that_is_full_is_the_one_that_is_named(
    group: Group, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    chosen = tmp_path / "elsewhere"
    chosen.mkdir()
    group.run(spool_directory=str(chosen))
    group.engine.suspend(group.id, "two")
    write = os.write

    def full(fd: int, data: bytes) -> int:
        if os.readlink(f"/proc/self/fd/{fd}").endswith(".seg"):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(fd, data)

    monkeypatch.setattr(os, "write", full)
    (group.master / "one more").write_text("1")
    group.wait_scenario(ScenarioState.PROBLEM)
    # Whoever waits for room looks there for it, too.
    assert str(chosen) in group.engine.status(group.id).reason


def test_after_a_stop_only_what_changed_since_is_compared_by_content(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    hidden = group.master / "hidden"
    hidden.write_text("before")
    os.utime(hidden, ns=(10**18, 10**18))
    for number in range(30):
        (group.master / f"file {number}").write_text("content")
    asked: list[bytes] = []
    real = Exchange.ask_hashes

    def ask_hashes(self: Exchange, root: int, items: Sequence[HashItem], *more: int) -> int:
        asked.extend(item.path for item in items)
        return real(self, root, items, *more)

    monkeypatch.setattr(Exchange, "ask_hashes", ask_hashes)
    group.run()
    group.engine.barrier(group.id, 20)
    # Before the stop there is a moment of doubt, which is a second long.
    until(lambda: time.time() - (group.master / "hidden").stat().st_ctime > 3)
    group.engine.stop(group.id)
    asked.clear()
    group.run()
    group.engine.stop(group.id)
    unchanged = set(asked)
    hidden.write_text("after!")
    os.utime(hidden, ns=(10**18, 10**18))
    group.run()
    for host in group.hosts:
        group.wait_same(host)
    assert b"hidden" in asked
    assert len(unchanged) <= 1


@pytest.mark.slow
@pytest.mark.parametrize(("limit_mb", "stop_if_spool_full"), [(1, True), (4, False)])
def test_a_change_larger_than_the_spool_streams_through(
    group: Group, limit_mb: int, stop_if_spool_full: bool
) -> None:
    group.run(spool_max_mb=limit_mb, stop_if_spool_full=stop_if_spool_full)
    large = group.master / "large"
    large.write_bytes(os.urandom(12 * MEGABYTE))
    for host in group.hosts:
        group.wait_same(host)
    with large.open("r+b") as file:
        # Rewritten in place as well, and longer.
        file.write(os.urandom(14 * MEGABYTE))
    for host in group.hosts:
        group.wait_same(host)
        group.wait(host, ReplicaState.REPLICATING)
    assert group.engine.status(group.id).state is ScenarioState.REPLICATING
    codes = group.codes()
    assert "CR00100" not in codes
    assert "ER00290" not in codes
    assert codes.count("WR00216") <= 2
    most = max((limit_mb + 3) * MEGABYTE, 4 * MEGABYTE)
    assert sum(path.stat().st_size for path in _spool(group).glob("*.seg")) < most


def test_a_change_larger_than_the_spool_stops_the_scenario_while_one_is_suspended(group: Group) -> None:
    group.run(spool_max_mb=8)
    group.engine.suspend(group.id, "two")
    (group.master / "large").write_bytes(os.urandom(20 * MEGABYTE))
    group.wait_scenario(ScenarioState.PROBLEM)
    assert "The spool has reached its limit" in group.engine.status(group.id).reason
    codes = group.codes()
    assert codes.index("WR00216") < codes.index("CR00100")
    # Run again, the replicas get all of it: what the spool had no room for is found by comparing.
    group.engine.run(group.id)
    for host in group.hosts:
        group.wait_same(host)


def test_a_run_that_waits_for_room_in_the_spool_can_be_stopped(group: Group) -> None:
    group.run(spool_max_mb=4)
    group.engine.suspend(group.id, "two")
    group.engine.resume(group.id, "two")
    (group.master / "large").write_bytes(os.urandom(60 * MEGABYTE))
    began = time.monotonic()
    group.engine.stop(group.id)
    assert time.monotonic() - began < 30
    group.engine.run(group.id)
    for host in group.hosts:
        group.wait_same(host)
