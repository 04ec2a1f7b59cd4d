"""A root that vanishes in the middle of a synchronisation: what the replica has stays."""

import os
import shutil
import threading

import pytest

from app.model.scenario import ReplicaState
from app.replication.master import synchroniser
from app.replication.replica import incoming
from tests.support.replication_pair import Pair, until

FOLDERS = 12
EACH = 40
FILE_BYTES = 30_000


@pytest.fixture
def replication(tmp_path, monkeypatch):
    # Small steps, so that there is a middle.
    monkeypatch.setattr(synchroniser, "BATCH_BYTES", 1 << 17)
    monkeypatch.setattr(synchroniser, "WINDOW_BATCHES", 2)
    monkeypatch.setattr(incoming, "_JOINED_S", 0.0)
    before = set(threading.enumerate())
    made = Pair(tmp_path)
    yield made
    made.close()
    until(lambda: not {t for t in threading.enumerate() if t.is_alive()} - before, 10, "threads to end")


def fill(root, text=b"x"):
    for number in range(FOLDERS):
        folder = root / f"d{number}"
        folder.mkdir(parents=True, exist_ok=True)
        for name in range(EACH):
            (folder / f"f{name}").write_bytes((text + b"%d %d " % (number, name)) * (FILE_BYTES // 10))


def files(root):
    return {path.relative_to(root) for path in root.rglob("f*")}


def status(replication):
    return replication.engine.status(replication.id).replicas[0]


def wait_braked(replication):
    until(lambda: status(replication).state is ReplicaState.BRAKED, 30, "the brake")


def in_the_middle(replication):
    """Waits until a part has been sent."""
    until(lambda: status(replication).synchronized_bytes > 20 * FILE_BYTES, 30, "the middle")


@pytest.mark.parametrize("how", ["renamed", "removed", "emptied"])
def test_what_the_replica_has_stays_when_the_root_is_lost_in_a_first_synchronisation(replication, how):
    fill(replication.master)
    (replication.replica / "d0").mkdir()
    (replication.replica / "d0/before").write_text("was here before the scenario")
    copy = replication.base / "copy"
    shutil.copytree(replication.master, copy)
    replication.create()
    replication.engine.run(replication.id)
    in_the_middle(replication)
    if how == "renamed":
        os.rename(replication.master, replication.base / "away")
    elif how == "removed":
        shutil.rmtree(replication.master)
    else:
        for folder in replication.master.iterdir():
            shutil.rmtree(folder)
    wait_braked(replication)
    arrived = files(replication.replica)
    assert arrived, "nothing that had arrived is taken away"
    assert replication.engine.brake_review(replication.id).root_lost == (how != "emptied")
    if how == "renamed":
        os.rename(replication.base / "away", replication.master)
    else:
        if how == "removed":
            replication.master.mkdir()
        for folder in copy.iterdir():
            shutil.copytree(folder, replication.master / folder.name)
    replication.engine.run(replication.id)
    if how != "renamed":
        # People say whether another directory is the root, and what becomes of what was removed.
        wait_braked(replication)
        assert replication.engine.brake_accept(replication.id).lifted
    replication.wait()
    replication.assert_equal()


def test_a_root_lost_in_a_synchronisation_again_takes_nothing_from_the_replica(replication):
    fill(replication.master)
    replication.run()
    replication.settle()
    replication.engine.stop(replication.id)
    fill(replication.master, b"y")
    before = files(replication.replica)
    replication.engine.run(replication.id)
    in_the_middle(replication)
    os.rename(replication.master, replication.base / "away")
    wait_braked(replication)
    assert files(replication.replica) == before
    os.rename(replication.base / "away", replication.master)
    replication.engine.run(replication.id)
    replication.wait()
    replication.assert_equal()
