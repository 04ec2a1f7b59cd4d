"""Going on after an agent was lost: it is started again, or reached again, and knows where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.model.errors import ArcxoError

T = TypeVar("T")
UNREACHABLE = "AE1001"
"""The agent ended, or the way to its host is cut."""
AGENT_LOST = frozenset({UNREACHABLE, "AE1016", "AE1025"})
"""That, or a role or the worker ended."""
_STILL_BUSY = "AE1050"
"""What a server that died had begun is just being given up there."""
_TRIES = 6
_OUTAGES = 20
_OUTAGE_S = 600.0
_NEVER_REACHED_S = 60.0
_PROGRESS_S = 60.0
_PAUSE_S = 1.0
_PAUSE_MOST_S = 15.0


def patiently(
    control: JobControl,
    agents: JobConnections,
    host: str,
    work: Callable[[], T],
    clock: Callable[[], float] = time.monotonic,
) -> T:
    """What `work` returns; done again, with a new connection, when the agent of the host was lost meanwhile.

    A process that ends is waited for a few times, a host that cannot be reached for ten minutes, one that was
    not reached at all for one; a try of a minute was no part of the outage before it.

    Raises what the last try raises, and CanceledError E5131.
    """
    ended = outages = 0
    away_until: float | None = None
    pause = _PAUSE_S
    while True:
        began = clock()
        try:
            return work()
        except ArcxoError as error:
            control.check_cancelled()
            if error.code not in AGENT_LOST and error.code != _STILL_BUSY:
                raise
            same_outage = error.code == UNREACHABLE and away_until is not None
            if same_outage and clock() - began <= _PROGRESS_S:
                pause = min(2 * pause, _PAUSE_MOST_S)
            else:
                patience = _OUTAGE_S if _has_begun(control) else _NEVER_REACHED_S
                away_until = clock() + patience if error.code == UNREACHABLE else None
                outages += error.code == UNREACHABLE
                ended += error.code != UNREACHABLE
                pause = _PAUSE_S * max(1, ended)
                if error.code in AGENT_LOST:
                    control.note("W5153", host=host, reason=error.code)
            if ended >= _TRIES or outages > _OUTAGES or (away_until is not None and clock() > away_until):
                raise
            if error.code in AGENT_LOST:
                agents.drop(host)
        until = clock() + pause
        control.wait_for("the agent to come back", lambda at=until: clock() >= at)  # type: ignore[misc]


def _has_begun(control: JobControl) -> bool:
    """Whether something was asked of an agent in this run: what it has done is worth some waiting."""
    state = control.state
    return state.session is not None or state.files > 0
