"""The one help window of a console, and F1 in every dialog.

`help_desk().show(topic)` opens it; `help_desk().show_for(widget)` with the page of that widget. Use on the
GUI thread only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSettings, Qt
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QDialog, QPushButton, QWidget
from shiboken6 import isValid

from app.help.library import FIRST, load
from app.ui.help.topics import topic_of
from app.ui.widgets.basics import button

if TYPE_CHECKING:
    from app.ui.help.window import HelpWindow

_SHORTCUT = "help_shortcut"


class HelpDesk(QObject):
    """Makes the window when it is wanted first, and gives each dialog its F1 when it gets the focus."""

    def __init__(self) -> None:
        super().__init__()
        self._settings: QSettings | None = None
        self._window: HelpWindow | None = None
        self._follows = False

    @property
    def window(self) -> HelpWindow | None:
        """The window, when there is one."""
        return self._window if self._window is not None and isValid(self._window) else None

    def use(self, settings: QSettings) -> None:
        """Keep size and text size in `settings` from now on, and see to F1 in dialogs."""
        self._settings = settings
        self.attend()

    def attend(self) -> None:
        """See to F1 in every dialog of the application."""
        app = QApplication.instance()
        if not self._follows and isinstance(app, QApplication):
            self._follows = True
            app.focusChanged.connect(self._on_focus_changed)

    def show(self, topic: str) -> None:
        """Open the window, or bring it to the front, with a page."""
        window = self.window
        if window is None:
            from app.ui.help.window import HelpWindow

            window = self._window = HelpWindow(self._settings)
        window.contents.search("")
        window.show_topic(topic)
        if window.isMinimized():
            window.showNormal()
        window.show()
        self._let_through(window)
        window.activateWindow()

    def show_for(self, widget: QWidget | None) -> None:
        """Open the page of `widget`."""
        self.show(topic_of(widget))

    def show_for_sender(self) -> None:
        """Open the page of the widget whose signal this is connected to."""
        sender = self.sender()
        self.show_for(sender if isinstance(sender, QWidget) else None)

    def search(self, words: str = "") -> None:
        """Open the window with its search field in use; with `words` what they find, the best in view."""
        hits = load().search(words) if words else []
        shown = self.window.topic if self.window is not None else ""
        self.show(hits[0].page.topic if hits else shown or FIRST)
        assert self._window is not None
        self._window.contents.search(words)
        self._window.enter_search()

    def close(self) -> None:
        """Close the window; the console ends."""
        if (window := self.window) is not None:
            window.close()
            window.deleteLater()
        self._window = None

    def _let_through(self, window: HelpWindow) -> None:
        """A dialog that holds up all windows lets those through that belong to it: the help then does."""
        modal = QApplication.activeModalWidget()
        handle = window.windowHandle()
        if handle is not None:
            blocking = modal is not None and modal.windowModality() is Qt.WindowModality.ApplicationModal
            handle.setTransientParent(modal.windowHandle() if modal is not None and blocking else None)  # type: ignore[arg-type] # None is allowed

    def _on_focus_changed(self, _old: QWidget | None, new: QWidget | None) -> None:
        dialog = new.window() if new is not None else None
        if isinstance(dialog, QDialog) and not dialog.property(_SHORTCUT):
            dialog.setProperty(_SHORTCUT, True)
            shortcut = QShortcut(QKeySequence("F1"), dialog)
            shortcut.activated.connect(self._on_f1)

    def _on_f1(self) -> None:
        self.show_for(QApplication.focusWidget() or QApplication.activeWindow())


_desks: list[HelpDesk] = []


def help_desk() -> HelpDesk:
    """The help desk of this process."""
    if not _desks:
        _desks.append(HelpDesk())
    return _desks[0]


def help_button() -> QPushButton:
    """A button *Help* that opens the page of the dialog or wizard page that it is put in."""
    made = button("Help", "", "circle-question-mark")
    made.setToolTip("Help on this (F1)")
    made.clicked.connect(help_desk().show_for_sender)
    return made
