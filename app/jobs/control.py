"""What a running job is given: progress, notes for the activity log, problems, cancel and waiting."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from app.catalog.api import Catalog, Claim, Totals
from app.messages import load
from app.model.errors import ArcxoError, CanceledError, Problem
from app.model.events import Severity
from app.model.job import BackupScript, Job, JobPhase, JobProgress, RestoreScript
from app.model.job_log import LEFT_OUT_CODES, JobLogLevel, packed
from app.model.paths import shown

_LOG = logging.getLogger(__name__)
_PROGRESS_EVERY_S = 0.2
_WAIT_POLL_S = 0.1


class JobControl:
    """One run of a claimed job. Any thread may call it.

    `progress` never waits long (live figures are not durable); notes are written to the catalog at once.
    """

    def __init__(self, catalog: Catalog, claim: Claim, server_name: str) -> None:
        self.job: Job = claim.job
        self.fence = claim.fence
        self.sealed_credentials = claim.credentials
        self.started_at = datetime.now(UTC)
        self.errors = 0
        self.warnings = 0
        self.lost = False
        self._catalog = catalog
        self._server = server_name
        self._canceled = threading.Event()
        self._lock = threading.Lock()
        self._progress = JobProgress(phase_started_at=self.started_at)
        self._phase_began = time.monotonic()
        self._last_put = 0.0

    @property
    def state(self) -> JobProgress:
        """The figures so far."""
        with self._lock:
            return self._progress

    @property
    def canceled(self) -> bool:
        """Whether someone asked for this run to end."""
        return self._canceled.is_set()

    def cancel(self, *, lost: bool = False) -> None:
        """Ask the run to end soon. `lost`: the claim is another's now, so nothing may be recorded."""
        self.lost = self.lost or lost
        self._canceled.set()

    def check_cancelled(self) -> None:
        """Raise CanceledError E5131 when the run was asked to end."""
        if self._canceled.is_set():
            raise CanceledError("E5131", job=self.job.id)

    def begin_phase(self, phase: JobPhase) -> None:
        """The run enters a step; the seconds of the one before are kept for the monitor."""
        now = time.monotonic()
        with self._lock:
            done = (*self._progress.phases, (self._progress.phase, round(now - self._phase_began, 3)))
            self._phase_began = now
            self._progress = replace(
                self._progress, phase=phase, phase_started_at=datetime.now(UTC), phases=done, waits_for=""
            )
        self._put()

    def progress(self, **changes: Any) -> None:
        """Set figures (fields of `JobProgress`); they are shown at most five times a second."""
        with self._lock:
            self._progress = replace(self._progress, errors=self.errors, warnings=self.warnings, **changes)
            due = time.monotonic() - self._last_put >= _PROGRESS_EVERY_S
        if due:
            self._put()

    def wait_for(
        self,
        text: str,
        condition: Callable[[], bool],
        *,
        timeout_s: float | None = None,
        poll_s: float = _WAIT_POLL_S,
    ) -> bool:
        """Wait, visibly, until `condition`; False when `timeout_s` passed. Raises CanceledError E5131."""
        if condition():
            return True
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        self._show_waiting(text)
        try:
            while not condition():
                if deadline is not None and time.monotonic() > deadline:
                    return False
                self._canceled.wait(poll_s)
                self.check_cancelled()
        finally:
            self._show_waiting("")
        return True

    def note(self, code: str, *, session: int | None = None, scenario: str = "", **params: object) -> None:
        """Add a line to the activity log; its severity is that of the message."""
        message = load().get(code)
        severity = message.severity if message is not None else Severity.ERROR
        if severity is Severity.INFORMATION and self._silent and code not in _ALWAYS:
            return
        if severity in (Severity.ERROR, Severity.CRITICAL):
            self.errors += 1
            severity = Severity.ERROR
        elif severity is Severity.WARNING:
            self.warnings += 1
        self._append(code, severity, session, scenario, params)

    @property
    def log_level(self) -> JobLogLevel:
        """How much the job's log holds."""
        script = self.job.script
        return script.job_log if isinstance(script, BackupScript | RestoreScript) else JobLogLevel.SUMMARY

    @property
    def _silent(self) -> bool:
        return self.log_level is JobLogLevel.NONE

    def note_lines(self, code: str, lines: Sequence[str], *, scenario: str = "") -> None:
        """Add many lines as one row of the log."""
        params: dict[str, Any] = packed(lines)
        self._catalog.log.append(
            code,
            Severity.INFORMATION,
            server=self._server,
            job_id=self.job.id,
            parent_job_id=self.job.parent_id,
            scenario=scenario,
            **params,
        )

    def conclude(self, code: str) -> None:
        """Add the line that says how the job ended: it repeats what is counted already."""
        errors, warnings = self.errors, self.warnings
        self.note(code)
        self.errors, self.warnings = errors, warnings

    def warn(self, code: str, *, session: int | None = None, scenario: str = "", **params: object) -> None:
        """Add a line as a warning, whatever the message's own severity."""
        self.warnings += 1
        self._append(code, Severity.WARNING, session, scenario, params)

    def error(self, error: ArcxoError, *, scenario: str = "", session: int | None = None) -> None:
        """Add an error to the activity log."""
        self.fault(error.code, error.params, scenario=scenario, session=session)

    def fault(
        self, code: str, params: Mapping[str, object], *, scenario: str = "", session: int | None = None
    ) -> None:
        """Add an error, by code and parameters, to the activity log."""
        self.errors += 1
        self._append(code, Severity.ERROR, session, scenario, params)

    def fault_as_warning(self, error: ArcxoError) -> None:
        """Add something that is wrong, but that the run can do without for now."""
        self.warnings += 1
        self._append(error.code, Severity.WARNING, None, "", error.params)

    def problem(self, problem: Problem, *, scenario: str = "", session: int | None = None) -> None:
        """Add an object that could not be handled, as a warning that names it.

        What is a mere information about it is told as such; a list of changes that was not right is an error.
        """
        params: dict[str, object] = dict(problem.params)
        if problem.path:
            params["path"] = shown(problem.path)
        message = load().get(problem.code)
        if problem.code in _WRONG_LISTS:
            self.fault(problem.code, params, scenario=scenario, session=session)
        elif message is not None and message.severity is Severity.INFORMATION:
            if not self._silent:
                self._append(problem.code, Severity.INFORMATION, session, scenario, params)
        else:
            self.warnings += 1
            self._append(problem.code, Severity.WARNING, session, scenario, params)

    def totals(self) -> Totals:
        """The figures as they are recorded with the result."""
        state = self.state
        return Totals(state.files, state.read_bytes, state.stored_bytes, self.errors, self.warnings)

    def flush(self) -> None:
        """Show the last figures now."""
        self._put()

    def _show_waiting(self, text: str) -> None:
        with self._lock:
            self._progress = replace(self._progress, waits_for=text)
        self._put()
        if not self.lost:
            self._catalog.jobs.set_waits_for(self.job.id, self.fence, text)

    def _append(
        self, code: str, severity: Severity, session: int | None, scenario: str, params: Mapping[str, Any]
    ) -> None:
        _LOG.info("job %d: %s %s %s", self.job.id, severity.value, code, params)
        # Parameters that share a name with a column of the log are the message's own.
        clean = {key: value for key, value in params.items() if key not in _COLUMNS}
        if "session" in params and session is None and str(params["session"]).isdecimal():
            session = int(str(params["session"]))
        if "scenario" in params and not scenario:
            scenario = str(params["scenario"])
        self._catalog.log.append(
            code,
            severity,
            server=self._server,
            job_id=self.job.id,
            parent_job_id=self.job.parent_id,
            session=session,
            scenario=scenario,
            **clean,
        )

    def _put(self) -> None:
        with self._lock:
            self._last_put = time.monotonic()
            shown_now = replace(self._progress, updated_at=datetime.now(UTC))
        self._catalog.live.put_progress(self.job.id, shown_now)


_ALWAYS = frozenset({"N5000", "N5040", "N5050", "N5070", "N5158", *LEFT_OUT_CODES})
"""Information that a job notes at every level: that it began, how it ended, what its log does not hold."""
_WRONG_LISTS = frozenset({"E4215", "E4218"})
"""An audit found what a list of changes lacked: nothing is wrong with the object, but with Arcxo."""
_COLUMNS = frozenset({"server", "job_id", "parent_job_id", "session", "scenario", "code", "severity"})
