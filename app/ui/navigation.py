"""The navigation rail: server selector, then the managers in their groups."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QLabel,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import icons
from app.ui.registry import ManagerEntry
from app.ui.theme import color, font, theme
from app.ui.widgets.basics import IconLabel, Label


class NavigationButton(QToolButton):
    """One manager, with a badge at the right."""

    def __init__(self, entry: ManagerEntry) -> None:
        super().__init__()
        self.entry = entry
        self._badge, self._red = "", False
        self._open = True
        self.setCheckable(True)
        self.setProperty("kind", "nav")
        self.setText(f" {entry.title}")
        self.setAccessibleName(entry.title)
        self.setIconSize(QSize(16, 16))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.toggled.connect(self._on_toggled)
        self._on_toggled(checked=False)

    def _on_toggled(self, checked: bool) -> None:
        icons.bind(self, self.entry.icon, "accent" if checked else "text2")

    def set_badge(self, text: str, *, red: bool) -> None:
        """Show a count; "" removes it."""
        self._badge, self._red = text, red
        self.setAccessibleDescription(text)
        self.update()

    def set_open(self, opened: bool) -> None:
        """Icon and text, or the icon alone."""
        self._open = opened
        style = Qt.ToolButtonStyle
        self.setToolButtonStyle(style.ToolButtonTextBesideIcon if opened else style.ToolButtonIconOnly)
        self.setToolTip("" if opened else self.entry.title)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().paintEvent(event)
        if not self._badge:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("micro"))
        width = max(18, painter.fontMetrics().horizontalAdvance(self._badge) + 10)
        box = self.rect().adjusted(self.width() - width - 6, (self.height() - 18) // 2, -6, 0)
        box.setHeight(18)
        if not self._open:
            box.moveTopRight(self.rect().topRight())
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color("error_soft" if self._red else "selection_other"))
        painter.drawRoundedRect(box, 9, 9)
        painter.setPen(color("error" if self._red else "text2"))
        painter.drawText(box, int(Qt.AlignmentFlag.AlignCenter), self._badge)
        painter.end()


class ServerBox(QFrame):
    """The server whose managers these are, and its state."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "box")
        self.name = Label("Server", "strong", elide=Qt.TextElideMode.ElideRight)
        self.state = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addWidget(self.name)
        words.addWidget(self.state)
        row = QHBoxLayout(self)
        row.setContentsMargins(9, 5, 9, 5)
        row.setSpacing(9)
        row.addWidget(IconLabel("server", "text2", 16))
        row.addLayout(words, 1)

    def set_server(self, name: str, state: str) -> None:
        """Show which server and how it is."""
        self.name.setText(name)
        self.state.setText(state)
        self.setAccessibleName(f"Server {name}, {state}")


class Navigation(QFrame):
    """`chosen(name)` when a manager is clicked."""

    chosen = Signal(str)

    def __init__(self, entries: Sequence[ManagerEntry]) -> None:
        super().__init__()
        self.setProperty("kind", "bar")
        self.server = ServerBox()
        self._buttons: dict[str, NavigationButton] = {}
        self._captions: list[QLabel] = []
        self._group = QButtonGroup(self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 10, 8, 8)
        layout.setSpacing(2)
        layout.addWidget(self.server)
        layout.addSpacing(6)
        group = ""
        for entry in entries:
            if entry.group != group:
                group = entry.group
                caption = Label(group, "micro", "muted")
                caption.setContentsMargins(9, 12, 0, 4)
                self._captions.append(caption)
                layout.addWidget(caption)
            made = NavigationButton(entry)
            self._buttons[entry.name] = made
            self._group.addButton(made)
            layout.addWidget(made)
            made.clicked.connect(self._on_clicked)
        layout.addStretch(1)
        self.set_open(opened=True)

    def set_open(self, opened: bool) -> None:
        """Full width, or icons only."""
        self.setFixedWidth(theme().px(208 if opened else 48))
        self.server.setVisible(opened)
        for caption in self._captions:
            caption.setVisible(opened)
        for made in self._buttons.values():
            made.set_open(opened)

    def choose(self, name: str) -> None:
        """Mark one manager as shown."""
        self._buttons[name].setChecked(True)

    def set_badge(self, name: str, text: str, *, red: bool) -> None:
        """Show a manager's count."""
        self._buttons[name].set_badge(text, red=red)

    def _on_clicked(self) -> None:
        sender = self._group.checkedButton()
        if isinstance(sender, NavigationButton):
            self.chosen.emit(sender.entry.name)


def spacer() -> QWidget:
    """A widget that takes the room left."""
    made = QWidget()
    made.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
    return made
