"""The Scenario pane: groups, scenarios and hosts, and which of them is in view."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from PySide6.QtCore import QModelIndex, QObject, QPoint, Qt, Signal

from app.model.scenario import ScenarioStatus
from app.ui.bridge.slices import Slices
from app.ui.models.cell import ItemRole, RowKind
from app.ui.models.tree import Row, TreeModel
from app.ui.widgets.basics import FilterField, Line, PaneHeader, column
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTree
from app.ui.xosoft.scenario_rows import COLUMNS, fill_rows

_AT_ONCE = 30
"""So many scenarios are shown in one round of the event loop."""


class ScenarioPane(QObject):
    """Its widgets are `header` and `content`. `chosen`: another scenario or group is in view."""

    chosen = Signal()
    new_wanted = Signal()
    retried = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self.statuses: Sequence[ScenarioStatus] = ()
        self._scenario: int | None = None
        self.group = ""
        self._wanted = ""
        self._showing: Slices | None = None
        self._again = False
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree(indent=14)  # four levels share a narrow pane
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("Scenarios")
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self.model.rowsInserted.connect(self._on_rows_inserted)
        self.header = PaneHeader("Scenarios")
        self.filter = FilterField()
        self.filter.filtered.connect(self._on_filtered)
        self.header.add(self.filter)
        self.empty = EmptyState(
            "arrow-left-right",
            "No scenario yet",
            "A scenario replicates directories of a Master host to a Replica host, all the time.",
            "New scenario",
        )
        self.empty.pressed.connect(self.new_wanted)
        self.empty.hide()
        self.problem = ProblemCard()
        self.problem.retried.connect(self.retried)
        self.problem.hide()
        self.content = column(Line(), self.problem, self.tree, self.empty)

    @property
    def selected(self) -> ScenarioStatus | None:
        """The scenario in view; None while a group is."""
        if self.group:
            return None
        return next((status for status in self.statuses if status.scenario.id == self._scenario), None)

    @property
    def members(self) -> tuple[ScenarioStatus, ...]:
        """The scenarios of the group in view."""
        return tuple(status for status in self.statuses if status.scenario.group == self.group)

    def show_statuses(self, statuses: Sequence[ScenarioStatus]) -> None:
        """Show how all scenarios stand now."""
        self.problem.hide()
        self.statuses = statuses
        known = {status.scenario.id for status in statuses}
        if self.group and not self.members:
            self.group = ""
        if not self.group and self._scenario not in known and statuses:
            self._wanted = self._wanted or statuses[0].scenario.name
        if self._showing is None or self._showing.done:
            self._show_rows()
        else:
            self._again = True  # what is being shown is not begun anew, or it would never be done

    def show_failure(self, error: Exception) -> None:
        """Nothing is known yet, and why."""
        if not self.statuses:
            self.problem.show_error(error)

    def select(self, name: str) -> None:
        """Show a scenario by name, now or when it is known."""
        self._wanted = name
        self._select_wanted()

    def _select_wanted(self) -> None:
        found = next((one for one in self.statuses if one.scenario.name == self._wanted), None)
        if found is None:
            return
        index = self.model.find(("group", found.scenario.group), ("scenario", found.scenario.id))
        if index.isValid():
            self._wanted = ""
            self._scenario, self.group = found.scenario.id, ""
            self.tree.select_row(index)
            self.tree.expand(index)
            self.tree.expand(self.model.index(1, 0, index))
            self.tree.scrollTo(index)

    def _show_rows(self) -> None:
        self.empty.setVisible(not self.statuses)
        self.tree.setVisible(bool(self.statuses))
        if self._showing is not None:
            self._showing.stop()
        self._again = False
        self._showing = Slices(self, self._steps(), self._on_shown)
        if len(self.statuses) <= _AT_ONCE:
            self._showing.finish()

    def _on_shown(self) -> None:
        self._select_wanted()
        if self._again:
            self._show_rows()

    def _steps(self) -> Iterator[None]:
        """Some hundred scenarios are too many for one round of the event loop."""
        rows: list[Row] = []
        yield from fill_rows(rows, self.statuses, self.filter.text())
        yield from self.model.become(rows)
        shown = sum(len(row.children or ()) for row in rows)
        total = len(self.statuses)
        self.header.note.setText(f"{shown:,} of {total:,}" if shown != total else "")

    def _on_filtered(self, _text: str) -> None:
        self._show_rows()

    def _on_rows_inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        for row in range(first, last + 1):
            index = self.model.index(row, 0, parent)
            key = index.data(ItemRole.KEY)
            if index.data(ItemRole.KIND) is RowKind.GROUP or (isinstance(key, tuple) and key[0] == "host"):
                self.tree.expand(index)

    def _on_row_changed(self, index: QModelIndex) -> None:
        if index.isValid() and index.data(ItemRole.KIND) is RowKind.GROUP:
            self.group = str(index.data(ItemRole.KEY)[1])
            self.chosen.emit()
            return
        while index.isValid():
            found = index.data(ItemRole.OBJECT)
            if isinstance(found, ScenarioStatus):
                self._scenario, self.group = found.scenario.id, ""
                self.chosen.emit()
                return
            index = index.parent()

    def _on_context_menu(self, position: QPoint) -> None:
        self.menu_wanted.emit(self.tree.viewport().mapToGlobal(position))
