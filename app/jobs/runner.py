"""One thread per active job: runs it, keeps its lease, and records how it ended.

A run ends in exactly one record, checked against the fence of its claim: a server that lost the claim
records nothing. Anything unexpected is a bug: the job is Failed, the activity log says so, and the
server's log has the traceback.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol

from app.catalog.api import Catalog, Claim
from app.jobs import scheduler
from app.jobs.control import JobControl
from app.jobs.retrying import is_known, makeup
from app.jobs.timing import note_passed_over
from app.model.errors import ArcxoError, BusyError, CanceledError, CredentialsError
from app.model.job import BackupScript, Job, JobPhase, JobResult

_LOG = logging.getLogger(__name__)
LEASE_S = 30.0
_RENEW_EVERY_S = 8.0
SKIPPED = "N5743"
"""A run that its own rules leave out."""
_LOST_CLAIM = "E6003"
_CATALOG_AWAY = "E6040"
_CATALOG_BUSY = frozenset({"E6001", _CATALOG_AWAY})
_STOP_POLL_S = 0.25


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended, as its kind sees it."""

    result: JobResult
    missed: BackupScript | None = None
    """What of a backup is to be tried again."""


class JobKindRunner(Protocol):
    """Carries out jobs of one kind; one object serves all of them."""

    def run(self, control: JobControl) -> Outcome:
        """Do the work; an `ArcxoError` fails the run, CanceledError after a stop cancels it."""
        ...

    def ended(self, control: JobControl, result: JobResult) -> None:
        """The run failed or was canceled: say so in the words of the kind (the result is recorded after)."""
        ...


class ActiveJob:
    """A claimed job that runs in a thread of its own."""

    def __init__(
        self,
        catalog: Catalog,
        claim: Claim,
        kind: JobKindRunner,
        server_name: str,
        finished: Callable[[ActiveJob], None],
    ) -> None:
        self.control = JobControl(catalog, claim, server_name)
        self._catalog = catalog
        self._kind = kind
        self._finished = finished
        self._renewed_at = time.monotonic()
        self._asked_at = 0.0
        self._recording = False
        self._missed: BackupScript | None = None
        self._thread = threading.Thread(target=self._run, name=f"job-{claim.job.id}", daemon=True)

    @property
    def job(self) -> Job:
        """The job as it was claimed."""
        return self.control.job

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end; returns whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def tend(self) -> None:
        """Renew the lease when due and pass on a request to stop. Called often by the server's loop."""
        now = time.monotonic()
        if self._is_ending():
            return  # with the end recorded the claim is over, as it should be
        try:
            if now - self._renewed_at >= _RENEW_EVERY_S:
                self._catalog.jobs.renew(self.job.id, self.control.fence, lease_seconds=LEASE_S)
                self._renewed_at = now
            if now - self._asked_at >= _STOP_POLL_S and not self.control.canceled:
                self._asked_at = now
                if self._catalog.jobs.stop_requested(self.job.id):
                    _LOG.info("job %d: stop requested", self.job.id)
                    self.control.cancel()
        except BusyError as error:
            if error.code == _LOST_CLAIM and self._is_ending():
                return
            if error.code == _LOST_CLAIM:
                _LOG.warning("job %d: the claim is lost; its run ends", self.job.id)
                self.control.cancel(lost=True)
            elif now - self._renewed_at > LEASE_S:
                self.control.cancel(lost=True)

    def _is_ending(self) -> bool:
        return self._recording

    def _run(self) -> None:
        try:
            self._record(self._result())
        except Exception:  # noqa: BLE001 - the thread has no caller to tell
            _LOG.exception("job %d: its end could not be recorded", self.job.id)
        finally:
            self._finished(self)

    def _result(self) -> JobResult:
        control = self.control
        try:
            outcome = self._kind.run(control)
            self._missed = outcome.missed
        except CanceledError as error:
            if control.canceled:
                return self._told(JobResult.CANCELED)
            if error.code == SKIPPED:
                params: dict[str, Any] = dict(error.params)
                control.note(error.code, **params)
                return self._told(JobResult.CANCELED)
            return self._failed(error)
        except ArcxoError as error:
            if error.code in (_LOST_CLAIM, _CATALOG_AWAY):
                # Cut off in the middle of a write: whoever finds the lease run out has it done again.
                control.cancel(lost=True)
                return JobResult.CRASHED
            if control.canceled:
                return self._told(JobResult.CANCELED)
            return self._failed(error)
        except Exception as error:  # noqa: BLE001 - a bug fails the job, not the server
            if control.lost:
                return JobResult.CRASHED
            _LOG.exception("job %d: unexpected failure", self.job.id)
            control.note("E5130", job=self.job.id, kind=type(error).__name__, details=_where(error))
            return self._told(JobResult.FAILED)
        return outcome.result

    def _failed(self, error: ArcxoError) -> JobResult:
        if self.control.lost:
            return JobResult.CRASHED
        self.control.error(error)
        _LOG.info("job %d failed: %s", self.job.id, error)
        script = self.job.script
        refused = isinstance(error, CredentialsError)
        if isinstance(script, BackupScript) and not refused and is_known(self._catalog, script):
            self._missed = script
        started = self.control.state.phase not in (JobPhase.WAITING, JobPhase.CONNECT)
        return self._told(JobResult.FAILED if started and not refused else JobResult.RUN_FAILED)

    def _told(self, result: JobResult) -> JobResult:
        if not self.control.lost:
            self._kind.ended(self.control, result)
        return result

    def _record(self, result: JobResult) -> None:
        control = self.control
        if control.lost:
            return
        control.flush()
        job = self.job
        now = datetime.now(UTC)
        next_at = scheduler.next_run(job.schedule, now, job.created_at)
        if next_at is not None:
            passed_over = scheduler.missed_runs(job.schedule, control.started_at, now)
            if passed_over:
                note_passed_over(control, passed_over, next_at)
        again = makeup(job, result, self._missed, control.sealed_credentials)
        if again is not None and isinstance(again.script, BackupScript) and again.execution_at is not None:
            names = [*again.script.scenario_names, *(one.label for one in again.script.sources)]
            control.warn(
                "W5730", at=again.execution_at.isoformat(timespec="seconds"), missed=", ".join(names)
            )
        deadline = time.monotonic() + LEASE_S
        self._recording = True
        while True:
            try:
                self._catalog.jobs.finish(
                    job.id,
                    control.fence,
                    result,
                    control.totals(),
                    next_execution_at=next_at,
                    follow_up=again,
                )
            except BusyError as error:
                if error.code == _LOST_CLAIM:
                    return
                if error.code not in _CATALOG_BUSY or time.monotonic() > deadline:
                    raise
                time.sleep(_STOP_POLL_S)
            else:
                break
        self._catalog.live.clear_progress(job.id)


def _where(error: Exception) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = f"{frames[-1].filename.rpartition('/')[2]}:{frames[-1].lineno}" if frames else "?"
    return f"{error} ({place})"
