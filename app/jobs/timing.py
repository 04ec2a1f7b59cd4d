"""Jobs against the clock: missed runs are caught up or left out, visibly; a clock set back is met."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import Any

from app.catalog.api import Catalog, Claim
from app.jobs import scheduler
from app.jobs.control import JobControl
from app.jobs.upcoming import missed, set_back
from app.model.errors import BusyError, NotFoundError, UsageError
from app.model.events import Severity
from app.model.job import Job

_LOG = logging.getLogger(__name__)
GRACE = timedelta(minutes=5)
"""A run that begins so late is no missed one."""


class Timing:
    """Looks at what is about to run, and now and then at what waits. Used by the queue's thread."""

    def __init__(self, catalog: Catalog, server: str) -> None:
        self._catalog = catalog
        self._server = server

    def now(self) -> datetime:
        """The time now; by this name so that tests can set it."""
        return datetime.now(UTC)

    def admit(self, claim: Claim) -> bool:
        """Whether a claimed job runs now: not when it is late and its schedule does not catch up.

        One that does not is given back for its next time. What was missed is told in the activity log.
        """
        job, now = claim.job, self.now()
        due = job.execution_at
        if due is None:
            return True
        count = missed(job, due, now, GRACE)
        if not count:
            return True
        if job.schedule.catch_up:
            self._tell("W5720", job, due=_text(due), count=count)
            return True
        following = scheduler.next_run(job.schedule, now, job.created_at)
        if following is None:
            return True  # its last run: late is better than never
        self._catalog.jobs.release(job.id, claim.fence, execution_at=following)
        self._tell("W5721", job, due=_text(due), count=count, next=_text(following))
        return False

    def mend(self) -> None:
        """Give repeating jobs that a wrong clock sent into the future their next run by the clock of now."""
        now = self.now()
        for job in self._catalog.jobs.list(include_done=False):
            try:
                following = set_back(job, now)
                if following is None:
                    continue
                was = _text(job.execution_at or now)
                self._catalog.jobs.reschedule(job.id, job.schedule, following)
            except (UsageError, BusyError, NotFoundError) as error:
                _LOG.info("job %d keeps its time: %s", job.id, error)
                continue
            self._tell("W5723", job, next=_text(following), was=was)

    def _tell(self, code: str, job: Job, **params: Any) -> None:
        _LOG.info("job %d: %s %s", job.id, code, params)
        self._catalog.log.append(
            code, Severity.WARNING, server=self._server, job_id=job.id, job=job.id, name=job.name, **params
        )


def note_passed_over(control: JobControl, count: int, following: datetime) -> None:
    """Say that runs were passed over because the job itself took so long."""
    job = control.job
    control.warn("W5722", job=job.id, name=job.name, count=count, next=_text(following))


def _text(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
