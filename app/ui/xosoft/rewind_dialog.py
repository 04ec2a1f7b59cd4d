"""Restore data: choose a rewind point, see exactly what changes, rewind."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QSplitter, QVBoxLayout, QWidget

from app.model.paths import shown
from app.model.rewind import PointKind, RewindAction, RewindItem, RewindPlan, RewindPoint
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import EmptyState, explain
from app.ui.widgets.views import CellTable

_KINDS = {
    PointKind.OPERATION: ("Operation", "file"),
    PointKind.BOOKMARK: ("Bookmark", "bookmark"),
    PointKind.SCHEDULED_BOOKMARK: ("Scheduled bookmark", "bookmark"),
    PointKind.SYNCHRONIZATION: ("Synchronization", "refresh-cw"),
    PointKind.SNAPSHOT: ("Snapshot", "camera"),
    PointKind.REWIND: ("Rewind", "rewind"),
}
_ACTIONS = {
    RewindAction.CREATE: "create",
    RewindAction.OVERWRITE: "overwrite",
    RewindAction.RENAME: "rename",
    RewindAction.METADATA: "attributes",
    RewindAction.DELETE: "delete",
}


class PointModel(RowModel[RewindPoint]):
    """Rewind points, newest first."""

    columns = (Column("Time", 205), Column("Kind", 160), Column("Name or path", 260))

    def key_of(self, item: RewindPoint) -> Hashable:
        """The point's id."""
        return item.id

    def cell(self, item: RewindPoint, column: int) -> Cell:
        """Paintable content."""
        kind, icon = _KINDS[item.kind]
        if column == 0:
            return Cell(
                formats.timestamp(item.at, fraction=True),
                tooltip=formats.full_time(item.at),
                sort=item.change,
            )
        if column == 1:
            return Cell(kind, icon=icon)
        return Cell(item.text or shown(item.path), medium=bool(item.text), middle=not item.text)


