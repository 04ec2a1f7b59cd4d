"""When each scenario action makes sense, and the reason when it does not. Qt-free."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from enum import Enum

from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus


class Act(Enum):
    """What a person can do to a scenario."""

    RUN = "run"
    STOP = "stop"
    SUSPEND = "suspend"
    RESUME = "resume"
    SYNCHRONIZE = "synchronize"
    BOOKMARK = "bookmark"
    DIFFERENCE = "difference"
    RESTORE_DATA = "rewind"
    DELETE = "delete"
    EDIT = "set"
    DUPLICATE = "create"
    EXPORT = "export"
    REGISTER = "register"
    TEMPLATE = "template save"


TOGETHER = frozenset({Act.RUN, Act.STOP, Act.SUSPEND, Act.RESUME, Act.SYNCHRONIZE, Act.BOOKMARK})
"""What can be done to all scenarios of a group at once."""
_RUNS = (ScenarioState.STARTING, ScenarioState.SYNCHRONIZING, ScenarioState.REPLICATING)
_STOPPED_ONLY = (Act.RESTORE_DATA, Act.DELETE, Act.EDIT)
_OF_DEFINITION = (Act.DIFFERENCE, Act.DUPLICATE, Act.EXPORT, Act.REGISTER, Act.TEMPLATE)


def why_not(act: Act, status: ScenarioStatus | None) -> str:
    """Why `act` is not possible now, for a tooltip; empty when it is."""
    if status is None:
        return "Select a scenario first"
    state = status.state
    if state is ScenarioState.NOT_AUTHORIZED:
        return "You are not authorized for this scenario"
    if act in _OF_DEFINITION:
        return "The scenario's host cannot be asked" if state is ScenarioState.UNKNOWN else ""
    if act is Act.RUN:
        if state in (ScenarioState.STOPPED, ScenarioState.PROBLEM):
            return ""
        return "The scenario is stopping" if state is ScenarioState.STOPPING else "The scenario is running"
    if act is Act.STOP:
        if state is ScenarioState.STOPPED:
            return "The scenario is stopped"
        return "The scenario is stopping" if state is ScenarioState.STOPPING else ""
    if act in _STOPPED_ONLY:
        return "" if state is ScenarioState.STOPPED else "Stop the scenario first"
    return _why_not_live(act, status)


def _why_not_live(act: Act, status: ScenarioStatus) -> str:
    if status.state not in _RUNS:
        return "Run the scenario first"
    suspended = any(replica.state is ReplicaState.SUSPENDED for replica in status.replicas)
    if act is Act.RESUME:
        return "" if suspended else "No replica is suspended"
    if status.state is not ScenarioState.REPLICATING:
        return "Wait until the scenario replicates"
    if act is Act.SUSPEND:
        if not status.scenario.properties.suspend_enabled:
            return "Suspending is off in the scenario's properties"
        if any(replica.state is ReplicaState.REPLICATING for replica in status.replicas):
            return ""
        return "No replica is replicating"
    if act is Act.SYNCHRONIZE and suspended:
        return "Resume the replica first"
    return ""


def able(act: Act, members: Sequence[ScenarioStatus]) -> tuple[ScenarioStatus, ...]:
    """The scenarios of a group to which `act` is possible now."""
    return tuple(status for status in members if not why_not(act, status)) if act in TOGETHER else ()


def why_not_together(act: Act, members: Sequence[ScenarioStatus]) -> str:
    """Why `act` is possible to no scenario of a group; empty when it is to one."""
    if act not in TOGETHER:
        return "Select one scenario"
    if not members:
        return "The group has no scenario"
    if able(act, members):
        return ""
    reasons = {why_not(act, status) for status in members}
    return reasons.pop() if len(reasons) == 1 else "No scenario of the group is in a state for this"


def together_text(act: Act, members: Sequence[ScenarioStatus], group: str) -> str:
    """To whom `act` is done when a group is in view."""
    count = len(able(act, members))
    whom = "the scenario" if len(members) == 1 else f"{count} of {len(members)} scenarios"
    return f"{act.value.capitalize()} {whom} of {group}"


def command_line(act: Act, name: str) -> str:
    """The same act as a command."""
    return shlex.join(["arcxo", "scenario", act.value, name])
