"""Whatever is done to the roots and to the engines, the replica ends identical, and rewinds exactly.

A failure names its seed; `ARCXO_SEED=N pytest -m deep tests/integration/test_convergence.py` takes it again.
`ARCXO_SOAK_SECONDS` is how long the soak goes on (two minutes).
"""

from __future__ import annotations

import os
import secrets
import time
from pathlib import Path

import pytest

from tests.support.convergence_rig import run_once


def _properties(seed: int) -> dict[str, object]:
    return {"sync": ("file", "block")[seed % 2], "ignore_same_size_time": seed % 3 != 0}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 3])
def test_churn_and_kills_converge(tmp_path: Path, seed: int) -> None:
    done = run_once(tmp_path, seed, 4, properties=_properties(seed))
    assert sum(done.values()) > 100


@pytest.mark.deep
@pytest.mark.timeout(0)
def test_soak_of_churn_and_kills(tmp_path: Path) -> None:
    until = time.monotonic() + float(os.environ.get("ARCXO_SOAK_SECONDS", "120"))
    number = 0
    while number == 0 or time.monotonic() < until:
        seed = int(os.environ.get("ARCXO_SEED", "0")) or secrets.randbits(32)
        print(f"seed {seed}")
        directory = tmp_path / str(number)
        directory.mkdir()
        try:
            run_once(directory, seed, 6, threads=1 + seed % 4, properties=_properties(seed))
        except BaseException as error:
            error.add_note(f"ARCXO_SEED={seed} takes it again; files in {directory}")
            raise
        number += 1