class ItemModel(RowModel[RewindItem]):
    """What a rewind does, path by path."""

    columns = (Column("Path", 420), Column("Action", 110), Column("Size", 90, right=True))

    def key_of(self, item: RewindItem) -> Hashable:
        """Path and action."""
        return item.path, item.action

    def cell(self, item: RewindItem, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(shown(item.path), icon="file", middle=True)
        if column == 1:
            return Cell(
                _ACTIONS[item.action], role="error" if item.action is RewindAction.DELETE else "text2"
            )
        return Cell(formats.size(item.size_bytes), right=True, sort=item.size_bytes)


def point_name(point: RewindPoint) -> str:
    """What a button or sentence calls a point: a bookmark by its name, any other by its time."""
    named = point.kind in (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
    return point.text if named and point.text else f"{formats.local(point.at):%H:%M:%S}"


def counts_text(plan: RewindPlan) -> str:
    """The counts of a plan in one line."""
    parts = [f"{formats.count(plan.counts.get(action, 0))} {word}" for action, word in _ACTIONS.items()]
    return " · ".join(parts)


class RewindDialog(QDialog):
    """`rewound(RewindResult)` when it is done."""

    rewound = Signal(object)

    def __init__(self, context: Context, scenario: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Restore data: {scenario}")
        self.resize(theme().px(984), theme().px(640))
        self._context, self._scenario = context, scenario
        self._plan: RewindPlan | None = None
        self._all: Sequence[RewindPoint] = ()
        self.points = PointModel()
        self.point_table = CellTable()
        self.point_table.set_source(self.points)
        self.point_table.set_columns(self.points.columns)
        self.point_table.setAccessibleName("Rewind points")
        self.point_table.current_row_changed.connect(self._on_point_chosen)
        self.kinds = Segmented(("Bookmarks", "All points"))
        self.kinds.choose(1)
        self.kinds.chosen.connect(self._on_kind_chosen)
        head = PaneHeader("Rewind points")
        head.add(self.kinds)
        self.items = ItemModel()
        self.item_table = CellTable()
        self.item_table.set_source(self.items)
        self.item_table.set_columns(self.items.columns)
        self.item_table.setAccessibleName("What rewinding changes")
        self.plan_header = PaneHeader("What changes")
        self.title = Label("Choose the moment to go back to", "subject")
        self.counts = Label("Nothing is changed until you press Rewind.", "body", "text2", wrap=True)
        self.empty = EmptyState(
            "history", "No rewind point yet", "Points appear as the scenario replicates changes."
        )
        self.empty.hide()
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(1)
        split.addWidget(column(head, self.empty, self.point_table))
        split.addWidget(column(self.plan_header, self.item_table))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 16, 0, 16)
        layout.setSpacing(8)
        texts = QVBoxLayout()
        texts.setContentsMargins(20, 0, 20, 4)
        texts.addWidget(self.title)
        texts.addWidget(self.counts)
        layout.addLayout(texts)
        layout.addWidget(split, 1)
        self.rewind_button = button("Rewind", "danger")
        self.rewind_button.setEnabled(False)
        self.rewind_button.clicked.connect(self._on_rewind_clicked)
        cancel = button("Cancel")
        buttons = QDialogButtonBox()
        buttons.addButton(self.rewind_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 4, 20, 0)
        foot.addWidget(
            Label("A rewind can itself be taken back: it becomes a rewind point.", "small", "muted"), 1
        )
        foot.addWidget(buttons)
        layout.addLayout(foot)
        services = context.services
        context.tasks.run(
            self, lambda: services.scenarios.rewind_points(scenario), self._on_points, self._on_error
        )

    def _on_points(self, points: Sequence[RewindPoint]) -> None:
        self._all = points
        self._show_points()

    def _show_points(self) -> None:
        marks = (PointKind.BOOKMARK, PointKind.SCHEDULED_BOOKMARK)
        shown_points = [p for p in self._all if self.kinds.position == 1 or p.kind in marks]
        self.points.set_items(shown_points)
        self.empty.setVisible(not shown_points)
        self.point_table.setVisible(bool(shown_points))

    def _on_kind_chosen(self, _position: int) -> None:
        self._show_points()

    def _on_point_chosen(self, index: QModelIndex) -> None:
        point = self.point_table.current_object() if index.isValid() else None
        self._plan = None
        self.rewind_button.setEnabled(False)
        if not isinstance(point, RewindPoint):
            return
        self.rewind_button.setText(f"Rewind to {point_name(point)}")
        self.counts.setText("Counting what changes…")
        scenarios, name, identity = self._context.services.scenarios, self._scenario, point.id
        self._context.tasks.run(
            self, lambda: scenarios.plan_rewind(name, identity), self._on_plan, self._on_error, key="plan"
        )

    def _on_plan(self, plan: RewindPlan) -> None:
        self._plan = plan
        total = sum(plan.counts.values())
        host = plan.point.replica or "the replica"
        self.title.setText(f"This rewind will change {formats.counted(total, 'path')} on {host}")
        self.counts.setText(f"{counts_text(plan)} · {formats.size(plan.size_bytes)} written")
        self.items.set_items(list(plan.items))
        more = f"first {len(plan.items):,} of {total:,}" if plan.truncated else formats.counted(total, "path")
        self.plan_header.note.setText(more)
        self.rewind_button.setEnabled(total > 0)
        self.rewind_button.setToolTip("" if total else "The replica is in that state already")

    def _on_rewind_clicked(self) -> None:
        if self._plan is None:
            return
        self.rewind_button.setEnabled(False)
        self.counts.setText("Rewinding…")
        scenarios, name, identity = self._context.services.scenarios, self._scenario, self._plan.point.id
        self._context.tasks.run(
            self, lambda: scenarios.rewind(name, identity), self._on_rewound, self._on_error
        )

    def _on_rewound(self, result: object) -> None:
        self.rewound.emit(result)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.title.setText(title)
        self.counts.setText(text)
        self.rewind_button.setEnabled(self._plan is not None)
