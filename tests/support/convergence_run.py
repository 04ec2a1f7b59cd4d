"""One run of churn, mischief and convergence; at its end rewinds are exact and change lists complete."""

from __future__ import annotations

import contextlib
import os
import random
import time
from dataclasses import dataclass
from pathlib import Path

from tests.support.change_lists import backed_up, without_groups
from tests.support.convergence_churn import Churn
from tests.support.convergence_rig import GoneError, Picture, RefusedError, Rig, differences

_REWINDS_MOST = 4
_TINY = 64


@dataclass(frozen=True)
class Moment:
    """A quiet moment: its bookmark, the replica's change number, and all that was there."""

    point: str
    incarnation: str
    change: int
    pictures: list[Picture]


def run_once(
    base: Path,
    seed: int,
    rounds: int,
    *,
    threads: int = 3,
    properties: dict[str, object],
    volume: Path | None = None,
    tiny_queues: bool = False,
) -> dict[str, int]:
    """Churn with mischief for `rounds`, converging after each, then rewind to quiet moments. What was done.

    `volume`: a small one for the replicas, which will be full at times. `tiny_queues`: the master is
    started with room for a few events only at times, which needs root.
    """
    rng = random.Random(seed)
    rig = Rig(base, replica_base=volume, **properties)
    # What a comparison by size and time cannot see, nobody asks of a synchronisation by size and time.
    without = ("op_same_size_and_time",) if properties.get("ignore_same_size_time", True) else ()
    churn = Churn(
        seed, [os.fsencode(path) for path in rig.masters], os.fsencode(rig.outside), threads, without
    )
    mischief = _Mischief(rig, rng, full_disk=volume is not None, tiny_queues=tiny_queues)
    moments: list[Moment] = []
    try:
        churn.resume()
        time.sleep(0.2)
        mischief.run()
        for number in range(rounds):
            churn.resume()
            for _ in range(rng.randrange(1, 4)):
                time.sleep(rng.random() * 0.5)
                mischief.make()
            churn.pause()
            rig.free_disk()
            try:
                with contextlib.suppress(RefusedError):
                    rig.master.call("resume", rig.id)
                if churn.unseen:
                    # What no event tells of is found by a walk, as at each start.
                    churn.unseen = 0
                    rig.master.kill()
                    rig.master.start()
                rig.converge()
                _check_change_lists(rig, moments)
            except (AssertionError, GoneError) as error:
                raise AssertionError(f"round {number}, after {mischief.done}: {error}") from error
            if rng.random() < 0.6:
                moments.append(_moment(rig, f"quiet {number}"))
        rig.master.call("stop", rig.id)
        rng.shuffle(moments)
        for moment in moments[:_REWINDS_MOST]:
            _check_rewinding(rig, moment)
            _check_change_lists(rig, moments)
        for engine in (rig.master, rig.replica):
            assert engine.close() == [], f"{engine.role} leaves threads behind: {engine.tail()}"
        rig.assert_no_exceptions()
    finally:
        churn.close()
        rig.free_disk()
        rig.abandon()
    return churn.done


class _Mischief:
    """What may befall the engines, by the seed."""

    def __init__(self, rig: Rig, rng: random.Random, *, full_disk: bool, tiny_queues: bool) -> None:
        self._rig = rig
        self._rng = rng
        self._tiny_queues = tiny_queues
        self._kinds = ["nothing", "suspend", "cut", "kill master", "kill replica", "kill both", "synchronize",
                       "stop and run"]  # fmt: skip
        if full_disk:
            self._kinds += ["full disk", "full disk, kill replica"]
        self.done: list[str] = []

    def run(self) -> None:
        """Run the scenario."""
        self._rig.master.call("queue", self._choose_queue())
        self._rig.master.call("run", self._rig.id)

    def make(self) -> None:
        """Do one thing."""
        rig, rng = self._rig, self._rng
        what = rng.choice(self._kinds)
        self.done.append(what)
        with contextlib.suppress(RefusedError):
            if what == "suspend":
                rig.master.call("suspend", rig.id)
                time.sleep(rng.random() * 0.4)
                rig.master.call("resume", rig.id)
            elif what == "cut":
                rig.master.call("cut")
            elif what == "synchronize":
                rig.master.call("synchronize", rig.id)
            elif what == "stop and run":
                rig.master.call("stop", rig.id)
                self.run()
            elif what.startswith("full disk"):
                rig.fill_disk()
                time.sleep(rng.random() * 0.5)
        killed = [
            engine
            for engine in (rig.master, rig.replica)
            if f"kill {engine.role}" in what or what == "kill both"
        ]
        for engine in killed:
            engine.kill()
        if killed:
            time.sleep(rng.random() * 0.1)
        if what.startswith("full disk") and rng.random() < 0.6:
            rig.free_disk()
        for engine in reversed(killed):
            if engine is rig.master:
                self._choose_queue()
            engine.start()

    def _choose_queue(self) -> int:
        """At times, room for a few events only in the queues that the master opens from now on."""
        tiny = self._tiny_queues and self._rng.random() >= 0.5
        if tiny:
            self.done.append("tiny queue")
        self._rig.master.queue_events = _TINY if tiny else 0
        return self._rig.master.queue_events


def _moment(rig: Rig, text: str) -> Moment:
    point = rig.master.call("bookmark", rig.id, text)
    rig.converge()
    incarnation, change = rig.replica.call("position", rig.id)
    return Moment(point, incarnation, change, rig.pictures())


def _check_rewinding(rig: Rig, moment: Moment) -> None:
    rig.replica.call("rewind", rig.id, moment.point)
    for wanted, got in zip(moment.pictures, rig.pictures(), strict=True):
        found = differences(wanted, got)
        assert not found, "rewound is not what it was:\n" + "\n".join(found[:10])


def _check_change_lists(rig: Rig, moments: list[Moment]) -> None:
    """A backup of only what the replica lists as changed since a moment is all that is there now."""
    now = rig.pictures()
    for moment in moments:
        rows = rig.replica.call("changed_since", rig.id, moment.incarnation, moment.change)
        assert rows is not None, "nothing was lost, and yet the replica cannot tell what changed"
        for root, (base, there) in enumerate(zip(moment.pictures, now, strict=True)):
            changes = [(bytes.fromhex(path), kind) for number, path, kind in rows if number == root]
            backup = backed_up(without_groups(base), changes, without_groups(there))
            found = differences(without_groups(there), backup)
            assert not found, "not all that changed is listed:\n" + "\n".join(found[:10])
