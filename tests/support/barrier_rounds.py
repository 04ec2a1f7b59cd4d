"""Rounds of a churn, a barrier and an exact comparison: whatever differs then was lost in silence."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.support.barrier_churn import BarrierChurn, Journal
from tests.support.convergence_rig import Rig, differences
from tests.support.hesitation import HESITATE
from tests.support.trees import picture

_SHOWN = 40
_LATER_S = 5
_LENGTHS = (0.1, 0.3, 0.6, 1.0, 1.5)
_journal: Journal | None = None


def journal() -> Journal:
    """The one of this process: a hook for audits stays."""
    global _journal  # noqa: PLW0603 - see above
    if _journal is None:
        _journal = Journal()
    return _journal


def run_rounds(
    base: Path,
    seed: int,
    rounds: int,
    *,
    churn_s: float,
    until: float = float("inf"),
    tiny_queue: bool = False,
    hesitating: float = 0.0,
) -> int:
    """At most `rounds` of them, until `until` (time.monotonic); how many. Fails naming what differs.

    `tiny_queue`: the kernel keeps 64 events at most, which needs root. `hesitating`: see `HESITATE`.
    """
    rng = random.Random(seed)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(HESITATE, str(hesitating or ""))
        rig = Rig(
            base,
            queue_events=64 if tiny_queue else 0,
            ignore_same_size_time=False,
            sync=rng.choice(("file", "block")),
        )
    churn = BarrierChurn(
        seed, [os.fsencode(path) for path in rig.masters], os.fsencode(rig.outside), 1 + seed % 3
    )
    number = 0
    try:
        rig.master.call("run", rig.id)
        rig.converge()
        while number < rounds and (number == 0 or time.monotonic() < until):
            journal().begin()
            churn.resume_with(links=rng.random() < 0.5)
            time.sleep(churn_s * rng.choice(_LENGTHS))
            churn.pause()
            journal().end()
            rig.master.call("barrier", rig.id, 60)
            _check(rig, f"seed {seed}, round {number}, {'links' if churn.links else 'writes'}")
            number += 1
        assert rig.master.close() == []
        assert rig.replica.close() == []
        rig.assert_no_exceptions()
    finally:
        churn.close()
        rig.abandon()
    return number


def _check(rig: Rig, what: str) -> None:
    for ours, theirs in zip(rig.masters, rig.replicas, strict=True):
        wanted, got = picture(ours), picture(theirs)
        found = differences(wanted, got)
        if not found:
            continue
        time.sleep(_LATER_S)
        lasting = differences(picture(ours), picture(theirs))
        paths = {path for path in wanted.keys() | got.keys() if wanted.get(path) != got.get(path)}
        for group in [wanted.get(path, (b"",))[-1] for path in paths]:
            paths.update(group if isinstance(group, tuple) else ())
        raise AssertionError(
            f"{what}, {ours.name}: {len(found)} differences, {len(lasting)} of them after {_LATER_S} s\n"
            + "\n".join(found[:_SHOWN])
            + "\n\ndone:\n"
            + "\n".join(journal().about({path.rpartition(b"/")[2] for path in paths}))
            + f"\n\n{rig.master.call('problems', rig.id)}\n{rig.logs()}"
        )
