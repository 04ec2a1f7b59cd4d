"""Restore data: choose a rewind point, see exactly what changes, rewind."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.model.paths import shown
from app.model.rewind import PointKind, RewindAction, RewindItem, RewindPlan, RewindPoint
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import Banner, EmptyState, explain
from app.ui.widgets.views import CellTable
from app.ui.xosoft.rewind_filters import RewindFilters

_KINDS = {
    PointKind.OPERATION: ("Operation", "file"),
    PointKind.BOOKMARK: ("Bookmark", "bookmark"),
    PointKind.SCHEDULED_BOOKMARK: ("Scheduled bookmark", "bookmark"),
    PointKind.SYNCHRONIZATION: ("Synchronization", "refresh-cw"),
    PointKind.SNAPSHOT: ("Snapshot", "camera"),
    PointKind.REWIND: ("Rewind", "rewind"),
}
_OPERATIONS = {
    "create": "Created",
    "write": "Changed",
    "remove": "Removed",
    "rename": "Renamed",
    "link": "Linked",
    "metadata": "Attributes changed",
    "rewind": "Rewound",
    "restore": "Restored",
}
_PAGE = 1_000
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
        if item.operation:
            kind = _OPERATIONS.get(item.operation, kind)
        if column == 0:
            return Cell(
                formats.timestamp(item.at, fraction=True),
                tooltip=formats.full_time(item.at),
                sort=item.change,
            )
        if column == 1:
            return Cell(kind, icon=icon)
        what = shown(item.path) + (f" → {shown(item.new_path)}" if item.new_path else "")
        return Cell(item.text or what, medium=bool(item.text), middle=not item.text)


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


def counts_text(counts: Mapping[RewindAction, int]) -> str:
    """The counts of a plan in one line."""
    parts = [f"{formats.count(counts.get(action, 0))} {word}" for action, word in _ACTIONS.items()]
    return " · ".join(parts)


class RewindDialog(QDialog):
    """`rewound(RewindResult)` when it is done. `roots` are the master's, to tell which paths are in them."""

    rewound = Signal(object)

    def __init__(
        self,
        context: Context,
        scenario: str,
        parent: QWidget | None = None,
        roots: tuple[bytes, ...] = (),
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Restore data: {scenario}")
        self.resize(theme().px(1040), theme().px(760))
        self._context, self._scenario, self._roots = context, scenario, roots
        self._plan: RewindPlan | None = None
        self.points = PointModel()
        self.filters = RewindFilters()
        self.filters.changed.connect(self._on_filters_changed)
        self.point_table = CellTable()
        self.point_table.set_source(self.points)
        self.point_table.set_columns(self.points.columns)
        self.point_table.setAccessibleName("Rewind points")
        self.point_table.current_row_changed.connect(self._on_point_chosen)
        self.points_header = PaneHeader("Rewind points")
        self.more = button("Show older", "link")
        self.more.clicked.connect(self._on_more_clicked)
        self.more.hide()
        self.points_header.add(self.more)
        self.moment = Segmented(("After the change", "Before it"))
        self.moment.chosen.connect(self._on_choice_changed)
        self.points_header.add(self.moment)
        self.items = ItemModel()
        self.item_table = CellTable()
        self.item_table.set_source(self.items)
        self.item_table.set_columns(self.items.columns)
        self.item_table.setAccessibleName("What rewinding changes")
        self.plan_header = PaneHeader("What changes")
        self.side = Segmented(("On the replica", "On the Master"))
        self.side.chosen.connect(self._on_side_chosen)
        self.side.hide()
        self.plan_header.add(self.side)
        self.title = Label("Choose the moment to go back to", "subject")
        self.counts = Label("Nothing is changed until you press Rewind.", "body", "text2", wrap=True)
        self.empty = EmptyState(
            "history", "No rewind point", "Points appear as the scenario replicates changes."
        )
        self.empty.hide()
        self.only_path = QCheckBox("Rewind only this path")
        self.only_path.setEnabled(False)
        self.only_path.toggled.connect(self._on_choice_changed)
        self.back = QCheckBox("Replicate back to the Master")
        self.back.toggled.connect(self._on_back_toggled)
        self.warning = Banner()
        self.warning.hide()
        self._lay_out()
        self._load()

    def _lay_out(self) -> None:
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(1)
        split.addWidget(column(self.points_header, self.filters, self.empty, self.point_table))
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
        layout.addWidget(self.warning)
        self.rewind_button = button("Rewind", "danger")
        self.rewind_button.setEnabled(False)
        self.rewind_button.clicked.connect(self._on_rewind_clicked)
        cancel = button("Cancel")
        buttons = QDialogButtonBox()
        buttons.addButton(self.rewind_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(cancel, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        choices = QHBoxLayout()
        choices.setContentsMargins(20, 0, 20, 0)
        choices.setSpacing(24)
        choices.addWidget(self.only_path)
        choices.addWidget(self.back)
        choices.addStretch(1)
        layout.addLayout(choices)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 4, 20, 0)
        foot.addWidget(
            Label("A rewind can itself be taken back: it becomes a rewind point.", "small", "muted"), 1
        )
        foot.addWidget(buttons)
        layout.addLayout(foot)

    # the points

    def _load(self, after: str = "") -> None:
        scenarios, name, chosen = self._context.services.scenarios, self._scenario, self.filters.chosen

        def ask() -> tuple[str, Sequence[RewindPoint]]:
            return after, scenarios.rewind_points(
                name,
                kinds=chosen.kinds,
                path=chosen.path,
                since=chosen.since,
                until=chosen.until,
                after=after,
                limit=_PAGE,
            )

        self._context.tasks.run(self, ask, self._on_points, self._on_error, key="points")

    def _on_points(self, found: tuple[str, Sequence[RewindPoint]]) -> None:
        after, points = found
        known = [*self.points.items, *points] if after else list(points)
        before = self.point_table.current_object()
        with QSignalBlocker(self.point_table):
            # Rows that go would hand the choice to a neighbour.
            self.points.set_items(known)
            if before is not None and before not in known:
                self.point_table.setCurrentIndex(QModelIndex())
                self._forget_plan()
        self.more.setVisible(len(points) >= _PAGE)
        self.points_header.note.setText(formats.counted(len(known), "point") if known else "")
        self.empty.setVisible(not known)
        self.point_table.setVisible(bool(known))

    def _on_more_clicked(self) -> None:
        if self.points.items:
            self._load(self.points.items[-1].id)

    def _on_filters_changed(self) -> None:
        inside = bool(self.filters.path_beneath(self._roots))
        self.only_path.setEnabled(inside)
        self.only_path.setToolTip("" if inside else "Enter a path of the Master above")
        if not inside:
            self.only_path.setChecked(False)
        self._load()

    # the plan

    @property
    def _point_id(self) -> str:
        point = self.point_table.current_object()
        if not isinstance(point, RewindPoint):
            return ""
        before = point.kind is PointKind.OPERATION and self.moment.position == 1
        return f"before:{point.id}" if before else point.id

    @property
    def _paths(self) -> tuple[bytes, ...]:
        path = self.filters.path_beneath(self._roots) if self.only_path.isChecked() else b""
        return (path,) if path else ()

    def _on_point_chosen(self, index: QModelIndex) -> None:
        point = self.point_table.current_object() if index.isValid() else None
        operation = isinstance(point, RewindPoint) and point.kind is PointKind.OPERATION
        self.moment.set_enabled(1, operation, "" if operation else "Only a change has a state before it")
        if not operation:
            self.moment.choose(0)
        self._ask_plan()

    def _on_choice_changed(self) -> None:
        self._ask_plan()

    def _on_back_toggled(self, checked: bool) -> None:
        self.side.setVisible(checked)
        self.warning.setVisible(checked)
        if checked:
            self.warning.show_banner(
                "warning",
                "The Master's files will be changed as well",
                "Its directories become what the replica is then. What that replaces or removes is kept in "
                "each directory under .arcxo-replaced-… for as long as the rewind log is kept.",
            )
        else:
            self.side.choose(0)
        self._ask_plan()

    def _forget_plan(self) -> None:
        self._plan = None
        self._context.tasks.run(self, lambda: None, None, None, key="plan")
        self.rewind_button.setEnabled(False)
        self.rewind_button.setText("Rewind")
        self.items.set_items([])
        self.plan_header.note.setText("")
        self.title.setText("Choose the moment to go back to")
        self.counts.setText("Nothing is changed until you press Rewind.")

    def _ask_plan(self) -> None:
        point = self.point_table.current_object()
        self._plan = None
        self.rewind_button.setEnabled(False)
        if not isinstance(point, RewindPoint):
            return
        then = " and replicate back" if self.back.isChecked() else ""
        before = "before " if self._point_id.startswith("before:") else ""
        self.rewind_button.setText(f"Rewind to {before}{point_name(point)}{then}")
        self.counts.setText("Counting what changes…")
        scenarios, name, identity = self._context.services.scenarios, self._scenario, self._point_id
        paths, back = self._paths, self.back.isChecked()
        self._context.tasks.run(
            self,
            lambda: scenarios.plan_rewind(name, identity, paths=paths, replicate_back=back),
            self._on_plan,
            self._on_error,
            key="plan",
        )

    def _on_plan(self, plan: RewindPlan) -> None:
        self._plan = plan
        total = sum(plan.counts.values())
        master = sum(plan.master.counts.values()) if plan.master is not None else 0
        host = plan.point.replica or "the replica"
        also = f" and {formats.counted(master, 'path')} on the Master" if plan.master is not None else ""
        self.title.setText(f"This rewind will change {formats.counted(total, 'path')} on {host}{also}")
        self._show_plan()
        self.rewind_button.setEnabled(total + master > 0)
        self.rewind_button.setToolTip("" if total + master else "The replica is in that state already")

    def _on_side_chosen(self, _position: int) -> None:
        self._show_plan()

    def _show_plan(self) -> None:
        if self._plan is None:
            return
        on_master = self.side.position == 1 and self._plan.master is not None
        part = self._plan.master if on_master and self._plan.master is not None else self._plan
        total = sum(part.counts.values())
        self.counts.setText(f"{counts_text(part.counts)} · {formats.size(part.size_bytes)} written")
        self.items.set_items(list(part.items))
        more = f"first {len(part.items):,} of {total:,}" if part.truncated else formats.counted(total, "path")
        self.plan_header.note.setText(more)

    def _on_rewind_clicked(self) -> None:
        if self._plan is None:
            return
        self.rewind_button.setEnabled(False)
        self.counts.setText("Rewinding…")
        scenarios, name, identity = self._context.services.scenarios, self._scenario, self._plan.point.id
        paths, back = self._paths, self.back.isChecked()
        self._context.tasks.run(
            self,
            lambda: scenarios.rewind(name, identity, paths=paths, replicate_back=back),
            self._on_rewound,
            self._on_error,
        )

    def _on_rewound(self, result: object) -> None:
        self.rewound.emit(result)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.title.setText(title)
        self.counts.setText(text)
        self.rewind_button.setEnabled(self._plan is not None)
