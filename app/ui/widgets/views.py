"""Tree and table views: rows are painted once (background, selection, divider), cells by the delegate."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QItemSelectionModel,
    QModelIndex,
    QPersistentModelIndex,
    QPoint,
    QRect,
    QSortFilterProxyModel,
    Qt,
    Signal,
)
from PySide6.QtGui import (
    QContextMenuEvent,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QKeySequence,
    QMouseEvent,
    QPainter,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QFrame,
    QHeaderView,
    QMenu,
    QStyleOptionViewItem,
    QToolTip,
    QTreeView,
    QWidget,
)

from app.ui.icons import pixmap
from app.ui.models.cell import Cell, Column, ItemRole, RowKind
from app.ui.theme import color, font, theme
from app.ui.widgets import sort_menu
from app.ui.widgets.delegate import PADDING, CellDelegate, is_group, paint_cell

Index = QModelIndex | QPersistentModelIndex


class CellHeader(QHeaderView):
    """Column titles in 12/500, the sort arrow behind the title."""

    def __init__(self, first_padding: int, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._first_padding = first_padding
        self.setSectionsClickable(True)
        self.setHighlightSections(False)
        self.setSectionsMovable(True)
        self.setFirstSectionMovable(False)
        self.setStretchLastSection(True)
        self.setMinimumSectionSize(40)
        self.setFixedHeight(theme().px(30))
        theme().changed.connect(self._on_theme_changed)

    def _on_theme_changed(self) -> None:
        self.setFixedHeight(theme().px(30))
        self.viewport().update()

    def paintSection(self, painter: QPainter, rect: QRect, section: int) -> None:  # noqa: N802, D102
        painter.save()
        painter.fillRect(rect, color("surface"))
        painter.setPen(color("border"))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())
        model = self.model()
        title = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
        alignment = model.headerData(section, Qt.Orientation.Horizontal, Qt.ItemDataRole.TextAlignmentRole)
        first = self.visualIndex(section) == 0
        box = rect.adjusted(self._first_padding if first else PADDING, 0, -PADDING, 0)
        painter.setFont(font("small_medium"))
        painter.setPen(color("muted"))
        if self.isSortIndicatorShown() and self.sortIndicatorSection() == section:
            title += " ↑" if self.sortIndicatorOrder() is Qt.SortOrder.AscendingOrder else " ↓"
        text = QFontMetrics(painter.font()).elidedText(title, Qt.TextElideMode.ElideRight, box.width())
        painter.drawText(box, int(alignment or Qt.AlignmentFlag.AlignVCenter), text)
        painter.restore()


class CellTree(QTreeView):
    """A tree whose model answers `ItemRole.CELL`.

    `row_activated(index)` comes on Enter and double click; `marker_toggled` needs no wiring: markers call the
    model's `setData(CheckStateRole)`.
    """

    row_activated = Signal(QModelIndex)
    current_row_changed = Signal(QModelIndex)

    def __init__(self, parent: QWidget | None = None, *, row_height: int = 28, indent: int = 18) -> None:
        super().__init__(parent)
        self._row_height = row_height
        self.flat = False
        self._stretch: tuple[int, int] | None = None
        self._column_menu = True
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setItemDelegate(CellDelegate(row_height, self))
        self.setUniformRowHeights(True)
        self._indent = indent
        self.setIndentation(theme().px(indent))
        # The row paints its own frame; the style would lay a tint over all columns and their text.
        self.setAllColumnsShowFocus(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setExpandsOnDoubleClick(False)
        self.setMouseTracking(True)
        self._hovered = -1
        self.setHeader(CellHeader(self.header_padding(), self))
        self.header().setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.header().customContextMenuRequested.connect(self._on_header_menu)
        self.doubleClicked.connect(self._on_double_clicked)
        theme().changed.connect(self._on_theme_changed)

    def header_padding(self) -> int:
        """Left padding of the first header."""
        return 16

    def set_columns(self, columns: tuple[Column, ...] | list[Column]) -> None:
        """Set the first widths; call after `setModel`."""
        for section, column in enumerate(columns):
            self.header().resizeSection(section, theme().px(column.width))
        stretch = next((i for i, column in enumerate(columns) if column.stretch), None)
        if stretch is not None:
            last = stretch == len(columns) - 1
            self.header().setStretchLastSection(last)
            self._stretch = None if last else (stretch, columns[stretch].width)
            self._fit_stretch()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._fit_stretch()

    def _fit_stretch(self) -> None:
        """The stretching column takes the room that is left, but never less than its first width."""
        if self._stretch is None:
            return
        section, least = self._stretch
        others = self.header().length() - self.header().sectionSize(section)
        self.header().resizeSection(section, max(theme().px(least), self.viewport().width() - others))

    def setModel(self, model: QAbstractItemModel | None) -> None:  # noqa: N802, D102 - Qt's name
        super().setModel(model)
        if self.selectionModel() is not None:
            self.selectionModel().currentRowChanged.connect(self._on_current_row_changed)

    def selected_objects(self) -> list[Any]:
        """The objects of the selected rows, top to bottom."""
        if self.selectionModel() is None:
            return []
        rows = sorted(self.selectionModel().selectedRows(), key=lambda index: self.visualRect(index).top())
        return [index.data(ItemRole.OBJECT) for index in rows]

    def current_object(self) -> Any:
        """The object of the current row, or None."""
        return self.currentIndex().data(ItemRole.OBJECT) if self.currentIndex().isValid() else None

    def select_row(self, index: QModelIndex) -> None:
        """Make one row the current and only selected one."""
        flags = QItemSelectionModel.SelectionFlag.ClearAndSelect | QItemSelectionModel.SelectionFlag.Rows
        self.selectionModel().setCurrentIndex(index, flags)

    def copy_rows(self) -> str:
        """The selected rows as tab-separated text, also put on the clipboard."""
        rows = self.selectionModel().selectedRows() if self.selectionModel() else []
        model = self.model()
        lines = [
            "\t".join(
                str(row.siblingAtColumn(column).data() or "")
                for column in range(model.columnCount(row.parent()))
                if not self.isColumnHidden(column)
            )
            for row in sorted(rows, key=lambda index: self.visualRect(index).top())
        ]
        text = "\n".join(lines)
        if text:
            QApplication.clipboard().setText(text)
        return text

    def drawRow(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: N802, D102
        rect = QRect(
            0, option.rect.top(), max(self.viewport().width(), option.rect.right()), option.rect.height()
        )
        selected = self.selectionModel() is not None and self.selectionModel().isRowSelected(
            index.row(), index.parent()
        )
        kind = index.data(ItemRole.KIND)
        if selected:
            active = self.hasFocus() or (self.window().isActiveWindow() and self._focus_inside())
            painter.fillRect(rect, color("selection" if active else "selection_other"))
        elif kind is RowKind.SUBHEADER:
            painter.fillRect(rect, color("sunken"))
        elif self._hovered == option.rect.top():
            painter.fillRect(rect, color("hover"))
        if is_group(index):
            indent = self._indent_of(index)
            self.drawBranches(painter, QRect(0, rect.top(), indent, rect.height()), index)
            cell = index.data(ItemRole.CELL)
            if isinstance(cell, Cell):
                paint_cell(painter, rect.adjusted(indent, 0, 0, 0), cell, self, first=True)
        else:
            super().drawRow(painter, option, index)
        painter.setPen(color("divider"))
        painter.drawLine(rect.left(), rect.bottom(), rect.right(), rect.bottom())
        if self.hasFocus() and _same_row(index, self.currentIndex()) and selected:
            painter.setPen(QPen(color("accent"), 1))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(rect.adjusted(0, 0, -1, -2))

    def drawBranches(self, painter: QPainter, rect: QRect, index: Index) -> None:  # noqa: N802, D102
        if not self.rootIsDecorated() or not self.model().hasChildren(_plain(index)):
            return
        name = "chevron-down" if self.isExpanded(_plain(index)) else "chevron-right"
        size = theme().px(14)
        shot = pixmap(name, "muted", size, self.devicePixelRatioF())
        painter.drawPixmap(rect.right() - size - 1, rect.center().y() + 1 - size // 2, shot)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        current = self.currentIndex()
        if event.key() == Qt.Key.Key_Space and current.isValid():
            first = current.siblingAtColumn(0)
            cell = first.data(ItemRole.CELL)
            if isinstance(cell, Cell) and cell.marker is not None and not cell.marker.gray:
                self.model().setData(first, None, Qt.ItemDataRole.CheckStateRole)
                return
        if (
            event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers()
            and current.isValid()
        ):
            self.row_activated.emit(current)
            return
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_rows()
            return
        if QKeySequence(event.keyCombination()) == QKeySequence(sort_menu.KEY):
            sort_menu.open_sort_menu(self)
            return
        super().keyPressEvent(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        index = self.indexAt(event.position().toPoint())
        top = self.visualRect(index).top() if index.isValid() else -1
        if top != self._hovered:
            self._hovered = top
            self.viewport().update()
        super().mouseMoveEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._hovered = -1
        self.viewport().update()
        super().leaveEvent(event)

    def viewportEvent(self, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            index = self.indexAt(event.pos())
            cell = index.data(ItemRole.CELL) if index.isValid() else None
            text = ""
            if isinstance(cell, Cell):
                metrics = QFontMetrics(font("strong" if cell.bold else "body"))
                room = self.visualRect(index).width() - 2 * PADDING - (22 if cell.icon else 0)
                elided = metrics.horizontalAdvance(cell.text) > room
                said = [cell.text] if elided and cell.text not in cell.tooltip else []
                text = "\n".join([*said, cell.tooltip] if cell.tooltip else said)
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().viewportEvent(event)

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802, D102 - Qt's name
        # Of a table that nobody gave a menu of its own.
        if not sort_menu.sorts(self):
            super().contextMenuEvent(event)
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        copy = menu.addAction("Copy")
        copy.triggered.connect(self.copy_rows)
        copy.setEnabled(bool(self.selectionModel() and self.selectionModel().hasSelection()))
        sort_menu.add_to(menu, self)
        menu.popup(event.globalPos())

    def _focus_inside(self) -> bool:
        focus = QApplication.focusWidget()
        return focus is not None and self.isAncestorOf(focus)

    def _indent_of(self, index: Index) -> int:
        depth, above = 1 if self.rootIsDecorated() else 0, index.parent()
        while above.isValid():
            depth, above = depth + 1, above.parent()
        return depth * self.indentation()

    def _on_double_clicked(self, index: QModelIndex) -> None:
        if self.model().hasChildren(index.siblingAtColumn(0)) and self.rootIsDecorated():
            first = index.siblingAtColumn(0)
            self.setExpanded(first, not self.isExpanded(first))
        else:
            self.row_activated.emit(index)

    def _on_current_row_changed(self, current: QModelIndex, _previous: QModelIndex) -> None:
        self.current_row_changed.emit(current)

    def _on_header_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        for section in range(1, self.header().count()):
            action = menu.addAction(str(self.model().headerData(section, Qt.Orientation.Horizontal)))
            action.setCheckable(True)
            action.setChecked(not self.isColumnHidden(section))
            action.setData(section)
        chosen = menu.exec(self.header().mapToGlobal(position))
        if chosen is not None:
            self.setColumnHidden(int(chosen.data()), not chosen.isChecked())
        menu.deleteLater()

    def _on_theme_changed(self) -> None:
        self.setIndentation(theme().px(self._indent))
        self.doItemsLayout()
        self.viewport().update()


def _plain(index: Index) -> QModelIndex:
    return index.model().index(index.row(), index.column(), index.parent())


def _same_row(first: Index, second: Index) -> bool:
    return first.row() == second.row() and first.parent() == second.parent()


class CellTable(CellTree):
    """A flat list in the same look; sorts through `SortProxy` when `sortable`."""

    def __init__(self, parent: QWidget | None = None, *, row_height: int = 28, sortable: bool = True) -> None:
        super().__init__(parent, row_height=row_height, indent=14)
        self.flat = True
        self.setRootIsDecorated(False)
        self.setItemsExpandable(False)
        self._sortable = sortable

    def set_source(self, model: QAbstractItemModel) -> SortProxy:
        """Show `model` through a proxy, in the model's order until a header is clicked."""
        proxy = SortProxy(self)
        proxy.setSourceModel(model)
        self.setModel(proxy)
        if self._sortable:
            self.header().setSortIndicator(-1, Qt.SortOrder.AscendingOrder)
            self.setSortingEnabled(True)
        return proxy


