"""One real agent: a scenario replicates, its replica is backed up and restored, processes are killed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.agent.api import Agent, ArchiveOrder, ArchiveResult, RestoreOrder, RestoreResult
from app.agent.client import connect_local
from app.agent.home import AgentHome
from app.agent.run import spawn_agent
from app.media.api import format_media, sessions
from app.model.errors import ArcxoError, BusyError
from app.model.job import Conflict, Structure
from app.model.media import Consistency
from app.model.scenario import NewScenario, ReplicaSpec, Root, Scenario, ScenarioState
from tests.support.agent_processes import children_of, kill_agent, running_agent, wait_until
from tests.support.trees import assert_identical, fill


@dataclass
class Story:
    home: Path
    master: Path
    replica: Path
    agent: Agent
    scenario: Scenario

    def is_replicating(self) -> bool:
        return self.agent.scenario(self.scenario.id).state is ScenarioState.REPLICATING

    def in_sync(self) -> None:
        wait_until(self.is_replicating, 60)
        self.agent.barrier(self.scenario.id, 60)

    def archive(self, media: str, job: int) -> ArchiveResult:
        point = self.agent.begin_backup(self.scenario.id, "localhost", job, 1)
        order = ArchiveOrder(point.id, point.entities[0].entity, media, job, 1)
        result = list(self.agent.archive(order))[-1]
        assert isinstance(result, ArchiveResult)
        self.agent.end_backup(point.id, keep=False)
        return result

    def restore(
        self, media: str, targets: tuple[tuple[bytes, bytes], ...], scenario_id: int | None = None
    ) -> RestoreResult:
        order = RestoreOrder(
            9, 1, media, 1, (), targets, Conflict.OVERWRITE, Structure.NONE, scenario_id=scenario_id
        )
        result = list(self.agent.restore(order))[-1]
        assert isinstance(result, RestoreResult)
        return result

    def points(self) -> list[str]:
        return os.listdir(self.home / "engine/points")


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    home, master, replica = tmp_path / "home", tmp_path / "master", tmp_path / "replica"
    master.mkdir()
    replica.mkdir()
    fill(master)
    with running_agent(home) as agent:
        scenario = agent.create_scenario(
            NewScenario(
                "files",
                "localhost",
                (ReplicaSpec("localhost", (os.fsencode(replica),)),),
                (Root(os.fsencode(master)),),
            )
        )
        yield Story(home, master, replica, agent, scenario)


@pytest.mark.slow
def test_a_scenario_replicates_is_backed_up_and_restored(story: Story, tmp_path: Path) -> None:
    agent, scenario = story.agent, story.scenario
    with pytest.raises(BusyError) as caught:
        agent.begin_backup(scenario.id, "localhost", 1, 1)
    assert caught.value.code == "AE0465"
    agent.run(scenario.id)
    story.in_sync()
    assert_identical(story.master, story.replica)
    (story.master / "new").write_bytes(b"changed while running")
    story.in_sync()
    assert (story.replica / "new").read_bytes() == b"changed while running"

    media = format_media(str(tmp_path / "device"), "M1").path
    assert story.archive(media, 1).problems == 0
    assert story.points() == []

    elsewhere = tmp_path / "elsewhere"
    master = os.fsencode(story.master)
    assert story.restore(media, ((master, os.fsencode(elsewhere)),)).mismatches == 0
    assert_identical(story.master, elsewhere)

    agent.stop(scenario.id)
    (story.replica / "new").unlink()
    result = story.restore(media, ((master, os.fsencode(story.replica)),), scenario.id)
    assert result.mismatches == 0
    assert_identical(story.master, story.replica)


@pytest.mark.slow
def test_an_agent_killed_while_a_point_is_open_releases_it_and_goes_on(story: Story) -> None:
    story.agent.run(story.scenario.id)
    story.in_sync()
    story.agent.begin_backup(story.scenario.id, "localhost", 1, 1)
    assert len(story.points()) == 1
    kill_agent(story.home)
    (story.master / "while-down").write_bytes(b"x")
    spawn_agent(str(story.home))
    story.agent = connect_local(str(story.home), 60)
    try:
        wait_until(lambda: story.points() == [])
        snapshots = list((story.home / "engine/side").glob("*/*/snapshots/*"))
        assert snapshots == []
        story.in_sync()
        assert_identical(story.master, story.replica)
    finally:
        story.agent.close()


@pytest.mark.slow
@pytest.mark.parametrize("role", ["master", "replica"])
def test_a_role_killed_while_it_replicates_is_back_and_nothing_is_lost(story: Story, role: str) -> None:
    story.agent.run(story.scenario.id)
    story.in_sync()
    info = AgentHome(str(story.home)).running()
    assert info is not None
    done = threading.Event()

    def write() -> None:
        number = 0
        while not done.is_set():
            (story.master / f"n{number}").write_bytes(b"%d" % number)
            number += 1
            done.wait(0.005)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        before = children_of(info.pid, role)
        os.kill(before[0], signal.SIGKILL)
        wait_until(lambda: [pid for pid in children_of(info.pid, role) if pid not in before])
    finally:
        done.set()
        writer.join()

    def equal() -> bool:
        try:
            story.in_sync()
        except ArcxoError:
            return False
        return True

    wait_until(equal, 60)
    assert_identical(story.master, story.replica)


@pytest.mark.slow
def test_a_worker_killed_in_the_middle_fails_its_archive_only(story: Story, tmp_path: Path) -> None:
    (story.master / "big").write_bytes(os.urandom(96 << 20))
    story.agent.run(story.scenario.id)
    story.in_sync()
    media = format_media(str(tmp_path / "device"), "M1").path
    point = story.agent.begin_backup(story.scenario.id, "localhost", 1, 1)
    order = ArchiveOrder(point.id, point.entities[0].entity, media, 1, 1)
    events = story.agent.archive(order)
    next(events)
    info = AgentHome(str(story.home)).running()
    assert info is not None
    os.kill(children_of(info.pid, "app.agent.worker_main")[0], signal.SIGKILL)
    with pytest.raises(ArcxoError) as caught:
        list(events)
    assert caught.value.code == "AE0458"
    assert list(sessions(media)) == []
    assert story.archive(media, 1).problems == 0
    assert story.points() == []


def test_a_point_is_quiet_when_nothing_was_written_unless_others_changed_the_replica(story: Story) -> None:
    story.agent.run(story.scenario.id)
    story.in_sync()
    point = story.agent.begin_backup(story.scenario.id, "localhost", 1, 1)
    assert point.consistency is Consistency.QUIET
    story.agent.end_backup(point.id, keep=False)
    story.in_sync()
    files = sum(path.is_file() and not path.is_symlink() for path in story.master.rglob("*"))
    wait_until(lambda: story.agent.scenario(story.scenario.id).replicas[0].files == files, 60)
    (story.replica / "somebody").write_text("was here")
    wait_until(lambda: story.agent.drift(story.scenario.id).count == 1, 60)
    wait_until(lambda: story.agent.scenario(story.scenario.id).replicas[0].drifted == 1, 60)
    point = story.agent.begin_backup(story.scenario.id, "localhost", 4, 1)
    assert point.consistency is Consistency.FUZZY
    story.agent.end_backup(point.id, keep=False)
