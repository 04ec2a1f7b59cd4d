"""A scenario that is just being connected, as after a start of its hosts, is waited for a little."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from app.jobs.control import JobControl
from app.model.errors import BusyError
from app.model.scenario import ReplicaState

T = TypeVar("T")
_NOT_REPLICATING = "AE0465"
_PATIENCE_S = 60.0


def once_connected(control: JobControl, scenario: str, work: Callable[[], T]) -> T:
    """What `work` returns; tried again, visibly, for a minute while it says that the replica is connecting.

    A job that was missed while the machine was off is due as soon as it is on, before its scenario runs.

    Raises:
        BusyError: AE0465 it still is not, or is stopped. CanceledError: E5131. What `work` raises.
    """
    found: list[T] = []
    refusals: list[BusyError] = []

    def is_done() -> bool:
        try:
            found.append(work())
        except BusyError as error:
            connecting = error.params.get("state") == ReplicaState.CONNECTING.value
            if error.code != _NOT_REPLICATING or not connecting:
                raise
            refusals.append(error)
            return False
        return True

    text = f"scenario {scenario}: its replica is being connected"
    if not control.wait_for(text, is_done, timeout_s=_PATIENCE_S, poll_s=0.5):
        raise refusals[-1]
    return found[0]
