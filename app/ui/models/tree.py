"""A tree of rows. Build `Row` values as often as you like; the model changes only what differs."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from app.ui.models.cell import Cell, Column, ItemRole, RowKind
from app.ui.models.table import CELL_ROLES, cell_value, header_value

Index = QModelIndex | QPersistentModelIndex
_ROOT = QModelIndex()
_ENABLED = Qt.ItemFlag.ItemIsEnabled
_SELECTABLE = Qt.ItemFlag.ItemIsEnabled | Qt.ItemFlag.ItemIsSelectable
_STEPS_DEPTH = 2
"""`become` pauses after each row of the upper levels."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row with its children. `children` None: they are not known yet and asked for on expansion.

    `key` is unique among its siblings. `object` is what the row stands for.
    """

    key: Hashable
    cells: tuple[Cell, ...]
    children: tuple[Row, ...] | None = ()
    object: Any = None
    kind: RowKind = RowKind.ROW
    selectable: bool = True


@dataclass(slots=True, eq=False)
class _Node:
    key: Hashable
    row: Row
    parent: _Node | None
    children: list[_Node] = field(default_factory=list)
    known: bool = True
    asked: bool = False


class TreeModel(QAbstractItemModel):
    """Rows below rows. `children_wanted(index)` asks for the children of a row that does not know them."""

    children_wanted = Signal(QModelIndex)
    marker_clicked = Signal(QModelIndex)

    def __init__(self, columns: Sequence[Column], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.columns = tuple(columns)
        self._root = _Node("", Row("", ()), None)

    def set_rows(self, rows: Sequence[Row]) -> None:
        """Become `rows`, row by row."""
        self._apply(self._root, rows)

    def become(self, rows: Sequence[Row]) -> Iterator[None]:
        """The same in steps, after each of which the model is whole. Nothing else may set rows in between."""
        return self._applied(self._root, rows, stepwise=True)

    def set_children(self, parent: Index, rows: Sequence[Row]) -> None:
        """Become the children of one row (answers `children_wanted`)."""
        node = self._node(parent)
        node.known = True
        node.asked = True
        self._apply(node, rows)
        if not rows and node.parent is not None:
            self._changed(node)

    def append_children(self, parent: Index, rows: Sequence[Row]) -> None:
        """Put rows behind the children of one row, all at once."""
        node = self._node(parent)
        if rows:
            first = len(node.children)
            self.beginInsertRows(self._index_of(node), first, first + len(rows) - 1)
            node.children += [_build(row, node) for row in rows]
            self.endInsertRows()

    def remove_last_child(self, parent: Index) -> None:
        """Take the last child of a row away."""
        node = self._node(parent)
        self._remove(node, len(node.children) - 1, len(node.children))

    def forget_children(self, parent: Index) -> None:
        """The children of a row are unknown again; they are asked for when it is expanded."""
        node = self._node(parent)
        self._remove(node, 0, len(node.children))
        node.known = node.asked = False

    def replace(self, index: Index, row: Row) -> None:
        """Change one row's cells and object; its children stay."""
        node = self._node(index)
        node.row = row
        self._changed(node)

    def row_at(self, index: Index) -> Row | None:
        """The row of an index of this model."""
        return self._node(index).row if index.isValid() else None

    def find(self, *keys: Hashable) -> QModelIndex:
        """The index of the row reached by keys from the top; an invalid one when there is none."""
        node = self._root
        for key in keys:
            found = next((child for child in node.children if child.key == key), None)
            if found is None:
                return QModelIndex()
            node = found
        return self._index_of(node)

    def _apply(self, node: _Node, rows: Sequence[Row]) -> None:
        for _ in self._applied(node, rows):
            pass

    def _applied(
        self, node: _Node, rows: Sequence[Row], depth: int = 0, *, stepwise: bool = False
    ) -> Iterator[None]:
        if rows and not node.children and not stepwise:
            # All at once: views look at everything anew for each insertion.
            self.beginInsertRows(self._index_of(node), 0, len(rows) - 1)
            node.children = [_build(row, node) for row in rows]
            self.endInsertRows()
            return
        wanted = {row.key for row in rows}
        end = len(node.children)
        while end:
            first = end
            while first and node.children[first - 1].key not in wanted:
                first -= 1
            if first < end:
                self._remove(node, first, end)
                if depth < _STEPS_DEPTH:
                    yield
            end = max(0, first - 1)
        kept = {child.key for child in node.children}
        changed = 0  # how many rows right before this one are others now, and not told of
        for position, row in enumerate(rows):
            children = node.children
            if position >= len(children) or children[position].key != row.key:
                self._tell(node, position - changed, position)
                changed = 0
                if row.key not in kept:
                    until = position + 1
                    while not stepwise and until < len(rows) and rows[until].key not in kept:
                        until += 1
                    self._insert(node, position, rows[position:until])
                    kept.update(one.key for one in rows[position:until])
                    if depth < _STEPS_DEPTH:
                        yield
                    continue
                found = next(i for i in range(position, len(children)) if children[i].key == row.key)
                parent = self._index_of(node)
                self.beginMoveRows(parent, found, found, parent, position)
                children.insert(position, children.pop(found))
                self.endMoveRows()
            child = node.children[position]
            if child.row.cells != row.cells or child.row.kind != row.kind:
                changed += 1
            else:
                self._tell(node, position - changed, position)
                changed = 0
            child.row = row
            if row.children is not None:
                child.known = True
                yield from self._applied(child, row.children, depth + 1)
            if depth < _STEPS_DEPTH:
                self._tell(node, position + 1 - changed, position + 1)
                changed = 0
                yield
        self._tell(node, len(rows) - changed, len(rows))

    def _tell(self, node: _Node, first: int, end: int) -> None:
        """Rows from `first` to before `end` are others now."""
        if end > first:
            begin = self.createIndex(first, 0, node.children[first])
            last = self.createIndex(end - 1, len(self.columns) - 1, node.children[end - 1])
            self.dataChanged.emit(begin, last)

    def _changed(self, node: _Node) -> None:
        first = self._index_of(node)
        self.dataChanged.emit(first, first.siblingAtColumn(len(self.columns) - 1))

    def _insert(self, node: _Node, position: int, rows: Sequence[Row]) -> None:
        self.beginInsertRows(self._index_of(node), position, position + len(rows) - 1)
        node.children[position:position] = [_build(row, node) for row in rows]
        self.endInsertRows()

    def _remove(self, node: _Node, first: int, end: int) -> None:
        if end > first:
            self.beginRemoveRows(self._index_of(node), first, end - 1)
            del node.children[first:end]
            self.endRemoveRows()

    def _node(self, index: Index) -> _Node:
        node = index.internalPointer() if index.isValid() else None
        return node if isinstance(node, _Node) else self._root

    def _index_of(self, node: _Node) -> QModelIndex:
        if node.parent is None:
            return QModelIndex()
        return self.createIndex(node.parent.children.index(node), 0, node)

    def index(self, row: int, column: int, parent: Index = _ROOT) -> QModelIndex:  # noqa: D102 - Qt's
        node = self._node(parent)
        if parent.isValid() and parent.column() > 0:
            return QModelIndex()
        if 0 <= row < len(node.children) and 0 <= column < len(self.columns):
            return self.createIndex(row, column, node.children[row])
        return QModelIndex()

    def parent(self, index: Index = _ROOT) -> QModelIndex:  # type: ignore[override]  # noqa: D102 - two overloads in Qt
        if not index.isValid():
            return QModelIndex()
        above = self._node(index).parent
        return QModelIndex() if above is None else self._index_of(above)

    def rowCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102 - Qt's name
        return 0 if parent.isValid() and parent.column() > 0 else len(self._node(parent).children)

    def columnCount(self, parent: Index = _ROOT) -> int:  # noqa: N802, D102, ARG002 - Qt's name
        return len(self.columns)

    def hasChildren(self, parent: Index = _ROOT) -> bool:  # noqa: N802, D102 - Qt's name
        if parent.isValid() and parent.column() > 0:
            return False
        node = self._node(parent)
        return bool(node.children) or not node.known

    def canFetchMore(self, parent: Index) -> bool:  # noqa: N802, D102 - Qt's name
        node = self._node(parent)
        return not node.known and not node.asked

    def fetchMore(self, parent: Index) -> None:  # noqa: N802, D102 - Qt's name
        node = self._node(parent)
        if not node.known and not node.asked:
            node.asked = True
            self.children_wanted.emit(self._index_of(node))

    def flags(self, index: Index) -> Qt.ItemFlag:  # noqa: D102 - Qt's
        if not index.isValid():
            return Qt.ItemFlag.NoItemFlags
        node = self._node(index)
        row = node.row
        flags = _SELECTABLE if row.selectable and row.kind is not RowKind.SUBHEADER else _ENABLED
        column = index.column()
        marker = row.cells[column].marker if column < len(row.cells) else None
        if marker is not None and not marker.gray:
            flags |= Qt.ItemFlag.ItemIsUserCheckable
        return flags

    def headerData(  # noqa: N802, D102 - Qt's name
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation is Qt.Orientation.Horizontal and 0 <= section < len(self.columns):
            return header_value(self.columns[section], role)
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:  # noqa: D102 - Qt's
        if not index.isValid():
            return None
        row = self._node(index).row
        if role == ItemRole.OBJECT:
            return row.object
        if role == ItemRole.KEY:
            return row.key
        if role == ItemRole.KIND:
            return row.kind
        if role in CELL_ROLES and index.column() < len(row.cells):
            return cell_value(row.cells[index.column()], role)
        return None

    def setData(self, index: Index, value: Any, role: int = Qt.ItemDataRole.EditRole) -> bool:  # noqa: N802, D102, ARG002
        if role != Qt.ItemDataRole.CheckStateRole or not index.isValid():
            return False
        self.marker_clicked.emit(self._index_of(self._node(index)))
        return True


def _build(row: Row, parent: _Node) -> _Node:
    node = _Node(row.key, row, parent, known=row.children is not None)
    node.children = [_build(child, node) for child in row.children or ()]
    return node
