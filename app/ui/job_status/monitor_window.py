"""The monitor of a job in a window of its own: it blocks nothing, and shows the result when the job ended."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QSettings, QSize, Qt, Signal
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.model.job import Job, JobStatus
from app.ui import formats
from app.ui.help.desk import help_button, help_desk
from app.ui.job_status import queue_rows
from app.ui.job_status.actions import offers
from app.ui.job_status.job_commands import JobCommands
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.job_monitor import JobMonitor
from app.ui.job_status.words import KIND
from app.ui.manager import Context
from app.ui.models.tree import TreeModel
from app.ui.screens import room_of
from app.ui.sizes import keep_sizes, restore_sizes
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button
from app.ui.widgets.status import JOB, RESULT, Pill
from app.ui.widgets.views import CellTree

_NAME = "job-monitor"
_CHILD_COLUMNS = ("Job name", "No.", "Status", "Progress", "Last result", "MB")


class MonitorWindow(QWidget):
    """One job. `closed(job_id)`; `pace_changed` when it is looked at, or not any more; `log_wanted(job_id)`;
    `job_wanted(job_id)` of a child job, which is to have a window too; `changed` after Stop.
    """

    closed = Signal(int)
    pace_changed = Signal()
    log_wanted = Signal(int)
    job_wanted = Signal(int)
    changed = Signal()

    def __init__(self, context: Context, job: Job) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self._context, self.job = context, job
        self._silent = False
        # What is told of a command in this window is told here.
        here = replace(context, toast=self._on_told, show_error=self._on_error)
        self.commands = JobCommands(here, lambda: self.job, self)
        self.commands.changed.connect(self.changed)
        self.title = Label("", "subject", wrap=True)
        self.kind = Label(f"{KIND[job.kind].text}, job {job.id}", "body", "muted")
        self.pill = Pill("", "info", "info")
        self.monitor = JobMonitor()
        self.monitor.stand_alone()
        self.monitor.log_wanted.connect(self.log_wanted)
        self.monitor.details_wanted.connect(self._on_details)
        self.model = TreeModel(queue_rows.COLUMNS, self)
        self.tree = CellTree()
        self.tree.setAccessibleName("Child jobs")
        self.tree.setModel(self.model)
        self.tree.set_columns(queue_rows.COLUMNS)
        self.tree.flat = True
        self.tree.setRootIsDecorated(False)
        for position, column in enumerate(queue_rows.COLUMNS):
            self.tree.setColumnHidden(position, column.title not in _CHILD_COLUMNS)
        self.tree.row_activated.connect(self._on_activated)
        self.tree.hide()
        self.said = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.stop = button("Stop", "", "circle-stop")
        self.stop.clicked.connect(self.commands.stop)
        self.close_ = button("Close", "primary")
        self.close_.clicked.connect(self.close)
        for key, slot in (("Esc", self.close), ("Ctrl+W", self.close), ("F1", self._on_f1)):
            QShortcut(QKeySequence(key), self).activated.connect(slot)
        self._lay_out()
        theme().dress(self)
        self._restore(context.settings)
        self.show_jobs({job.id: job})
        self.close_.setFocus()

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setContentsMargins(16, 12, 16, 12)
        head.setSpacing(10)
        head.addWidget(IconLabel(KIND[self.job.kind].icon, "accent", 20))
        head.addWidget(self.title, 1)
        head.addWidget(self.kind)
        head.addWidget(self.pill)
        self.splitter = QSplitter(Qt.Orientation.Vertical)
        self.splitter.addWidget(self.monitor)
        self.splitter.addWidget(self.tree)
        self.splitter.setChildrenCollapsible(False)
        self.splitter.setHandleWidth(1)
        self.splitter.setSizes([280, 170])
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 10, 16, 10)
        foot.setSpacing(8)
        foot.addWidget(help_button())
        foot.addWidget(self.said, 1)
        foot.addWidget(self.stop)
        foot.addWidget(self.close_)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.splitter, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def _restore(self, settings: QSettings) -> None:
        room, kept = room_of(self), settings.value(f"sizes/{_NAME}/window")
        size = kept if isinstance(kept, QSize) else QSize(theme().px(760), theme().px(560))
        self.resize(size.boundedTo(room))
        restore_sizes(settings, _NAME, self)

    def show_jobs(self, jobs: Mapping[int, Job]) -> None:
        """The queue as it is now. A job that left it stays in view as it was last."""
        found = jobs.get(self.job.id)
        if found is None:
            self._offer("The job is not in the queue any more")
            self.said.setText("The job is not in the queue any more. This is what was last known of it.")
            return
        before, self.job = self.job, found
        if self._silent or before.status is not found.status:
            self._silent = False
            self.said.setText("")
        children = [job for job in jobs.values() if job.parent_id == found.id]
        name = formats.visible(found.name)
        self.setWindowTitle(f"Job {found.id}, {name}")
        self.title.setText(name)
        ended = found.last_result is not None and found.status is not JobStatus.ACTIVE
        look = RESULT[found.last_result] if ended and found.last_result else JOB[found.status]
        role = look.role if look.role in ("ok", "warning", "error", "info", "accent") else "info"
        self.pill.set_pill(look.text, look.icon, role)
        self.monitor.show_job(found, children)
        self.model.set_rows(queue_rows.rows([found, *children])[0].children or ())
        self.tree.setVisible(bool(children))
        self._offer(offers(found).stop.reason)

    def show_silence(self, since: datetime | None) -> None:
        """The server has not answered for a while."""
        if since is not None:
            self._silent = True
            self.said.setText(f"Last answer {formats.clock(since)}")

    @property
    def looked_at(self) -> bool:
        """Whether it is on the screen."""
        return self.isVisible() and not self.isMinimized()

    def _offer(self, reason: str) -> None:
        self.stop.setEnabled(not reason)
        self.stop.setToolTip(reason or "At the next safe point; a stop ends a run, not the schedule")

    def _on_told(self, title: str, text: str = "", *_more: Any) -> None:
        self.said.setText(f"{title}. {text}".rstrip(". "))

    def _on_error(self, error: Exception) -> None:
        self._context.show_error(error, self)

    def _on_activated(self, index: QModelIndex) -> None:
        job = self.tree.current_object()
        if index.isValid() and isinstance(job, Job):
            self.job_wanted.emit(job.id)

    def _on_details(self, _job_id: int) -> None:
        dialog = JobDetailDialog(self._context, self.job, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.changed.connect(self.changed)
        dialog.open()

    def _on_f1(self) -> None:
        focus = QApplication.focusWidget()
        help_desk().show_for(focus if focus is not None and self.isAncestorOf(focus) else self)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().changeEvent(event)
        if event.type() == QEvent.Type.WindowStateChange:
            self.pace_changed.emit()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._context.settings.setValue(f"sizes/{_NAME}/window", self.size())
        keep_sizes(self._context.settings, _NAME, self)
        super().closeEvent(event)
        self.closed.emit(self.job.id)
