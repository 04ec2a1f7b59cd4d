"""The context menu of a row: the actions of its manager, and the order of its table."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QTreeView, QWidget

from app.ui.widgets.sort_menu import add_to


def pop_actions(
    owner: QWidget, actions: Iterable[QAction | None], at: QPoint, table: QTreeView | None = None
) -> None:
    """Offer these (None = a line between) at a point of the screen, until one is chosen or none."""
    menu = QMenu(owner)
    for action in actions:
        if action is None:
            menu.addSeparator()
        else:
            menu.addAction(action)
    if table is not None:
        add_to(menu, table)
    menu.exec(at)
    menu.deleteLater()
