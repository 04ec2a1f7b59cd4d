"""A replica's process that is stopped where it stands: all that waits for it ends, and says for what."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from app.agent.api import Agent
from app.agent.client import connect_local
from app.agent.home import AgentHome
from app.model.errors import ArcxoError, BusyError
from app.model.scenario import (
    NewScenario,
    ReplicaSpec,
    ReplicaState,
    ReplicaStatus,
    Root,
    ScenarioProperties,
    ScenarioState,
)
from tests.support.agent_processes import children_of, running_agent, wait_until

pytestmark = pytest.mark.slow


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def agent(home: Path) -> Iterator[Agent]:
    with running_agent(home) as client:
        yield client


def _replica(agent: Agent, scenario_id: int) -> ReplicaStatus:
    return agent.scenario(scenario_id).replicas[0]


def test_a_stopped_replica_process_is_noticed_named_and_caught_up_with(
    agent: Agent, home: Path, tmp_path: Path
) -> None:
    master, replica = tmp_path / "master", tmp_path / "replica"
    master.mkdir()
    (master / "first").write_text("first")
    scenario_id = agent.create_scenario(
        NewScenario(
            "files",
            "localhost",
            (ReplicaSpec("localhost", (os.fsencode(replica),)),),
            (Root(os.fsencode(master)),),
            properties=ScenarioProperties(spool_min_free_mb=0, timeout_seconds=4),
        )
    ).id
    agent.run(scenario_id)
    wait_until(lambda: agent.scenario(scenario_id).state is ScenarioState.REPLICATING)
    info = AgentHome(str(home)).running()
    assert info is not None
    (stopped,) = children_of(info.pid, "replica")
    impatient = connect_local(str(home), timeout_s=1.5)
    os.kill(stopped, signal.SIGSTOP)
    try:
        (master / "second").write_text("second")
        wait_until(lambda: _replica(agent, scenario_id).state is ReplicaState.DISCONNECTED, 30)
        status = _replica(agent, scenario_id)
        assert "waiting: replica unreachable: " in status.waiting
        assert status.waiting_operations > 0
        began = time.monotonic()
        with pytest.raises(BusyError, match="ER00250") as late:
            agent.barrier(scenario_id, 1.0)
        assert "replica unreachable" in late.value.params["what"]
        for call, work in {
            "ListRewindPoints": partial(impatient.rewind_points, scenario_id),
            "GetRewindDensity": partial(
                impatient.rewind_density,
                scenario_id,
                path=b"",
                since=datetime.now(UTC) - timedelta(hours=1),
                until=datetime.now(UTC),
                parts=10,
            ),
            "OpenStream": partial(impatient.open_stream, scenario_id, "localhost"),  # type: ignore[attr-defined]
        }.items():
            with pytest.raises(ArcxoError) as caught:
                work()
            assert caught.value.code == "AE0469", call
            assert caught.value.params["call"] == call
            assert caught.value.params["host"] == "localhost"
        assert time.monotonic() - began < 25
    finally:
        os.kill(stopped, signal.SIGCONT)
        impatient.close()
    wait_until((replica / "second").exists, 30)
    agent.barrier(scenario_id, 30.0)
    assert (replica / "second").read_text() == "second"
    codes = [event.code for event in agent.events(0)]
    assert codes.count("ER00205") == codes.count("SR00206") == 1
    assert codes.count("SR00202") == 1
    agent.stop(scenario_id)
