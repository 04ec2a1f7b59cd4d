"""The feet of the Backup Manager: what the boxes mean, and what will be submitted."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.ui.models.cell import Mark, MarkerBox
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label
from app.ui.widgets.controls import Marker


def legend() -> QWidget:
    """The boxes and their meaning."""
    holder = QWidget()
    holder.setFixedHeight(theme().px(32))
    row = QHBoxLayout(holder)
    row.setContentsMargins(12, 0, 12, 0)
    row.setSpacing(2)
    for text, box in (
        ("Chosen", MarkerBox(Mark.FULL)),
        ("Not chosen", MarkerBox(Mark.EMPTY)),
        ("Group, fills by itself", MarkerBox(Mark.PARTIAL, gray=True)),
    ):
        marker = Marker(box, text)
        marker.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        marker.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        row.addWidget(marker)
        row.addWidget(Label(text, "small", "muted"))
        row.addSpacing(8)
    row.addStretch(1)
    return holder


class ReadinessBar(QFrame):
    """The line at the foot of the manager: what will be submitted, or what is missing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(theme().px(40))
        self.icon = IconLabel("info", "muted")
        self.text = Label("", wrap=True)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 16, 4)
        row.setSpacing(8)
        row.addWidget(self.icon)
        row.addWidget(self.text, 1)
        self._role = "muted"
        theme().changed.connect(self._on_theme_changed)

    def show_text(self, text: str, icon: str, role: str) -> None:
        """Show a sentence in a role: ok, warning or muted."""
        self.icon.set_icon(icon, role)
        self.text.setText(text)
        self.text.set_role("text2" if role == "muted" else "text")
        self.setAccessibleName(text)
        self._role = role
        self._on_theme_changed()

    def _on_theme_changed(self) -> None:
        background = "sunken" if self._role == "muted" else f"{self._role}_soft"
        self.setStyleSheet(f"ReadinessBar {{ background: {theme().color(background).name()}; }}")
