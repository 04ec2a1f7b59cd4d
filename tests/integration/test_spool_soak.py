"""Churn while spools fill, break and vanish and replicas come and go: all end as the master is.

A failure names its seed; `ARCXO_SEED=N` takes it again, `ARCXO_SOAK_SECONDS` is how long it goes on.
"""

from __future__ import annotations

import os
import random
import shutil
import threading
import time
from pathlib import Path

import pytest

from app.model.errors import ArcxoError
from app.model.scenario import ReplicaState, ScenarioState
from app.replication.master import connection
from tests.support.replication_group import Group
from tests.support.replication_pair import until
from tests.support.soak import soak

MEGABYTE = 1 << 20
_HIDDEN_NS = 10**18


class _Churn:
    """Writes to the master in a thread of its own; some contents hide behind the same size and time."""

    def __init__(self, group: Group, seed: int) -> None:
        self._root = group.master
        self._chance = random.Random(seed)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="churn")
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        chance = self._chance
        while not self._stop.wait(chance.random() * 0.02):
            path = self._root / f"file {chance.randrange(60)}"
            kind = chance.random()
            if kind < 0.1:
                path.unlink(missing_ok=True)
            elif kind < 0.2 and path.exists():
                os.rename(path, self._root / f"file {chance.randrange(60)}")
            elif kind < 0.5:
                path.write_bytes(os.urandom(5_000))
                os.utime(path, ns=(_HIDDEN_NS, _HIDDEN_NS))
            else:
                path.write_bytes(os.urandom(chance.randrange(120_000)))


def _act(group: Group, chance: random.Random) -> str:
    host = chance.choice(sorted(group.hosts))
    action = chance.choice(["suspend", "fill", "cut", "unreachable", "restart", "damage", "lose", "replica"])
    spool = group.home / "engine/master" / str(group.id) / "spool"
    match action:
        case "suspend" | "fill":
            group.engine.suspend(group.id, host)
            if action == "fill":
                for _ in range(10):
                    (group.master / "filler").write_bytes(os.urandom(MEGABYTE))
                    time.sleep(0.05)
        case "cut":
            group.hosts[host].cut()
        case "unreachable":
            group.hosts[host].reachable = False
            group.hosts[host].cut()
        case "replica":
            group.hosts[host].restart()
        case "restart" | "damage" | "lose":
            group.engine.close()
            segments = sorted(spool.glob("*.seg"))
            if action == "damage":
                victim = chance.choice(segments)
                content = bytearray(victim.read_bytes())
                for _ in range(3):
                    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
                victim.write_bytes(content)
            elif action == "lose":
                shutil.rmtree(spool)
            group.engine = group.open_engine()
            until(lambda: group.engine.status(group.id).state is not ScenarioState.STARTING, 60)
    return f"{action} {host}"


def _mend(group: Group) -> None:
    for host in group.hosts.values():
        host.reachable = True
    if group.engine.status(group.id).state is ScenarioState.PROBLEM:
        group.engine.run(group.id)
    until(lambda: group.engine.status(group.id).state is not ScenarioState.STARTING, 60)
    for name in group.hosts:
        group.engine.resume(group.id, name)
        # What was recorded late may have filled the spool once more.
        until(lambda name=name: _replicates(group, name), 60, f"{name}: {group.status(name)}")  # type: ignore[misc]


def _settle(group: Group) -> None:
    """What was recorded late may stop a replica once more, while it is waited for."""
    for _ in range(5):
        _mend(group)
        try:
            group.engine.barrier(group.id, 30)
        except ArcxoError:
            assert "ER00290" in group.codes()
        else:
            return
    raise AssertionError(str(group.engine.status(group.id).replicas))


def _replicates(group: Group, host: str) -> bool:
    state = group.status(host).state
    if state is ReplicaState.PROBLEM:
        group.engine.resume(group.id, host)
    return state is ReplicaState.REPLICATING


def _run_once(base: Path, seed: int, rounds: int) -> None:
    chance = random.Random(seed)
    group = Group(base, "one", "two")
    done: list[str] = []
    try:
        group.run(spool_max_mb=6, stop_if_spool_full=False, brake_percent=0)
        for _ in range(rounds):
            churn = _Churn(group, chance.getrandbits(32))
            try:
                for _ in range(chance.randrange(1, 4)):
                    time.sleep(chance.random() * 0.3)
                    try:
                        done.append(_act(group, chance))
                    except ArcxoError as error:
                        done.append(error.code)
            finally:
                churn.stop()
            _settle(group)
            for name in group.hosts:
                assert group.same(name), f"{name} differs after {done}"
    except BaseException as error:
        error.add_note(f"ARCXO_SEED={seed}; {done}; files in {base}")
        raise
    finally:
        group.close()


@pytest.mark.slow
def test_spools_that_fill_and_break_end_as_the_master_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.3)
    _run_once(tmp_path, 4, 3)


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_soak_of_spools_that_fill_and_break(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection, "BACK_OFF_MOST_S", 0.3)
    soak(tmp_path, lambda directory, seed, _until: _run_once(directory, seed, 6))
