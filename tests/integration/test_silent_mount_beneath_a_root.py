"""A file system beneath a master root stops answering: what is on it stays, and the rest goes on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app import distant_mounts
from app.model.scenario import ReplicaState
from app.replication.master import sweeps
from tests.support.capabilities import missing
from tests.support.hanging_mount import HangingMount, hanging_mount
from tests.support.replication_pair import Pair, until

pytestmark = [pytest.mark.needs_root]


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distant_mounts, "PATIENCE_S", 0.1)
    monkeypatch.setattr(sweeps, "MINUTE_S", 0.03)
    monkeypatch.setattr(sweeps, "ROOTS_EVERY_S", 0.2)


@pytest.fixture
def both(tmp_path: Path, quick: None) -> Iterator[tuple[Pair, HangingMount]]:
    (tmp_path / "base").mkdir()
    pair = Pair(tmp_path / "base")
    (pair.master / "far off").mkdir()
    (pair.master / "near").mkdir()
    (pair.master / "near/one").write_text("one")
    try:
        with hanging_mount(pair.master / "far off") as mount:
            yield pair, mount
            mount.go_on()
            pair.close()
    except OSError as error:
        pair.close()
        missing(f"a file system of its own by /dev/fuse ({error})")


def test_the_rest_of_the_root_goes_on_and_the_silent_mount_is_named(both: tuple[Pair, HangingMount]) -> None:
    pair, mount = both
    far, two = pair.replica / "far off/far", pair.replica / "near/two"
    pair.run(sweep_minutes=1)
    pair.settle()
    assert far.read_text() == "far away"
    mount.stop()
    (pair.master / "near/two").write_text("written meanwhile")
    until(two.exists, 10, "a change elsewhere")
    until(lambda: "far off" in reasons(pair), 10, "the silent mount to be named")
    # An engine that begins finds it silent, and begins all the same.
    pair.restart_master()
    (pair.master / "near/three").write_text("three")
    until((pair.replica / "near/three").exists, 10, "a change after the start")
    assert far.read_text() == "far away"
    assert pair.engine.status(pair.id).replicas[0].state is ReplicaState.REPLICATING
    mount.go_on()
    (pair.master / "near/four").write_text("four")
    until((pair.replica / "near/four").exists, 10, "a change after it answers again")
    assert far.read_text() == "far away"


def reasons(pair: Pair) -> str:
    found = [f"{problem.path!r} {problem.params}" for problem in pair.engine.status(pair.id).problems]
    return " ".join([*found, *(f"{e.code} {e.params}" for e in pair.events.newer_than(0))])
