"""Missed targets of a backup are tried again by a job of their own, queued with the end of the first one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from app.catalog.api import NewJob
from app.jobs.rotating import media_day
from app.model.job import BackupScript, Job, JobKind, JobResult, MediaMethod, Schedule

MOST = 12
_AFTER_CRASH = timedelta(minutes=1)
_BAD = frozenset({JobResult.FAILED, JobResult.RUN_FAILED, JobResult.INCOMPLETE})


def makeup(job: Job, result: JobResult, missed: BackupScript | None, credentials: bytes) -> NewJob | None:
    """The job that tries again what a run missed; None when nothing is, or no attempt is left.

    Children are tried again with their parent. After a stop nobody wants another attempt.
    """
    if missed is None or result not in _BAD:
        return None
    return _again(job, missed, credentials, timedelta(minutes=missed.retry_minutes))


def after_crash(job: Job, credentials: bytes) -> NewJob | None:
    """The job that does again what a crash cut off, on the media that a rotation has for that day."""
    script = job.script
    if not isinstance(script, BackupScript):
        return None
    day = media_day(job, job.started_at or datetime.now(UTC))
    if day is not None:
        script = replace(script, media_name=day.media_name, pool=day.pool)
    return _again(job, script, credentials, _AFTER_CRASH)


def _again(job: Job, script: BackupScript, credentials: bytes, pause: timedelta) -> NewJob | None:
    if job.kind is not JobKind.BACKUP or job.parent_id is not None or script.retries <= 0:
        return None
    first = script.makeup_of or job.id
    return NewJob(
        kind=JobKind.BACKUP,
        name=job.name if script.makeup_of else f"{job.name} (makeup)",
        # What the first run has written stays: this one appends to it.
        script=replace(
            script, retries=min(script.retries, MOST) - 1, makeup_of=first, method=MediaMethod.APPEND
        ),
        owner=job.owner,
        server=job.server,
        schedule=Schedule(),
        execution_at=datetime.now(UTC) + pause,
        device_group=job.device_group,
        credentials=credentials,
    )
