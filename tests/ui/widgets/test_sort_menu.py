"""Tables are sorted by keyboard alone: a menu of their columns, in windows, dialogs and context menus."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtWidgets import QApplication, QMenu

from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel
from app.ui.widgets.sort_menu import KEY
from app.ui.widgets.views import CellTable

pytestmark = pytest.mark.qt_log_ignore("This plugin does not support", extend=True)
NUMBER = 1
CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class Things(RowModel[tuple[str, int]]):
    columns = (Column("Name", 120), Column("Size & more", 80, right=True))

    def key_of(self, item):
        return item[0]

    def cell(self, item, column):
        return Cell(item[0]) if column == 0 else number(str(item[1]), item[1])


@pytest.fixture
def table(qtbot):
    model = Things()
    model.set_items([("b", 2), ("a", 10), ("c", 1)])
    made = CellTable()
    made.set_source(model)
    made.set_columns(list(model.columns))
    qtbot.addWidget(made)
    made.show()
    yield made
    model.deleteLater()


def names(table):
    return [table.model().index(row, 0).data() for row in range(table.model().rowCount())]


def popup() -> QMenu:
    found = QApplication.activePopupWidget()
    assert isinstance(found, QMenu)
    return found


def sort_by(qtbot, table, text):
    """By keys alone: the menu, down to the entry, Enter."""
    qtbot.keyClick(table, Qt.Key.Key_S, CTRL_SHIFT)
    choose(qtbot, text)


def choose(qtbot, text):
    menu = popup()
    for _ in menu.actions():
        if menu.activeAction().text().startswith(text):
            break
        qtbot.keyClick(menu, Qt.Key.Key_Down)
    qtbot.keyClick(menu, Qt.Key.Key_Return)
    assert QApplication.activePopupWidget() is None


def test_a_column_sorts_a_second_time_the_other_way_and_the_usual_order_comes_back(table, qtbot):
    sort_by(qtbot, table, "Size && more")
    assert names(table) == ["c", "b", "a"]
    sort_by(qtbot, table, "Size && more")
    assert names(table) == ["a", "b", "c"]
    sort_by(qtbot, table, "Ascending")
    assert names(table) == ["c", "b", "a"]
    sort_by(qtbot, table, "Usual order")
    assert names(table) == ["b", "a", "c"]


def test_the_menu_begins_at_what_sorts_now_and_leaves_hidden_columns_out(table, qtbot):
    table.header().setSortIndicator(1, Qt.SortOrder.DescendingOrder)
    qtbot.keyClick(table, Qt.Key.Key_S, CTRL_SHIFT)
    assert popup().activeAction().text() == "Size && more  ↓"
    qtbot.keyClick(popup(), Qt.Key.Key_Escape)
    table.setColumnHidden(1, True)
    qtbot.keyClick(table, Qt.Key.Key_S, CTRL_SHIFT)
    assert [one.text() for one in popup().actions() if one.text()] == [
        "Name",
        "Ascending",
        "Descending",
        "Usual order",
    ]
    qtbot.keyClick(popup(), Qt.Key.Key_Escape)


def test_a_table_without_a_menu_of_its_own_offers_copy_and_the_order(table, qtbot):
    table.select_row(table.model().index(1, 0))
    at = QPoint(5, 5)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Keyboard, at, table.viewport().mapToGlobal(at))
    QApplication.sendEvent(table.viewport(), event)
    menu = popup()
    copy, *_line, order = menu.actions()
    assert (copy.text(), order.menu().title()) == ("Copy", "Sort by")
    copy.trigger()
    assert QApplication.clipboard().text() == "a\t10"
    order.menu().actions()[0].trigger()
    assert names(table) == ["a", "b", "c"]
    menu.close()


def test_a_list_that_does_not_sort_has_no_menu(qtbot):
    plain = CellTable(sortable=False)
    plain.set_source(Things(plain))
    qtbot.addWidget(plain)
    plain.show()
    qtbot.keyClick(plain, Qt.Key.Key_S, CTRL_SHIFT)
    assert QApplication.activePopupWidget() is None


def test_queue_and_log_are_sorted_from_the_keyboard(window, qtbot, settled):
    window.open_manager("job_status")
    manager = window.current_manager
    settled()
    manager.queue.tree.setFocus()
    sort_by(qtbot, window, "No.")
    model = manager.queue.model
    numbers = [int(model.index(row, NUMBER).data()) for row in range(model.rowCount())]
    assert numbers == sorted(numbers)
    manager.tabs.setCurrentIndex(1)
    settled()
    # The focus may be anywhere: the table of the tab in front is meant.
    manager.log.by_week.setFocus()
    next(one for one in window.actions() if one.shortcut().toString() == KEY).trigger()
    choose(qtbot, "Message")
    assert manager.log.order.text() == "Lines by message"


def test_the_table_of_a_media_in_restore_is_sorted_from_the_keyboard(window, qtbot, settled):
    window.open_manager("restore")
    manager = window.current_manager
    settled()
    tables = [one for one in manager.findChildren(CellTable) if one.isVisible()]
    assert tables
    tables[0].setFocus()
    qtbot.keyClick(window, Qt.Key.Key_S, CTRL_SHIFT)
    assert "Backup time" in [one.text() for one in popup().actions()]
    qtbot.keyClick(popup(), Qt.Key.Key_Escape)
