"""One master and several replicas, each at its own pace."""

from __future__ import annotations

import os
import re
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app.model.errors import ArcxoError, BusyError
from app.model.paths import shown
from app.model.scenario import ReplicaState, ScenarioState
from app.replication.master import connection
from app.replication.replica.applier import Applier
from tests.support.replication_group import Group
from tests.support.replication_pair import until
from tests.support.trees import fill


@pytest.fixture
def group(tmp_path: Path) -> Iterator[Group]:
    made = Group(tmp_path, "one", "two", "three")
    fill(made.master)
    yield made
    made.close()


def test_one_replica_that_is_suspended_cut_off_or_restarted_holds_no_other_up(group: Group) -> None:
    group.run()
    group.engine.suspend(group.id, "one")
    group.hosts["two"].reachable = False
    group.hosts["two"].cut()
    (group.master / "new").write_bytes(os.urandom(100_000))
    group.wait_same("three")
    group.wait("two", ReplicaState.DISCONNECTED)
    assert not group.same("one")
    assert not group.same("two")
    assert group.engine.status(group.id).state is ScenarioState.REPLICATING
    group.hosts["two"].reachable = True
    group.hosts["three"].restart()
    (group.master / "newer").write_text("newer")
    group.wait_same("two")
    group.wait_same("three")
    assert not group.same("one")
    group.engine.resume(group.id, "one")
    group.wait_same("one")
    for host in group.hosts:
        assert group.codes(host).count("SR00202") == 1, "nothing was synchronised again"


def test_a_replica_without_space_is_alone_with_it_and_says_so(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    group.run()
    full = group.hosts["two"]
    real = Applier.apply_stream
    refuses = threading.Event()
    refuses.set()

    def apply(self: Applier, *args: Any) -> Any:
        place = self.store.trees[0].tree.path
        if refuses.is_set() and place.startswith(os.fsencode(full.directory)):
            raise ArcxoError("ER00408", path=shown(place), cause="No space left on device")
        return real(self, *args)

    monkeypatch.setattr(Applier, "apply_stream", apply)
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.3)
    for number in range(12):
        (group.master / f"more {number}").write_text("more")
    group.wait_same("one")
    group.wait_same("three")
    group.wait("two", ReplicaState.PROBLEM)
    until(lambda: group.status("two").waiting_operations >= 12)
    seen = set()
    end = time.monotonic() + 1.5
    while time.monotonic() < end:
        status = group.status("two")
        seen.add(status.state)
        assert status.waiting.startswith(f"{status.waiting_operations} changes waiting: ")
        assert "No space left on device" in status.waiting
    assert seen == {ReplicaState.PROBLEM}
    assert group.codes("two").count("ER00204") == 1
    refuses.clear()
    group.wait_same("two")
    group.wait("two", ReplicaState.REPLICATING)
    assert group.status("two").waiting == ""
    # However often it was tried again: told once on either side, and that it is over.
    codes = group.codes("two")
    assert [codes.count(code) for code in ("ER00204", "SR00207", "IR00203")] == [1, 1, 1]


def test_a_limit_holds_only_its_replica_and_is_named(group: Group) -> None:
    group.run(own={"two": {"bandwidth": "daily 00-24 2000"}})
    (group.master / "large").write_bytes(os.urandom(600_000))
    group.wait_same("one")
    began = time.monotonic()
    until(lambda: "limit 2,000 Kbps" in group.status("two").waiting, 20, group.status("two").waiting)
    assert group.status("two").state is ReplicaState.REPLICATING
    assert "limit" not in group.status("one").waiting
    group.wait_same("two")
    assert time.monotonic() - began > 1.0


