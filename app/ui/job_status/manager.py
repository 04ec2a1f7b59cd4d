"""Job Status: two tabs, one toolbar, live while it is looked at."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QKeySequence, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QMenu,
    QSizePolicy,
    QStackedWidget,
    QTabBar,
    QToolButton,
)

from app.model.events import ActivityRecord
from app.model.job import Job, JobStatus
from app.model.upcoming import NextRun
from app.ui import formats, icons
from app.ui.job_status.actions import Offer, offers
from app.ui.job_status.job_commands import JobCommands
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.log_commands import LogCommands
from app.ui.job_status.log_pages import PAGE_LINES
from app.ui.job_status.log_pane import ActivityLogPane
from app.ui.job_status.monitor_windows import MonitorWindows
from app.ui.job_status.next_asked import NextAsked
from app.ui.job_status.queue_pane import JobQueuePane
from app.ui.job_status.upcoming_pane import HOURS, UpcomingPane
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line
from app.ui.widgets.menus import pop_actions

_PAGES = {"log": 1, "upcoming": 2}
_POLL_MS = 500
_LOG_POLL_MS = 1000
_NEXT_POLL_MS = 10_000
_NEW = ("new_backup", "new_restore")
_ONLY_IN_MENU = frozenset({*_NEW, "details", "window", "password", "undo", "show_log", "copy_command"})
_OF_THE_LOG = ("print", "export", "purge")
_NEED_A_JOB = ("details", "window", "show_log", "copy_command")


class JobStatusManager(Manager):
    """Queue and log of this home's server."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Job Status")
        self._jobs: dict[int, Job] = {}
        self._wanted_job: int | None = None
        self._wanted_details: int | None = None
        self._next_asked = NextAsked(context, self)
        self.queue = JobQueuePane()
        self.upcoming = UpcomingPane()
        self.commands = JobCommands(context, self._chosen, self)
        self.monitors = MonitorWindows(context, self)
        self.log = ActivityLogPane()
        self.log_commands = LogCommands(context, self.log, self)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Job Status")
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        for title in ("Job Queue", "Activity Log", "Next 24 hours"):
            self.tabs.addTab(title)
        self._pages = QStackedWidget()
        self._pages.addWidget(self.queue)
        self._pages.addWidget(self.log)
        self._pages.addWidget(self.upcoming)
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.actions_ = self._make_actions()
        self.body.addWidget(self._tool_row())
        self.body.addWidget(Line())
        self.body.addWidget(self._pages, 1)
        self._queue_poll = self.poll(self._read_jobs, _POLL_MS)
        self._queue_poll.answered.connect(self._on_jobs)
        self._queue_poll.failed.connect(self._on_jobs_failed)
        self._log_poll = self.poll(self._read_log, _LOG_POLL_MS)
        self._log_poll.answered.connect(self._on_log)
        self._log_poll.failed.connect(self.log.show_error)
        self._next_poll = self.poll(self._read_next, _NEXT_POLL_MS)
        self._next_poll.answered.connect(self._on_next)
        self._next_poll.failed.connect(self.upcoming.show_error)
        for poller in (self._queue_poll, self._log_poll):
            poller.stale.connect(self._on_stale)
        self.queue.job_chosen.connect(self._offer)
        self.queue.job_chosen.connect(self._ask_next)
        self._next_asked.told.connect(self.queue.monitor.show_next)
        self.commands.changed.connect(self._queue_poll.refresh)
        self.commands.submitted.connect(self._on_submitted)
        self.upcoming.job_wanted.connect(self._on_job_wanted)
        self.upcoming.backup_wanted.connect(self._on_backup_wanted)
        self.upcoming.retried.connect(self._next_poll.refresh)
        self.queue.log_wanted.connect(self._on_log_wanted)
        self.queue.details_wanted.connect(self.show_details)
        self.queue.window_wanted.connect(self.open_window)
        self.monitors.changed.connect(self._queue_poll.refresh)
        self.monitors.log_wanted.connect(self._on_log_of_window)
        self.queue.backup_wanted.connect(self._on_backup_wanted)
        self.queue.retried.connect(self._queue_poll.refresh)
        self.log.query_changed.connect(self._log_poll.refresh)
        self.log.pages.changed.connect(self._log_poll.refresh)
        self.log.update_wanted.connect(self._log_poll.refresh)
        self.log_commands.changed.connect(self._log_poll.refresh)
        self.queue.menu_wanted.connect(self._on_menu_wanted)
        for key, slot in (
            ("Ctrl+PgDown", self._on_other_tab),
            ("Ctrl+PgUp", self._on_other_tab),
        ):
            shortcut = QShortcut(QKeySequence(key), self)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)
            self._back = shortcut  # the last one made
        self._offer()

    def _make_actions(self) -> dict[str, QAction]:
        made = {}
        for name, text, icon, key, slot in (
            ("new_backup", "New backup job…", "hard-drive-upload", "", self._on_backup_wanted),
            ("new_restore", "New restore job…", "history", "", self._on_restore_wanted),
            ("run_now", "Run now", "play", "Ctrl+R", self.commands.run_now),
            ("ready", "Ready / Hold", "pause", "Ctrl+H", self.commands.ready_or_hold),
            ("modify", "Modify…", "pencil", "Ctrl+M", self.commands.modify),
            ("reschedule", "Reschedule…", "calendar-clock", "", self.commands.reschedule),
            ("stop", "Stop", "circle-stop", "Ctrl+.", self.commands.stop),
            ("delete", "Delete…", "trash-2", "Del", self.commands.delete),
            ("details", "Details…", "info", "Alt+Return", self._on_details),
            ("window", "Open in a window", "external-link", "Ctrl+Shift+W", self.open_window),
            ("password", "Change password…", "key-round", "", self.commands.password),
            ("undo", "Undo restore…", "undo-2", "Ctrl+Z", self.commands.undo),
            ("show_log", "Show log", "scroll-text", "Ctrl+L", self._on_show_log),
            ("copy_command", "Copy as command line", "terminal", "Ctrl+Shift+C", self.commands.copy_command),
            ("print", "Print log…", "printer", "Ctrl+P", self.log_commands.print),
            ("export", "Export…", "download", "", self.log.export),
            ("purge", "Purge…", "trash-2", "", self.log_commands.purge),
        ):
            action = QAction(text, self)
            # A space keeps the text of a button off its icon.
            action.setIconText(f" {text}")
            icons.bind(action, icon)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(slot)
            self.addAction(action)
            made[name] = action
        return made

    def _tool_row(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        # Its words do not keep the window wide: they go when there is no room.
        bar.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(2)
        row.addWidget(self.tabs)
        row.addStretch(1)
        self.toolbar: dict[str, QToolButton] = {"add": self._add_button()}
        row.addWidget(self.toolbar["add"])
        for name, action in self.actions_.items():
            if name in _ONLY_IN_MENU:
                continue
            tool = QToolButton()
            tool.setDefaultAction(action)
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.toolbar[name] = tool
            row.addWidget(tool)
        for name in _OF_THE_LOG:
            self.toolbar[name].hide()
        return bar

    def _add_button(self) -> QToolButton:
        """A new job of either kind: the manager that makes it comes to the front."""
        made = QToolButton()
        made.setText(" Add")
        made.setAccessibleName("Add a job")
        made.setToolTip("A new job")
        icons.bind(made, "plus")
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu = QMenu(made)
        menu.addActions([self.actions_[name] for name in _NEW])
        made.setMenu(menu)
        return made

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._fit_toolbar()

    def _fit_toolbar(self) -> None:
        """Icons alone where the words have no room; their tooltips and names stay."""
        beside, alone = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        tools = self.toolbar.values()
        for tool in tools:
            tool.setToolButtonStyle(beside)
        words = sum(tool.sizeHint().width() + 2 for tool in tools if not tool.isHidden())
        if self.tabs.sizeHint().width() + words + 28 > self.width():
            for tool in tools:
                tool.setToolButtonStyle(alone)

    def activate(self) -> None:
        """The keyboard works in the list in front at once."""
        super().activate()
        focus = QApplication.focusWidget()
        if focus in (None, self.tabs) or not self.isAncestorOf(focus):
            (self.queue.tree, self.log.tree, self.upcoming.tree)[self.tabs.currentIndex()].setFocus()

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Job menu."""
        new = [self.actions_[name] for name in _NEW]
        return "&Job", [
            *new,
            None,
            *self._job_actions(),
            None,
            *(self.actions_[name] for name in _OF_THE_LOG),
        ]

    def _job_actions(self) -> list[QAction | None]:
        names = ("run_now", "ready", "modify", "reschedule", "password", "stop", "")
        more = ("details", "window", "undo", "show_log", "copy_command", "", "delete")
        return [self.actions_[name] if name else None for name in (*names, *more)]

    def show_request(self, **request: Any) -> None:
        """`job`: choose it in the queue. `details`: open its window. `log_of`: its lines.

        `page` "log": the whole log; "upcoming": the runs of the next 24 hours.
        """
        if request.get("page") in _PAGES:
            self.tabs.setCurrentIndex(_PAGES[request["page"]])
        if "log_of" in request:
            self._on_log_wanted(int(request["log_of"]))
        elif "details" in request:
            self.tabs.setCurrentIndex(0)
            self._wanted_details = int(request["details"])
            self._queue_poll.refresh()
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
            older_than=self.log.pages.older_than,
            limit=PAGE_LINES,
        )

    def _on_jobs(self, jobs: Sequence[Job]) -> None:
        self._jobs = {job.id: job for job in jobs}
        self.queue.set_jobs(jobs)
        self.log.set_jobs(self._jobs)
        if self._wanted_job in self._jobs:
            self.queue.choose(self._wanted_job or 0)
            self._wanted_job = None
        if self._wanted_details in self._jobs:
            self.queue.choose(self._wanted_details or 0)
            self.show_details(self._wanted_details or 0)
            self._wanted_details = None
        active = sum(job.status is JobStatus.ACTIVE and job.parent_id is None for job in jobs)
        due = min(
            (job.execution_at for job in jobs if job.status is JobStatus.READY and job.execution_at),
            default=None,
        )
        parts = [formats.counted(active, "job") + " active"] if active else []
        parts += [f"{'next' if active else 'Next'} start {formats.moment(due)}"] if due else []
        self.header.subtitle.setText(", ".join(parts))
        self._offer()

    def _chosen(self) -> Job | None:
        # The keys of the queue do nothing while another tab is in front.
        return self.queue.current_job() if self.tabs.currentIndex() == 0 else None

    def _read_next(self) -> Sequence[NextRun]:
        return self.context.services.jobs.upcoming(HOURS)

    def _on_next(self, runs: Sequence[NextRun]) -> None:
        self.upcoming.set_runs(runs, {job.id: job.device_group for job in self._jobs.values()})

    def _on_job_wanted(self, job_id: int) -> None:
        self.show_request(job=job_id)

    def _on_submitted(self, job: Job) -> None:
        self._wanted_job = job.id

    def _ask_next(self) -> None:
        """When the chosen job runs next, and why."""
        job = self.queue.current_job()
        self._next_asked.watch([] if job is None else [job])

    def _on_jobs_failed(self, error: Exception) -> None:
        self.queue.show_error(error)

    def _on_log(self, records: Sequence[ActivityRecord]) -> None:
        self.log.set_records(records, self._jobs)

    def _on_tab_changed(self, position: int) -> None:
        self._pages.setCurrentIndex(position)
        for name, tool in self.toolbar.items():
            tool.setVisible(position != 2 and (name in _OF_THE_LOG) == (position == 1))
        self._fit_toolbar()
        self._offer()

    def _on_other_tab(self) -> None:
        step = -1 if self.sender() is self._back else 1
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + step) % self.tabs.count())

    def enter_filter(self) -> None:
        """Ctrl+F: the search of the log."""
        self.tabs.setCurrentIndex(1)
        self.log.search.setFocus()

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.header.subtitle.setText(f"Last answer {formats.clock(at)}")

    def _on_menu_wanted(self, position: QPoint) -> None:
        pop_actions(self, self._job_actions(), position, self.queue.tree)

    def show_details(self, job_id: int) -> None:
        """Open the detail window of a job."""
        job = self._jobs.get(job_id)
        if job is not None:
            dialog = JobDetailDialog(self.context, job, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.changed.connect(self._queue_poll.refresh)
            dialog.open()

    def open_window(self) -> None:
        """Show the monitor of the chosen job in a window of its own as well."""
        if (job := self._chosen()) is not None:
            self.monitors.open(job, self.queue.monitor.throughput.rates)

    def _on_log_of_window(self, job_id: int) -> None:
        self.context.open_manager("job_status", log_of=job_id)
        self.window().activateWindow()

    def save_state(self) -> None:
        """The console ends, and with it the windows of its monitors."""
        self.monitors.close_all()

    def _on_details(self) -> None:
        job = self.queue.current_job()
        if job is not None:
            self.show_details(job.id)

    def _on_show_log(self) -> None:
        job = self.queue.current_job()
        if job is not None:
            self._on_log_wanted(job.parent_id or job.id)

    def _on_log_wanted(self, job_id: int) -> None:
        self.tabs.setCurrentIndex(1)
        self.log.show_job(job_id)

    def _on_backup_wanted(self) -> None:
        self.context.open_manager("backup")

    def _on_restore_wanted(self) -> None:
        self.context.open_manager("restore")

    def _offer(self) -> None:
        job = self._chosen()
        offered = offers(job)
        held = job is not None and job.status is JobStatus.HOLD
        for name, offer in (
            ("run_now", offered.run_now),
            ("ready", offered.ready if held else offered.hold),
            ("modify", offered.modify),
            ("reschedule", offered.reschedule),
            ("password", offered.password),
            ("stop", offered.stop),
            ("delete", offered.delete),
        ):
            self._set(self.actions_[name], offer)
        chosen = Offer() if job is not None else Offer("Choose a job first")
        for name in _NEED_A_JOB:
            self._set(self.actions_[name], chosen)
        self._set(self.actions_["undo"], offered.undo)
        icons.bind(self.actions_["ready"], "clock" if held else "pause")

    def _set(self, action: QAction, offer: Offer) -> None:
        action.setEnabled(offer.enabled)
        action.setToolTip(offer.reason or action.text().rstrip("…"))
