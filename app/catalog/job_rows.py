"""Rows of jobs: queued, chosen to be claimed, ended, and as jobs."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, and_, case, exists, func, insert, or_, select

from app.catalog import dialect, rows
from app.catalog.api import NewJob
from app.catalog.tables import jobs
from app.model.errors import NotFoundError
from app.model.job import Job, JobKind, JobResult, JobStatus

_READY, _ACTIVE = JobStatus.READY.value, JobStatus.ACTIVE.value
_HOLD, _DONE = JobStatus.HOLD.value, JobStatus.DONE.value


def insert_job(connection: Connection, job: NewJob) -> int:
    """Queue a job; its number."""
    now = dialect.now_us(connection)
    execution_at = dialect.maybe_us(job.execution_at)
    values = {
        "parent_id": job.parent_id,
        "kind": job.kind.value,
        "name": job.name,
        "status": _HOLD if job.hold else _READY,
        "owner": job.owner,
        "server": job.server,
        "device_group": job.device_group,
        "created_at": now,
        "execution_at": now if execution_at is None else execution_at,
        "schedule": rows.schedule_to_json(job.schedule),
        "script": rows.script_to_json(job.script),
        "credentials": job.credentials or None,
    }
    inserted = connection.execute(insert(jobs).values(values))
    assert inserted.inserted_primary_key is not None
    return int(inserted.inserted_primary_key[0])


_FIRST = (JobKind.RESTORE.value, JobKind.RESTORE_UNDO.value)


def due_jobs(now: int, most: int = 1) -> Any:
    """The next jobs to claim, if any are due at `now` (microseconds)."""
    return (
        select(jobs.c.id, jobs.c.fence)
        .where(jobs.c.status == _READY, jobs.c.execution_at <= now)
        # Somebody waits for a restore; backups come after the upkeep that makes room for them.
        .order_by(
            case((jobs.c.kind.in_(_FIRST), 0), (jobs.c.kind == JobKind.BACKUP.value, 2), else_=1),
            jobs.c.execution_at,
            jobs.c.id,
        )
        .limit(most)
    )


def ahead_of(row: Row[Any], now: int) -> Any:
    """How many backups run in the device group of a running one, on any server, that began before it.

    Jobs that only wait for their children, and those of servers that died, are none of them.
    """
    child = jobs.alias()
    earlier = and_(jobs.c.started_at == row.started_at, jobs.c.id < row.id)
    return (
        select(func.count())
        .select_from(jobs)
        .where(
            jobs.c.status == _ACTIVE,
            jobs.c.kind == JobKind.BACKUP.value,
            jobs.c.device_group == row.device_group,
            jobs.c.lease_until > now,
            or_(jobs.c.started_at < row.started_at, earlier),
            ~exists().where(child.c.parent_id == jobs.c.id),
        )
    )


def next_due(connection: Connection) -> int | None:
    """When the first of the jobs that are ready is to run (microseconds); None when none is ready."""
    at: int | None = connection.execute(
        select(func.min(jobs.c.execution_at)).where(jobs.c.status == _READY)
    ).scalar()
    return at


def abandoned_jobs(now: int, server_id: str) -> Any:
    """Active jobs whose lease is over, and those of a server that begins anew."""
    lost = jobs.c.lease_until < now
    if server_id:
        lost = or_(lost, jobs.c.claimed_by == server_id)
    return select(jobs.c.id).where(jobs.c.status == _ACTIVE, lost).order_by(jobs.c.id)


def ended_values(connection: Connection, result: JobResult) -> dict[str, Any]:
    """What the row of a job is set to when it ends."""
    return {
        "status": _DONE,
        "last_result": result.value,
        "finished_at": dialect.now_us(connection),
        "claimed_by": "",
        "lease_until": None,
        "stop_requested": False,
        "waits_for": "",
    }


def row_of_job(connection: Connection, job_id: int) -> Row[Any]:
    """One row. Raises NotFoundError E6008."""
    found = connection.execute(select(jobs).where(jobs.c.id == job_id)).one_or_none()
    if found is None:
        raise NotFoundError("E6008", job=job_id)
    return found


def to_job(row: Row[Any]) -> Job:
    """The job that a row tells of."""
    return Job(
        id=row.id,
        kind=JobKind(row.kind),
        name=row.name,
        status=JobStatus(row.status),
        last_result=None if row.last_result is None else JobResult(row.last_result),
        owner=row.owner,
        server=row.server,
        created_at=dialect.from_us(row.created_at),
        execution_at=dialect.maybe_time(row.execution_at),
        schedule=rows.schedule_from_json(row.schedule),
        script=rows.script_from_json(row.script, row.id),
        parent_id=row.parent_id,
        device_group=row.device_group,
        waits_for=row.waits_for,
        started_at=dialect.maybe_time(row.started_at),
        finished_at=dialect.maybe_time(row.finished_at),
        files=row.files,
        read_bytes=row.read_bytes,
        stored_bytes=row.stored_bytes,
        errors=row.errors,
        warnings=row.warnings,
    )
