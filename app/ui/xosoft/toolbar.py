"""The row of buttons of a manager: their words go where they do not fit."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QSizePolicy, QToolButton

from app.ui.theme import theme
from app.ui.widgets.basics import Line

_GAP = 6
_LINES = 46
_NO_MENUS: Mapping[QAction, QMenu] = MappingProxyType({})


class Toolbar(QFrame):
    """A button for each action, with a line before those in `lines_before`; `menus` are variants of one."""

    def __init__(
        self,
        actions: Sequence[QAction],
        lines_before: Collection[QAction],
        menus: Mapping[QAction, QMenu] = _NO_MENUS,
    ) -> None:
        super().__init__()
        self._tools: list[QToolButton] = []
        self.setProperty("kind", "pane")
        self.setMinimumHeight(theme().px(38))
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 3, 12, 3)
        row.setSpacing(_GAP)
        # The words of the buttons do not keep the window wide: the rightmost go first.
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        for action in actions:
            if action in lines_before:
                line = Line(vertical=True)
                line.setFixedHeight(18)
                row.addWidget(line)
            made = QToolButton()
            made.setDefaultAction(action)
            made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            if action in menus:
                made.setMenu(menus[action])
                made.setPopupMode(QToolButton.ToolButtonPopupMode.MenuButtonPopup)
            row.addWidget(made)
            self._tools.append(made)
        row.addStretch(1)

    def fit(self, width: int) -> None:
        """Show as many words as `width` has room for."""
        for tool in self._tools:
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        for tool in reversed(self._tools):
            # Each button with its gap and, before some, a line.
            if sum(other.sizeHint().width() + _GAP for other in self._tools) + _LINES <= width:
                return
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