def test_a_synchronisation_keeps_to_the_limit(group: Group) -> None:
    (group.master / "large").write_bytes(os.urandom(100_000))
    group.create(own={"two": {"bandwidth": "daily 00-24 1600"}})
    began = time.monotonic()
    group.engine.run(group.id)
    group.wait("two", ReplicaState.REPLICATING)
    sent = group.status("two").sent_bytes
    assert sent > 400_000
    assert time.monotonic() - began > sent / 200_000 * 0.9


def test_what_goes_over_the_link_is_compressed_where_that_is_set(group: Group) -> None:
    group.run(own={"two": {"compress_transfer": "on"}})
    (group.master / "text").write_bytes(b"the same again and again\n" * 20_000)
    for host in group.hosts:
        group.wait_same(host)
    until(lambda: group.status("two").uncompressed_bytes >= 500_000)
    packed, plain = group.status("two"), group.status("one")
    assert packed.sent_bytes < packed.uncompressed_bytes - 490_000
    assert plain.sent_bytes == plain.uncompressed_bytes >= 500_000


def test_a_lost_connection_and_its_return_are_told_once_with_their_length(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.1)
    group.run()
    host = group.hosts["two"]
    host.reachable = False
    host.cut()
    group.wait("two", ReplicaState.DISCONNECTED)
    (group.master / "meanwhile").write_text("1")
    until(lambda: group.status("two").waiting_operations > 0)
    time.sleep(0.5)
    status = group.status("two")
    assert re.match(r"\d changes? waiting: replica unreachable: two cannot be reached", status.waiting)
    assert "(since 20" in status.waiting
    assert status.waiting_bytes > 0
    assert status.lag_seconds is not None
    assert status.lag_seconds > 0.4
    assert group.codes("two").count("ER00205") == 1
    host.reachable = True
    group.wait_same("two")
    group.wait("two", ReplicaState.REPLICATING)
    assert group.codes("two").count("ER00205") == group.codes("two").count("SR00206") == 1


def test_what_waits_for_an_unreachable_replica_is_known_after_a_restart(group: Group) -> None:
    group.run()
    host = group.hosts["two"]
    host.reachable = False
    host.cut()
    group.wait("two", ReplicaState.DISCONNECTED)
    for number in range(5):
        (group.master / f"meanwhile {number}").write_text("1")
    group.wait_same("one")
    before = group.status("two")
    group.restart_master()
    group.wait("one", ReplicaState.REPLICATING)
    group.wait("two", ReplicaState.DISCONNECTED)
    after = group.status("two")
    assert after.waiting_operations >= before.waiting_operations >= 5
    assert after.waiting_bytes >= before.waiting_bytes > 0
    assert after.lag_seconds is not None
    host.reachable = True
    group.wait_same("two")
    assert group.codes("two").count("SR00202") == 1


def test_a_replica_that_falls_silent_is_noticed_within_the_time_out(
    group: Group, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.replication.master.exchange.PING_EVERY_S", 0.3)
    group.run(timeout_seconds=2)
    group.hosts["two"].silence()
    (group.master / "meanwhile").write_text("1")
    group.wait_same("one")
    began = time.monotonic()
    until(lambda: "ER00205" in group.codes("two"), 10)
    assert time.monotonic() - began < 9
    lost = next(event for event in group.events.newer_than(0, 1_000) if event.code == "ER00205")
    assert lost.params["error"] == "AE0469"
    assert "two did not finish" in lost.params["cause"]
    group.wait_same("two")
    assert group.codes("two").count("SR00202") == 1


def test_waiting_for_in_sync_names_who_is_waited_for_and_why(group: Group) -> None:
    group.run()
    host = group.hosts["two"]
    host.reachable = False
    host.cut()
    group.wait("two", ReplicaState.DISCONNECTED)
    (group.master / "meanwhile").write_text("1")
    with pytest.raises(BusyError) as caught:
        group.engine.barrier(group.id, 1.0)
    assert caught.value.code == "ER00250"
    what = caught.value.params["what"]
    assert re.match(r"replica two \(\d changes? waiting: replica unreachable: two cannot", what), what
