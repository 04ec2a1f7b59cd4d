"""When jobs run next, and why: asked for those that are looked at, as often as the answer may change."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QObject, Signal

from app.model.job import Job
from app.model.upcoming import NextRun
from app.ui.manager import Context

_AGAIN_S = 5.0
"""What passes without a change of the job: its time comes, the server is stopped or started."""
_State = tuple[object, ...]


class NextAsked(QObject):
    """`told(NextRun)` for each job of `watch` when it, or the time, has changed."""

    told = Signal(object)

    def __init__(self, context: Context, parent: QObject) -> None:
        super().__init__(parent)
        self._context = context
        self._asked: dict[int, tuple[_State, float]] = {}

    def watch(self, jobs: Sequence[Job]) -> None:
        """These are looked at now; called with each answer of the queue."""
        now = time.monotonic()
        tops = [job for job in jobs if job.parent_id is None]
        self._asked = {job.id: self._asked[job.id] for job in tops if job.id in self._asked}
        for job in tops:
            # Not its progress, which changes twice a second.
            state = (job.status, job.execution_at, job.last_result, job.schedule)
            before = self._asked.get(job.id)
            if before is not None and before[0] == state and now - before[1] < _AGAIN_S:
                continue
            self._asked[job.id] = state, now
            call = partial(self._context.services.jobs.next_run, job.id)
            gone = partial(self._on_failed, job.id)
            self._context.tasks.run(self, call, self._on_told, gone, key=f"next {job.id}")

    def _on_told(self, run: NextRun) -> None:
        if run.job_id in self._asked:
            self.told.emit(run)

    def _on_failed(self, job_id: int, _error: Exception) -> None:
        """It is gone meanwhile; the queue tells."""
        self._asked.pop(job_id, None)
