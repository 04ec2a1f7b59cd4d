"""A row of tools: icon and words, or icons alone where the words have no room."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.ui.widgets.basics import Line


class ToolRow(QFrame):
    """`actions`: None = a dividing line. Tooltips and names stay when the words go."""

    def __init__(self, actions: Iterable[QAction | None], last: QWidget | None = None) -> None:
        super().__init__()
        self.setProperty("kind", "pane")
        # Its words do not keep the window wide.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._last = last
        self.tools: list[QToolButton] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 4, 12, 4)
        row.setSpacing(2)
        for action in actions:
            if action is None:
                row.addWidget(Line(vertical=True))
                continue
            tool = QToolButton()
            tool.setDefaultAction(action)
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            self.tools.append(tool)
            row.addWidget(tool)
        row.addStretch(1)
        if last is not None:
            row.addWidget(last)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self.fit()

    def fit(self) -> None:
        """Words for all, or for none."""
        beside, alone = Qt.ToolButtonStyle.ToolButtonTextBesideIcon, Qt.ToolButtonStyle.ToolButtonIconOnly
        for tool in self.tools:
            tool.setToolButtonStyle(beside)
        needed = sum(tool.sizeHint().width() + 6 for tool in self.tools) + 40
        needed += self._last.sizeHint().width() if self._last is not None else 0
        if needed > self.width():
            for tool in self.tools:
                tool.setToolButtonStyle(alone)
