"""How long answers about a scenario may take is the scenario's own property."""

from dataclasses import replace

import pytest

from app.agent.patience import DEFAULT_TIMEOUT_S, Patience
from app.agent.pipe import PipeCaller, make_pipe
from app.model.errors import BusyError, NotFoundError
from app.model.scenario import (
    ProductType,
    Scenario,
    ScenarioProperties,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)


class About:
    def __init__(self, scenario_id):
        self.scenario_id = scenario_id


class Host:
    """Knows scenario 7 alone; its answers to anything else are late."""

    def __init__(self, seconds):
        properties = ScenarioProperties(timeout_seconds=seconds)
        scenario = Scenario(7, "files", ServerType.FILE_SERVER, ProductType.DR, "localhost", (), ())
        self.status = ScenarioStatus(replace(scenario, properties=properties), ScenarioState.REPLICATING)
        self.made = []

    def call(self, name, request, timeout_s):
        self.made.append((name, timeout_s))
        if name != "GetScenario":
            raise BusyError("AE0469", name=str(request.scenario_id), id=request.scenario_id)
        if request.scenario_id != 7:
            raise NotFoundError("ER00250", id=request.scenario_id)
        return self.status

    def patience(self):
        return Patience(self.call, lambda reply: reply, About)


def test_a_scenarios_own_time_holds_and_the_error_has_its_name():
    host = Host(5)
    patience = host.patience()
    for _ in range(2):
        with pytest.raises(BusyError) as late:
            patience.call("ListDrift", About(7))
        assert late.value.params["name"] == "files"
    assert host.made == [("GetScenario", 8.0), ("ListDrift", 5.0), ("ListDrift", 5.0)]


def test_a_call_with_a_time_of_its_own_keeps_it():
    host = Host(5)
    with pytest.raises(BusyError):
        host.patience().call("Rewind", About(7), timeout_s=900.0)
    assert host.made == [("Rewind", 900.0)]


def test_where_the_scenario_is_not_known_it_is_three_minutes():
    host = Host(5)
    with pytest.raises(BusyError) as late:
        host.patience().call("ListDrift", About(8))
    assert late.value.params["name"] == "8"
    assert host.made[-1] == ("ListDrift", DEFAULT_TIMEOUT_S)


def test_of_a_process_that_stands_still_it_is_told_for_how_long(monkeypatch):
    monkeypatch.setattr("app.agent.pipe.PULSE_S", 0.1)
    monkeypatch.setattr("app.agent.pipe.STALLED_S", 0.2)
    ours, theirs = make_pipe()
    caller = PipeCaller(ours, "replica", lambda: None)
    try:
        for _ in range(2):
            with pytest.raises(BusyError) as late:
                caller.call("drift", timeout_s=60.0)
            assert 0.2 < float(late.value.params["seconds"]) < 30
    finally:
        theirs.close()
        caller.close()
