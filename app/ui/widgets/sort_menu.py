"""Sorting a table by a menu: what its header does by a click, for whoever works by keyboard."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QTreeView, QWidget

KEY = "Ctrl+Shift+S"
TITLE = "Sort by"
USUAL = "Usual order"
_UP, _DOWN = Qt.SortOrder.AscendingOrder, Qt.SortOrder.DescendingOrder


def sorts(tree: QTreeView) -> bool:
    """Whether a click on its header sorts it."""
    header = tree.header()
    return header.isSortIndicatorShown() and header.sectionsClickable() and not tree.isHeaderHidden()


def sort_menu(tree: QTreeView, parent: QWidget) -> QMenu:
    """The columns that are shown, then the order. The column that sorts has its arrow, as in the header."""
    menu = QMenu(TITLE, parent)
    header, model = tree.header(), tree.model()
    column, order = header.sortIndicatorSection(), header.sortIndicatorOrder()
    shown = sorted(range(header.count()), key=header.visualIndex)
    for section in shown:
        title = str(model.headerData(section, Qt.Orientation.Horizontal) or "")
        if not title or tree.isColumnHidden(section):
            continue
        here = section == column
        arrow = ("  ↑" if order is _UP else "  ↓") if here else ""
        # A second time sorts the other way round, as a second click does.
        turned = _DOWN if here and order is _UP else _UP
        _add(menu, title.replace("&", "&&") + arrow, here, partial(header.setSortIndicator, section, turned))
    menu.addSeparator()
    for text, way in (("Ascending", _UP), ("Descending", _DOWN)):
        made = _add(menu, text, column >= 0 and order is way, partial(header.setSortIndicator, column, way))
        made.setEnabled(column >= 0)
    _add(menu, USUAL, column < 0, partial(header.setSortIndicator, -1, _UP))
    return menu


def open_sort_menu(tree: QTreeView) -> QMenu | None:
    """Offer the columns beneath the header; None where there is nothing to sort by."""
    if not sorts(tree):
        return None
    menu = sort_menu(tree, tree)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    menu.popup(tree.viewport().mapToGlobal(QPoint(0, 0)))
    first = next((one for one in menu.actions() if one.isChecked()), None)
    menu.setActiveAction(first or menu.actions()[0])
    return menu


def add_to(menu: QMenu, tree: QTreeView) -> None:
    """Put it at the end of another menu, where the table sorts."""
    if sorts(tree):
        menu.addSeparator()
        menu.addMenu(sort_menu(tree, menu))


def _add(menu: QMenu, text: str, checked: bool, chosen: partial[None]) -> QAction:
    made = menu.addAction(text)
    made.setCheckable(True)
    made.setChecked(checked)
    made.triggered.connect(lambda _checked: chosen())
    return made