class SortProxy(QSortFilterProxyModel):
    """Sorts by `ItemRole.SORT`; filters rows (and keeps their parents) by a text in any column."""

    def __init__(self, parent: Any = None) -> None:
        super().__init__(parent)
        self.setSortRole(ItemRole.SORT)
        self.setRecursiveFilteringEnabled(True)
        self.setDynamicSortFilter(True)
        self._text = ""

    def set_text(self, text: str) -> None:
        """Show only rows that contain `text`."""
        self.beginFilterChange()
        self._text = text.strip().casefold()
        self.endFilterChange()

    def filterAcceptsRow(self, row: int, parent: Index) -> bool:  # noqa: N802, D102 - Qt's name
        if not self._text:
            return True
        model = self.sourceModel()
        for column in range(model.columnCount(parent)):
            cell = model.index(row, column, parent).data(ItemRole.CELL)
            if isinstance(cell, Cell) and (
                self._text in cell.text.casefold() or self._text in cell.second.casefold()
            ):
                return True
        return False

    def lessThan(self, left: Index, right: Index) -> bool:  # noqa: N802, D102 - Qt's name
        first, second = left.data(ItemRole.SORT), right.data(ItemRole.SORT)
        if isinstance(first, str) or isinstance(second, str):
            return str(first) < str(second)
        try:
            return bool(first < second)
        except TypeError:
            return str(first) < str(second)
