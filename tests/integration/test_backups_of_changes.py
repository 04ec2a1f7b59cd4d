"""Backups that look only at what the replica says has changed hold exactly what the master had."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.agent.api import ArchiveOrder, ArchiveResult
from app.backup.api import RestoreTask, restore
from app.media.api import SessionHeader, format_media, sessions
from app.model.errors import Problem
from app.model.job import VerifyMode
from app.model.scenario import NewScenario, ReplicaSpec, Root
from tests.integration.test_agent_story import Story
from tests.support.agent_processes import running_agent
from tests.support.convergence_churn import Churn
from tests.support.trees import assert_identical, fill

_CHURN_S = 0.7
_UNSEEN = ("op_store_through_a_mapping", "op_name_outside", "op_write_through_a_name_outside")
"""What nothing tells of until the next walk."""


@pytest.fixture
def story(tmp_path: Path) -> Iterator[Story]:
    home, master, replica = tmp_path / "home", tmp_path / "master", tmp_path / "replica"
    master.mkdir()
    replica.mkdir()
    fill(master)
    with running_agent(home) as agent:
        roots = (Root(os.fsencode(master)),)
        replicas = (ReplicaSpec("localhost", (os.fsencode(replica),)),)
        scenario = agent.create_scenario(NewScenario("files", "localhost", replicas, roots))
        agent.run(scenario.id)
        yield Story(home, master, replica, agent, scenario)


def back_up(
    story: Story, media: str, job: int, base: SessionHeader | None, verify: VerifyMode = VerifyMode.NONE
) -> tuple[ArchiveResult, list[Problem]]:
    """One backup on top of `base`, its snapshots kept."""
    point = story.agent.begin_backup(story.scenario.id, "localhost", job, 1)
    if verify is VerifyMode.AUDIT and base is not None:
        # A job that begins again gets a point of everything.
        point = story.agent.begin_backup(story.scenario.id, "localhost", job, 1)
    order = ArchiveOrder(
        point.id,
        point.entities[0].entity,
        media,
        job,
        1,
        base_session=base.number if base else 0,
        base_incarnation=base.incarnation if base else "",
        base_change=base.change if base else 0,
        verify=verify,
    )
    events = list(story.agent.archive(order))
    story.agent.end_backup(point.id, keep=True)
    result = events[-1]
    assert isinstance(result, ArchiveResult)
    return result, [event for event in events if isinstance(event, Problem)]


def restore_all(media: str, master: Path, target: Path, session: int) -> None:
    """Everything of a session, to a new directory."""
    target.mkdir()
    task = RestoreTask(media, session, (), ((os.fsencode(master), os.fsencode(target)),))
    assert restore(task, lambda _: None, lambda: False).mismatches == 0


def test_names_of_one_file_stay_one_when_only_one_of_them_moves(story: Story, tmp_path: Path) -> None:
    media = format_media(str(tmp_path / "device"), "M1").path
    story.in_sync()
    for name in ("one", "two"):
        (story.master / name).write_bytes(b"content")
        os.link(story.master / name, story.master / f"{name}-again")
    (story.master / "kept" / "in").mkdir(parents=True)
    os.rename(story.master / "two-again", story.master / "kept" / "in" / "two-again")
    story.in_sync()
    back_up(story, media, 1, None)
    os.rename(story.master / "one", story.master / "moved")
    os.rename(story.master / "kept", story.master / "elsewhere")
    story.in_sync()
    back_up(story, media, 2, sessions(media)[-1])
    restore_all(media, story.master, tmp_path / "out", 2)
    assert_identical(story.master, tmp_path / "out")


@pytest.mark.slow
@pytest.mark.deep
@pytest.mark.parametrize("seed", [12, *range(20, 30)])
def test_each_session_is_what_the_master_had(story: Story, tmp_path: Path, seed: int) -> None:
    media = format_media(str(tmp_path / "device"), "M1").path
    outside = tmp_path / "outside"
    outside.mkdir()
    churn = Churn(seed, [os.fsencode(story.master)], os.fsencode(outside), without=_UNSEEN)
    base: SessionHeader | None = None
    try:
        for job in range(1, 7):
            churn.resume()
            time.sleep(_CHURN_S)  # that long the tree is changed; nothing is waited for
            churn.pause()
            story.in_sync()
            result, problems = back_up(story, media, job, base)
            assert [problem.code for problem in problems if problem.code != "I4212"] == []
            assert result.incremental == (base is not None)
            base = sessions(media)[-1]
            out = tmp_path / f"out-{job}"
            restore_all(media, story.master, out, base.number)
            assert_identical(story.master, out)
        churn.resume()
        time.sleep(_CHURN_S)
        churn.pause()
        story.in_sync()
        _, problems = back_up(story, media, 7, base, VerifyMode.AUDIT)
        left = [problem.code for problem in problems if problem.code not in ("I4212", "I4255")]
        assert left == ["I4216"]
    finally:
        churn.close()
