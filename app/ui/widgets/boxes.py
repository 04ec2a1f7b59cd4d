"""Widgets one beside or below the other, in a holder of their own."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import (
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)


def row_of(*widgets: QWidget) -> QWidget:
    """From the left on, at their own width."""
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(8)
    for widget in widgets:
        row.addWidget(widget)
    row.addStretch(1)
    return holder


def column_of(*widgets: QWidget) -> QWidget:
    """From the top on, at the width of the holder."""
    holder = QWidget()
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(6)
    for widget in widgets:
        column.addWidget(widget)
    return holder


def grid_of(widgets: Sequence[QWidget], columns: int = 4) -> QWidget:
    """Side by side, so many in a row: they have room in a narrow window with large letters."""
    holder = QWidget()
    grid = QGridLayout(holder)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(4)
    for position, widget in enumerate(widgets):
        grid.addWidget(widget, *divmod(position, columns), alignment=Qt.AlignmentFlag.AlignLeft)
    grid.setColumnStretch(columns, 1)
    return holder


def at_the_top(widget: QWidget) -> QWidget:
    """A pane with one thing at its top."""
    holder = QFrame()
    holder.setProperty("kind", "pane")
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.addWidget(widget)
    layout.addStretch(1)
    return holder


class FormArea(QScrollArea):
    """A form that has all the room it wants where there is so much, and scrolls where there is not."""

    def __init__(self, form: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._form = form
        self._height: int | None = None
        self._most: int | None = None
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(form)
        self.setMinimumWidth(form.minimumSizeHint().width())

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        form = self._form.sizeHint()
        return QSize(form.width() + 2, form.height() + 2 if self._height is None else self._height)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)
        # Letters and paddings have their size only now.
        self.updateGeometry()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        if self._most is not None and event.size().width() != event.oldSize().width():
            self.take_height(self._most)

    def take_height(self, most: int) -> None:
        """As high as the form is at its width, now and whenever that changes, and no higher than `most`."""
        self._most = most
        layout = self._form.layout()
        if layout is None:
            return
        layout.activate()
        width = max(1, self.width())
        wanted = layout.totalHeightForWidth(width) if layout.hasHeightForWidth() else 0
        self._height = max(1, min(wanted or self._form.sizeHint().height(), most))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.updateGeometry()
