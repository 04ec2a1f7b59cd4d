"""Difference report: what differs now between the master and its replicas. Compares only; changes nothing."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QCloseEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.paths import shown
from app.model.report import ComparisonProgress, Report, ReportedChange, ReportItem
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, IconLabel, Label, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import EmptyState, explain
from app.ui.widgets.views import CellTable

ITEMS_MOST = 10_000
_WORDS = {
    ReportedChange.MISSING: ("Missing on the replica", "error"),
    ReportedChange.EXTRA: ("Only on the replica", "warning"),
    ReportedChange.TYPE: ("Another type", "error"),
    ReportedChange.SIZE: ("Size", "error"),
    ReportedChange.TIME: ("Time", "warning"),
    ReportedChange.CONTENT: ("Content", "error"),
    ReportedChange.METADATA: ("Permissions, owner or attributes", "warning"),
    ReportedChange.LINK: ("Hard links", "warning"),
    ReportedChange.MODIFIED: ("Modified", "text"),
    ReportedChange.REMOVED: ("Removed", "text"),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One difference of one replica."""

    replica: str
    item: ReportItem


class DifferenceModel(RowModel[Row]):
    """What differs, path by path."""

    columns = (
        Column("Path", 420, stretch=True),
        Column("Difference", 210),
        Column("Master", 90, right=True),
        Column("Replica", 90, right=True),
        Column("On", 110),
    )

    def key_of(self, item: Row) -> Hashable:
        """The replica and the path."""
        return item.replica, item.item.path

    def cell(self, item: Row, column: int) -> Cell:
        """Paintable content."""
        found = item.item
        if column == 0:
            icon = "folder" if found.kind == "directory" else "file"
            return Cell(shown(found.path), icon=icon, middle=True)
        if column == 1:
            text, role = _WORDS[found.change]
            if found.in_flight:
                return Cell(f"{text}, in flight", role="muted")
            return Cell(text, role=role)
        if column in (2, 3):
            size = found.size_bytes if column == 2 else found.replica_size_bytes
            nothing = ReportedChange.EXTRA if column == 2 else ReportedChange.MISSING
            if found.change is nothing or found.kind != "file":
                return Cell("—", right=True, role="muted")
            return Cell(formats.size(size), right=True, sort=size)
        return Cell(item.replica, role="text2")


