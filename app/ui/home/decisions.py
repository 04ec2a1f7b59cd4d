"""What on Home needs a person: the one banner, and which lines of the log are worth a look. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from app.model.events import ActivityRecord, Severity
from app.model.job import Job, JobResult, JobStatus
from app.model.media import SessionInfo
from app.model.scenario import ReplicaState, ReplicaStatus, ScenarioState, ScenarioStatus
from app.ui import formats

FAILED = (JobResult.FAILED, JobResult.RUN_FAILED, JobResult.CRASHED)
FAILED_SINCE = timedelta(days=1)
_GRAVE = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)
_REPLICAS = (
    (ReplicaState.BRAKED, "hand", "is braked"),
    (ReplicaState.PROBLEM, "octagon-alert", "has a problem"),
    (ReplicaState.DISCONNECTED, "unplug", "is disconnected"),
)


@dataclass(frozen=True, slots=True)
class Decision:
    """What the banner says, and where its button goes (`job`: 0 when it is about a scenario)."""

    title: str
    text: str
    action: str
    icon: str
    manager: str
    request: dict[str, Any] = field(default_factory=dict)
    job: int = 0
    role: str = "error"


def worst_decision(
    statuses: Sequence[ScenarioStatus],
    jobs: Sequence[Job],
    now: datetime,
    seen_job: int = 0,
    sessions: Sequence[SessionInfo] = (),
) -> Decision | None:
    """The worst thing: a scenario that stands still first, then the newest failed job not looked at, then
    sessions that a check found damaged.
    """
    for status in statuses:
        if status.state is ScenarioState.PROBLEM:
            return _scenario(status, "has a problem", status.reason, "octagon-alert")
        if status.state is ScenarioState.NOT_AUTHORIZED:
            return _scenario(status, "is not authorized", status.reason, "key-round")
    for state, icon, words in _REPLICAS:
        for status in statuses:
            for replica in status.replicas:
                if replica.state is state and status.state is not ScenarioState.STOPPED:
                    return _scenario(status, f"{words} on {replica.host}", _waiting(replica), icon)
    return _failed_job(jobs, now, seen_job) or _damaged(sessions)


def _scenario(status: ScenarioStatus, words: str, text: str, icon: str) -> Decision:
    name = status.scenario.name
    return Decision(f"{name} {words}", text, "Show scenario", icon, "xosoft", {"scenario": name})


def _waiting(replica: ReplicaStatus) -> str:
    spool = f"{formats.size(replica.spool_bytes)} wait in the spool." if replica.spool_bytes else ""
    reason = f"{replica.reason.rstrip('.')}." if replica.reason else ""
    return f"{reason} {spool}".strip()


def _failed_job(jobs: Sequence[Job], now: datetime, seen_job: int) -> Decision | None:
    failed = [
        job
        for job in jobs
        if job.parent_id is None
        and job.id > seen_job
        and job.last_result in FAILED
        and job.status is not JobStatus.ACTIVE
        and job.finished_at is not None
        and now - job.finished_at < FAILED_SINCE
        and not _made_up_for(job, jobs)
    ]
    if not failed:
        return None
    newest = max(failed, key=lambda job: job.id)
    more = f" {formats.counted(len(failed) - 1, 'other job')} failed too." if len(failed) > 1 else ""
    return Decision(
        f"{newest.name} failed",
        f"Job {newest.id} ended {formats.ago(newest.finished_at, now)}.{more} The log says why.",
        "Show job",
        "circle-x",
        "job_status",
        {"job": newest.id},
        newest.id,
    )


def _damaged(sessions: Sequence[SessionInfo]) -> Decision | None:
    damaged = [one for one in sessions if one.damaged]
    if not damaged:
        return None
    newest = max(damaged, key=lambda one: one.finished_at)
    what = newest.scenario_name or newest.machine
    more = f", and {formats.counted(len(damaged) - 1, 'other session')}" if len(damaged) > 1 else ""
    return Decision(
        f"Session {newest.number} on {newest.media_name} is damaged{more}",
        f"{what}, backed up {formats.moment(newest.finished_at)}. First aid shows which files, and heals.",
        "Show media",
        "octagon-alert",
        "media",
        {"media": newest.media_serial},
    )


def _made_up_for(failed: Job, jobs: Sequence[Job]) -> bool:
    """Whether the same work was finished later."""
    return any(
        job.id > failed.id and job.script == failed.script and job.last_result is JobResult.FINISHED
        for job in jobs
    )


def highlights(records: Sequence[ActivityRecord], limit: int) -> list[ActivityRecord]:
    """Of each job its last line, and all warnings and errors; lines of no job stay. Newest first."""
    shown: list[ActivityRecord] = []
    jobs: set[int] = set()
    for record in records:
        newest = record.job_id is None or record.job_id not in jobs
        if record.job_id is not None:
            jobs.add(record.job_id)
        if newest or record.severity in _GRAVE:
            shown.append(record)
    return shown[:limit]
