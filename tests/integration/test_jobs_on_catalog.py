"""Jobs over the real catalog and a real media; only the agent is one of this process."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from app import bootstrap
from app.catalog import open_catalog
from app.catalog.api import Registration
from app.jobs.backup import BackupJobs
from app.jobs.home import home_id
from app.jobs.housekeeping import Housekeeping
from app.jobs.lanes import Lanes
from app.jobs.media_choice import online_media
from app.jobs.queue import JobQueue
from app.jobs.recovering import recover_sessions
from app.jobs.restore import RestoreJobs
from app.jobs.secrets import SecretStore
from app.jobs.submission import submit_backup, submit_restore
from app.media.api import erase_media, read_session
from app.messages import render
from app.model.job import (
    BackupScript,
    Destination,
    Job,
    JobKind,
    JobResult,
    JobStatus,
    RestoreScript,
    RestoreSelection,
)
from app.model.scenario import Root
from tests.support.jobs_fake_agent import MASTER, FakeAgent, FakeAgents, scenario_of


class Site:
    def __init__(self, place: Path) -> None:
        self.home = str(place / "home")
        bootstrap.init_home(self.home, caroot_password="secret", media_name="5/29/07 10:56 AM")
        self.replica = place / "replica"
        (self.replica / "sub").mkdir(parents=True)
        (self.replica / "a.txt").write_text("alpha")
        (self.replica / "sub" / "b.txt").write_text("beta")
        self.catalog = open_catalog(self.home)
        self.store = SecretStore(self.home)
        self.catalog.registrations.put(Registration(7, "Files", "localhost", ("localhost",), (MASTER,)))
        self.agent = FakeAgent(scenario_of(str(self.replica).encode()))
        agents = FakeAgents(self.agent)
        kinds: Any = {
            JobKind.BACKUP: BackupJobs(self.catalog, self.store, agents, Lanes(), "server"),
            JobKind.RESTORE: RestoreJobs(self.catalog, self.store, agents),
        }
        self.catalog.servers.put(home_id(self.home), "server", 1, "0")
        self.queue = JobQueue(self.catalog, home_id(self.home), "server", kinds)

    def backup(self) -> Job:
        return self.ended(submit_backup(self.catalog, self.store, BackupScript((7,), ("Files",))))

    def ended(self, job: Job) -> Job:
        deadline = time.monotonic() + 20
        while self.catalog.jobs.show(job.id).last_result is None or self.queue.active:
            assert time.monotonic() < deadline, self.lines(job)
            self.queue.poll()
            time.sleep(0.02)
        return self.catalog.jobs.show(job.id)

    def lines(self, job: Job) -> list[str]:
        """The job's lines of the activity log, oldest first."""
        records = self.catalog.log.list(job_id=job.id)
        return [render(one.code, one.params).line for one in reversed(records)]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    yield made
    assert made.queue.cancel_all(10)
    made.catalog.close()


def test_the_story_of_two_backups_and_a_restore(site: Site, tmp_path: Path):
    first = site.backup()
    assert first.last_result is JobResult.FINISHED, site.lines(first)
    (site.replica / "a.txt").write_text("alpha two")
    (site.replica / "sub" / "b.txt").unlink()
    second = site.backup()
    assert second.last_result is JobResult.FINISHED, site.lines(second)
    assert [order.base_session for order in site.agent.orders] == [0, 1]
    names = [entry.path for entry in site.catalog.browsing.browse_tree("localhost", MASTER)]
    assert MASTER + b"/a.txt" in names
    assert len(site.catalog.browsing.versions("localhost", MASTER + b"/a.txt")) == 2
    (media,) = site.catalog.media.media()
    old = site.catalog.browsing.browse_session(media.serial, 1, MASTER + b"/sub")
    assert [entry.path for entry in old] == [MASTER + b"/sub/b.txt"]
    assert not site.catalog.browsing.browse_session(media.serial, 2, MASTER + b"/sub")
    target = tmp_path / "out"
    target.mkdir()
    selection = RestoreSelection(media.serial, 1, (MASTER + b"/a.txt",))
    script = RestoreScript((selection,), Destination.DIRECTORY, directory=str(target).encode())
    done = site.ended(submit_restore(site.catalog, site.store, script))
    assert done.last_result is JobResult.FINISHED, site.lines(done)
    assert (target / "a.txt").read_text() == "alpha"


