"""The Help menu: the page of the screen, contents, search, keys, codes, and what this is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu, QWidget

from app import __version__
from app.help.codes import PARTS
from app.help.library import FIRST
from app.ui.dialogs.keys import KeysDialog
from app.ui.help.desk import help_desk
from app.ui.keyboard import GLOBAL_KEYS, keys_of
from app.ui.manager import Manager

AddAction = Callable[[QMenu, str, str, Any], QAction]


class HelpMenu(QObject):
    """Fills `menu` by `add(menu, text, key, slot)`. `manager` gives the manager in front."""

    def __init__(
        self,
        menu: QMenu,
        add: AddAction,
        manager: Callable[[], Manager],
        toast: Callable[..., None],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._manager, self._toast, self._window = manager, toast, window
        add(menu, "&Help on this screen", "F1", self.show_screen)
        add(menu, "&Contents", "", self._on_contents)
        add(menu, "&Search the help…", "Ctrl+F1", self._on_search)
        add(menu, "&Keys of this screen", "Shift+F1", self._on_keys)
        add(menu, "&Messages and codes", "", self._on_codes)
        menu.addSeparator()
        add(menu, "&About Arcxo", "", self._on_about)

    def show_screen(self) -> None:
        """F1: the page of what has the focus in the manager, else of the manager."""
        focus = QApplication.focusWidget()
        manager = self._manager()
        help_desk().show_for(focus if focus is not None and manager.isAncestorOf(focus) else manager)

    def _on_contents(self) -> None:
        help_desk().show(FIRST)

    def _on_search(self) -> None:
        help_desk().search()

    def _on_codes(self) -> None:
        help_desk().show(PARTS)

    def _on_keys(self) -> None:
        manager = self._manager()
        everywhere = self._window.actions()
        own = [action for action in manager.actions() if action not in everywhere]
        dialog = KeysDialog(
            manager.header.title.text(), keys_of(own), [*keys_of(everywhere), *GLOBAL_KEYS], self._window
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_about(self) -> None:
        self._toast(f"Arcxo {__version__}", "Continuous replication, and backup of the replica")
