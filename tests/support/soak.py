"""Random work for a while: a failure names the seed that takes it again."""

from __future__ import annotations

import os
import secrets
import shutil
import time
from collections.abc import Callable
from pathlib import Path


def soak(base: Path, once: Callable[[Path, int, float], object]) -> None:
    """Call `once(directory, seed, until)` until the time is over, at least once, in a new directory each.

    `ARCXO_SOAK_SECONDS` is how long (two minutes), `until` when that is (`time.monotonic`); `ARCXO_SEED=N`
    takes one seed again. The directory is left where something failed.
    """
    until = time.monotonic() + float(os.environ.get("ARCXO_SOAK_SECONDS", "120"))
    number = 0
    while number == 0 or time.monotonic() < until:
        seed = int(os.environ.get("ARCXO_SEED", "0")) or secrets.randbits(32)
        print(f"seed {seed}")
        directory = base / str(number)
        directory.mkdir()
        try:
            once(directory, seed, until)
        except BaseException as error:
            error.add_note(f"ARCXO_SEED={seed} takes it again; files in {directory}")
            raise
        shutil.rmtree(directory)
        number += 1
