"""Job detail: what a job did and proved, what needs attention, its log, and the way back from a restore."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QStackedWidget, QTabBar, QVBoxLayout, QWidget

from app.help.codes import topic_of
from app.messages import load as load_messages
from app.model.events import ActivityRecord
from app.model.job import Job, JobKind
from app.model.rewind import RewindResult
from app.ui import formats
from app.ui.help.topics import set_topic
from app.ui.job_status import job_report
from app.ui.job_status.job_report import WayBack, attention_rows, done_lines, facts, read_way_back
from app.ui.job_status.log_pane import COLUMNS as LOG_COLUMNS
from app.ui.job_status.outcome import OutcomePane
from app.ui.job_status.packed_lines import log_row, show_lines
from app.ui.job_status.replicate_back import ReplicateBackDialog, result_words
from app.ui.job_status.sheets import job_sheet
from app.ui.job_status.undo_dialog import UndoDialog
from app.ui.job_status.words import KIND
from app.ui.manager import Context
from app.ui.models.cell import ItemRole
from app.ui.models.tree import TreeModel
from app.ui.printing import print_sheet, save_sheet
from app.ui.sheet import Sheet
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button
from app.ui.widgets.notices import EmptyState, ProblemCard, explain
from app.ui.widgets.status import JOB, RESULT, Pill
from app.ui.widgets.views import CellTree


class JobDetailDialog(QDialog):
    """Two tabs, Summary and Log. `changed` when something was submitted from here."""

    changed = Signal()

    def __init__(self, context: Context, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Job {job.id}")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(860), theme().px(620))
        self._context, self.job = context, job
        self._records: Sequence[ActivityRecord] = ()
        self.way = WayBack(reason="Looking whether it can be undone…")
        self.pill = Pill("", "info", "info")
        self._show_state()
        self.tabs = QTabBar()
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.tabs.setAccessibleName("Job detail")
        for title in ("Summary", "Log"):
            self.tabs.addTab(title)
        self._pages = QStackedWidget()
        self.tabs.currentChanged.connect(self._pages.setCurrentIndex)
        self._done = QVBoxLayout()
        self._done.setSpacing(4)
        self.attention = TreeModel(job_report.COLUMNS, self)
        self.attention_tree = self._tree("What needs attention", self.attention, job_report.COLUMNS)
        self.attention_tree.current_row_changed.connect(self._on_attention_row)
        self.fine = EmptyState("circle-check", "Nothing needs attention", "No warning and no error.")
        self._found = QStackedWidget()
        self._found.addWidget(self.attention_tree)
        self._found.addWidget(self.fine)
        self.outcome = OutcomePane()
        self.log = TreeModel(LOG_COLUMNS, self)
        self.log.children_wanted.connect(partial(show_lines, self.log))
        self.log_tree = self._tree("Log of the job", self.log, LOG_COLUMNS)
        for column in (1, 3):
            self.log_tree.setColumnHidden(column, True)
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.read)
        self.undo = button("Undo this restore…", "", "undo-2")
        self.undo.clicked.connect(self._on_undo)
        self.back = button("Replicate back…", "", "arrow-left")
        self.back.clicked.connect(self._on_back)
        self.print_ = button("Print…", "", "printer")
        self.print_.clicked.connect(self._on_print)
        self.save = button("Save…", "", "save")
        self.save.clicked.connect(self._on_save)
        for one in (self.print_, self.save):
            one.setEnabled(False)
        self.show_log = button("Show in the Activity Log", "", "scroll-text")
        self.show_log.clicked.connect(self._on_show_log)
        self.close_ = button("Close", "primary")
        self.close_.setDefault(True)
        self.close_.clicked.connect(self.accept)
        self._lay_out()
        self._offer()
        self.read()

    def _tree(self, name: str, model: TreeModel, columns: Sequence[object]) -> CellTree:
        tree = CellTree(row_height=24)
        tree.setAccessibleName(name)
        tree.setModel(model)
        tree.set_columns(columns)  # type: ignore[arg-type] # both are tuples of Column
        return tree

    def _lay_out(self) -> None:
        look = KIND[self.job.kind]
        head = QHBoxLayout()
        head.setContentsMargins(20, 16, 20, 10)
        head.setSpacing(10)
        head.addWidget(IconLabel(look.icon, "accent", 20))
        head.addWidget(Label(formats.visible(self.job.name), "subject", wrap=True), 1)
        head.addWidget(Label(f"{look.text}, job {self.job.id}", "body", "muted"))
        head.addWidget(self.pill)
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for position, (name, value) in enumerate(facts(self.job).items()):
            row, side = divmod(position, 2)
            grid.addWidget(Label(name, "body", "muted"), row, side * 2)
            grid.addWidget(Label(value, "body"), row, side * 2 + 1)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        top = QVBoxLayout()
        top.setContentsMargins(20, 12, 20, 12)
        top.setSpacing(12)
        top.addLayout(self._done)
        top.addLayout(grid)
        top.addWidget(self.outcome)
        top.addWidget(self.problem)
        summary = QWidget()
        body = QVBoxLayout(summary)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(top)
        body.addWidget(Line())
        body.addWidget(self._found, 1)
        self._pages.addWidget(summary)
        self._pages.addWidget(self.log_tree)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        for widget in (self.undo, self.back):
            widget.setVisible(self.job.kind is JobKind.RESTORE)
            foot.addWidget(widget)
        foot.addStretch(1)
        for widget in (self.print_, self.save, self.show_log):
            foot.addWidget(widget)
        foot.addWidget(self.close_)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(12, 0, 12, 0)
        tabs.addWidget(self.tabs)
        tabs.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addLayout(tabs)
        layout.addWidget(Line())
        layout.addWidget(self._pages, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def read(self) -> None:
        """The log of the job, and whether a restore can be undone."""
        self.problem.hide()
        services, job = self._context.services, self.job
        self._context.tasks.run(
            self,
            partial(services.log.list, job_id=job.id, limit=job_report.LINES_READ),
            self._on_log,
            self.problem.show_error,
            key="log",
        )
        if job.kind is JobKind.RESTORE:
            self._context.tasks.run(
                self, partial(read_way_back, services, job), self._on_way, self._on_way_failed, key="way"
            )

    def _show_state(self) -> None:
        look = RESULT[self.job.last_result] if self.job.last_result else JOB[self.job.status]
        role = look.role if look.role in ("ok", "warning", "error", "info", "accent") else "info"
        self.pill.set_pill(look.text, look.icon, role)

    def _on_log(self, records: Sequence[ActivityRecord]) -> None:
        while (item := self._done.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for line in done_lines(records):
            holder = QWidget()
            row = QHBoxLayout(holder)
            row.setContentsMargins(0, 0, 0, 0)
            row.setSpacing(8)
            row.addWidget(IconLabel(line.icon, line.role, 16), 0, Qt.AlignmentFlag.AlignTop)
            row.addWidget(
                Label(line.text, "body", line.role if line.role != "text2" else "text", wrap=True), 1
            )
            self._done.addWidget(holder)
        self._records = records
        for one in (self.print_, self.save):
            one.setEnabled(True)
        self.outcome.show_records(records)
        rows = attention_rows(records)
        self.attention.set_rows(rows)
        self._found.setCurrentIndex(0 if rows else 1)
        if rows:
            self.attention_tree.setExpanded(self.attention.index(0, 0), True)
        self.log.set_rows([log_row(record) for record in records])

    def _on_way(self, way: WayBack) -> None:
        self.way = way
        self._offer()

    def _on_way_failed(self, error: Exception) -> None:
        self.way = WayBack(reason=explain(error)[0])
        self._offer()

    def _offer(self) -> None:
        self.undo.setEnabled(not self.way.reason)
        tip = self.way.reason
        if self.way.until is not None:
            kept = formats.size(self.way.kept_bytes)
            tip = f"What was replaced or removed ({kept}) is kept until {formats.moment(self.way.until)}"
        self.undo.setToolTip(tip)
        self.back.setEnabled(bool(self.way.scenario))
        self.back.setToolTip(
            "Bring what was restored to the Replica to the Master, too"
            if self.way.scenario
            else "Only what was restored to a Replica is replicated back"
        )

    def _on_undo(self) -> None:
        dialog = UndoDialog(self._context, self.job, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_undo_submitted)
        dialog.open()

    def _on_undo_submitted(self, job: object) -> None:
        if isinstance(job, Job):
            show = partial(self._context.open_manager, "job_status", job=job.id)
            self._context.toast(f"Job {job.id} submitted", job.name, "Show job", show)
        self.changed.emit()
        self.accept()

    def _on_back(self) -> None:
        dialog = ReplicateBackDialog(self._context, self.job, self.way.scenario, self.way.replica, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.submitted.connect(self._on_replicated_back)
        dialog.open()

    def _on_replicated_back(self, result: object) -> None:
        if isinstance(result, RewindResult):
            scenario = self.way.scenario
            show = partial(self._context.open_manager, "xosoft", scenario=scenario)
            self._context.toast(
                result_words(result), f"Run {scenario} to replicate again", "Show scenario", show
            )

    def sheet(self) -> Sheet:
        """What is shown here, as a page."""
        return job_sheet(self.job, self._records, self.way)

    def _on_print(self) -> None:
        print_sheet(self._context, self.sheet(), self)

    def _on_save(self) -> None:
        save_sheet(self._context, self.sheet(), f"job-{self.job.id}.pdf", self)

    def _on_attention_row(self, index: QModelIndex) -> None:
        """F1 opens the page of the message."""
        record = index.data(ItemRole.OBJECT)
        code = record.code if isinstance(record, ActivityRecord) else ""
        set_topic(self.attention_tree, topic_of(code) if code in load_messages() else "")

    def _on_show_log(self) -> None:
        self.accept()
        self._context.open_manager("job_status", log_of=self.job.id)
