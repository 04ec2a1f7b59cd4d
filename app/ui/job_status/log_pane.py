"""The Activity Log tab: grouped lines, filters, and the details of the chosen message."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QHBoxLayout,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.messages import render
from app.model.events import ActivityRecord, Severity
from app.model.job import Job
from app.ui import formats
from app.ui.job_status.log_details import LogDetails
from app.ui.job_status.log_groups import JobGroup, Member, WeekGroup, group
from app.ui.job_status.log_pages import LogPages
from app.ui.job_status.sheets import log_sheet
from app.ui.models.cell import Cell, Column, ItemRole, RowKind
from app.ui.models.tree import Row, TreeModel
from app.ui.sheet import Sheet
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label, Line, button
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.header_sort import HeaderSort
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.status import SEVERITY
from app.ui.widgets.views import CellTree

COLUMNS = (
    Column("Type", 190),
    Column("Server", 110),
    Column("Date", 170),
    Column("Job", 60, right=True),
    Column("Session", 70, right=True),
    Column("Message", 260, stretch=True),
)
_ERRORS = (Severity.ERROR, Severity.CRITICAL)
MESSAGE_TYPES: tuple[tuple[str, tuple[Severity, ...]], ...] = (
    ("All", ()),
    ("Errors", _ERRORS),
    ("Warnings", (Severity.WARNING,)),
    ("Errors and Warnings", (*_ERRORS, Severity.WARNING)),
    ("Information", (Severity.INFORMATION, Severity.SIGNIFICANT)),
)
_PROBLEM = 2
_NEWEST = "Newest first"
_RANK = {severity: rank for rank, severity in enumerate(SEVERITY)}
_END_OF_RUN = frozenset({"N5040", "W5041", "E5042", "W5043", "N5070", "W5071", "E5072", "W5073"})
"""The lines that say how a backup or restore ended."""


class ActivityLogPane(QWidget):
    """Shows activity records; `query_changed` asks for others, `update_wanted` for the newest at once."""

    query_changed = Signal()
    update_wanted = Signal()
    export_wanted = Signal(str, str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.records: Sequence[ActivityRecord] = ()
        self._jobs: Mapping[int, Job] = {}
        self.job_id: int | None = None
        self.by_week = QCheckBox("Group by Week")
        self.by_job = QCheckBox("Group by Job")
        for box in (self.by_week, self.by_job):
            box.setChecked(True)
            box.toggled.connect(self._show)
        self.kind = QComboBox()
        self.kind.setAccessibleName("Message type")
        self.kind.addItems([name for name, _ in MESSAGE_TYPES])
        self.kind.currentIndexChanged.connect(self.query_changed)
        self.search = FilterField("Search messages")
        self.search.setMinimumWidth(90)
        self.search.setMaximumWidth(theme().px(220))
        self.search.filtered.connect(self.query_changed)
        self.only = button("", "small", "x")
        self.only.clicked.connect(self._on_all_jobs)
        self.only.hide()
        update = button("Update", "small", "refresh-cw")
        update.clicked.connect(self.update_wanted)
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.setAccessibleName("Activity log")
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.sort = HeaderSort(self.tree)
        self.sort.changed.connect(self._on_sorted)
        self.tree.current_row_changed.connect(self._on_current_changed)
        self.tree.row_activated.connect(self._on_current_changed)
        self.details = LogDetails()
        self.details.hide()
        self.pages = LogPages()
        self.query_changed.connect(self.pages.reset)
        self._empty = EmptyState("scroll-text", "No messages", "What Arcxo does is noted here, newest first.")
        self._stack = QStackedWidget()
        self._stack.addWidget(self.tree)
        self._stack.addWidget(self._empty)
        self.problem = ProblemCard()
        self.problem.retried.connect(self.update_wanted)
        self._stack.addWidget(at_the_top(self.problem))
        self._known = False
        self._opened: set[object] = set()
        splitter = QSplitter()
        splitter.addWidget(self._stack)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(0, 1)
        splitter.setSizes([900, 300])
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        row = QHBoxLayout()
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(14)
        row.addWidget(self.by_week)
        row.addWidget(self.by_job)
        row.addWidget(Label("Message type", "body", "muted"))
        row.addWidget(self.kind)
        row.addWidget(self.search, 2)
        row.addWidget(self.only)
        self.order = Label(_NEWEST, "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.order.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self.order, 1)
        row.addWidget(update)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(row)
        layout.addWidget(Line())
        layout.addWidget(splitter, 1)
        layout.addWidget(Line())
        layout.addWidget(self.pages)

    @property
    def severities(self) -> tuple[Severity, ...]:
        """What the Message type asks for; empty = all."""
        return MESSAGE_TYPES[self.kind.currentIndex()][1]

    def show_job(self, job_id: int) -> None:
        """Only the lines of one job, until the button is pressed."""
        self.job_id = job_id
        self.only.setText(f"Only job {job_id}")
        self.only.setAccessibleName(f"Show all jobs, not only job {job_id}")
        self.only.show()
        self.query_changed.emit()

    def _on_all_jobs(self) -> None:
        self.job_id = None
        self.only.hide()
        self.query_changed.emit()

    def set_records(self, records: Sequence[ActivityRecord], jobs: Mapping[int, Job]) -> None:
        """Show these lines, newest first."""
        first, self._known = not self._known, True
        same = records == self.records and _titles(jobs) == _titles(self._jobs)
        self.records, self._jobs = records, jobs
        if first or not same:
            self._show()
        self.pages.show_page(records)

    def set_jobs(self, jobs: Mapping[int, Job]) -> None:
        """What became of jobs meanwhile: their group rows say it."""
        same = _titles(jobs) == _titles(self._jobs)
        self._jobs = jobs
        if self._known and not same:
            self._show()

    def show_error(self, error: Exception) -> None:
        """The log could not be read: the reason in place, unless an older answer is shown, which stays."""
        if not self._known:
            self.problem.show_error(error)
            self._stack.setCurrentIndex(_PROBLEM)

    def _show(self) -> None:
        members = group(
            self.records,
            self._jobs,
            by_week=self.by_week.isChecked(),
            by_job=self.by_job.isChecked(),
            now=datetime.now(UTC),
        )
        self.model.set_rows(self.sort.sorted_rows([_row(member) for member in members]))
        self._open_new()
        asked = bool(self.severities or self.job_id is not None or self.search.text().strip())
        self._empty.title.setText("No message fits" if asked else "No messages")
        self._empty.text.setText(
            "Choose another message type, clear the search, or show all jobs."
            if asked
            else "What Arcxo does is noted here, newest first."
        )
        self._stack.setCurrentIndex(0 if members else 1)

    def _on_sorted(self) -> None:
        column = self.sort.column
        self.order.setText(_NEWEST if column < 0 else f"Lines by {COLUMNS[column].title.lower()}")
        if self._known:
            self._show()
            self.tree.scrollTo(self.tree.currentIndex())

    def _open_new(self) -> None:
        """A week, and the newest job, open the first time they appear; what people closed stays closed."""
        for top in range(self.model.rowCount()):
            index = self.model.index(top, 0)
            self._open_once(index)
            if top == 0 and self.model.rowCount(index):
                for row in range(min(3, self.model.rowCount(index))):
                    self._open_once(self.model.index(row, 0, index))

    def _open_once(self, index: QModelIndex) -> None:
        key = index.data(ItemRole.KEY)
        if self.model.rowCount(index) and key not in self._opened:
            self._opened.add(key)
            self.tree.expand(index)

    def _on_current_changed(self, index: QModelIndex) -> None:
        record = index.data(ItemRole.OBJECT)
        if isinstance(record, ActivityRecord):
            self.details.show_record(record)
            self.details.show()

    def sheet(self) -> Sheet:
        """The lines shown, as a page."""
        shown = [self.kind.currentText()]
        if self.job_id is not None:
            shown.append(f"job {self.job_id}")
        if self.search.text().strip():
            shown.append(f"with “{self.search.text().strip()}”")
        return log_sheet(self.records, ", ".join(shown))

    def export(self) -> None:
        """Ask for a file to write the lines shown to, as CSV."""
        name, _ = QFileDialog.getSaveFileName(self, "Export activity log", "activity-log.csv", "CSV (*.csv)")
        if name:
            self.export_wanted.emit(name, as_csv(self.records))


def _titles(jobs: Mapping[int, Job]) -> dict[int, tuple[object, ...]]:
    """What the group rows show of jobs; their progress changes twice a second and is not in it."""
    return {job.id: (job.name, job.status, job.last_result, job.started_at) for job in jobs.values()}


def as_csv(records: Sequence[ActivityRecord]) -> str:
    """The lines with their whole text, times in UTC."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["type", "server", "date", "job", "session", "message"])
    for record in records:
        text = render(record.code, record.params).line
        at = formats.local(record.at, UTC).isoformat().replace("+00:00", "Z")
        writer.writerow(
            [
                SEVERITY[record.severity].text,
                record.server,
                at,
                record.job_id or "",
                record.session or "",
                text,
            ]
        )
    return out.getvalue()


