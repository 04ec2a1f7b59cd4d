"""The server as a real process: started, found, refused twice, killed, and what the next one makes of it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import bootstrap
from app.catalog import open_catalog
from app.catalog.api import NewJob
from app.jobs import process
from app.jobs.home import home_id
from app.model.errors import BusyError, UsageError
from app.model.job import JobKind, JobResult, JobStatus, Schedule
from tests.support.arcxo_command import until


@pytest.fixture
def home(tmp_path: Path) -> Iterator[str]:
    path = str(tmp_path / "home")
    bootstrap.init_home(path, caroot_password="secret")
    yield path
    bootstrap.stop_server(path)


def test_a_home_is_made_once_and_for_its_owner_alone(home: str, tmp_path: Path):
    assert os.stat(home).st_mode & 0o777 == 0o700
    with pytest.raises(UsageError, match="E5101"):
        bootstrap.init_home(home, caroot_password="other")
    catalog = open_catalog(home)
    try:
        assert list(catalog.media.groups()) == ["GROUP0"]
        (device,) = catalog.media.devices()
        assert (device.name, device.path) == ("media", os.path.join(home, "media"))
        (media,) = catalog.media.media()
        assert media.sequence == 1
    finally:
        catalog.close()


def test_a_directory_with_other_things_is_left_alone(tmp_path: Path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(UsageError, match="E5106"):
        bootstrap.init_home(str(tmp_path), caroot_password="secret")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_making_that_was_cut_short_is_done_again(tmp_path: Path):
    home = tmp_path / "home"
    (home / "media").mkdir(parents=True)
    (home / "home.making").write_text("")
    (home / "catalog.sqlite3").write_text("half")
    bootstrap.init_home(str(home), caroot_password="secret")
    assert bootstrap.home_exists(str(home))
    assert not (home / "home.making").exists()


def test_a_server_starts_is_found_and_stops_with_its_agent(home: str):
    first = process.start(home, 30)
    assert process.start(home, 30) == first
    with pytest.raises(BusyError, match="E5103"):
        bootstrap.run_server(home)
    bootstrap.stop_server(home)
    assert not process.is_running(home)
    assert process.process_start(first.pid) is None


def test_after_a_kill_the_agent_is_adopted_and_no_job_is_stuck(home: str):
    from app.agent.home import AgentHome

    first = process.start(home, 30)
    agent = until(AgentHome(home).running, "the agent")
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: not process.is_running(home), "the server to be gone")
    catalog = open_catalog(home)
    try:
        for repeat in ("", "FREQ=DAILY"):
            parameters = {"media": catalog.media.media()[0].serial}
            catalog.jobs.submit(
                NewJob(JobKind.MEDIA_VERIFY, "verify", parameters, "caroot", schedule=Schedule(repeat=repeat))
            )
            assert catalog.jobs.claim_due(home_id(home)) is not None
        second = process.start(home, 30)
        assert second.pid != first.pid
        assert AgentHome(home).running() == agent
        repeating, once = catalog.jobs.list()
        assert (once.status, once.last_result) == (JobStatus.DONE, JobResult.CRASHED)
        assert (repeating.status, repeating.last_result) == (JobStatus.READY, JobResult.CRASHED)
    finally:
        catalog.close()


def test_a_killed_agent_is_started_again_and_the_log_says_so(home: str):
    from app.agent.home import AgentHome

    process.start(home, 30)
    agent = until(AgentHome(home).running, "the agent")
    os.kill(agent.pid, signal.SIGKILL)

    def again() -> bool:
        now = AgentHome(home).running()
        return now is not None and now.pid != agent.pid

    until(again, "another agent")
    catalog = open_catalog(home)
    try:
        until(lambda: any(one.code == "W5138" for one in catalog.log.list()), "the line of the log")
    finally:
        catalog.close()
