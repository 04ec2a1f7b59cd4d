"""Job Status: two tabs, one toolbar, live while it is looked at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QToolButton

from app.model.events import ActivityRecord
from app.model.job import Job, JobStatus
from app.ui import formats, icons
from app.ui.job_status.actions import Offer, offers
from app.ui.job_status.log_pane import ActivityLogPane
from app.ui.job_status.queue_pane import JobQueuePane
from app.ui.job_status.reschedule import RescheduleDialog
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line

_LOG_LINES = 2000
_POLL_MS = 500
_LOG_POLL_MS = 1000


class JobStatusManager(Manager):
    """Queue and log of this home's server."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Job Status")
        self._jobs: dict[int, Job] = {}
        self._wanted_job: int | None = None
        self.queue = JobQueuePane()
        self.log = ActivityLogPane()
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        for title in ("Job Queue", "Activity Log"):
            self.tabs.addTab(title)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.queue)
        self._pages.addWidget(self.log)
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self._actions = self._make_actions()
        self.body.addWidget(self._toolbar())
        self.body.addWidget(Line())
        self.body.addWidget(self._pages, 1)
        self._queue_poll = self.poll(self._read_jobs, _POLL_MS)
        self._queue_poll.answered.connect(self._on_jobs)
        self._queue_poll.failed.connect(self._on_jobs_failed)
        self._log_poll = self.poll(self._read_log, _LOG_POLL_MS)
        self._log_poll.answered.connect(self._on_log)
        self.queue.job_chosen.connect(self._offer)
        self.queue.log_wanted.connect(self._on_log_wanted)
        self.queue.backup_wanted.connect(self._on_backup_wanted)
        self.queue.retried.connect(self._queue_poll.refresh)
        self.log.query_changed.connect(self._log_poll.refresh)
        self.log.update_wanted.connect(self._log_poll.refresh)
        self._offer()

    def _make_actions(self) -> dict[str, QAction]:
        made = {}
        for name, text, icon, key, slot in (
            ("run_now", "Run now", "play", "Ctrl+R", self._on_run_now),
            ("ready", "Ready / Hold", "pause", "Ctrl+H", self._on_ready_or_hold),
            ("reschedule", "Reschedule…", "calendar-clock", "", self._on_reschedule),
            ("stop", "Stop", "circle-stop", "Ctrl+.", self._on_stop),
            ("delete", "Delete…", "trash-2", "Del", self._on_delete),
            ("export", "Export…", "download", "", self.log.export),
        ):
            action = QAction(text, self)
            icons.bind(action, icon)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(slot)
            self.addAction(action)
            made[name] = action
        return made

    def _toolbar(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(2)
        row.addWidget(self.tabs)
        row.addStretch(1)
        self._buttons: dict[str, QToolButton] = {}
        for name, action in self._actions.items():
            tool = QToolButton()
            tool.setDefaultAction(action)
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self._buttons[name] = tool
            row.addWidget(tool)
        self._buttons["export"].hide()
        return bar

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Job menu."""
        return "&Job", list(self._actions.values())

    def show_request(self, **request: Any) -> None:
        """`job`: choose it in the queue. `log_of`: its lines."""
        if "log_of" in request:
            self._on_log_wanted(int(request["log_of"]))
        elif "job" in request:
            self.tabs.setCurrentIndex(0)
            self._wanted_job = int(request["job"])
            self.queue.choose(self._wanted_job)

    def _read_jobs(self) -> Sequence[Job]:
        return self.context.services.jobs.list()

    def _read_log(self) -> Sequence[ActivityRecord]:
        return self.context.services.log.list(
            job_id=self.log.job_id,
            severities=self.log.severities,
            text=self.log.search.text().strip(),
            limit=_LOG_LINES,
        )

    def _on_jobs(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.id: job for job in jobs}
        self.queue.set_jobs(jobs)
        if self._wanted_job in self._jobs:
            self.queue.choose(self._wanted_job or 0)
            self._wanted_job = None
        active = sum(job.status is JobStatus.ACTIVE and job.parent_id is None for job in jobs)
        due = min(
            (job.execution_at for job in jobs if job.status is JobStatus.READY and job.execution_at),
            default=None,
        )
        parts = [formats.counted(active, "job") + " active"] if active else []
        parts += [f"next start {formats.moment(due)}"] if due else []
        self.header.subtitle.setText(", ".join(parts))
        self._offer()

    def _on_jobs_failed(self, error: Exception) -> None:
        self.queue.show_error(error)

    def _on_log(self, records: Sequence[ActivityRecord]) -> None:
        self.log.set_records(records, self._jobs)

    def _on_tab_changed(self, position: int) -> None:
        self._pages.setCurrentIndex(position)
        for name, tool in self._buttons.items():
            tool.setVisible((name == "export") == (position == 1))

    def _on_log_wanted(self, job_id: int) -> None:
        self.tabs.setCurrentIndex(1)
        self.log.show_job(job_id)

    def _on_backup_wanted(self) -> None:
        self.context.open_manager("backup")

    def _offer(self) -> None:
        job = self.queue.current_job()
        offered = offers(job)
        held = job is not None and job.status is JobStatus.HOLD
        for name, offer in (
            ("run_now", offered.run_now),
            ("ready", offered.ready if held else offered.hold),
            ("reschedule", offered.reschedule),
            ("stop", offered.stop),
            ("delete", offered.delete),
        ):
            self._set(self._actions[name], offer)
        icons.bind(self._actions["ready"], "clock" if held else "pause")

    def _set(self, action: QAction, offer: Offer) -> None:
        action.setEnabled(offer.enabled)
        action.setToolTip(offer.reason or action.text().rstrip("…"))

    def _act(self, call: Callable[[int], object], said: str = "") -> None:
        job = self.queue.current_job()
        if job is not None:
            self.context.tasks.run(
                self, partial(call, job.id), partial(self._on_done, said.format(job=job)), self._on_failed
            )

    def _on_done(self, said: str, _result: object) -> None:
        if said:
            self.context.toast(said)
        self._queue_poll.refresh()

    def _on_failed(self, error: Exception) -> None:
        self.context.show_error(error)
        self._queue_poll.refresh()

    def _on_run_now(self) -> None:
        self._act(self.context.services.jobs.run_now)

    def _on_ready_or_hold(self) -> None:
        job = self.queue.current_job()
        jobs = self.context.services.jobs
        self._act(jobs.ready if job is not None and job.status is JobStatus.HOLD else jobs.hold)

    def _on_stop(self) -> None:
        self._act(self.context.services.jobs.stop, "Job {job.id} is stopping after this chunk")

    def _on_delete(self) -> None:
        from app.ui.dialogs.confirm import confirm

        job = self.queue.current_job()
        if job is None:
            return
        what = "with its schedule" if job.schedule.repeat else "from the queue"
        if confirm(
            self,
            f"Delete job {job.id}, {job.name}?",
            f"The job is removed {what}. Sessions it wrote and its log lines stay.",
            "Delete job",
        ):
            self._act(self.context.services.jobs.delete, "Job {job.id} deleted")

    def _on_reschedule(self) -> None:
        job = self.queue.current_job()
        if job is None:
            return
        dialog = RescheduleDialog(job, self)
        if dialog.exec():
            schedule = dialog.schedule()
            self._act(lambda number: self.context.services.jobs.reschedule(number, schedule))
        dialog.deleteLater()
