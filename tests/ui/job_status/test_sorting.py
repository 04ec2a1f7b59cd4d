"""Queue and activity log are sorted at their headers, and stay so when there are newer figures."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, QSettings, Qt

from app.ui.main_window import MainWindow
from app.ui.models.cell import Cell, ItemRole, RowKind
from app.ui.models.row_order import ordered
from app.ui.models.tree import Row

ACTIVE = 413
NAME, NUMBER, STATUS, MB = 0, 1, 2, 6


def click(qtbot, tree, column):
    header = tree.header()
    at = QPoint(header.sectionViewportPosition(column) + 20, header.height() // 2)
    qtbot.mouseClick(header.viewport(), Qt.MouseButton.LeftButton, pos=at)


def texts(model, column=0, parent=None):
    above = parent if parent is not None else model.index(-1, -1)
    return [model.index(row, column, above).data() for row in range(model.rowCount(above))]


def test_rows_are_sorted_by_value_at_each_level_and_empty_cells_come_last():
    def row(key, value, children=()):
        return Row(key, (Cell(str(value), sort=value) if value is not None else Cell("—"),), children)

    rows = (row("a", 9, (row("c", 3), row("d", 20))), row("b", None), row("e", 10), row("f", 9))
    up, down = ordered(rows, 0), ordered(rows, 0, descending=True)
    assert [one.key for one in up] == ["a", "f", "e", "b"]
    assert [one.key for one in down] == ["e", "a", "f", "b"]
    assert [one.key for one in down[1].children] == ["d", "c"]
    heading = Row("week", (Cell("A week"),), rows, kind=RowKind.GROUP)
    assert [one.key for one in ordered([*rows, heading], 0)] == ["week", "a", "f", "e", "b"]
    assert ordered(rows, -1) == rows


def test_the_queue_is_sorted_by_a_click_the_other_way_by_the_second_and_as_usual_by_the_third(
    manager, services, qtbot, settled
):
    model, tree = manager.queue.model, manager.queue.tree
    usual = texts(model, NUMBER)
    manager.show_request(job=ACTIVE)
    click(qtbot, tree, NUMBER)
    assert texts(model, NUMBER) == sorted(usual, key=int)
    assert manager.queue.current_job().id == ACTIVE
    services.jobs_ += [replace(services.jobs_[3], id=1)]
    manager.refresh()
    settled()
    assert texts(model, NUMBER) == ["1", *sorted(usual, key=int)]
    click(qtbot, tree, NUMBER)
    assert texts(model, NUMBER) == [*sorted(usual, key=int, reverse=True), "1"]
    click(qtbot, tree, NUMBER)
    assert texts(model, NUMBER)[: len(usual)] == usual
    click(qtbot, tree, NAME)
    assert texts(model) == sorted(texts(model), key=str.casefold)


def test_lines_of_the_log_are_sorted_in_their_groups_or_all_together(manager, qtbot, settled):
    manager.tabs.setCurrentIndex(1)
    settled()
    log = manager.log
    log.by_week.setChecked(False)
    weeks = texts(log.model)
    click(qtbot, log.tree, 2)
    assert [one for one in texts(log.model) if one.startswith("Job")] == [
        one for one in weeks if one.startswith("Job")
    ]
    job = next(
        log.model.index(row, 0)
        for row in range(log.model.rowCount())
        if log.model.rowCount(log.model.index(row, 0)) > 1
    )
    dates = texts(log.model, 2, job)
    assert dates == sorted(dates)
    assert log.order.text() == "Lines by date"
    log.by_job.setChecked(False)
    dates = texts(log.model, 2)
    assert len(dates) == len(log.records)
    assert dates == sorted(dates)
    click(qtbot, log.tree, 0)
    found = [log.model.index(row, 0).data(ItemRole.SORT) for row in range(log.model.rowCount())]
    assert found == sorted(found)
    click(qtbot, log.tree, 0)
    click(qtbot, log.tree, 0)
    assert log.order.text() == "Newest first"
    assert texts(log.model, 2) == sorted(texts(log.model, 2), reverse=True)


def test_columns_widths_and_order_of_both_lists_come_back(services, tasks, tmp_path, qtbot, settled):
    settings = QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat)
    for first in (True, False):
        window = MainWindow(services, tasks, settings)
        window.resize(1400, 900)
        window.show()
        window.open_manager("job_status")
        manager = window.current_manager
        settled()
        queue, log = manager.queue.tree, manager.log.tree
        if first:
            queue.setColumnHidden(10, False)
            queue.setColumnHidden(8, True)
            queue.header().resizeSection(2, 133)
            queue.header().moveSection(4, 2)
            queue.header().setSortIndicator(NUMBER, Qt.SortOrder.DescendingOrder)
            log.setColumnHidden(1, True)
            log.header().resizeSection(3, 99)
        else:
            assert [queue.isColumnHidden(column) for column in (8, 10, 11)] == [True, False, True]
            assert (queue.header().sectionSize(2), queue.header().visualIndex(4)) == (133, 2)
            assert (log.isColumnHidden(1), log.header().sectionSize(3)) == (True, 99)
            numbers = [int(one) for one in texts(manager.queue.model, NUMBER)]
            assert numbers == sorted(numbers, reverse=True)
        window.close()
        settled()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


def test_sizes_that_were_kept_before_lists_sorted_leave_the_usual_order(manager):
    header = manager.queue.tree.header()
    header.setSortIndicatorShown(False)
    before = header.saveState()
    header.setSortIndicatorShown(True)
    header.restoreState(before)
    assert (header.isSortIndicatorShown(), header.sortIndicatorSection()) == (True, -1)
    assert manager.queue.sort.column == -1