def _row(member: Member) -> Row:
    if isinstance(member, WeekGroup):
        head = Cell(member.title, bold=True, beside=member.summary)
        rows = tuple(_row(one) for one in member.members)
        return Row(("week", member.first_day), (head,), rows, member, RowKind.GROUP)
    if isinstance(member, JobGroup):
        head = Cell(
            member.title,
            icon=member.icon,
            icon_role=member.role,
            bold=True,
            beside=formats.visible(member.name),
        )
        rows = tuple(_row(one) for one in member.records)
        return Row(("job", member.job_id), (head,), rows, member, RowKind.GROUP)
    return record_row(member)


def record_row(record: ActivityRecord) -> Row:
    """One line of the log."""
    look = SEVERITY[record.severity]
    said = render(record.code, record.params)
    bad = record.severity in (Severity.WARNING, *_ERRORS)
    none = Cell("")
    return Row(
        record.id,
        (
            Cell(
                look.text,
                icon=look.icon,
                icon_role=look.role,
                role=look.role if bad else "text",
                sort=_RANK[record.severity],
            ),
            Cell(record.server, role="text2"),
            Cell(
                formats.timestamp(record.at),
                role="text2",
                tooltip=formats.full_time(record.at),
                sort=record.at.timestamp(),
            ),
            Cell(str(record.job_id), right=True, sort=record.job_id) if record.job_id else none,
            Cell(str(record.session), right=True, sort=record.session) if record.session else none,
            Cell(
                formats.visible(said.line),
                role=look.role if record.severity in _ERRORS else "text",
                bold=record.code in _END_OF_RUN or record.severity in (*_ERRORS, Severity.SIGNIFICANT),
                tooltip=said.line,
            ),
        ),
        object=record,
    )
