"""The Job Queue tab: filters at the left, the queue, and the monitor of the chosen job below it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt, Signal
from PySide6.QtWidgets import QSplitter, QStackedWidget, QVBoxLayout, QWidget

from app.model.job import Job, JobResult, JobStatus
from app.ui.job_status import queue_rows
from app.ui.job_status.job_monitor import JobMonitor
from app.ui.job_status.words import KIND, NEEDS_ATTENTION
from app.ui.models.cell import Cell, Column, ItemRole, RowKind
from app.ui.models.tree import Row, TreeModel
from app.ui.theme import theme
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.header_sort import HeaderSort
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.status import JOB, RESULT
from app.ui.widgets.views import CellTree

Wanted = Callable[[Job], bool]
_FILTER_COLUMNS = (Column("", 130, stretch=True), Column("", 40, right=True))


class JobQueuePane(QWidget):
    """Shows jobs; the manager feeds it and acts on `current_job`."""

    job_chosen = Signal()
    log_wanted = Signal(int)
    details_wanted = Signal(int)
    window_wanted = Signal()
    backup_wanted = Signal()
    retried = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._jobs: Sequence[Job] = ()
        self._filter: tuple[str, str] = ("all", "")
        self._expanded_once: set[int] = set()
        self.model = TreeModel(queue_rows.COLUMNS, self)
        self.tree = CellTree()
        self.tree.setAccessibleName("Job queue")
        self.tree.setModel(self.model)
        self.tree.set_columns(queue_rows.COLUMNS)
        for position, column in enumerate(queue_rows.COLUMNS):
            self.tree.setColumnHidden(position, column.title in queue_rows.CHOSEN_BY_HAND)
        self.sort = HeaderSort(self.tree)
        self.sort.changed.connect(self._on_sorted)
        self.tree.current_row_changed.connect(self._on_current_changed)
        self.tree.row_activated.connect(self._on_activated)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self._known = False
        self._filters = TreeModel(_FILTER_COLUMNS, self)
        self.filter_tree = self._filter_tree()
        self.monitor = JobMonitor()
        self.monitor.log_wanted.connect(self.log_wanted)
        self.monitor.details_wanted.connect(self.details_wanted)
        self.monitor.window_wanted.connect(self.window_wanted)
        self.empty = EmptyState(
            "list-checks",
            "No jobs",
            "A job appears here when a backup or a restore is submitted.",
            "Back up now",
        )
        self.empty.pressed.connect(self.backup_wanted)
        self.problem = ProblemCard()
        self.problem.retried.connect(self.retried)
        self._stack = QStackedWidget()
        for page in (self.tree, self.empty, at_the_top(self.problem)):
            self._stack.addWidget(page)
        self._lower = QSplitter(Qt.Orientation.Vertical)
        self._lower.addWidget(self._stack)
        self._lower.addWidget(self.monitor)
        self._lower.setStretchFactor(0, 1)
        self._lower.setSizes([420, 260])
        self._lower.setChildrenCollapsible(False)
        self._lower.setHandleWidth(1)
        self.monitor.hide()
        splitter = QSplitter()
        splitter.addWidget(self.filter_tree)
        splitter.addWidget(self._lower)
        splitter.setStretchFactor(1, 1)
        splitter.setSizes([theme().px(190), 900])
        splitter.setHandleWidth(1)
        splitter.setChildrenCollapsible(False)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)

    def _filter_tree(self) -> CellTree:
        tree = CellTree(indent=14)
        tree.flat = True
        tree.setAccessibleName("Filter of the job queue")
        tree.setRootIsDecorated(False)
        tree.setHeaderHidden(True)
        tree.setModel(self._filters)
        tree.set_columns(_FILTER_COLUMNS)
        tree.setMinimumWidth(theme().px(150))
        tree.setSelectionMode(CellTree.SelectionMode.SingleSelection)
        tree.current_row_changed.connect(self._on_filter_changed)
        return tree

    def current_job(self) -> Job | None:
        """The chosen job as it was last told."""
        chosen = self.tree.current_object()
        return chosen if isinstance(chosen, Job) else None

    def set_jobs(self, jobs: Sequence[Job]) -> None:
        """Show these jobs; selection and scrolling stay."""
        first, self._known = not self._known, True
        self._jobs = jobs
        filters = _filter_rows(jobs)
        if not first and self._filter not in {row.object for row in filters}:
            # Its last job is gone: the whole queue, not what happens to stand beside it.
            self.filter_tree.select_row(self._filters.find(("all", "")))
        self._filters.set_rows(filters)
        if not self.filter_tree.currentIndex().isValid():
            self.filter_tree.select_row(self._filters.index(1, 0))
        self._show()
        running = self.model.index(0, 0).data(ItemRole.OBJECT)
        if first and self.current_job() is None and running and running.status is JobStatus.ACTIVE:
            self.choose(running.id)

    def show_error(self, error: Exception) -> None:
        """The queue could not be read: the reason in place, unless an older answer is shown, which stays."""
        if not self._known:
            self.problem.show_error(error)
            self._stack.setCurrentIndex(2)

    def choose(self, job_id: int) -> None:
        """Make one job the chosen one, if it is in the queue."""
        for top in range(self.model.rowCount()):
            index = self.model.index(top, 0)
            for candidate in (
                index,
                *(self.model.index(row, 0, index) for row in range(self.model.rowCount(index))),
            ):
                if candidate.data(ItemRole.KEY) == job_id:
                    self.tree.select_row(candidate)
                    return

    def _show(self) -> None:
        wanted = _wanted(*self._filter)
        self.model.set_rows(self.sort.sorted_rows(queue_rows.rows(self._jobs, wanted)))
        for row in range(self.model.rowCount()):
            index = self.model.index(row, 0)
            job = index.data(ItemRole.OBJECT)
            if self.model.rowCount(index) and job.id not in self._expanded_once:
                self._expanded_once.add(job.id)
                self.tree.setExpanded(index, job.status is JobStatus.ACTIVE)
        self.empty.title.setText("No jobs" if not self._jobs else "No job fits this filter")
        self.empty.text.setText(
            "A job appears here when a backup or a restore is submitted."
            if not self._jobs
            else "Choose All jobs at the left to see the whole queue."
        )
        self.empty.button.setVisible(not self._jobs)
        self._stack.setCurrentIndex(0 if self.model.rowCount() else 1)
        self._show_current()

    def _show_current(self) -> None:
        job = self.current_job()
        children = [other for other in self._jobs if job is not None and other.parent_id == job.id]
        self.monitor.setVisible(job is not None)
        if job is not None:
            self.monitor.show_job(job, children)
        self.job_chosen.emit()

    def _on_sorted(self) -> None:
        if self._known:
            self._show()
            self.tree.scrollTo(self.tree.currentIndex())

    def _on_current_changed(self, _index: QModelIndex) -> None:
        self._show_current()

    def _on_activated(self, index: QModelIndex) -> None:
        first = index.siblingAtColumn(0)
        if self.model.hasChildren(first):
            self.tree.setExpanded(first, not self.tree.isExpanded(first))
        elif (job := self.current_job()) is not None:
            if job.status is JobStatus.DONE:
                self.details_wanted.emit(job.id)
            else:
                self.monitor.activate()

    def _on_context_menu(self, position: QPoint) -> None:
        if self.current_job() is not None:
            self.menu_wanted.emit(self.tree.viewport().mapToGlobal(position))

    def _on_filter_changed(self, index: QModelIndex) -> None:
        chosen: Any = index.data(ItemRole.OBJECT)
        if chosen and chosen != self._filter:
            self._filter = chosen
            self._show()


def _wanted(kind: str, value: str) -> Wanted:
    """The filter of one entry of the left column."""
    return {
        "all": lambda _job: True,
        "status": lambda job: job.status.value == value,
        "attention": lambda job: job.last_result in NEEDS_ATTENTION,
        "result": lambda job: job.last_result is not None and job.last_result.value == value,
        "owner": lambda job: job.owner == value,
        "server": lambda job: job.server == value,
        "group": lambda job: job.device_group == value,
        "kind": lambda job: job.kind.value == value,
    }[kind]


def _filter_rows(jobs: Sequence[Job]) -> list[Row]:
    tops = [job for job in jobs if job.parent_id is None]

    def row(text: str, icon: str, role: str, filter_: tuple[str, str]) -> Row:
        found = sum(map(_wanted(*filter_), tops))
        count = Cell(str(found), right=True, role="text2" if found else "muted")
        return Row(filter_, (Cell(text, icon=icon, icon_role=role), count), object=filter_)

    def title(text: str) -> Row:
        return Row(text, (Cell(text, role="muted"), Cell()), kind=RowKind.SUBHEADER, selectable=False)

    rows = [title("Status"), row("All jobs", "list-checks", "text2", ("all", ""))]
    rows += [row(look.text, look.icon, look.role, ("status", status.value)) for status, look in JOB.items()]
    rows += [title("Last result"), row("Needs attention", "triangle-alert", "warning", ("attention", ""))]
    good = RESULT[JobResult.FINISHED]
    rows.append(row(good.text, good.icon, good.role, ("result", JobResult.FINISHED.value)))
    groups = sorted({job.device_group for job in tops if job.device_group})
    if groups:
        rows += [
            title("Device group"),
            *(row(name, "hard-drive", "text2", ("group", name)) for name in groups),
        ]
    kinds = [kind for kind in KIND if any(job.kind is kind for job in tops)]
    if kinds:
        rows.append(title("Type"))
        rows += [row(KIND[kind].text, KIND[kind].icon, "text2", ("kind", kind.value)) for kind in kinds]
    for caption, icon, name, values in (
        ("Owner", "user", "owner", {job.owner for job in tops}),
        ("Server", "server", "server", {job.server for job in tops}),
    ):
        # With one alone there is nothing to choose.
        if len(values - {""}) > 1:
            rows += [title(caption), *(row(one, icon, "text2", (name, one)) for one in sorted(values - {""}))]
    return rows
