"""The Schedule tab: the form at the left, the next runs in words at the right, as the services count them."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.model.upcoming import PlannedRun
from app.ui import formats
from app.ui.bridge.throttle import Delay
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.tree import Row, TreeModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, PaneHeader, column
from app.ui.widgets.notices import explain
from app.ui.widgets.schedule_form import ScheduleForm
from app.ui.widgets.views import CellTree

COLUMNS = (Column("Next runs", 210, stretch=True), Column("Media", 190), Column("Pool", 120))
_RUNS = 10


class ScheduleTab(QWidget):
    """`form` is what the person edits; `changed` when it, or what is known of its runs, changed."""

    changed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None, *, rotation: bool = True) -> None:
        super().__init__(parent)
        self._context = context
        self._columns = COLUMNS if rotation else COLUMNS[:1]
        self.form = ScheduleForm(rotation=rotation)
        self.refused = ""
        self.model = TreeModel(self._columns, self)
        self.runs = CellTree()
        self.runs.flat = True
        self.runs.setRootIsDecorated(False)
        self.runs.setAccessibleName("Next runs")
        self.runs.setModel(self.model)
        self.runs.set_columns(self._columns)
        self.note = Label("", "body", "text2", wrap=True)
        self._ask = Delay(200, self)
        self._ask.passed.connect(self._on_ask)
        self.form.changed.connect(self._on_changed)
        note = QWidget()
        box = QVBoxLayout(note)
        box.setContentsMargins(16, 8, 16, 8)
        box.addWidget(self.note)
        splitter = QSplitter()
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        splitter.addWidget(scrolled(self.form))
        right = column(PaneHeader("What this schedule means"), Line(), note, Line(), self.runs)
        right.setMinimumWidth(theme().px(280))
        splitter.addWidget(right)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([640, 480])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)
        self._on_changed()

    def fault(self) -> str:
        """What is wrong with the schedule, or ""."""
        return self.form.fault() or self.refused

    def refresh(self) -> None:
        """Count the runs anew: time has gone by."""
        self._ask.put(None)

    def _on_changed(self) -> None:
        self.refused = ""
        self._ask.put(None)
        self.changed.emit()

    def _on_ask(self, _value: object) -> None:
        fault = self.form.fault()
        if fault:
            self._show((), fault, "error")
            return
        schedule = self.form.schedule()
        call = partial(self._context.services.jobs.preview, schedule, _RUNS)
        self._context.tasks.run(self, call, self._on_runs, self._on_refused, key="preview")

    def _on_runs(self, runs: Sequence[PlannedRun]) -> None:
        self._show(runs, self.form.words() + ".", "text")
        self.changed.emit()

    def _on_refused(self, error: Exception) -> None:
        self.refused = explain(error)[0].rstrip(".")
        self._show((), explain(error)[0], "error")
        self.changed.emit()

    def _show(self, runs: Sequence[PlannedRun], text: str, role: str) -> None:
        self.note.setText(text)
        self.note.set_role(role)
        if self.form.on_hold:
            runs = runs[1:] if runs and self.form.schedule().run_at is None else runs
        rows = [_run_row(position, run, len(self._columns)) for position, run in enumerate(runs)]
        self.model.set_rows(rows)


def _run_row(position: int, run: PlannedRun, columns: int) -> Row:
    when = run.at.astimezone()
    text = f"{when:%a %Y-%m-%d %H:%M}"
    return Row(
        position,
        (
            Cell(text, icon="calendar-clock", icon_role="text2", tooltip=formats.full_time(run.at)),
            Cell(run.media or "—", role="text" if run.media else "muted"),
            Cell(run.pool or "—", role="text" if run.pool else "muted"),
        )[:columns],
    )


def scrolled(form: QWidget) -> QWidget:
    """A form that scrolls when there is no room for it."""
    inner = QFrame()
    layout = QVBoxLayout(inner)
    layout.setContentsMargins(20, 16, 20, 16)
    layout.addWidget(form)
    layout.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(inner)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
    return area
