"""Actions are enabled exactly when they make sense, and say why not."""

from __future__ import annotations

import pytest

from app.model.scenario import ReplicaState, ScenarioState
from app.ui.xosoft.actions import Act, command_line, why_not
from tests.support.memory_services import scenario, status_of


def status(state, replica):
    return status_of(scenario(1, "Files", ["/srv"]), state, replica)


RUN, STOPPED = ScenarioState.REPLICATING, ScenarioState.STOPPED
CASES = [
    (STOPPED, ReplicaState.STOPPED, {Act.RUN, Act.RESTORE_DATA, Act.DELETE, Act.DIFFERENCE}),
    (
        RUN,
        ReplicaState.REPLICATING,
        {Act.STOP, Act.SUSPEND, Act.SYNCHRONIZE, Act.BOOKMARK, Act.DIFFERENCE},
    ),
    (RUN, ReplicaState.SUSPENDED, {Act.STOP, Act.RESUME, Act.BOOKMARK, Act.DIFFERENCE}),
    (ScenarioState.SYNCHRONIZING, ReplicaState.SYNCHRONIZING, {Act.STOP, Act.DIFFERENCE}),
    (ScenarioState.STOPPING, ReplicaState.STOPPED, {Act.DIFFERENCE}),
    (ScenarioState.PROBLEM, ReplicaState.DISCONNECTED, {Act.RUN, Act.STOP, Act.DIFFERENCE}),
    (ScenarioState.NOT_AUTHORIZED, ReplicaState.STOPPED, set()),
]


@pytest.mark.parametrize(("state", "replica", "possible"), CASES)
def test_exactly_these_actions_are_possible(state, replica, possible):
    now = status(state, replica)
    assert {act for act in Act if not why_not(act, now)} == possible


def test_nothing_is_possible_without_a_scenario():
    assert all(why_not(act, None) for act in Act)


def test_a_command_quotes_the_name():
    assert command_line(Act.RUN, "Branch Files") == "arcxo scenario run 'Branch Files'"