def test_the_activity_log_reads_as_in_the_specification(site: Site):
    job = site.backup()
    lines = site.lines(job)
    assert r"localhost \Files (7) (localhost) (localhost)" in lines
    for line in (
        "** Summary for localhost **",
        "1 Session(s).",
        "Number of Error(s)/Warning(s): 0/0",
        f"*** Backup Summary for Job ID {job.id} ***",
        "Device Group..... GROUP0",
        "Media Pool..... N/A",
        "Media Name..... 5/29/07 10:56 AM",
        "Total number of sessions..... 1",
        "Total Nodes to be backed up..... 1",
        "-- Complete and Incomplete status..... 1",
        "-- Failed and Canceled status..... 0",
        "Total Volumes to be backed up..... 1",
        "Total Files backed up..... 2",
        "Missed Nodes/Volumes:",
    ):
        assert line in lines
    assert any(re.fullmatch(r"Elapsed Time: [0-9]+s", line) for line in lines)
    assert lines[-1] == "Backup Operation Successful."
    assert not any("?" in line for line in lines)


def test_a_session_on_media_that_the_catalog_lacks_is_published_by_the_next_server(site: Site):
    site.backup()
    (one,) = online_media(site.catalog)
    before = site.catalog.browsing.browse_tree("localhost", MASTER)
    site.catalog.sessions.remove(one.label.serial, 1)
    assert not site.catalog.sessions.list()
    told: list[str] = []
    recovered = recover_sessions(
        site.catalog, [one], lambda _header: None, lambda code, **_params: told.append(code)
    )
    assert (recovered, told) == (1, ["N5135"])
    after = site.catalog.browsing.browse_tree("localhost", MASTER)
    assert [entry.path for entry in after] == [entry.path for entry in before]


def test_housekeeping_publishes_what_a_failed_run_left_on_media_but_not_what_is_being_written(site: Site):
    site.backup()
    (one,) = online_media(site.catalog)
    site.catalog.sessions.remove(one.label.serial, 1)
    told: list[str] = []
    keeping = Housekeeping(site.catalog, site.store, lambda code, **_params: told.append(code))
    job_id = read_session(one.path, 1).job_id
    site.catalog.jobs.run_now(job_id)
    claim = site.catalog.jobs.claim_due("another")
    assert claim is not None
    keeping.recover()
    assert (told, list(site.catalog.sessions.list())) == ([], [])
    site.catalog.jobs.finish(job_id, claim.fence, JobResult.FAILED)
    keeping.recover()
    keeping.recover()
    assert told == ["N5135"]
    assert [session.number for session in site.catalog.sessions.list()] == [1]


def test_history_older_than_the_setting_is_forgotten(site: Site):
    job = site.backup()
    keeping = Housekeeping(site.catalog, site.store, lambda _code, **_params: None)
    keeping.forget_old()
    assert site.catalog.jobs.show(job.id).status is JobStatus.DONE
    assert site.catalog.log.list()
    with site.catalog._database.write() as connection:
        connection.execute(text("UPDATE jobs SET finished_at = 1"))
        connection.execute(text("UPDATE activity SET at = 1"))
    site.catalog.settings.put("history_days", "0")
    keeping.forget_old()
    assert site.catalog.jobs.list()
    site.catalog.settings.put("history_days", "30")
    keeping.forget_old()
    assert not site.catalog.jobs.list()
    assert not site.catalog.log.list()


def test_an_erasure_that_was_killed_is_finished(site: Site):
    site.backup()
    (one,) = online_media(site.catalog)
    erase_media(one.path, one.label.serial)
    assert site.catalog.sessions.list()
    Housekeeping(site.catalog, site.store, lambda _code, **_params: None).finish_erasing()
    assert not site.catalog.sessions.list()
    assert not site.catalog.media.media()
    assert list(Path(one.device.path).iterdir()) == []


def test_scenarios_that_share_a_volume_each_build_on_their_own_sessions(site: Site, tmp_path: Path):
    other = tmp_path / "other-replica"
    other.mkdir()
    (other / "c.txt").write_text("gamma")
    second = replace(scenario_of(str(other).encode(), 8, "More"), roots=(Root(b"/other"),))
    site.agent.scenarios_by_id[8] = second
    site.catalog.registrations.put(Registration(8, "More", "localhost", ("localhost",), (b"/other",)))

    def back_up_second() -> Job:
        return site.ended(submit_backup(site.catalog, site.store, BackupScript((8,), ("More",))))

    for _ in range(2):
        assert site.backup().last_result is JobResult.FINISHED
        assert back_up_second().last_result is JobResult.FINISHED
    assert [order.base_session for order in site.agent.orders] == [0, 0, 1, 2]
    (one,) = online_media(site.catalog)
    found = [entry.path for entry in site.catalog.browsing.browse_session(one.label.serial, 4, b"/other")]
    assert found == [b"/other/c.txt"]
    top = [entry.path for entry in site.catalog.browsing.browse_session(one.label.serial, 4, b"/")]
    assert top == [b"/other"]
