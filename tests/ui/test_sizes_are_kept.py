"""Columns and splitters are as they were left."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QSettings

from app.ui.main_window import MainWindow


def test_columns_and_splitters_come_back(services, tasks, tmp_path, qtbot, settled):
    settings = QSettings(str(tmp_path / "c.ini"), QSettings.Format.IniFormat)
    for first in (True, False):
        window = MainWindow(services, tasks, settings)
        window.show()
        window.open_manager("xosoft")
        manager = window.current_manager
        if first:
            manager.scenarios.tree.header().resizeSection(1, 222)
            manager.events.table.setColumnHidden(1, True)
            manager.framework.directories.tree.header().resizeSection(1, 133)
        else:
            assert manager.scenarios.tree.header().sectionSize(1) == 222
            assert manager.events.table.isColumnHidden(1)
            assert manager.framework.directories.tree.header().sectionSize(1) == 133
        window.close()
        settled()
        window.deleteLater()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
