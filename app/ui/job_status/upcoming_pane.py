"""The runs of the next 24 hours: when, which job, which media, and why then."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from app.messages import render
from app.model.upcoming import NextRun
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.status import JOB, status_cell
from app.ui.widgets.views import CellTree

HOURS = 24
COLUMNS = (
    Column("Time", 150),
    Column("Job", 240),
    Column("No.", 60, right=True),
    Column("Status", 90),
    Column("Media", 170),
    Column("Pool", 110),
    Column("Why then", 240, stretch=True),
)


class UpcomingPane(QWidget):
    """`job_wanted(number)` when a run is activated."""

    job_wanted = Signal(int)
    backup_wanted = Signal()
    retried = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.flat = True
        self.tree.setRootIsDecorated(False)
        self.tree.setAccessibleName("Runs of the next 24 hours")
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.row_activated.connect(self._on_activated)
        self.empty = EmptyState(
            "calendar-clock",
            f"Nothing runs in the next {HOURS} hours",
            "Jobs with a time or a repetition stand here with their next runs.",
            "New backup",
        )
        self.empty.pressed.connect(self.backup_wanted)
        self.problem = ProblemCard()
        self.problem.retried.connect(self.retried)
        self._stack = QStackedWidget()
        for page in (self.tree, self.empty, self.problem):
            self._stack.addWidget(page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)
        self._known = False

    def set_runs(self, runs: Sequence[NextRun], groups: dict[int, str]) -> None:
        """Show these runs. `groups`: the device group of each job; two of one minute in one are a clash."""
        self._known = True
        at_once = Counter((groups.get(run.job_id, ""), _minute(run.at)) for run in runs)
        counted: Counter[int] = Counter()
        rows = []
        for run in runs:
            counted[run.job_id] += 1
            group = groups.get(run.job_id, "")
            clash = bool(group) and at_once[group, _minute(run.at)] > 1
            rows.append(_row(run, counted[run.job_id], group if clash else ""))
        self.model.set_rows(rows)
        self._stack.setCurrentIndex(0 if rows else 1)

    def show_error(self, error: Exception) -> None:
        """The first answer failed: the reason in place."""
        if not self._known:
            self.problem.show_error(error)
            self._stack.setCurrentIndex(2)

    def _on_activated(self, index: QModelIndex) -> None:
        row = self.model.row_at(index)
        if row is not None and isinstance(row.object, NextRun):
            self.job_wanted.emit(row.object.job_id)


def _minute(at: datetime | None) -> datetime | None:
    return at.replace(second=0, microsecond=0) if at is not None else None


def _row(run: NextRun, number_of_job: int, clash: str) -> Row:
    why = render(run.code, run.params).text
    tag = ("Same time", "triangle-alert", "warning") if clash else None
    tip = f"{why}\nAnother job starts on {clash} in the same minute" if clash else why
    return Row(
        (run.job_id, number_of_job),
        (
            Cell(formats.moment(run.at), tooltip=formats.full_time(run.at)),
            Cell(formats.visible(run.name), medium=True, tag=tag, tooltip=run.name),
            Cell(str(run.job_id), right=True, sort=run.job_id),
            status_cell(JOB[run.status]),
            Cell(run.media or formats.NONE, role="text" if run.media else "muted"),
            Cell(run.pool or formats.NONE, role="text" if run.pool else "muted"),
            Cell(why, role="text2", tooltip=tip),
        ),
        object=run,
    )
