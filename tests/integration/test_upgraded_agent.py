"""The program of an agent is exchanged while its scenario runs: the other one goes on with what is there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import app
from app.agent.api import Agent
from app.agent.client import connect_local
from app.agent.home import AgentHome
from app.agent.run import spawn_agent, stop_agent
from app.model.scenario import NewScenario, ReplicaSpec, ReplicaState, Root
from tests.support.agent_processes import kill_agent, wait_until
from tests.support.trees import assert_identical, fill

OTHER = "0.2.0"


def other_version(place: Path) -> Path:
    """A copy of the program with another version number."""
    shutil.copytree(Path(app.__file__).parent, place / "app")
    init = place / "app/__init__.py"
    text, count = re.subn(r'__version__ = ".*"', f'__version__ = "{OTHER}"', init.read_text())
    assert count == 1
    init.write_text(text)
    return place


def start_other(program: Path, home: Path) -> None:
    with (home / "logs/other.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.agent.main", str(home), "127.0.0.1:0"],
            cwd="/",
            env={**os.environ, "PYTHONPATH": str(program)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()
    agent_home = AgentHome(str(home))
    wait_until(lambda: agent_home.running() is not None, 60)


def codes(agent: Agent) -> list[str]:
    return [event.code for event in agent.events(0, 1000)]


@pytest.mark.deep
@pytest.mark.parametrize("killed", [False, True], ids=["stopped", "killed"])
def test_a_newer_program_goes_on_from_the_spool_without_a_synchronisation(
    tmp_path: Path, killed: bool
) -> None:
    home, master, replica = tmp_path / "home", tmp_path / "master", tmp_path / "replica"
    master.mkdir()
    fill(master)
    program = other_version(tmp_path / "program")
    spawn_agent(str(home))
    agent = connect_local(str(home), timeout_s=30.0)
    try:
        spec = ReplicaSpec("localhost", (os.fsencode(replica),))
        replica.mkdir()
        scenario = agent.create_scenario(
            NewScenario("files", "localhost", (spec,), (Root(os.fsencode(master)),))
        )
        agent.run(scenario.id)

        def in_state(state: ReplicaState) -> bool:
            return agent.scenario(scenario.id).replicas[0].state is state

        wait_until(lambda: in_state(ReplicaState.REPLICATING), 60)
        agent.barrier(scenario.id, 60)
        agent.suspend(scenario.id, "localhost")
        for number in range(50):
            (master / f"in the spool {number}").write_bytes(os.urandom(1000))
        wait_until(lambda: agent.scenario(scenario.id).replicas[0].waiting_operations >= 50, 30)
        agent.close()
        if killed:
            kill_agent(home)
        else:
            stop_agent(str(home))
        (master / "written meanwhile").write_text("nobody watched")
        (master / "in the spool 7").unlink()
        start_other(program, home)
        agent = connect_local(str(home), timeout_s=30.0)
        assert agent.hello().version == OTHER != app.__version__
        wait_until(lambda: in_state(ReplicaState.SUSPENDED), 60)
        assert not (replica / "in the spool 3").exists()
        agent.resume(scenario.id, "localhost")
        wait_until(lambda: in_state(ReplicaState.REPLICATING), 60)
        agent.barrier(scenario.id, 60)
        assert_identical(master, replica)
        # The one at the beginning is all there was: what waited came from the spool.
        assert codes(agent).count("SR00202") == 1
    finally:
        agent.close()
        stop_agent(str(home))
