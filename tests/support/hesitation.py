"""Threads of a master that stop for a moment here and there, as on a machine with far too much to do.

What happens between two steps of a thread on an idle machine once in a year happens here in minutes.
"""

from __future__ import annotations

import random
import time
from typing import Any

from app.replication.capture.linux import InotifySource
from app.replication.capture.table import WatchTable
from app.replication.master import sweeps
from app.replication.master.compare import Comparer
from app.replication.master.looking_again import LookingAgain
from app.replication.master.names import Names
from app.replication.master.outlet import Outlet
from app.replication.master.recorder import Recorder
from app.replication.master.shadow import Shadow, ShadowReader
from app.replication.master.troubles import Troubles

HESITATE = "ARCXO_HESITATE"
"""Names the variable with the share of calls after and before which an engine of a test hesitates."""
_LONGEST_S = 0.2
WHERE: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (InotifySource, ("_on_left", "_on_arrived", "_appeared", "on_event", "settle")),
    (WatchTable, ("watch", "check", "end_check", "drop")),
    (Comparer, ("compare",)),
    (Names, ("move",)),
    (Recorder, ("_record",)),
    (LookingAgain, ("leftovers", "reminders")),
    (Outlet, ("commit",)),
    (Shadow, ("commit",)),
    (ShadowReader, ("__init__",)),
    (Troubles, ("take",)),
    (sweeps, ("sweep",)),
)
"""Modules and classes with the names of what hesitates in them."""


def hesitate(share: float) -> None:
    """From now on, in this process."""
    rng = random.Random()

    def pause() -> None:
        if rng.random() < share:
            # Mostly for very short, which lets another thread in between; seldom for long.
            time.sleep(rng.random() ** 4 * _LONGEST_S)

    def wrap(owner: Any, name: str) -> None:
        original = getattr(owner, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            pause()
            result = original(*args, **kwargs)
            pause()
            return result

        setattr(owner, name, call)

    for owner, names in WHERE:
        for name in names:
            wrap(owner, name)
