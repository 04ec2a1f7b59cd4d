"""Why changes wait for a replica, in words."""

from __future__ import annotations

from dataclasses import dataclass

from app.model.scenario import ReplicaState
from app.replication.master.hints import Behind

_SILENT_S = 15.0
AWAY_S = 7.0
"""A replica without a sign of life for so long is shown as disconnected; it is asked for one every 3 s."""
_UNRECORDED_FROM_S = 1.0
_COSTLY_S = 0.2
_STREAMING = (ReplicaState.REPLICATING, ReplicaState.SYNCHRONIZING)


@dataclass(frozen=True, slots=True)
class Wait:
    """What is known of a replica that changes may wait for.

    `kbps` is the limit of bandwidth that holds something back now (0 = none does), `silent_s` how long the
    replica said nothing while something was expected of it.
    """

    state: ReplicaState
    reason: str
    operations: int | None
    unanswered: bool = False
    kbps: int = 0
    silent_s: float = 0.0


def shown_state(state: ReplicaState, reason: str, silent_s: float) -> tuple[ReplicaState, str]:
    """What is shown. The stream of a silent replica stands until the scenario's time-out."""
    if state in _STREAMING and silent_s > AWAY_S:
        return ReplicaState.DISCONNECTED, "The replica gives no sign of life; its host or the network is away"
    return state, reason


def explain(wait: Wait) -> str:
    """A sentence without its full stop; "" when nothing waits and nothing is wrong."""
    cause = _cause(wait)
    if wait.operations:
        changes = "1 change" if wait.operations == 1 else f"{wait.operations:,} changes"
        return f"{changes} waiting: {cause or 'being sent'}"
    return cause


def _cause(wait: Wait) -> str:
    match wait.state:
        case ReplicaState.SUSPENDED:
            return "paused by suspension"
        case ReplicaState.DISCONNECTED:
            return f"replica unreachable: {wait.reason}"
        case ReplicaState.PROBLEM | ReplicaState.BRAKED | ReplicaState.REWINDING:
            return wait.reason
        case ReplicaState.CONNECTING:
            # A script that must end well before the synchronisation tells here what it is about.
            return wait.reason or "connecting to the replica"
    if wait.silent_s > _SILENT_S:
        return f"the replica has not answered for {wait.silent_s:.0f} s"
    if wait.kbps:
        return f"limit {wait.kbps:,} Kbps"
    if wait.state is ReplicaState.SYNCHRONIZING:
        return "synchronising"
    return "the replica is applying them" if wait.unanswered and wait.operations else ""


def unrecorded(behind: Behind | None, path: str) -> str:
    """Why changes are not recorded yet, in words; "" when that is no time to speak of.

    `path`: the whole path of the one that was told of first.
    """
    if behind is None or behind.seconds < _UNRECORDED_FROM_S:
        return ""
    paths = "1 changed path" if behind.paths == 1 else f"{behind.paths:,} changed paths"
    took = f"reading it took {behind.cost_s:.1f} s" if behind.cost_s >= _COSTLY_S else ""
    if behind.due_s is None:
        cause = f"{path} is being read" + (f" ({took} before)" if took else "")
    elif took:
        cause = f"{path} changes while it is read; {took}, it is read again in {behind.due_s:.0f} s"
    else:
        cause = f"changes of {path} are gathered into one"
    return f"{paths} not recorded yet: {cause}"
