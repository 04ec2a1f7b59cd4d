"""Whether a server still has the right to run a job."""

from __future__ import annotations

from sqlalchemy import Connection, select

from app.catalog.tables import jobs
from app.model.errors import BusyError
from app.model.job import JobStatus


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
