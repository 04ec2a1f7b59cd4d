"""A file system beneath a master root stops answering: what is on it stays, and the rest goes on."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import distant_mounts
from app.model.scenario import ReplicaState
from app.replication.master import sweeps, troubles
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


def test_what_was_told_of_it_just_before_holds_nothing_up(both: tuple[Pair, HangingMount]) -> None:
    pair, mount = both
    pair.run()
    pair.settle()
    mount.stop()
    recorder = pair.engine._runs._running[pair.id]._parts.recorder
    recorder.hints.add(0, b"far off/far", content=True, delay=0.0)
    (pair.master / "near/two").write_text("two")
    until((pair.replica / "near/two").exists, 10, "a change elsewhere")
    until(lambda: "far off" in reasons(pair), 10, "the silent mount to be named")
    mount.go_on()
    assert (pair.replica / "far off/far").read_text() == "far away"


def test_what_the_replica_refused_of_it_is_not_waited_for(
    both: tuple[Pair, HangingMount], monkeypatch: pytest.MonkeyPatch
) -> None:
    pair, mount = both
    monkeypatch.setattr(troubles, "AGAIN_FIRST_S", 0.1)
    monkeypatch.setattr(troubles, "AGAIN_MOST_S", 0.1)
    (pair.replica / "far off").mkdir(parents=True)
    with closed(pair.replica / "far off"):
        pair.run()
        until(lambda: "WR00231" in pair.codes(), 10, "the refusal")
        mount.stop()
        before = tried(pair)
        until(lambda: tried(pair) > before, 10, "another try")
        (pair.master / "near/two").write_text("two")
        until((pair.replica / "near/two").exists, 10, "a change elsewhere")
    mount.go_on()
    until((pair.replica / "far off/far").exists, 10, "what was refused")


def tried(pair: Pair) -> float:
    """When it is to be sent again next."""
    (one,) = pair.engine._runs._running[pair.id]._parts.recorder.looking.lacking
    return next(iter(one._known.values())).due


@contextlib.contextmanager
def closed(directory: Path) -> Iterator[None]:
    """Nobody may make anything in a directory while inside."""
    if subprocess.run(["chattr", "+i", directory], check=False, capture_output=True).returncode:
        missing("a file system with chattr +i")
    try:
        yield
    finally:
        subprocess.run(["chattr", "-i", directory], check=False, capture_output=True)


def reasons(pair: Pair) -> str:
    found = [f"{problem.path!r} {problem.params}" for problem in pair.engine.status(pair.id).problems]
    return " ".join([*found, *(f"{e.code} {e.params}" for e in pair.events.newer_than(0))])
