"""Sorting of a tree by its header, for models that are set anew with each answer.

A click on a title sorts by it, the second the other way round, the third goes back to the usual order.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal

from app.ui.models.row_order import ordered
from app.ui.models.tree import Row
from app.ui.widgets.views import CellTree


class HeaderSort(QObject):
    """`changed`: the rows are to be put through `sorted_rows` again and set."""

    changed = Signal()

    def __init__(self, tree: CellTree) -> None:
        super().__init__(tree)
        self._header = tree.header()
        self.column = -1
        self.descending = False
        self._offer(-1, Qt.SortOrder.AscendingOrder)
        self._header.sortIndicatorChanged.connect(self._on_changed)

    def sorted_rows(self, rows: Sequence[Row]) -> tuple[Row, ...]:
        """These rows in the order that is asked for."""
        return ordered(rows, self.column, descending=self.descending)

    def _offer(self, column: int, order: Qt.SortOrder) -> None:
        self._header.setSectionsClickable(True)
        self._header.setSortIndicatorClearable(True)
        self._header.setSortIndicatorShown(True)
        self._header.setSortIndicator(column, order)

    def _on_changed(self, column: int, order: Qt.SortOrder) -> None:
        if not self._header.isSortIndicatorShown():
            # Sizes were brought back that were kept by a version whose lists did not sort.
            self._offer(-1, order)
            return
        descending = order is Qt.SortOrder.DescendingOrder
        if (column, descending) != (self.column, self.descending):
            self.column, self.descending = column, descending
            self.changed.emit()
