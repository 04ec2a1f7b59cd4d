"""After a barrier the replica is what the master is, whatever was done before: else it was lost in silence.

A failure names its seed; `ARCXO_SEED=N` takes it again, though threads do not do it in the same order twice.
`ARCXO_SOAK_SECONDS` is how long the deep form goes on (two minutes). With the temporary directory on ext4,
inode numbers are used again at once, which a tmpfs never does.
"""

from __future__ import annotations

import os
import secrets
import shutil
import time
from pathlib import Path

import pytest

from tests.support.barrier_rounds import run_rounds

_ROUNDS = 60
_HESITATING = (0.0, 0.005, 0.02)


def test_a_few_rounds_leave_nothing_different(tmp_path: Path) -> None:
    assert run_rounds(tmp_path, 7, 2, churn_s=0.1) == 2


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_many_rounds_leave_nothing_different(tmp_path: Path) -> None:
    until = time.monotonic() + float(os.environ.get("ARCXO_SOAK_SECONDS", "120"))
    number = done = 0
    while number == 0 or time.monotonic() < until:
        seed = int(os.environ.get("ARCXO_SEED", "0")) or secrets.randbits(32)
        print(f"seed {seed}")
        directory = tmp_path / str(number)
        directory.mkdir()
        try:
            done = run_rounds(
                directory,
                seed,
                _ROUNDS,
                churn_s=0.3,
                until=until,
                tiny_queue=os.geteuid() == 0 and seed % 4 == 0,
                hesitating=_HESITATING[seed % len(_HESITATING)],
            )
        except BaseException as error:
            error.add_note(f"ARCXO_SEED={seed} takes it again; files in {directory}")
            raise
        print(f"{done} rounds")
        shutil.rmtree(directory)
        number += 1
