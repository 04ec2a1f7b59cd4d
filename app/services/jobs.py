"""The job queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.model.errors import BusyError, UsageError
from app.model.job import Credentials, Job, JobStatus, Schedule
from app.model.settings import DONE_JOBS
from app.model.upcoming import NextRun, PlannedRun
from app.services.connections import Connections

_POLL_S = 0.1
_STOP_S = 30.0


class LocalJobs:
    """`JobService` on the catalog; a server of the home does the work."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self, *, include_done: bool = True, history: bool = False) -> Sequence[Job]:
        """Newest first; what is Done for longer than the setting done_job_hours only with `history`."""
        catalog = self._connections.catalog
        found = catalog.jobs.list(include_done=include_done)
        if history or not include_done:
            return found
        hours = int(catalog.settings.get(DONE_JOBS.name, str(DONE_JOBS.default)))
        before = datetime.now(UTC) - timedelta(hours=hours)
        return [
            job
            for job in found
            if job.status is not JobStatus.DONE or job.finished_at is None or job.finished_at > before
        ]

    def show(self, job_id: int) -> Job:
        """One job. Raises NotFoundError."""
        return self._connections.catalog.jobs.show(job_id)

    def wait(
        self, job_id: int, timeout_s: float | None = None, on_progress: Callable[[Job], None] | None = None
    ) -> Job:
        """The job when its run is over: Done, or (a recurring one) no longer Active after a run.

        Raises:
            BusyError: E1122 on time-out, naming what the job does or waits for; E1123 when there is no server
            to run it.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        ran_before = self.show(job_id).finished_at
        seen_active = False
        while True:
            job = self.show(job_id)
            if on_progress is not None:
                on_progress(job)
            seen_active = seen_active or job.status is JobStatus.ACTIVE
            if job.status is JobStatus.DONE:
                return job
            if job.status is not JobStatus.ACTIVE and (seen_active or job.finished_at != ran_before):
                return job
            if job.last_result is not None and _runs_later(job):
                return job  # the run that was asked for is over already
            if job.status is not JobStatus.ACTIVE and not self._server_runs():
                raise BusyError("E1123", job=job_id)
            if deadline is not None and time.monotonic() > deadline:
                raise BusyError("E1122", job=job_id, seconds=f"{timeout_s:g}", state=_doing(job))
            time.sleep(_POLL_S)

    def run_now(self, job_id: int) -> None:
        """Make the job due. BusyError E6014 while it is active or on hold, UsageError E5756 for a part."""
        job = self._whole(job_id)
        if job.status is JobStatus.HOLD:
            raise BusyError("E5757", job=job_id)
        self._connections.catalog.jobs.run_now(job_id)

    def hold(self, job_id: int) -> None:
        """Keep the job from running. BusyError E6014, UsageError E5756 for a part."""
        self._whole(job_id)
        self._connections.catalog.jobs.hold(job_id)

    def ready(self, job_id: int) -> None:
        """Let the job run again: one that repeats at its next time, whatever was held back meanwhile.

        BusyError E6014, UsageError E5756 for a part.
        """
        from app.jobs.scheduler import next_run

        job, jobs = self._whole(job_id), self._connections.catalog.jobs
        now = datetime.now(UTC)
        due = job.execution_at is not None and job.execution_at <= now
        if job.status is JobStatus.HOLD and due and job.schedule.repeat:
            # One that was to begin at once, and was held from the start, does so now.
            waits = job.last_result is not None or job.schedule.run_at is not None
            jobs.reschedule(
                job_id, job.schedule, next_run(job.schedule, now, job.created_at) if waits else None
            )
        jobs.ready(job_id)

    def stop(self, job_id: int) -> None:
        """End the run: Canceled, and if the job repeats it waits for its next time.

        One that has not begun is Done, Canceled. BusyError E5747 for a repeating one that does not run.
        """
        job = self.show(job_id)
        if job.schedule.repeat and job.status in (JobStatus.READY, JobStatus.HOLD):
            raise BusyError("E5747", job=job_id)
        self._connections.catalog.jobs.request_stop(job_id)

    def delete(self, job_id: int) -> None:
        """Remove the job with its schedule; one that runs is stopped first.

        Raises BusyError E6007 when it does not end within half a minute, UsageError E5756 for a part.
        """
        jobs = self._connections.catalog.jobs
        if self._whole(job_id).status is JobStatus.ACTIVE:
            jobs.request_stop(job_id)
            deadline = time.monotonic() + _STOP_S
            while self.show(job_id).status is JobStatus.ACTIVE and time.monotonic() < deadline:
                time.sleep(_POLL_S)
        jobs.delete(job_id)

    def reschedule(self, job_id: int, schedule: Schedule) -> Job:
        """Give the job another schedule. Raises UsageError, E5756 for a part."""
        from app.jobs.submission import reschedule

        self._whole(job_id)
        return reschedule(self._connections.catalog, job_id, schedule)

    def set_password(self, job_id: int, session_password: str) -> Job:
        """Another session password for a job that waits. Raises UsageError E5748, BusyError E6014."""
        from app.jobs.passwords import set_session_password

        connections = self._connections
        return set_session_password(connections.catalog, connections.secrets, job_id, session_password)

    def set_login(self, job_id: int, login: Credentials, host_role: str = "") -> Job:
        """Another log-in for a job that waits. Raises UsageError E5748, BusyError E6014."""
        from app.jobs.passwords import set_login

        connections = self._connections
        return set_login(connections.catalog, connections.secrets, job_id, login, host_role)

    def next_run(self, job_id: int) -> NextRun:
        """When the job runs next and why then, or why not."""
        from app.jobs.upcoming import DUE, next_run

        job = self.show(job_id)
        found = next_run(job, datetime.now(UTC), server_runs=self._server_runs())
        if found.code != DUE:
            return found
        from app.jobs.awaited import awaited

        return awaited(self._connections.catalog, job, found)

    def upcoming(self, hours: float = 24) -> Sequence[NextRun]:
        """All runs of the next hours, in their order, each with its reason."""
        from app.jobs.upcoming import upcoming

        now = datetime.now(UTC)
        waiting = self._connections.catalog.jobs.list(include_done=False)
        return upcoming(waiting, now, now + timedelta(hours=hours), server_runs=self._server_runs())

    def preview(self, schedule: Schedule, count: int = 5) -> Sequence[PlannedRun]:
        """The first runs of a job submitted now with this schedule. Raises UsageError."""
        from app.jobs.upcoming import planned

        return planned(schedule, datetime.now(UTC), count)

    def _whole(self, job_id: int) -> Job:
        """The job, if it is none of the parts that another one waits for. Raises UsageError E5756."""
        job = self.show(job_id)
        if job.parent_id is not None:
            raise UsageError("E5756", job=job_id, parent=job.parent_id)
        return job

    def _server_runs(self) -> bool:
        """Whether the home's server runs, or another one that shares its catalog."""
        from app.jobs.process import is_running

        if is_running(self._connections.home):
            return True
        from app.jobs.awaited import any_lives

        return any_lives(self._connections.catalog)


def _runs_later(job: Job) -> bool:
    later = job.execution_at is not None and job.execution_at > datetime.now(UTC)
    return job.status is JobStatus.READY and later


def _doing(job: Job) -> str:
    waits = job.waits_for or (job.progress.waits_for if job.progress else "")
    phase = f", {job.progress.phase.value.replace('_', ' ')}" if job.progress else ""
    return f"{job.status.value}{phase}{f', waits for {waits}' if waits else ''}"
