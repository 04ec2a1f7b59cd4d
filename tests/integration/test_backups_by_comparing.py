"""Where the change numbers are lost, a backup compares the replica with the last kept point, and misses
nothing.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.media.api import SessionHeader, format_media, sessions
from app.model.scenario import NewScenario, ReplicaSpec, Root
from tests.integration.test_agent_story import Story
from tests.integration.test_backups_of_changes import back_up, restore_all
from tests.support.agent_processes import running_agent
from tests.support.convergence_churn import Churn
from tests.support.trees import assert_identical, fill

_CHURN_S = 0.7
_UNSEEN = ("op_store_through_a_mapping", "op_name_outside", "op_write_through_a_name_outside")


class Losing:
    """A scenario whose replica forgets its change numbers between two starts of the agent."""

    def __init__(self, tmp_path: Path) -> None:
        self.home, self.master, self.replica = tmp_path / "home", tmp_path / "master", tmp_path / "replica"
        self.story: Story | None = None

    def make(self) -> None:
        self.master.mkdir()
        self.replica.mkdir()
        fill(self.master)
        with running_agent(self.home) as agent:
            roots = (Root(os.fsencode(self.master)),)
            replicas = (ReplicaSpec("localhost", (os.fsencode(self.replica),)),)
            scenario = agent.create_scenario(NewScenario("files", "localhost", replicas, roots))
        self.story = Story(self.home, self.master, self.replica, agent, scenario)

    @contextlib.contextmanager
    def started(self) -> Iterator[Story]:
        assert self.story is not None
        for found in self.home.glob("engine/replica/*/applied.sqlite3*"):
            found.unlink()
        with running_agent(self.home) as agent:
            agent.run(self.story.scenario.id)
            story = replace(self.story, agent=agent)
            story.in_sync()
            yield story


@pytest.fixture
def losing(tmp_path: Path) -> Losing:
    losing = Losing(tmp_path)
    losing.make()
    return losing


@pytest.mark.slow
@pytest.mark.deep
def test_names_of_one_file_and_what_was_removed_are_right_without_change_numbers(
    losing: Losing, tmp_path: Path
) -> None:
    media = format_media(str(tmp_path / "device"), "M1").path
    master = losing.master
    for name in ("one", "two", "gone", "same"):
        (master / name).write_bytes(b"content of " + name.encode())
        os.link(master / name, master / f"{name}-again")
    (master / "kept/in").mkdir(parents=True)
    (master / "kept/in/file").write_bytes(b"in a directory that goes elsewhere")
    with losing.started() as story:
        first, _ = back_up(story, media, 1, None)
        os.rename(master / "one", master / "moved")
        os.rename(master / "kept", master / "elsewhere")
        (master / "gone").unlink()
        (master / "two").write_bytes(b"in both names of it")
        os.chmod(master / "same", 0o600)
        story.in_sync()
    with losing.started() as story:
        second, _ = back_up(story, media, 2, sessions(media)[-1])
    assert second.incremental
    assert second.new_bytes < first.new_bytes / 2
    restore_all(media, master, tmp_path / "out", 2)
    assert_identical(master, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(1, 6))
def test_each_session_is_what_the_master_had(losing: Losing, tmp_path: Path, seed: int) -> None:
    media = format_media(str(tmp_path / "device"), "M1").path
    outside = tmp_path / "outside"
    outside.mkdir()
    churn = Churn(seed, [os.fsencode(losing.master)], os.fsencode(outside), without=_UNSEEN)
    base: SessionHeader | None = None
    try:
        churn.pause()
        for job in range(1, 5):
            with losing.started() as story:
                churn.resume()
                time.sleep(_CHURN_S)  # that long the tree is changed; nothing is waited for
                churn.pause()
                story.in_sync()
                result, problems = back_up(story, media, job, base)
            assert [problem.code for problem in problems if problem.code != "I4212"] == []
            assert result.incremental == (base is not None)
            base = sessions(media)[-1]
            out = tmp_path / f"out-{job}"
            restore_all(media, losing.master, out, base.number)
            assert_identical(losing.master, out)
    finally:
        churn.close()
