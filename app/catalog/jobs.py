"""The job queue: rows, claims with leases and fences, and how runs end."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, func, or_, select, update

from app.catalog import claims, dialect, rows
from app.catalog.api import Claim, FollowUp, JobCounts, NewJob, NextRun, Totals
from app.catalog.database import Database
from app.catalog.job_rows import (
    abandoned_jobs,
    ahead_of,
    due_jobs,
    ended_values,
    insert_job,
    next_due,
    row_of_job,
    to_job,
)
from app.catalog.live import SqlLive
from app.catalog.shared_live import SharedLive
from app.catalog.tables import jobs
from app.model.errors import BusyError
from app.model.job import Job, JobResult, JobStatus, Schedule

_NOTHING = Totals()
_LOOKED_AT = 256
"""So many due jobs are looked at for one that this server is to run."""
_READY, _ACTIVE = JobStatus.READY.value, JobStatus.ACTIVE.value
_HOLD, _DONE = JobStatus.HOLD.value, JobStatus.DONE.value


class SqlJobs:
    """See `app.catalog.api.Jobs`."""

    def __init__(self, database: Database, live: SqlLive | SharedLive) -> None:
        self._database = database
        self._live = live
        self._idle: tuple[int, int | None] | None = None
        """When nothing was due: the database's revision then, and when the first job will be."""

    def submit(self, job: NewJob) -> Job:
        """Queue a job. It is durable when this returns."""
        with self._database.write() as c:
            return to_job(row_of_job(c, insert_job(c, job)))

    def list(self, *, include_done: bool = True) -> Sequence[Job]:
        """Newest first; active ones with progress."""
        statement = select(jobs).order_by(jobs.c.id.desc())
        if not include_done:
            statement = statement.where(jobs.c.status != _DONE)
        with self._database.read() as c:
            found = [to_job(row) for row in c.execute(statement)]
        return self._with_progress(found)

    def show(self, job_id: int) -> Job:
        """One job. Raises NotFoundError E6008."""
        with self._database.read() as c:
            found = to_job(row_of_job(c, job_id))
        return self._with_progress([found])[0]

    def children(self, parent_id: int) -> Sequence[Job]:
        """Jobs of a parent, oldest first."""
        with self._database.read() as c:
            statement = select(jobs).where(jobs.c.parent_id == parent_id).order_by(jobs.c.id)
            found = [to_job(row) for row in c.execute(statement)]
        return self._with_progress(found)

    def child_counts(self, parent_id: int) -> JobCounts:
        """Children by status, the done ones by last result too."""
        statement = (
            select(jobs.c.status, jobs.c.last_result, func.count().label("n"))
            .where(jobs.c.parent_id == parent_id)
            .group_by(jobs.c.status, jobs.c.last_result)
        )
        by_status = dict.fromkeys((_READY, _ACTIVE, _HOLD, _DONE), 0)
        by_result: dict[JobResult, int] = {}
        with self._database.read() as c:
            for status, result, count in c.execute(statement):
                by_status[status] += count
                if status == _DONE and result is not None:
                    by_result[JobResult(result)] = by_result.get(JobResult(result), 0) + count
        return JobCounts(
            ready=by_status[_READY],
            active=by_status[_ACTIVE],
            hold=by_status[_HOLD],
            done=by_status[_DONE],
            results=tuple(sorted(by_result.items())),
        )

    def ahead_in_group(self, job_id: int) -> int:
        """How many running backups of the job's device group began before it. NotFoundError E6008."""
        with self._database.read() as c:
            row = row_of_job(c, job_id)
            return int(c.execute(ahead_of(row, dialect.now_us(c))).scalar_one())

    def credentials(self, job_id: int) -> bytes:
        """The sealed credentials as submitted. Raises NotFoundError E6008."""
        with self._database.read() as c:
            return bytes(row_of_job(c, job_id).credentials or b"")

    def claim_due(
        self, server_id: str, *, lease_seconds: float = 30.0, able: Callable[[Job], bool] | None = None
    ) -> Claim | None:
        """Take the job that is due longest and that `able` admits; None: none is. Idle polls lock nothing.

        `able` is asked outside any transaction.
        """
        if self._is_idle():
            return None
        revision = None if self._database.shared else self._database.revision()
        with self._database.read() as c:
            first = c.execute(due_jobs(dialect.now_us(c))).first()
            if first is None:
                self._idle = None if revision is None else (revision, next_due(c))
                return None
            due = [] if able is None else self._due(c)
        chosen = next((job.id for job in due if able is None or able(job)), None)
        if able is not None and chosen is None:
            return None
        with self._database.write() as c:
            now = dialect.now_us(c)
            wanted = due_jobs(now) if chosen is None else due_jobs(now).where(jobs.c.id == chosen)
            row = c.execute(wanted.with_for_update(skip_locked=True)).first()
            if row is None:
                return None
            until = now + int(lease_seconds * 1_000_000)
            c.execute(
                update(jobs)
                .where(jobs.c.id == row.id)
                .values(
                    status=_ACTIVE,
                    fence=row.fence + 1,
                    claimed_by=server_id,
                    lease_until=until,
                    stop_requested=False,
                    waits_for="",
                    started_at=now,
                    finished_at=None,
                )
            )
            claimed = row_of_job(c, row.id)
        return Claim(
            job=to_job(claimed),
            fence=claimed.fence,
            expires_at=dialect.from_us(until),
            credentials=bytes(claimed.credentials or b""),
        )

    def _is_idle(self) -> bool:
        """Whether nothing can be due: nobody wrote since nothing was, and no job's time has come.

        A server asks this four times a second for as long as it runs.
        """
        if self._idle is None:
            return False
        revision, at = self._idle
        return (at is None or dialect.machine_us() < at) and self._database.revision() == revision

    @staticmethod
    def _due(connection: Connection) -> Sequence[Job]:
        numbers = [row.id for row in connection.execute(due_jobs(dialect.now_us(connection), _LOOKED_AT))]
        found = connection.execute(select(jobs).where(jobs.c.id.in_(numbers)))
        return sorted((to_job(row) for row in found), key=lambda job: numbers.index(job.id))

    def renew(self, job_id: int, fence: int, *, lease_seconds: float = 30.0) -> None:
        """Prolong a claim. Raises BusyError E6003."""
        with self._database.write() as c:
            claims.check(c, job_id, fence)
            until = dialect.now_us(c) + int(lease_seconds * 1_000_000)
            c.execute(update(jobs).where(jobs.c.id == job_id).values(lease_until=until))

    def set_waits_for(self, job_id: int, fence: int, text: str) -> None:
        """Say what an active job waits for ("" = nothing). Raises BusyError E6003."""
        with self._database.write() as c:
            claims.check(c, job_id, fence)
            c.execute(update(jobs).where(jobs.c.id == job_id).values(waits_for=text))

    def finish(
        self,
        job_id: int,
        fence: int,
        result: JobResult,
        totals: Totals = _NOTHING,
        *,
        next_execution_at: datetime | None = None,
        follow_up: NewJob | None = None,
    ) -> Job:
        """Record how a run ended. Raises BusyError E6003."""
        with self._database.write() as c:
            claims.check(c, job_id, fence)
            values = ended_values(c, result) | dataclasses.asdict(totals)
            if next_execution_at is not None:
                values |= {"status": _READY, "execution_at": dialect.to_us(next_execution_at)}
            c.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            if follow_up is not None:
                insert_job(c, follow_up)
            finished = to_job(row_of_job(c, job_id))
        self._live.clear_progress(job_id)
        return finished

    def release(self, job_id: int, fence: int, *, execution_at: datetime | None = None) -> None:
        """Give an unfinished claim back. Raises BusyError E6003."""
        with self._database.write() as c:
            claims.check(c, job_id, fence)
            at = dialect.maybe_us(execution_at)
            values = {
                "status": _READY,
                "claimed_by": "",
                "lease_until": None,
                "started_at": None,
                "execution_at": dialect.now_us(c) if at is None else at,
            }
            c.execute(update(jobs).where(jobs.c.id == job_id).values(values))
        self._live.clear_progress(job_id)

    def request_stop(self, job_id: int) -> None:
        """Ask for a stop; what is not active is Canceled at once, children included. E6008."""
        with self._database.write() as c:
            row_of_job(c, job_id)
            family = or_(jobs.c.id == job_id, jobs.c.parent_id == job_id)
            c.execute(update(jobs).where(family, jobs.c.status == _ACTIVE).values(stop_requested=True))
            waiting = family & jobs.c.status.in_((_READY, _HOLD))
            c.execute(update(jobs).where(waiting).values(ended_values(c, JobResult.CANCELED)))

    def stop_requested(self, job_id: int) -> bool:
        """Whether a stop was asked for. False for a job that is gone."""
        with self._database.read() as c:
            return bool(c.execute(select(jobs.c.stop_requested).where(jobs.c.id == job_id)).scalar())

    def hold(self, job_id: int) -> None:
        """Ready → Hold. Raises NotFoundError E6008, BusyError E6014."""
        self._move(job_id, (_READY, _HOLD), "held", {"status": _HOLD})

    def ready(self, job_id: int) -> None:
        """Hold → Ready. Raises NotFoundError E6008, BusyError E6014."""
        self._move(job_id, (_READY, _HOLD), "made ready", {"status": _READY})

    def run_now(self, job_id: int) -> None:
        """Make a job Ready and due. Raises NotFoundError E6008, BusyError E6014 while it is active."""
        self._move(job_id, (_READY, _HOLD, _DONE), "run", {"status": _READY}, due=True)

    def reschedule(self, job_id: int, schedule: Schedule, execution_at: datetime | None) -> Job:
        """Give a job another schedule; a Done one is Ready again. None: as soon as possible.

        Raises:
            NotFoundError: E6008. BusyError: E6014 while it is active.
        """
        values: dict[str, Any] = {"schedule": rows.schedule_to_json(schedule)}
        if execution_at is not None:
            values["execution_at"] = dialect.to_us(execution_at)
        with self._database.write() as c:
            row = row_of_job(c, job_id)
            if row.status == _ACTIVE:
                raise BusyError("E6014", job=job_id, status=row.status, action="rescheduled")
            if execution_at is None:
                values["execution_at"] = dialect.now_us(c)
            if row.status == _DONE:
                values["status"] = _READY
            c.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            return to_job(row_of_job(c, job_id))

    def set_credentials(self, job_id: int, credentials: bytes) -> None:
        """Replace the sealed credentials. Raises NotFoundError E6008, BusyError E6014 while it is active."""
        values = {"credentials": credentials or None}
        self._move(job_id, (_READY, _HOLD, _DONE), "given another password", values)

    def replace(self, job_id: int, job: NewJob) -> Job:
        """Give a job another script, schedule and credentials. Raises as `reschedule`."""
        with self._database.write() as c:
            row = row_of_job(c, job_id)
            if row.status == _ACTIVE:
                raise BusyError("E6014", job=job_id, status=row.status, action="modified")
            now, execution_at = dialect.now_us(c), dialect.maybe_us(job.execution_at)
            values = {
                "name": job.name,
                "status": _HOLD if job.hold else _READY,
                "device_group": job.device_group,
                "execution_at": now if execution_at is None else execution_at,
                "schedule": rows.schedule_to_json(job.schedule),
                "script": rows.script_to_json(job.script),
                "credentials": job.credentials or None,
            }
            c.execute(update(jobs).where(jobs.c.id == job_id).values(values))
            return to_job(row_of_job(c, job_id))

    def delete(self, job_id: int) -> None:
        """Remove a job and its children. Raises NotFoundError E6008, BusyError E6007."""
        with self._database.write() as c:
            row_of_job(c, job_id)
            family = or_(jobs.c.id == job_id, jobs.c.parent_id == job_id)
            active = c.execute(select(jobs.c.id).where(family, jobs.c.status == _ACTIVE)).scalars().first()
            if active is not None:
                raise BusyError("E6007", job=active)
            c.execute(delete(jobs).where(family))

    def mark_crashed(
        self,
        server_id: str = "",
        next_run: NextRun = lambda _: None,
        follow_up: FollowUp = lambda _job, _credentials: None,
    ) -> Sequence[Job]:
        """Make claims of `server_id`, and expired ones, Crashed. What they knew of the fence ends here."""
        with self._database.read() as c:
            if c.execute(abandoned_jobs(dialect.now_us(c), server_id)).first() is None:
                return []
        with self._database.write() as c:
            lost = list(c.execute(abandoned_jobs(dialect.now_us(c), server_id)).scalars())
            values = ended_values(c, JobResult.CRASHED) | {"fence": jobs.c.fence + 1}
            c.execute(update(jobs).where(jobs.c.id.in_(lost)).values(values))
            waiting = jobs.c.parent_id.in_(lost) & jobs.c.status.in_((_READY, _HOLD))
            c.execute(update(jobs).where(waiting).values(ended_values(c, JobResult.CANCELED)))
            for job_id in lost:
                crashed = row_of_job(c, job_id)
                again = follow_up(to_job(crashed), bytes(crashed.credentials or b""))
                if again is not None:
                    insert_job(c, again)
                following = next_run(to_job(crashed))
                if following is not None:
                    due = {"status": _READY, "execution_at": dialect.to_us(following)}
                    c.execute(update(jobs).where(jobs.c.id == job_id).values(due))
            marked = [to_job(row_of_job(c, job_id)) for job_id in lost]
        for job_id in lost:
            self._live.clear_progress(job_id)
        return marked

    def next_due(self) -> datetime | None:
        """When the next Ready job is due (maybe in the past); None when nothing waits."""
        with self._database.read() as c:
            return dialect.maybe_time(next_due(c))

    def prune(self, older_than: datetime) -> int:
        """Delete jobs Done before a time; a parent stays while a child does."""
        child = jobs.alias("child")
        has_child = select(child.c.id).where(child.c.parent_id == jobs.c.id, child.c.status != _DONE).exists()
        old = (jobs.c.status == _DONE) & (jobs.c.finished_at < dialect.to_us(older_than))
        with self._database.write() as c:
            return int(c.execute(delete(jobs).where(old, ~has_child)).rowcount)

    def _move(
        self, job_id: int, allowed: tuple[str, ...], action: str, values: dict[str, Any], *, due: bool = False
    ) -> None:
        with self._database.write() as c:
            row = row_of_job(c, job_id)
            if row.status not in allowed:
                raise BusyError("E6014", job=job_id, status=row.status, action=action)
            if due:
                values = values | {"execution_at": dialect.now_us(c)}
            c.execute(update(jobs).where(jobs.c.id == job_id).values(values))

    def _with_progress(self, found: Sequence[Job]) -> Sequence[Job]:
        if not any(job.status is JobStatus.ACTIVE for job in found):
            return found
        progress = self._live.all_progress()
        return [
            dataclasses.replace(job, progress=progress.get(job.id)) if job.status is JobStatus.ACTIVE else job
            for job in found
        ]