class DifferenceDialog(QDialog):
    """Compares when it opens, and again by its button; it may be closed meanwhile."""

    progressed = Signal(str, object)

    def __init__(self, context: Context, scenario: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Difference report: {scenario}")
        self.resize(theme().px(984), theme().px(620))
        self._context, self._scenario = context, scenario
        self._reports: Sequence[Report] = ()
        self._closed = False
        self.progressed.connect(self._on_progress)
        self._lay_out()
        self._compare()

    def _lay_out(self) -> None:
        self.title = Label("", "subject", wrap=True)
        self.counts = Label("", "body", "text2", wrap=True)
        self.where = Label("", "small", "muted", wrap=True)
        texts = QVBoxLayout()
        texts.setSpacing(4)
        for label in (self.title, self.counts, self.where):
            texts.addWidget(label)
        head = QHBoxLayout()
        head.setContentsMargins(20, 0, 20, 4)
        head.setSpacing(10)
        head.addWidget(IconLabel("git-compare", "text2", 24), 0, Qt.AlignmentFlag.AlignTop)
        head.addLayout(texts, 1)
        self.model = DifferenceModel()
        self.table = CellTable()
        self.table.setAccessibleName("What differs")
        self.proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.empty = EmptyState("git-compare", "Comparing…", "Nothing is changed on either side.")
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        self.list_header = PaneHeader("Differences")
        self.chosen = Segmented(("Differences", "With changes in flight"))
        self.chosen.chosen.connect(self._on_chosen)
        self.filter = FilterField("Filter by path")
        self.filter.filtered.connect(self._on_filtered)
        self.list_header.add(self.filter)
        self.list_header.add(self.chosen)
        self.content = QCheckBox("Compare contents")
        self.content.setToolTip("Reads every file on both sides; size and time are compared otherwise")
        self.again = button("Compare again", "primary")
        self.again.clicked.connect(self._compare)
        close = button("Close")
        buttons = QDialogButtonBox()
        buttons.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 4, 20, 0)
        foot.setSpacing(8)
        foot.addWidget(self.content)
        foot.addStretch(1)
        foot.addWidget(self.again)
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 16, 0, 16)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(column(self.list_header, self.stack), 1)
        layout.addLayout(foot)

    # comparing

    def _compare(self) -> None:
        self.title.setText(f"Comparing {self._scenario} with its replicas…")
        self.counts.setText("Nothing is changed on either side. You may close this window meanwhile.")
        self.where.setText("")
        self._reports = ()
        self._show_items()
        self.again.setEnabled(False)
        self.content.setEnabled(False)
        scenarios, name, content = (
            self._context.services.scenarios, self._scenario, self.content.isChecked(),
        )  # fmt: skip

        def progress(host: str, at: ComparisonProgress) -> None:
            if not self._closed:
                self.progressed.emit(host, at)

        self._context.tasks.run(
            self,
            lambda: scenarios.difference(name, content=content, limit=ITEMS_MOST, on_progress=progress),
            self._on_compared,
            self._on_error,
            key="difference",
        )

    def _on_progress(self, host: str, at: object) -> None:
        if isinstance(at, ComparisonProgress) and not self._reports:
            size = f", {formats.size(at.content_bytes)}" if at.content_bytes else ""
            self.counts.setText(f"{formats.count(at.entries)} entries{size} compared with {host}.")

    def _on_compared(self, reports: Sequence[Report]) -> None:
        self._reports = reports
        self.again.setEnabled(True)
        self.content.setEnabled(True)
        differences = sum(report.figures.get("differences", 0) for report in reports)
        moving = sum(report.figures.get("in_flight", 0) for report in reports)
        compared = sum(report.figures.get("compared", 0) for report in reports)
        names = ", ".join(report.replica for report in reports)
        self.title.setText(
            f"{formats.counted(differences, 'difference', 'differences')} from {names}"
            if differences
            else f"{names} is equal to the master"
            if len(reports) == 1
            else "All replicas are equal to the master"
        )
        words = [f"{formats.count(compared)} entries compared"]
        words += [
            f"{formats.count(count)} {_WORDS[change][0].lower()}"
            for change in ReportedChange
            if (count := sum(report.figures.get(change.value, 0) for report in reports))
        ]
        if moving:
            words.append(f"{formats.count(moving)} in flight")
        unread = sum(report.figures.get("unread", 0) for report in reports)
        if unread:
            words.append(f"{formats.count(unread)} could not be read")
        self.counts.setText(", ".join(words))
        files = [report.file for report in reports if report.file]
        self.where.setText("Complete list on the master: " + ", ".join(files) if files else "")
        self._show_items()

    def _on_error(self, error: Exception) -> None:
        self.again.setEnabled(True)
        self.content.setEnabled(True)
        title, text, _ = explain(error)
        self.title.setText("The comparison could not be made")
        self.counts.setText(f"{title}. {text}".strip())
        self._say("Nothing was compared", "")

    # the list

    def _show_items(self) -> None:
        rows = [Row(report.replica, item) for report in self._reports for item in report.items]
        if self.chosen.position == 0:
            rows = [row for row in rows if not row.item.in_flight]
        self.model.set_items(rows)
        visible, total = self.proxy.rowCount(), len(rows)
        note = formats.counted(total, "entry", "entries")
        if any(report.truncated for report in self._reports):
            note = f"the first {total:,}; counts are of all"
        self.list_header.note.setText(note if visible == total else f"{visible:,} of {note}")
        if self._reports:
            self._say("No differences", "Everything that was compared is equal.")
        else:
            self._say("Comparing…", "Nothing is changed on either side.")
        self.stack.setCurrentWidget(self.table if rows else self.empty)

    def _say(self, title: str, text: str) -> None:
        self.empty.title.setText(title)
        self.empty.text.setText(text)

    def _on_chosen(self, _position: int) -> None:
        self._show_items()

    def _on_filtered(self, text: str) -> None:
        self.proxy.set_text(text)
        self._show_items()

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802  # Qt's name
        """Progress of a comparison under way is not shown any more; its report is kept."""
        self._closed = True
        super().closeEvent(event)

    def reject(self) -> None:
        """Close."""
        self._closed = True
        super().reject()
