"""How much room a window has on its screen."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget


def room_of(widget: QWidget) -> QSize:
    """The size that is free on the screen of a widget.

    *Measured* with PySide 6.11: what `QWidget.screen()` returns becomes a child of that widget, and with the
    dialogs that are closed the screen itself is deleted: the console dies. Never call it.
    """
    found = QGuiApplication.screenAt(widget.mapToGlobal(widget.rect().center()))
    return (found or QGuiApplication.primaryScreen()).availableSize()
