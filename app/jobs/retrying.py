"""Missed targets of a backup are tried again by a job of their own, queued with the end of the first one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from app.catalog.api import Catalog, NewJob
from app.jobs.rotating import media_day, run_day
from app.model.errors import NotFoundError
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
    return _again(job, missed, credentials, pause_of(missed, job.schedule, datetime.now(UTC)))


def is_known(catalog: Catalog, script: object) -> bool:
    """Whether anything a backup names is still there: a scenario that was deleted is not tried again."""
    if not isinstance(script, BackupScript):
        return False
    return bool(script.sources) or any(_is_registered(catalog, number) for number in script.scenario_ids)


def _is_registered(catalog: Catalog, number: int) -> bool:
    try:
        catalog.registrations.show(str(number))
    except NotFoundError:
        return False
    return True


def pause_of(script: BackupScript, schedule: Schedule, now: datetime) -> timedelta:
    """How long it is from `now` until what was missed is tried again."""
    if not script.retry_at:
        return timedelta(minutes=script.retry_minutes)
    wanted = parse_time(script.retry_at)
    zone = ZoneInfo(schedule.time_zone) if schedule.time_zone else now.astimezone().tzinfo
    today = now.astimezone(zone).date()
    days = (datetime.combine(today + timedelta(days=n), wanted, zone).astimezone(UTC) for n in range(3))
    # By then a clock that is set forward may have skipped that time of day once.
    return next(at for at in days if at > now) - now


def parse_time(text: str) -> time:
    """A time of day, HH:MM. Raises ValueError."""
    return datetime.strptime(text, "%H:%M").replace(tzinfo=UTC).time()


def after_crash(job: Job, credentials: bytes) -> NewJob | None:
    """The job that does again what a crash cut off, on the media that a rotation has for that day."""
    script = job.script
    if not isinstance(script, BackupScript):
        return None
    day = None
    if job.schedule.rotation is not None:
        day = media_day(job, run_day(job, job.started_at or datetime.now(UTC)))
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
