"""Two parts of Home's side: the last jobs that did not end well, and the ways to begin something."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from app.model.job import Job, JobResult
from app.ui import formats
from app.ui.registry import entries
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.status import RESULT

SHOWN = 3
_BAD = (JobResult.FAILED, JobResult.RUN_FAILED, JobResult.CRASHED, JobResult.INCOMPLETE)
_WAYS: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("Back up", "hard-drive-upload", "backup", {"tab": "Start"}),
    ("Restore", "history", "restore", {}),
    ("New scenario", "arrow-left-right", "xosoft", {"new_scenario": True}),
    ("Add a machine", "server", "hosts", {"add": True}),
    ("Devices and media", "hard-drive", "media", {}),
    ("Activity log", "scroll-text", "job_status", {"page": "log"}),
)


def failures(jobs: Sequence[Job]) -> list[Job]:
    """The newest jobs whose last run did not end well; a child's is its job's."""
    found = [one for one in jobs if one.last_result in _BAD and one.parent_id is None and one.finished_at]
    return sorted(found, key=lambda one: (one.finished_at or one.created_at, one.id), reverse=True)[:SHOWN]


class Failures(QWidget):
    """`job_wanted(number)` when one of them is to be seen."""

    job_wanted = Signal(int)

    def __init__(self) -> None:
        super().__init__()
        self.rows: list[_Failure] = []
        self._layout = _titled(self, "Last failures")
        self._empty = Label("No job failed", "small", "muted")
        self._layout.addWidget(self._empty)

    def set_jobs(self, jobs: Sequence[Job], now: datetime) -> None:
        """Show the newest that did not end well."""
        found = failures(jobs)
        while len(self.rows) < len(found):
            row = _Failure(self.job_wanted.emit)
            self.rows.append(row)
            self._layout.addWidget(row)
        for position, row in enumerate(self.rows):
            row.setVisible(position < len(found))
            if position < len(found):
                row.show_job(found[position], now)
        self._empty.setVisible(not found)


class QuickStart(QWidget):
    """`wanted(manager, request)` when something is to be begun."""

    wanted = Signal(str, dict)

    def __init__(self) -> None:
        super().__init__()
        self.buttons: list[QPushButton] = []
        layout = _titled(self, "Quick start")
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(2)
        layout.addLayout(grid)
        known = {entry.name for entry in entries()}
        for text, icon, manager, request in _WAYS:
            if manager in known:
                made = button(text, "link", icon)
                made.clicked.connect(partial(self.wanted.emit, manager, request))
                place = divmod(len(self.buttons), 2)
                grid.addWidget(made, *place, alignment=Qt.AlignmentFlag.AlignLeft)
                self.buttons.append(made)
        grid.setColumnStretch(1, 1)


class _Failure(QWidget):
    def __init__(self, wanted: Callable[[int], None]) -> None:
        super().__init__()
        self._job = 0
        self._icon = IconLabel("circle-x", "error")
        self.name = button("", "link")
        self.name.clicked.connect(lambda: wanted(self._job))
        self._text = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(self._icon)
        row.addWidget(self.name)
        row.addWidget(self._text, 1)

    def show_job(self, job: Job, now: datetime) -> None:
        assert job.last_result is not None
        look = RESULT[job.last_result]
        self._job = job.id
        self._icon.set_icon(look.icon, look.role)
        metrics = self.name.fontMetrics()
        name = formats.visible(job.name)
        self.name.setText(
            metrics.elidedText(name, Qt.TextElideMode.ElideRight, metrics.averageCharWidth() * 22)
        )
        self.name.setToolTip(name)
        self.name.setAccessibleName(f"{name}, job {job.id}: {look.text}")
        self._text.setText(f"{look.text}, {formats.moment(job.finished_at, now)}")


def _titled(holder: QWidget, title: str) -> QVBoxLayout:
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(16, 6, 16, 12)
    layout.setSpacing(6)
    layout.addWidget(Label(title, "strong"))
    return layout
