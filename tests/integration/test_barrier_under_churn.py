"""After a barrier the replica is what the master is, whatever was done before: else it was lost in silence.

A failure names its seed; `ARCXO_SEED=N` takes it again, though threads do not do it in the same order twice.
`ARCXO_SOAK_SECONDS` is how long the deep form goes on (two minutes). With the temporary directory on ext4,
inode numbers are used again at once, which a tmpfs never does.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.barrier_rounds import run_rounds
from tests.support.hesitation import WHERE
from tests.support.soak import soak

_ROUNDS = 60
_HESITATING = (0.0, 0.005, 0.02)


def test_a_few_rounds_leave_nothing_different(tmp_path: Path) -> None:
    assert run_rounds(tmp_path, 7, 2, churn_s=0.1) == 2


def test_all_is_there_that_hesitates_in_the_long_form() -> None:
    assert [(owner, name) for owner, names in WHERE for name in names if not hasattr(owner, name)] == []


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_many_rounds_leave_nothing_different(tmp_path: Path) -> None:
    def once(directory: Path, seed: int, until: float) -> None:
        done = run_rounds(
            directory,
            seed,
            _ROUNDS,
            churn_s=0.3,
            until=until,
            tiny_queue=os.geteuid() == 0 and seed % 4 == 0,
            hesitating=_HESITATING[seed % len(_HESITATING)],
        )
        print(f"{done} rounds")

    soak(tmp_path, once)
