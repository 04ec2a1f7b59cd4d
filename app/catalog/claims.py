"""Whether a server still has the right to run a job."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, Row, select

from app.catalog import dialect
from app.catalog.tables import jobs
from app.model.errors import BusyError
from app.model.job import JobStatus

_UNCLAIMED_ALIVE_US = 60_000_000
_KEPT_US = 7 * 86_400_000_000


def is_held(connection: Connection, job_id: int, fence: int) -> bool:
    """Whether the claim with this fence is the job's current one.

    A lease that ran out is still held until somebody marks it crashed: only that changes the fence.
    """
    statement = select(jobs.c.id).where(
        jobs.c.id == job_id, jobs.c.fence == fence, jobs.c.status == JobStatus.ACTIVE.value
    )
    return connection.execute(statement).first() is not None


def check(connection: Connection, job_id: int, fence: int) -> None:
    """Raise BusyError E6003 when the claim is no longer held."""
    if not is_held(connection, job_id, fence):
        raise BusyError("E6003", job=job_id)


def staging_is_alive(connection: Connection, staging: Row[Any]) -> bool:
    """Whether somebody is at work on a staging."""
    if staging.dead:
        return False
    if staging.job_id is not None:
        return is_held(connection, staging.job_id, staging.fence)
    return bool(dialect.now_us(connection) - staging.touched_at < _UNCLAIMED_ALIVE_US)


def staging_is_kept(connection: Connection, staging: Row[Any]) -> bool:
    """Whether a staging that nobody works on is kept, for a week, for whoever goes on with it."""
    if staging.dead or not staging.source_serial:
        return False
    return bool(dialect.now_us(connection) - staging.touched_at < _KEPT_US)
