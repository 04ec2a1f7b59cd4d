"""Going on after a process of an agent was killed: it is started again, and knows where it was."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from app.jobs.connections import JobConnections
from app.jobs.control import JobControl
from app.model.errors import ArcxoError

T = TypeVar("T")
AGENT_LOST = frozenset({"AE1001", "AE1016", "AE1025"})
"""The worker, a role or the agent itself ended."""
_STILL_BUSY = "AE1050"
"""What a server that died had begun is just being given up there."""
_TRIES = 6
_PAUSE_S = 1.0


def patiently(control: JobControl, agents: JobConnections, host: str, work: Callable[[], T]) -> T:
    """What `work` returns; done again, with a new connection, when the agent of the host was lost meanwhile.

    Raises what the last try raises, and CanceledError E5131.
    """
    for attempt in range(1, _TRIES):
        try:
            return work()
        except ArcxoError as error:
            control.check_cancelled()
            if error.code not in AGENT_LOST and error.code != _STILL_BUSY:
                raise
            if error.code in AGENT_LOST:
                control.note("W5153", host=host, reason=error.code)
                agents.drop(host)
            until = time.monotonic() + _PAUSE_S * attempt
            control.wait_for("the agent to come back", lambda at=until: time.monotonic() >= at)  # type: ignore[misc]
    return work()
