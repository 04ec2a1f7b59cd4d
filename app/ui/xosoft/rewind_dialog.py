"""Restore data: choose a rewind point, see exactly what changes, rewind."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QSplitter,
    QVBoxLayout,
    QWidget,
)

from app.model.rewind import PointKind, RewindPlan, RewindPoint
from app.ui import formats
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import Banner, EmptyState, explain
from app.ui.widgets.views import CellTable
from app.ui.xosoft.rewind_filters import RewindFilters
from app.ui.xosoft.rewind_models import ItemModel, PointModel, counts_text, point_name
from app.ui.xosoft.rewind_timeline import RewindTimeline

_PAGE = 1_000
_NOTHING_YET = "Nothing is changed until you press Rewind, and a rewind can itself be taken back."


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
        room = self.screen().availableSize()
        self.resize(min(theme().px(1240), room.width()), min(theme().px(800), room.height()))
        self._context, self._scenario, self._roots = context, scenario, roots
        self._plan: RewindPlan | None = None
        self._until: datetime | None = None
        self._wanted: tuple[datetime, str] | None = None
        self.timeline = RewindTimeline(context, scenario)
        self.timeline.chosen.connect(self._on_moment)
        self.points = PointModel()
        self.filters = RewindFilters()
        self.filters.changed.connect(self._on_filters_changed)
        self.point_table = CellTable()
        self.point_proxy = self.point_table.set_source(self.points)
        self.point_table.set_columns(self.points.columns)
        self.point_table.setAccessibleName("Rewind points")
        self.point_table.current_row_changed.connect(self._on_point_chosen)
        self.points_header = PaneHeader("Rewind points")
        self.more = button("Show older", "link")
        self.more.clicked.connect(self._on_more_clicked)
        self.more.hide()
        self.points_header.add(self.more)
        self.newest = button("Show newest", "link")
        self.newest.clicked.connect(self._on_newest_clicked)
        self.newest.hide()
        self.points_header.add(self.newest)
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
        self.counts = Label(_NOTHING_YET, "body", "text2", wrap=True)
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
        split = QSplitter(Qt.Orientation.Horizontal)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        split.addWidget(column(self.points_header, self.filters, self.empty, self.point_table))
        split.addWidget(column(self.plan_header, self.item_table))
        split.setSizes([theme().px(710), theme().px(530)])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 16, 0, 16)
        layout.setSpacing(8)
        texts = QVBoxLayout()
        texts.setContentsMargins(20, 0, 20, 4)
        texts.addWidget(self.title)
        texts.addWidget(self.counts)
        layout.addLayout(texts)
        layout.addWidget(self.timeline)
        layout.addWidget(Line())
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
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 4, 20, 0)
        foot.setSpacing(24)
        foot.addWidget(self.only_path)
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.addWidget(buttons)
        layout.addLayout(foot)

    # the points

    def _load(self, after: str = "") -> None:
        scenarios, name, chosen = self._context.services.scenarios, self._scenario, self.filters.chosen
        bounds = [at for at in (chosen.until, self._until) if at is not None]

        def ask() -> tuple[str, Sequence[RewindPoint]]:
            return after, scenarios.rewind_points(
                name,
                kinds=chosen.kinds,
                path=chosen.path,
                since=chosen.since,
                until=min(bounds, default=None),
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
        self.newest.setVisible(self._until is not None)
        self.empty.setVisible(not known)
        self.point_table.setVisible(bool(known))
        if self._wanted is not None:
            self._choose(*self._wanted)

    def _on_more_clicked(self) -> None:
        if self.points.items:
            self._load(self.points.items[-1].id)

    def _on_newest_clicked(self) -> None:
        self._until = None
        self._load()

    def _on_moment(self, at: datetime, point_id: str) -> None:
        """A moment was chosen: its state is that after the newest point before it."""
        self.timeline.set_moment(at)
        items = self.points.items
        listed = bool(items) and items[-1].at <= at and (self._until is None or at <= self._until)
        if not listed:
            self._until = at
            self._wanted = (at, point_id)
            self._load()
        else:
            self._choose(at, point_id)

    def _choose(self, at: datetime, point_id: str) -> None:
        self._wanted = None
        items = self.points.items
        found = next((n for n, one in enumerate(items) if one.id == point_id), None) if point_id else None
        if found is None:
            found = next((n for n, one in enumerate(items) if one.at <= at), None)
        if found is not None:
            index = self.point_proxy.mapFromSource(self.points.index(found, 0))
            self.point_table.select_row(index)
            self.point_table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _on_filters_changed(self) -> None:
        self._until = None
        inside = bool(self.filters.path_beneath(self._roots))
        self.timeline.set_path(self.filters.path_beneath(self._roots))
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
        self.timeline.set_moment(point.at if isinstance(point, RewindPoint) else None)
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
        self.counts.setText(_NOTHING_YET)

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
