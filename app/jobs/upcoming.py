"""The runs to come: of each job the next one, and all of a span of time, each with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from app.jobs import scheduler
from app.jobs.rotating import media_day, media_of
from app.model.errors import UsageError
from app.model.job import Job, JobStatus, Schedule
from app.model.recurrence import describe
from app.model.upcoming import NextRun, PlannedRun

DUE = "N5711"
"""A job that a server may take now."""
_MOST_OF_A_JOB = 1500
"""Every minute of a day; a job that runs more often than that is listed so far."""


def next_run(job: Job, now: datetime, *, server_runs: bool) -> NextRun:
    """The next run of a job and why it is then, or why there is none."""
    match job.status:
        case JobStatus.ACTIVE:
            following = _following(job, now)
            if not server_runs:
                return _told(job, following, "W5718")
            if following is None:
                return _told(job, None, "N5713")
            return _told(job, following, "N5714", schedule=describe(job.schedule))
        case JobStatus.HOLD:
            if job.schedule.repeat:
                return _told(job, None, "N5718", schedule=describe(job.schedule))
            return _told(job, None, "N5712")
        case JobStatus.DONE:
            result = job.last_result.value if job.last_result else "-"
            return _told(job, None, "N5715", result=result.replace("_", " "))
    at = job.execution_at or now
    if not server_runs:
        return _told(job, at, "W5716")
    if at <= now:
        return _told(job, at, DUE, due=at.isoformat(timespec="seconds"))
    if job.schedule.repeat:
        return _told(job, at, "N5710", schedule=describe(job.schedule))
    return _told(job, at, "N5717")


def upcoming(
    jobs: Sequence[Job], now: datetime, until: datetime, *, server_runs: bool = True
) -> list[NextRun]:
    """The runs of Ready and Active jobs until a time, in its order; children come with their parents."""
    found: list[NextRun] = []
    for job in jobs:
        if job.parent_id is not None or job.status in (JobStatus.DONE, JobStatus.HOLD):
            continue
        following = next_run(job, now, server_runs=server_runs)
        for _ in range(_MOST_OF_A_JOB):
            if following.at is None or following.at > until:
                break
            found.append(following)
            at = _following(job, max(following.at, now))
            if at is None:
                break
            following = _told(job, at, "N5710", schedule=describe(job.schedule))
    return sorted(found, key=lambda one: (one.at or now, one.job_id))


def planned(schedule: Schedule, now: datetime, count: int) -> list[PlannedRun]:
    """The first runs of a job that would be submitted `now`. Raises UsageError E511x, E5701, E5702."""
    scheduler.check(schedule)
    found: list[PlannedRun] = []
    at: datetime | None = scheduler.first_run(schedule, now)
    while at is not None and len(found) < count:
        day = media_of(schedule, at, now)
        found.append(PlannedRun(at, day.media_name if day else "", day.pool if day else ""))
        at = scheduler.next_run(schedule, at, now)
    return found


def missed(job: Job, due: datetime, now: datetime, grace: timedelta) -> int:
    """How many runs of a repeating job were missed when it begins `now`: the due one, and those since."""
    if not job.schedule.repeat or now - due <= grace:
        return 0
    return 1 + scheduler.missed_runs(job.schedule, due, now)


def set_back(job: Job, now: datetime) -> datetime | None:
    """The better next run of a repeating job whose last run lies in the future: the clock was set back.

    By a clock that was wrong it waits for a time that may be years away. None: it is right as it is.
    """
    last = max((at for at in (job.started_at, job.finished_at) if at is not None), default=job.created_at)
    if job.status is not JobStatus.READY or not job.schedule.repeat or last <= now + _CLOCK_DRIFT:
        return None
    # A start by the wrong clock is no start.
    created = min(job.created_at, now)
    following = scheduler.next_run(job.schedule, now, created)
    if following is None or job.execution_at is None or following >= job.execution_at:
        return None
    return following


_CLOCK_DRIFT = timedelta(minutes=2)


def _following(job: Job, now: datetime) -> datetime | None:
    try:
        return scheduler.next_run(job.schedule, now, job.created_at)
    except UsageError:
        return None  # a rule that an earlier version took: the job itself says so when it ends


def _told(job: Job, at: datetime | None, code: str, **params: str) -> NextRun:
    day = media_day(job, at) if at is not None and job.schedule.rotation is not None else None
    return NextRun(
        job_id=job.id,
        name=job.name,
        status=job.status,
        at=at,
        code=code,
        params=params,
        media=day.media_name if day else "",
        pool=day.pool if day else "",
    )
