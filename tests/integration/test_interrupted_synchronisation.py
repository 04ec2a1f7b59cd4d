"""A synchronisation that is interrupted goes on: what arrived is not sent again."""

import os
import threading
from pathlib import Path

import pytest

from app.model.scenario import SyncMethod
from app.replication.master import synchroniser
from app.replication.replica import incoming
from app.replication.replica.engine import ReplicaEngine
from tests.support.replication_pair import Pair, until

MB = 1 << 20


@pytest.fixture
def replication(tmp_path, monkeypatch):
    monkeypatch.setattr(synchroniser, "BATCH_BYTES", MB)
    monkeypatch.setattr(synchroniser, "WINDOW_BATCHES", 2)
    # With so small a window no more can come while the replica waits to join it.
    monkeypatch.setattr(incoming, "_JOINED_S", 0.0)
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def stages(replication) -> list[Path]:
    directory = replication.base / "other/side" / str(replication.id) / "0/stage"
    return list(directory.iterdir()) if directory.exists() else []


def staged_bytes(replication) -> int:
    return sum(path.stat().st_size for path in stages(replication))


def sent(replication) -> int:
    return replication.engine.status(replication.id).replicas[0].synchronized_bytes


class Interrupter:
    """Stops everything that is under way once `reached`, in the way that is asked for; `go_on` undoes it.

    Of `total` bytes to be sent no more than three quarters are, however late this looks.
    """

    def __init__(self, replication: Pair, how: str, total: int) -> None:
        self._replication = replication
        replication.connector.hold_after = total * 3 // 4
        self._how = how
        self.sent = 0

    def when(self, reached):
        replication = self._replication
        replication.engine.run(replication.id)
        until(reached, what="the middle of the synchronisation")
        if self._how == "stop":
            self.sent = sent(replication)
            replication.engine.stop(replication.id)
            for thread in replication.connector.threads:
                thread.join(10)
            return
        replication.connector.reachable = False
        replication.connector.cut()
        for thread in replication.connector.threads:
            thread.join(10)
        self.sent = sent(replication)
        if self._how == "replica":
            replication.replica_engine.close()
        elif self._how == "master":
            replication.engine.close()

    def go_on(self):
        replication = self._replication
        replication.connector.reachable = True
        replication.connector.hold_after = None
        if self._how == "replica":
            replication.replica_engine = ReplicaEngine(
                str(replication.base / "other"), "localhost", replication.events
            )
            replication.replica_engine.start()
        elif self._how == "master":
            replication.engine = replication.open_engine()
        elif self._how == "stop":
            replication.engine.run(replication.id)
        replication.assert_equal()
        again = sent(replication)
        # A link that is lost keeps the run, and its count.
        return again - self.sent if self._how in ("link", "replica") else again


@pytest.mark.parametrize("how", ["link", "replica", "master", "stop"])
@pytest.mark.parametrize("method", list(SyncMethod))
def test_a_large_file_goes_on_from_what_is_staged(replication, how, method):
    (replication.master / "big").write_bytes(os.urandom(48 * MB))
    if method is SyncMethod.BLOCK:
        (replication.replica / "big").write_bytes((replication.master / "big").read_bytes())
        with (replication.replica / "big").open("r+b") as file:
            file.write(os.urandom(30 * MB))
    changed = 30 * MB if method is SyncMethod.BLOCK else 48 * MB
    replication.create(sync=method)
    interrupter = Interrupter(replication, how, changed)
    interrupter.when(lambda: staged_bytes(replication) >= changed // 2)
    assert interrupter.sent < changed
    there = staged_bytes(replication) // MB * MB
    assert there >= changed // 2 - MB
    assert interrupter.go_on() == changed - there
    assert stages(replication) == []


def test_a_staged_content_that_was_damaged_is_not_used(replication):
    (replication.master / "big").write_bytes(os.urandom(32 * MB))
    replication.create()
    interrupter = Interrupter(replication, "link", 32 * MB)
    interrupter.when(lambda: staged_bytes(replication) >= 16 * MB)
    with stages(replication)[0].open("r+b") as file:
        file.seek(5 * MB + 7)
        file.write(b"damaged")
    there = staged_bytes(replication) // MB * MB
    assert interrupter.go_on() == 32 * MB - there + MB


def test_what_is_staged_of_a_file_that_changed_meanwhile_is_used_where_it_still_holds(replication):
    path = replication.master / "big"
    path.write_bytes(os.urandom(32 * MB))
    replication.create()
    interrupter = Interrupter(replication, "master", 32 * MB)
    interrupter.when(lambda: staged_bytes(replication) >= 16 * MB)
    there = staged_bytes(replication) // MB * MB
    with path.open("r+b") as file:
        file.seek(3 * MB + 7)
        file.write(b"changed")
    assert interrupter.go_on() == 32 * MB - there + MB


def test_what_is_staged_of_a_file_that_is_gone_is_removed(replication):
    (replication.master / "big").write_bytes(os.urandom(32 * MB))
    replication.create()
    interrupter = Interrupter(replication, "master", 32 * MB)
    interrupter.when(lambda: staged_bytes(replication) >= 16 * MB)
    (replication.master / "big").unlink()
    assert interrupter.go_on() == 0
    assert stages(replication) == []


@pytest.mark.parametrize("how", ["link", "replica", "master", "stop"])
def test_files_that_arrived_are_not_sent_again(replication, how):
    for number in range(400):
        (replication.master / f"f{number:03}").write_bytes(os.urandom(50_000))
    replication.create()
    interrupter = Interrupter(replication, how, 400 * 50_000)
    interrupter.when(lambda: len(list(replication.replica.iterdir())) >= 200)
    there = len(list(replication.replica.iterdir()))
    assert there < 400
    assert interrupter.go_on() == (400 - there) * 50_000
