"""Labels, lines, buttons and headers every pane is laid out with."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction, QFontMetrics, QIcon, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from app.ui import icons
from app.ui.bridge.throttle import Delay
from app.ui.theme import color, font, theme


class Label(QLabel):
    """A label in a type role and colour role; follows the theme. `elide` cuts its text, with a tooltip."""

    def __init__(
        self,
        text: str = "",
        type_role: str = "body",
        role: str = "text",
        parent: QWidget | None = None,
        *,
        wrap: bool = False,
        elide: Qt.TextElideMode | None = None,
    ) -> None:
        super().__init__(text, parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self._type_role = type_role
        self._role = role
        self._elide = elide
        self.setWordWrap(wrap)
        if elide is not None:
            self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self._on_theme_changed()
        theme().changed.connect(self._on_theme_changed)

    def set_role(self, role: str) -> None:
        """Another colour role."""
        if role != self._role:
            self._role = role
            self._on_theme_changed()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102 - Qt's name
        if self._elide is None:
            super().paintEvent(event)
            return
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(color(self._role))
        text = QFontMetrics(self.font()).elidedText(self.text(), self._elide, self.width())
        self.setToolTip(self.text() if text != self.text() else "")
        painter.drawText(self.rect(), int(self.alignment()), text)
        painter.end()

    def _on_theme_changed(self) -> None:
        self.setFont(font(self._type_role))
        size = font(self._type_role).pixelSize()
        weight = int(font(self._type_role).weight())
        self.setStyleSheet(f"color: {color(self._role).name()}; font-size: {size}px; font-weight: {weight};")


class Line(QFrame):
    """A 1 px line."""

    def __init__(self, *, vertical: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "line")
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)


class IconLabel(QLabel):
    """An icon by name, role and size; follows the theme and the screen's ratio."""

    def __init__(self, name: str, role: str = "text2", size: int = 16, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name, self._role, self._size = name, role, size
        self._on_theme_changed()
        theme().changed.connect(self._on_theme_changed)

    def _on_theme_changed(self) -> None:
        grown = theme().px(self._size)
        self.setFixedSize(grown, grown)

    def set_icon(self, name: str, role: str) -> None:
        """Another icon or role."""
        if (name, role) != (self._name, self._role):
            self._name, self._role = name, role
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        if not self._name:
            return
        painter = QPainter(self)
        role = self._role if self.isEnabled() else "disabled"
        painter.drawPixmap(0, 0, icons.pixmap(self._name, role, self.width(), self.devicePixelRatioF()))
        painter.end()


def button(text: str, kind: str = "", icon: str = "", parent: QWidget | None = None) -> QPushButton:
    """A push button; kinds: "" normal, primary, danger, small, small-primary, link."""
    made = QPushButton(f" {text}" if icon else text, parent)
    made.setAccessibleName(text)
    made.setProperty("kind", kind)
    made.setAutoDefault(False)
    if kind == "link":
        made.setCursor(Qt.CursorShape.PointingHandCursor)
    if icon:
        role = {"primary": "on_accent", "small-primary": "on_accent", "danger": "error"}.get(kind, "text2")
        icons.bind(made, icon, role)
    return made


def standard_button(box: QDialogButtonBox, which: QDialogButtonBox.StandardButton) -> QPushButton:
    """A button with the system's word. It never takes Enter from the default one: left to itself, Cancel
    would have it as soon as the focus moved.
    """
    made = box.addButton(which)
    made.setAutoDefault(False)
    # Some desktops give it a picture before the style sheet, which has none, is there.
    made.setIcon(QIcon())
    return made


def icon_button(icon: str, name: str, parent: QWidget | None = None) -> QToolButton:
    """An icon alone, with tooltip and accessible name."""
    made = QToolButton(parent)
    icons.bind(made, icon)
    made.setToolTip(name)
    made.setAccessibleName(name)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    return made


class FilterField(QLineEdit):
    """The inline filter of a pane header: `filtered(text)` 150 ms after the last key. Esc clears."""

    filtered = Signal(str)

    def __init__(self, placeholder: str = "Filter", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setPlaceholderText(placeholder)
        self.setAccessibleName(placeholder)
        self.setFixedWidth(theme().px(154))
        self.setTextMargins(theme().px(16) + 4, 0, 0, 0)
        self._icon = IconLabel("search", "muted", 16, self)
        self._icon.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._delay = Delay(150, self)
        self._delay.passed.connect(self._on_delay_passed)
        self.textChanged.connect(self._delay.put)
        clear = QAction(self)
        clear.setShortcut(Qt.Key.Key_Escape)
        clear.setShortcutContext(Qt.ShortcutContext.WidgetShortcut)
        clear.triggered.connect(self.clear)
        # Where there is nothing to clear, Esc closes the dialog that the field is in.
        clear.setEnabled(False)
        self.textChanged.connect(lambda text: clear.setEnabled(bool(text)))
        self.addAction(clear)

    def _on_delay_passed(self, text: str) -> None:
        self.filtered.emit(text)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._icon.move(8, (self.height() - self._icon.height()) // 2)


class PaneHeader(QWidget):
    """Title, muted note, and widgets at the right; 40 px high."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMinimumHeight(theme().px(40))
        self.title = Label(title, "strong")
        self.note = Label(note, "small", "muted")
        self.row = QHBoxLayout(self)
        self.row.setContentsMargins(16, 4, 12, 4)
        self.row.setSpacing(8)
        self.row.addWidget(self.title)
        self.row.addWidget(self.note)
        self.row.addStretch(1)

    def add(self, widget: QWidget) -> None:
        """Put a widget at the right."""
        self.row.addWidget(widget)


def column(*widgets: QWidget, parent: QWidget | None = None) -> QWidget:
    """Widgets below each other, flush."""
    holder = QWidget(parent)
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(0)
    for widget in widgets:
        layout.addWidget(widget)
    return holder
