"""Rotation schemes at work: the pools they need, and the media that one run of a backup uses."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.catalog.api import Catalog
from app.jobs import scheduler
from app.jobs.media_sets import media_sets
from app.model.job import BackupScript, Job, MediaMethod, Schedule
from app.model.media import Pool, PoolSet
from app.model.rotation import Rotation, RotationDay, day_of, pools_of


def ensure_pools(catalog: Catalog, rotation: Rotation) -> None:
    """Make the pools that a scheme needs; one that is there keeps its rules."""
    known = {pool.name for pool in catalog.media.pools()}
    for pool in pools_of(rotation):
        if pool.name not in known:
            catalog.media.put_pool(Pool(pool.name, pool.retention_days, pool.minimum_save))


def media_day(job: Job, now: datetime) -> RotationDay | None:
    """The media of the run of a job that begins `now`; None without a rotation.

    A run on a day without one (somebody asked for it) is that of the next day with one.
    """
    return media_of(job.schedule, now, job.created_at)


def media_of(schedule: Schedule, at: datetime, created_at: datetime) -> RotationDay | None:
    """The media of a run at `at` by a schedule; None without a rotation."""
    if schedule.rotation is None:
        return None
    day = scheduler.local_day(schedule, at)
    if not scheduler.runs_on(schedule, day, created_at):
        following = scheduler.next_run(schedule, at, created_at)
        if following is not None:
            day = scheduler.local_day(schedule, following)
    return day_of(schedule.rotation, day, lambda one: scheduler.runs_on(schedule, one, created_at))


def run_day(job: Job, now: datetime) -> datetime:
    """The time that decides on the media of a run that begins `now`: when it was to be.

    A run that was missed, or that waited beyond midnight, is that of its own day. One that somebody asked
    for, at a time that is none of the schedule's, is one of now.
    """
    at = job.execution_at
    if at is None or at >= now or scheduler.next_run(job.schedule, at - _MOMENT, job.created_at) != at:
        return now
    for _ in range(_MOST_MISSED):
        following = scheduler.next_run(job.schedule, at, job.created_at)
        if following is None or following > now:
            break
        at = following
    return at


_MOMENT = timedelta(microseconds=1)
_MOST_MISSED = 1000


def for_run(catalog: Catalog, job: Job, now: datetime) -> Job:
    """The job as this run does it: its script names the media that the rotation has for its day."""
    if job.schedule.rotation is None:
        return job
    found = media_day(job, run_day(job, now))
    if found is None or not isinstance(job.script, BackupScript):
        return job
    method = MediaMethod.APPEND if found.append or _written_today(catalog, job, found, now) else None
    script = replace(
        job.script,
        media_name=found.media_name,
        pool=found.pool,
        method=method or MediaMethod.OVERWRITE_SAME,
    )
    return replace(job, script=script)


def _written_today(catalog: Catalog, job: Job, found: RotationDay, now: datetime) -> bool:
    """Whether another run of this day has made the media: what it holds is not to be overwritten."""
    assert isinstance(job.script, BackupScript)
    today = scheduler.local_day(job.schedule, now)
    for one in media_sets(catalog, job.script.device_group):
        about = one.first
        written = about.last_written_at or about.created_at
        of_pool = not found.pool or (about.pool, about.pool_set) == (found.pool, PoolSet.SAVE)
        fresh = now - written < timedelta(days=2) and scheduler.local_day(job.schedule, written) == today
        if one.name == found.media_name and of_pool and (fresh or bool(found.pool)):
            return True
    return False


def utc_now() -> datetime:
    """The time now; by this name so that tests can set it."""
    return datetime.now(UTC)
