from __future__ import annotations

import pytest

from app.model.scenario import ReplicaState
from app.replication.master.waiting import AWAY_S, shown_state


@pytest.mark.parametrize("state", [ReplicaState.REPLICATING, ReplicaState.SYNCHRONIZING])
def test_a_replica_without_a_sign_of_life_is_shown_as_disconnected(state: ReplicaState) -> None:
    shown, reason = shown_state(state, "", AWAY_S + 0.1)
    assert shown is ReplicaState.DISCONNECTED
    assert "no sign of life" in reason
    assert shown_state(state, "as it was", AWAY_S) == (state, "as it was")


@pytest.mark.parametrize("state", [ReplicaState.SUSPENDED, ReplicaState.PROBLEM, ReplicaState.BRAKED])
def test_what_else_is_the_matter_with_it_stays_shown(state: ReplicaState) -> None:
    assert shown_state(state, "why", 1_000.0) == (state, "why")
