"""Home's banner: the worst first, failed jobs until they were looked at or made up for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from app.model.events import ActivityRecord, Severity
from app.model.job import JobResult, JobStatus
from app.model.scenario import ReplicaState, ScenarioState
from app.ui.home.decisions import highlights, worst_decision
from tests.support.memory_services import MemoryServices, now, sample_statuses


def healthy():
    return [
        status
        for status in sample_statuses()
        if status.state is ScenarioState.REPLICATING
        and all(replica.state is ReplicaState.REPLICATING for replica in status.replicas)
    ]


def failed_job(number: int):
    job = MemoryServices().jobs_[0]
    return replace(
        job,
        id=number,
        name="Nightly",
        parent_id=None,
        status=JobStatus.DONE,
        last_result=JobResult.FAILED,
        finished_at=now() - timedelta(minutes=5),
    )


def test_nothing_wrong_shows_nothing():
    assert worst_decision(healthy(), [], now()) is None


def test_a_scenario_with_a_problem_comes_before_a_failed_job():
    statuses = healthy()
    statuses.append(replace(statuses[0], state=ScenarioState.PROBLEM, reason="The spool is full"))
    found = worst_decision(statuses, [failed_job(7)], now())
    assert (found.manager, found.text) == ("xosoft", "The spool is full")
    assert "has a problem" in found.title


def test_a_lost_replica_says_what_waits():
    status = healthy()[0]
    lost = replace(status.replicas[0], state=ReplicaState.DISCONNECTED, spool_bytes=5 * 1024**2)
    found = worst_decision([replace(status, replicas=(lost,))], [], now())
    assert "disconnected" in found.title
    assert "5.00 MB wait in the spool" in found.text


def test_damaged_sessions_are_told_when_nothing_worse_is():
    first, *others = MemoryServices().sessions
    sessions = [replace(first, damaged=True), *others]
    assert worst_decision(healthy(), [failed_job(7)], now(), 0, sessions).manager == "job_status"
    found = worst_decision(healthy(), [failed_job(7)], now(), 7, sessions)
    assert (found.manager, found.request) == ("media", {"media": "A1B2C3"})
    assert found.title == "Session 57 on FSD-2026-A is damaged"
    assert worst_decision(healthy(), [], now(), 0, others) is None


def test_a_failed_job_is_shown_until_it_was_looked_at():
    found = worst_decision(healthy(), [failed_job(7), failed_job(8)], now())
    assert (found.job, found.request) == (8, {"job": 8})
    assert "1 other job failed too" in found.text
    assert worst_decision(healthy(), [failed_job(7), failed_job(8)], now(), seen_job=8) is None


def test_a_failed_job_that_was_made_up_for_or_is_old_is_not_shown():
    done = replace(failed_job(9), last_result=JobResult.FINISHED)
    assert worst_decision(healthy(), [failed_job(7), done], now()) is None
    old = replace(failed_job(7), finished_at=now() - timedelta(days=2))
    assert worst_decision(healthy(), [old], now()) is None


def test_of_each_job_its_last_line_and_all_warnings_are_shown():
    def line(number, job, severity=Severity.INFORMATION):
        return ActivityRecord(number, severity, now(), "s", "I1150", job)

    records = [
        line(9, 2),
        line(8, 2),
        line(7, 2, Severity.WARNING),
        line(6, None),
        line(5, 1),
        line(4, 1),
    ]
    assert [record.id for record in highlights(records, 10)] == [9, 7, 6, 5]
    assert [record.id for record in highlights(records, 2)] == [9, 7]
