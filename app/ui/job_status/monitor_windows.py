"""The monitors that are open in windows of their own: one for a job, all fed by one poller."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from app.model.job import Job
from app.model.upcoming import NextRun
from app.ui.bridge.polling import Poller
from app.ui.job_status.monitor_window import MonitorWindow
from app.ui.job_status.next_asked import NextAsked
from app.ui.job_status.throughput import Rates
from app.ui.manager import Context

POLL_MS = 500


class MonitorWindows(QObject):
    """They go on while another manager is in front. `changed` after a command; `log_wanted(job_id)`."""

    changed = Signal()
    log_wanted = Signal(int)

    def __init__(self, context: Context, owner: QWidget) -> None:
        super().__init__(owner)
        self._context = context
        self._jobs: dict[int, Job] = {}
        self.windows: dict[int, MonitorWindow] = {}
        self._poll = Poller(context.tasks, self._read, POLL_MS, self)
        self._poll.answered.connect(self._on_jobs)
        self._poll.stale.connect(self._on_stale)
        self._next = NextAsked(context, self)
        self._next.told.connect(self._on_next)

    def open(self, job: Job, rates: Rates | None = None) -> MonitorWindow:
        """The window of a job, in front. `rates`: what its chart begins with, if they are of that job."""
        window = self.windows.get(job.id)
        if window is None:
            window = self.windows[job.id] = MonitorWindow(self._context, job)
            if rates is not None:
                window.monitor.throughput.rates.begin_with(rates)
            window.closed.connect(self._on_closed)
            window.pace_changed.connect(self._keep_pace)
            window.log_wanted.connect(self.log_wanted)
            window.job_wanted.connect(self._on_job_wanted)
            window.changed.connect(self._on_changed)
        if window.isMinimized():
            window.showNormal()
        window.show()
        window.activateWindow()
        self._keep_pace()
        self._poll.refresh()
        return window

    def close_all(self) -> None:
        """The console ends."""
        for window in list(self.windows.values()):
            window.close()

    def _read(self) -> Sequence[Job]:
        return self._context.services.jobs.list()

    def _on_jobs(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.id: job for job in jobs}
        for window in self.windows.values():
            window.show_jobs(self._jobs)
        seen = [number for number, window in self.windows.items() if window.looked_at]
        self._next.watch([self._jobs[number] for number in seen if number in self._jobs])

    def _on_next(self, run: NextRun) -> None:
        window = self.windows.get(run.job_id)
        if window is not None:
            window.monitor.show_next(run)

    def _on_stale(self, since: datetime | None) -> None:
        for window in self.windows.values():
            window.show_silence(since)

    def _on_closed(self, job_id: int) -> None:
        self.windows.pop(job_id, None)
        self._keep_pace()

    def _on_job_wanted(self, job_id: int) -> None:
        if job_id in self._jobs:
            self.open(self._jobs[job_id])

    def _on_changed(self) -> None:
        self._poll.refresh()
        self.changed.emit()

    def _keep_pace(self) -> None:
        """Nothing is asked for windows that nobody looks at."""
        if any(window.looked_at for window in self.windows.values()):
            self._poll.start()
        else:
            self._poll.stop()
