"""The items of a restore's plan by folder: counts that filter them, and boxes that take some of them out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.model.job import Conflict
from app.model.restore import RestoreAction, RestoreItem, RestorePlan
from app.ui import formats
from app.ui.models.cell import ItemRole, Mark
from app.ui.models.tree import TreeModel
from app.ui.restore.left_out import LeftOut
from app.ui.restore.plan_count import PlanCount
from app.ui.restore.plan_tree import COLUMNS, FOLDERS_SHOWN, Folder, PlanItems, box, folder_rows, item_rows
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField, Label, Line, button
from app.ui.widgets.views import CellTree

_OPENED = 400
"""About so many items are opened at first."""


class PlanList(QFrame):
    """`left_out_changed()` when a box was clicked: the counts are of before, until `show_plan`."""

    left_out_changed = Signal()

    def __init__(self, conflict: Conflict) -> None:
        super().__init__()
        self.setProperty("kind", "pane")
        self._conflict = conflict
        self._plan: RestorePlan | None = None
        self.items = PlanItems()
        self.left_out = LeftOut()
        self.counts = {action: PlanCount(action) for action in RestoreAction}
        self.filter = FilterField("Filter by path")
        self.filter.filtered.connect(self._on_filtered)
        self._listed = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        self.model = TreeModel(COLUMNS, self)
        self.model.marker_clicked.connect(self._on_marker_clicked)
        self.model.children_wanted.connect(self._on_children_wanted)
        self.table = CellTree(row_height=24)
        self.table.setAccessibleName("What the restore does")
        self.table.setModel(self.model)
        self.table.set_columns(COLUMNS)
        self.table.setMinimumHeight(theme().px(96))
        self.export = button("Export plan…", "small", "download")
        self._lay_out()

    def _lay_out(self) -> None:
        figures = QHBoxLayout()
        figures.setContentsMargins(12, 0, 12, 8)
        figures.setSpacing(8)
        for count in self.counts.values():
            count.toggled.connect(partial(self._on_count_toggled, count))
            figures.addWidget(count, 1)
        tools = QHBoxLayout()
        tools.setContentsMargins(20, 6, 20, 6)
        tools.setSpacing(12)
        tools.addWidget(self.filter)
        tools.addWidget(self._listed, 1)
        tools.addWidget(self.export)
        body = QVBoxLayout(self)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(0)
        body.addLayout(figures)
        body.addWidget(Line())
        body.addLayout(tools)
        body.addWidget(Line())
        body.addWidget(self.table, 1)
        body.addWidget(Line())

    def add_below(self, widget: QWidget) -> None:
        """Put a widget beneath the list, as high as it wants to be."""
        layout = self.layout()
        assert layout is not None
        layout.addWidget(widget)

    @property
    def tab_order(self) -> tuple[QWidget, ...]:
        """What the keyboard goes through."""
        return (*self.counts.values(), self.filter, self.export, self.table)

    def set_items(self, items: PlanItems) -> None:
        """List these from now on, once a plan is shown."""
        self.items = items

    def held(self) -> tuple[RestoreItem, ...]:
        """The items that are listed, without what was taken out."""
        return tuple(one for one in self._all() if self.left_out.mark(one.target) is not Mark.EMPTY)

    def show_plan(self, plan: RestorePlan) -> None:
        """The counts of a plan; the rows stay, with their boxes."""
        self._plan = plan
        for action, count in self.counts.items():
            count.show_count(plan.counts.get(action, 0))
        self._say_listed()

    def make_rows(self) -> None:
        """The rows that the filters leave; those that were opened are made anew as well."""
        if self._plan is None:
            return
        wanted = self._wanted()
        folders = self.items.shown_folders(wanted, self.filter.text())
        # Rows that were opened show what the last filter left of them: all are made anew.
        self.model.set_rows(())
        self.model.set_rows(folder_rows(folders, wanted, self.left_out.mark))
        room = _OPENED
        for row, folder in enumerate(folders[:FOLDERS_SHOWN]):
            room -= len(folder.items)
            if room < 0 and row:
                break
            self.table.expand(self.model.index(row, 0))
        self._say_listed()

    def _all(self) -> Iterator[RestoreItem]:
        for folder in self.items.folders.values():
            yield from folder.items

    def _wanted(self) -> RestoreAction | None:
        return next((action for action, count in self.counts.items() if count.isChecked()), None)

    def _on_marker_clicked(self, index: QModelIndex) -> None:
        found = index.data(ItemRole.OBJECT)
        path = found.path if isinstance(found, Folder) else getattr(found, "target", b"")
        if not path:
            return
        self.left_out.toggle(path)
        self._refresh_marks(QModelIndex())
        self.left_out_changed.emit()

    def _refresh_marks(self, parent: QModelIndex) -> None:
        for position in range(self.model.rowCount(parent)):
            index = self.model.index(position, 0, parent)
            row = self.model.row_at(index)
            if row is None or row.cells[0].marker is None:
                continue
            path = row.object.path if isinstance(row.object, Folder) else row.object.target
            wanted = box(path, self.left_out.mark)
            if row.cells[0].marker != wanted:
                cells = (replace(row.cells[0], marker=wanted), *row.cells[1:])
                self.model.replace(index, replace(row, cells=cells))
            self._refresh_marks(index)

    def _say_listed(self) -> None:
        plan = self._plan
        if plan is None:
            return
        folders = len(self.items.folders)
        shown_folders = len(self.items.shown_folders(self._wanted(), self.filter.text()))
        text = formats.counted(folders, "folder")
        if shown_folders != folders:
            text = f"{shown_folders:,} of {text}"
        if plan.truncated:
            text += ". The counts are of all; of large folders the first of each kind are listed"
        self._listed.setText(text)

    def _on_count_toggled(self, toggled: PlanCount, on: bool) -> None:
        if on:
            for count in self.counts.values():
                if count is not toggled:
                    count.setChecked(False)
        self.make_rows()

    def _on_filtered(self, _text: str) -> None:
        self.make_rows()

    def _on_children_wanted(self, index: QModelIndex) -> None:
        folder = index.data(ItemRole.OBJECT)
        if isinstance(folder, Folder):
            mark = self.left_out.mark
            rows = item_rows(folder, self._wanted(), self.filter.text(), self._conflict, mark)
            self.model.set_children(index, rows)
