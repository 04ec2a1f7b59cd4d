"""Backups that make no sense, or whose objects went away while they waited: a clear end."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from app.jobs.submission import submit_backup
from app.model.errors import ArcxoError, NotFoundError, UsageError
from app.model.job import BackupScript, Job, JobResult, JobStatus, Schedule
from app.model.source import DirectSource
from tests.support.jobs_fake_agent import FakeAgents
from tests.unit.jobs.test_job_queue import Bench

FILES = BackupScript((7,), ("Files",))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path)
    yield made
    assert made.queue.cancel_all(10)


def held(bench: Bench, script: BackupScript) -> Job:
    return submit_backup(bench.catalog, bench.store, script, hold=True)


def released(bench: Bench, job: Job) -> Job:
    bench.catalog.jobs.ready(job.id)
    return bench.ended(job)


def errors(bench: Bench, job: Job) -> list[str]:
    return [code for code in bench.catalog.log.codes(job.id) if code[0] in "EA"]


def test_a_job_whose_scenario_was_deleted_meanwhile_cannot_run_and_names_it(bench: Bench):
    job = held(bench, FILES)
    bench.catalog.registrations.remove(7)
    ended = released(bench, job)
    assert ended.last_result is JobResult.RUN_FAILED
    assert errors(bench, job)[-1] == "E5042"
    (told,) = [one for one in bench.catalog.log.records if one.code == errors(bench, job)[0]]
    assert told.params["name"] == "Files (id 7)"
    assert bench.catalog.sessions.list() == []


def test_of_several_scenarios_those_that_are_left_are_backed_up(bench: Bench):
    bench.register(8, "Others")
    job = held(bench, BackupScript((7, 8), ("Files", "Others")))
    bench.catalog.registrations.remove(8)
    ended = released(bench, job)
    assert ended.last_result is JobResult.INCOMPLETE
    children = bench.catalog.jobs.children(job.id)
    assert [one.last_result for one in children] == [JobResult.FINISHED, JobResult.RUN_FAILED]
    assert "N5020" in bench.catalog.log.codes(job.id)
    assert [one.scenario_name for one in bench.catalog.sessions.list()] == ["Files"]


def test_a_job_whose_machine_was_deleted_meanwhile_says_so(bench: Bench, monkeypatch: pytest.MonkeyPatch):
    bench.catalog.hosts = SimpleNamespace(show=lambda _name: None)
    job = held(bench, BackupScript((), (), sources=(DirectSource("FS", b"/srv"),)))

    def gone(*_arguments: object) -> None:
        raise NotFoundError("E6012", host="FS")

    monkeypatch.setattr(FakeAgents, "agent_of", gone)
    ended = released(bench, job)
    assert ended.last_result is JobResult.RUN_FAILED
    assert errors(bench, job) == ["E6012", "E5042"]


@pytest.mark.parametrize(
    "schedule",
    [
        Schedule(repeat="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"),
        Schedule(repeat="FREQ=DAILY", excluded=("MO", "TU", "WE", "TH", "FR", "SA", "SU")),
        Schedule(repeat="FREQ=WEEKLY;BYDAY=MO", excluded=("MO",)),
        Schedule(repeat="FREQ=DAILY;UNTIL=20200101T000000Z"),
        Schedule(repeat="FREQ=SOMETIMES"),
        Schedule(repeat="FREQ=DAILY;INTERVAL=0"),
        Schedule(repeat="FREQ=SECONDLY"),
        Schedule(repeat="FREQ=DAILY", time_zone="Mars/Olympus"),
        Schedule(repeat="FREQ=DAILY", excluded=("someday",)),
    ],
)
def test_a_schedule_that_never_runs_is_refused_when_it_is_submitted(bench: Bench, schedule: Schedule):
    with pytest.raises(UsageError) as caught:
        submit_backup(bench.catalog, bench.store, FILES, replace(schedule, run_at=datetime.now(UTC)))
    assert caught.value.code[:4] in ("E511", "E570")
    assert bench.catalog.jobs.list() == []


def test_a_group_that_lost_its_devices_meanwhile_is_told_at_once(bench: Bench):
    job = held(bench, FILES)
    bench.catalog.media.remove_device("media")
    ended = released(bench, job)
    assert ended.last_result is JobResult.FAILED
    assert errors(bench, job) == ["E5116", "E5042"]


def test_a_group_that_is_not_there_is_refused(bench: Bench):
    with pytest.raises(ArcxoError, match="E5116"):
        submit_backup(bench.catalog, bench.store, replace(FILES, device_group="GROUP9"))


def test_a_time_that_is_over_runs_once_at_once(bench: Bench):
    past = Schedule(run_at=datetime.now(UTC) - timedelta(days=900))
    job = bench.ended(submit_backup(bench.catalog, bench.store, FILES, past))
    assert (job.status, job.last_result) == (JobStatus.DONE, JobResult.FINISHED)
