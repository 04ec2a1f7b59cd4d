"""Actions are enabled exactly when they make sense, and say why not."""

from __future__ import annotations

import pytest

from app.model.scenario import ReplicaState, ScenarioState
from app.ui.xosoft.actions import Act, able, command_line, together_text, why_not, why_not_together
from tests.support.memory_services import scenario, status_of


def status(state, replica):
    return status_of(scenario(1, "Files", ["/srv"]), state, replica)


ALWAYS = {Act.DIFFERENCE, Act.DUPLICATE, Act.EXPORT, Act.REGISTER, Act.TEMPLATE}
RUN, STOPPED = ScenarioState.REPLICATING, ScenarioState.STOPPED
CASES = [
    (STOPPED, ReplicaState.STOPPED, {Act.RUN, Act.RESTORE_DATA, Act.DELETE, Act.EDIT}),
    (
        RUN,
        ReplicaState.REPLICATING,
        {Act.STOP, Act.SUSPEND, Act.SYNCHRONIZE, Act.BOOKMARK},
    ),
    (RUN, ReplicaState.SUSPENDED, {Act.STOP, Act.RESUME, Act.BOOKMARK}),
    (ScenarioState.SYNCHRONIZING, ReplicaState.SYNCHRONIZING, {Act.STOP}),
    (ScenarioState.STOPPING, ReplicaState.STOPPED, set()),
    (ScenarioState.PROBLEM, ReplicaState.DISCONNECTED, {Act.RUN, Act.STOP}),
]


@pytest.mark.parametrize(("state", "replica", "possible"), CASES)
def test_exactly_these_actions_are_possible(state, replica, possible):
    now = status(state, replica)
    assert {act for act in Act if not why_not(act, now)} == possible | ALWAYS


def test_nothing_is_possible_without_authorization():
    now = status(ScenarioState.NOT_AUTHORIZED, ReplicaState.STOPPED)
    assert all(why_not(act, now) for act in Act)


def test_a_group_does_together_what_some_of_it_can():
    running, stopped = status(RUN, ReplicaState.REPLICATING), status(STOPPED, ReplicaState.STOPPED)
    members = (running, stopped, stopped)
    assert able(Act.RUN, members) == (stopped, stopped)
    assert why_not_together(Act.RUN, members) == ""
    assert together_text(Act.RUN, members, "Branches") == "Run 2 of 3 scenarios of Branches"
    assert why_not_together(Act.STOP, (stopped, stopped)) == "The scenario is stopped"
    assert why_not_together(Act.DELETE, members) == "Select one scenario"
    assert why_not_together(Act.RESUME, members) == "No scenario of the group is in a state for this"
    assert why_not_together(Act.RUN, ()) == "The group has no scenario"


def test_nothing_is_possible_without_a_scenario():
    assert all(why_not(act, None) for act in Act)


def test_a_command_quotes_the_name():
    assert command_line(Act.RUN, "Branch Files") == "arcxo scenario run 'Branch Files'"
