"""The three panes of the XOsoft Manager: moved, stacked, floated, hidden, and put back."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QSettings, Qt, QTimer
from PySide6.QtGui import QAction, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QDockWidget, QHBoxLayout, QMainWindow, QWidget

from app.ui import icons
from app.ui.theme import theme
from app.ui.widgets.basics import icon_button

_KEY = "xosoft/panes"
_VERSION = 1
_LARGE = 1.5
"""From this size of text on three panes have no room above each other: two share their place."""
_SETTLING_MS = 600
"""A window that opens gets its size in steps; the panes get their shares of the last one."""


class Pane(QDockWidget):
    """One pane; its header is what it is moved by. The buttons at its right float and hide it."""

    def __init__(self, name: str, title: str, header: QWidget, content: QWidget) -> None:
        super().__init__(title)
        self.setObjectName(name)
        self.setAccessibleName(f"{title} pane")
        self.setWidget(content)
        bar = QWidget()
        row = QHBoxLayout(bar)
        row.setContentsMargins(0, 0, 6, 0)
        row.setSpacing(0)
        row.addWidget(header, 1)
        self.float_button = icon_button("external-link", f"Float {title}")
        self.hide_button = icon_button("x", f"Hide {title}")
        for made in (self.float_button, self.hide_button):
            made.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # by keys: View menu
            row.addWidget(made)
        self.float_action = QAction(f"Float {title}", self)
        self.float_action.setCheckable(True)
        self.float_action.triggered.connect(self._on_float)
        self.float_button.clicked.connect(self._on_float)
        self.hide_button.clicked.connect(self.close)
        self.topLevelChanged.connect(self._on_floating)
        self.setTitleBarWidget(bar)
        self.toggleViewAction().setText(title)

    def _on_float(self) -> None:
        self.setFloating(not self.isFloating())

    def _on_floating(self, floating: bool) -> None:
        title = self.windowTitle()
        icons.bind(self.float_button, "panel-left" if floating else "external-link")
        self.float_action.setChecked(floating)
        name = f"Put {title} back" if floating else f"Float {title}"
        self.float_button.setToolTip(name)
        self.float_button.setAccessibleName(name)


class Panes(QMainWindow):
    """The panes in a window within the manager. `save` and `restore` keep how they lie."""

    def __init__(self, scenarios: Pane, framework: Pane, events: Pane) -> None:
        super().__init__()
        self.setWindowFlags(Qt.WindowType.Widget)
        self.setDockNestingEnabled(True)
        self.panes = (scenarios, framework, events)
        areas = Qt.DockWidgetArea
        for pane, area in zip(
            self.panes,
            (areas.LeftDockWidgetArea, areas.RightDockWidgetArea, areas.BottomDockWidgetArea),
            strict=True,
        ):
            self.addDockWidget(area, pane)
        if theme().scale >= _LARGE:
            self.tabifyDockWidget(framework, events)
            framework.raise_()
        self._first = self.saveState(_VERSION)
        self._fitted = False
        self.reset_action = QAction("Reset layout", self)
        icons.bind(self.reset_action, "rotate-ccw")
        self.reset_action.triggered.connect(self.reset)

    def actions_of_view(self) -> list[QAction | None]:
        """Which panes are shown, and Reset layout: entries for the View menu."""
        shown = [pane.toggleViewAction() for pane in self.panes]
        return [*shown, None, *(pane.float_action for pane in self.panes), None, self.reset_action]

    def save(self, settings: QSettings) -> None:
        """Keep how they lie."""
        settings.setValue(_KEY, self.saveState(_VERSION))

    def restore(self, settings: QSettings) -> None:
        """As they were left; as at first when nothing was kept, or what was kept does not fit."""
        kept = settings.value(_KEY)
        self._fitted = isinstance(kept, QByteArray) and self.restoreState(kept, _VERSION)

    def reset(self) -> None:
        """All panes shown, docked and in their first places and sizes."""
        for pane in self.panes:
            pane.setFloating(False)
        self.restoreState(self._first, _VERSION)
        for pane in self.panes:
            pane.show()
        self._fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)
        if not self._fitted:
            QTimer.singleShot(0, self._fit)
            QTimer.singleShot(_SETTLING_MS, self._on_settled)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        if not self._fitted:
            self._fit()

    def _on_settled(self) -> None:
        """From here on a person's sizes hold."""
        self._fitted = True

    def _fit(self) -> None:
        scenarios, framework, _events = self.panes
        width, height = self.width(), self.height()
        self.resizeDocks(
            [scenarios, framework], [round(width * 0.555), round(width * 0.445)], Qt.Orientation.Horizontal
        )
        low = max(theme().px(150), round(height * 0.27))
        # All of them: one alone is not made smaller where nothing lies in the middle.
        self.resizeDocks(list(self.panes), [height - low, height - low, low], Qt.Orientation.Vertical)
