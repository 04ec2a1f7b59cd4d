"""The job queue."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.model.errors import BusyError
from app.model.job import Job, JobStatus, Schedule
from app.model.upcoming import NextRun
from app.services.connections import Connections

_POLL_S = 0.1


class LocalJobs:
    """`JobService` on the catalog; a server of the home does the work."""

    def __init__(self, connections: Connections) -> None:
        self._connections = connections

    def list(self, *, include_done: bool = True) -> Sequence[Job]:
        """All jobs, newest first."""
        return self._connections.catalog.jobs.list(include_done=include_done)

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
            if job.status is not JobStatus.ACTIVE and not self._server_runs():
                raise BusyError("E1123", job=job_id)
            if deadline is not None and time.monotonic() > deadline:
                raise BusyError("E1122", job=job_id, seconds=f"{timeout_s:g}", state=_doing(job))
            time.sleep(_POLL_S)

    def run_now(self, job_id: int) -> None:
        """Make the job due."""
        self._connections.catalog.jobs.run_now(job_id)

    def hold(self, job_id: int) -> None:
        """Keep the job from running."""
        self._connections.catalog.jobs.hold(job_id)

    def ready(self, job_id: int) -> None:
        """Let the job run again."""
        self._connections.catalog.jobs.ready(job_id)

    def stop(self, job_id: int) -> None:
        """Ask the job to stop."""
        self._connections.catalog.jobs.request_stop(job_id)

    def delete(self, job_id: int) -> None:
        """Remove the job from the queue. Raises BusyError E6007 while it is active."""
        self._connections.catalog.jobs.delete(job_id)

    def reschedule(self, job_id: int, schedule: Schedule) -> Job:
        """Give the job another schedule. Raises UsageError."""
        from app.jobs.submission import reschedule

        return reschedule(self._connections.catalog, job_id, schedule)

    def next_run(self, job_id: int) -> NextRun:
        """When the job runs next and why then, or why not."""
        from app.jobs.upcoming import next_run

        return next_run(self.show(job_id), datetime.now(UTC), server_runs=self._server_runs())

    def upcoming(self, hours: float = 24) -> Sequence[NextRun]:
        """All runs of the next hours, in their order, each with its reason."""
        from app.jobs.upcoming import upcoming

        now = datetime.now(UTC)
        waiting = self._connections.catalog.jobs.list(include_done=False)
        return upcoming(waiting, now, now + timedelta(hours=hours), server_runs=self._server_runs())

    def _server_runs(self) -> bool:
        from app.jobs.process import is_running

        return is_running(self._connections.home)


def _doing(job: Job) -> str:
    waits = job.waits_for or (job.progress.waits_for if job.progress else "")
    phase = f", {job.progress.phase.value.replace('_', ' ')}" if job.progress else ""
    return f"{job.status.value}{phase}{f', waits for {waits}' if waits else ''}"
