"""A flat list of objects as rows; updates go row by row, so selection and scrolling stay."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Hashable, Sequence
from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt

from app.ui.abstract import Abstract
from app.ui.models.cell import Cell, Column, ItemRole, RowKind

T = TypeVar("T")
Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()


class RowModel(Abstract, QAbstractTableModel, Generic[T]):
    """Subclass it: `columns`, `key_of(item)` and `cell(item, column)`."""

    columns: Sequence[Column] = ()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._items: list[T] = []
        self._keys: list[Hashable] = []

    @abstractmethod
    def key_of(self, item: T) -> Hashable:
        """What makes the item the same one after an update."""

    @abstractmethod
    def cell(self, item: T, column: int) -> Cell:
        """What to show."""

    @property
    def items(self) -> Sequence[T]:
        """The rows, in order."""
        return self._items

    def item_at(self, index: Index) -> T | None:
        """The object of a row (of this model's index)."""
        return self._items[index.row()] if index.isValid() else None

    def set_items(self, items: Sequence[T]) -> None:
        """Become `items`: rows that stay are changed in place, others inserted, moved or removed."""
        wanted = {self.key_of(item) for item in items}
        for row in range(len(self._items) - 1, -1, -1):
            if self._keys[row] not in wanted:
                self.beginRemoveRows(_ROOT, row, row)
                del self._items[row], self._keys[row]
                self.endRemoveRows()
        known = set(self._keys)
        row = 0
        while row < len(items):
            key = self.key_of(items[row])
            if row < len(self._keys) and self._keys[row] == key:
                self._change(row, items[row])
                row += 1
            elif key in known:
                self._move(self._keys.index(key, row), row)
            else:
                row = self._insert_run(items, row, known)

    def touch(self) -> None:
        """Ask for all cells again (relative times)."""
        if self._items:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._items) - 1, len(self.columns) - 1))

    def _change(self, row: int, item: T) -> None:
        if self._items[row] != item:
            self._items[row] = item
            self.dataChanged.emit(self.index(row, 0), self.index(row, len(self.columns) - 1))

    def _move(self, source: int, target: int) -> None:
        self.beginMoveRows(_ROOT, source, source, _ROOT, target)
        self._items.insert(target, self._items.pop(source))
        self._keys.insert(target, self._keys.pop(source))
        self.endMoveRows()

    def _insert_run(self, items: Sequence[T], row: int, known: set[Hashable]) -> int:
        end = row
        while end < len(items) and self.key_of(items[end]) not in known:
            end += 1
        self.beginInsertRows(_ROOT, row, end - 1)
        self._items[row:row] = items[row:end]
        self._keys[row:row] = [self.key_of(item) for item in items[row:end]]
        self.endInsertRows()
        return end

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102 - Qt's name
        return 0 if parent.isValid() else len(self._items)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102 - Qt's name
        return 0 if parent.isValid() else len(self.columns)

    def headerData(  # noqa: N802, D102 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(self.columns):
            return header_value(self.columns[section], role)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102 - Qt's
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == ItemRole.OBJECT:
            return item
        if role == ItemRole.KEY:
            return self._keys[index.row()]
        if role == ItemRole.KIND:
            return RowKind.ROW
        if role in CELL_ROLES:
            return cell_value(self.cell(item, index.column()), role)
        return None


CELL_ROLES = frozenset(
    {
        int(Qt.ItemDataRole.DisplayRole),
        int(Qt.ItemDataRole.ToolTipRole),
        int(Qt.ItemDataRole.AccessibleTextRole),
        int(Qt.ItemDataRole.TextAlignmentRole),
        int(Qt.ItemDataRole.CheckStateRole),
        int(ItemRole.CELL),
        int(ItemRole.SORT),
    }
)


def cell_value(cell: Cell, role: int) -> Any:
    """What a model answers for one of `CELL_ROLES`."""
    if role == ItemRole.CELL:
        return cell
    if role == ItemRole.SORT:
        return cell.text.casefold() if cell.sort is None else cell.sort
    if role == Qt.ItemDataRole.DisplayRole:
        return cell.text
    if role == Qt.ItemDataRole.ToolTipRole:
        return cell.tooltip or None
    if role == Qt.ItemDataRole.AccessibleTextRole:
        words = [cell.text, cell.second, cell.beside, *(f"{name} {state}" for name, state in cell.badges)]
        words += [cell.tag[0]] if cell.tag else []
        return ", ".join(word for word in words if word)
    if role == Qt.ItemDataRole.TextAlignmentRole:
        side = Qt.AlignmentFlag.AlignRight if cell.right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
    if role == Qt.ItemDataRole.CheckStateRole and cell.marker is not None:
        return cell.marker.check_state
    return None


def header_value(column: Column, role: int) -> Any:
    """What a model answers for a column's header."""
    if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
        return column.title
    if role == Qt.ItemDataRole.TextAlignmentRole:
        side = Qt.AlignmentFlag.AlignRight if column.right else Qt.AlignmentFlag.AlignLeft
        return side | Qt.AlignmentFlag.AlignVCenter
    return None
