"""How many scenarios need somebody, in the pills of the XOsoft Manager's header."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus
from app.ui.widgets.status import Pill
from app.ui.xosoft.scenario_rows import is_braked


def show_pills(pills: Mapping[str, Pill], statuses: Sequence[ScenarioStatus]) -> int:
    """Show what is wrong, what waits and what flows; how many need attention."""
    states = [replica.state for status in statuses for replica in status.replicas]
    bad = sum(
        status.state in (ScenarioState.PROBLEM, ScenarioState.NOT_AUTHORIZED) and not is_braked(status)
        for status in statuses
    )
    braked = states.count(ReplicaState.BRAKED)
    suspended = states.count(ReplicaState.SUSPENDED)
    flowing = states.count(ReplicaState.REPLICATING)
    words = [f"{bad} with a problem"] if bad else []
    words += [f"{braked} braked"] if braked else []
    pills["error"].set_pill(", ".join(words), "octagon-alert", "error")
    pills["warning"].set_pill(f"{suspended} suspended" if suspended else "", "circle-pause", "warning")
    pills["ok"].set_pill(f"{flowing} replicating" if flowing else "", "circle-play", "ok")
    return bad + braked
