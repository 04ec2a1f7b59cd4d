"""Banner, toast, empty state and problem card."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QEnterEvent, QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.messages import render
from app.model.errors import ArcxoError
from app.ui.theme import color, theme
from app.ui.widgets.basics import IconLabel, Label, button, icon_button

_BANNER_ICONS = {"error": "octagon-alert", "warning": "triangle-alert", "info": "info", "ok": "circle-check"}
TOAST_MS = 6000


class Banner(QFrame):
    """A decision at the top of a manager; stays until it is solved. `pressed` is its button."""

    pressed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._role = "info"
        self._icon = IconLabel("info", "info", 20)
        self._title = Label("", "strong", wrap=True)
        self._text = Label("", "body", "text2", wrap=True)
        self._button = button("", "small-primary")
        self._button.clicked.connect(self.pressed)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addWidget(self._title)
        words.addWidget(self._text)
        row = QHBoxLayout(self)
        row.setContentsMargins(20, 8, 16, 8)
        row.setSpacing(10)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self._button)

    def show_banner(self, role: str, title: str, text: str = "", action: str = "", icon: str = "") -> None:
        """Show a decision in a role (error, warning, info)."""
        self._role = role
        self._icon.set_icon(icon or _BANNER_ICONS.get(role, "info"), role)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self._button.setText(action)
        self._button.setVisible(bool(action))
        self.setAccessibleName(f"{title}. {text}")
        self.show()
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), color(f"{self._role}_soft"))
        painter.setPen(color("border"))
        painter.drawLine(self.rect().bottomLeft(), self.rect().bottomRight())
        painter.end()


class Toast(QFrame):
    """A result the person asked for: 6 s, pausing under the pointer."""

    closed = Signal(QObject)

    def __init__(
        self, title: str, text: str, action: str, on_action: Callable[[], None] | None, parent: QWidget
    ) -> None:
        super().__init__(parent)
        self.setProperty("kind", "raised")
        self._on_action = on_action
        self.setAccessibleName(f"{title}. {text}")
        row = QHBoxLayout(self)
        row.setContentsMargins(14, 8, 8, 8)
        row.setSpacing(10)
        row.addWidget(IconLabel("circle-check", "ok", 20))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(title, "strong"))
        if text:
            words.addWidget(Label(text, "small", "text2"))
        row.addLayout(words, 1)
        if action:
            link = button(action, "link")
            link.clicked.connect(self._on_action_clicked)
            row.addWidget(link)
        close = icon_button("x", "Close")
        close.clicked.connect(self._on_close)
        row.addWidget(close)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._on_close)
        self._timer.start(TOAST_MS)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._timer.stop()
        super().enterEvent(event)

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._timer.start(TOAST_MS)
        super().leaveEvent(event)

    def _on_action_clicked(self) -> None:
        if self._on_action is not None:
            self._on_action()
        self._on_close()

    def _on_close(self) -> None:
        self.closed.emit(self)


class Toasts(QObject):
    """The toasts of a window, bottom right, at most three."""

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._shown: list[Toast] = []
        window.installEventFilter(self)

    def show(
        self, title: str, text: str = "", action: str = "", on_action: Callable[[], None] | None = None
    ) -> None:
        """Show a result."""
        while len(self._shown) >= 3:
            self._on_closed(self._shown[0])
        toast = Toast(title, text, action, on_action, self._window)
        toast.closed.connect(self._on_closed)
        self._shown.append(toast)
        toast.adjustSize()
        toast.show()
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        if event.type() == QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        bottom = self._window.height() - 40
        for toast in reversed(self._shown):
            toast.move(self._window.width() - toast.width() - 16, bottom - toast.height())
            toast.raise_()
            bottom -= toast.height() + 8

    def _on_closed(self, toast: QObject) -> None:
        if isinstance(toast, Toast) and toast in self._shown:
            self._shown.remove(toast)
            toast.hide()
            toast.deleteLater()
            self._place()


class EmptyState(QWidget):
    """What would be here, how it gets there, one button."""

    pressed = Signal()

    def __init__(
        self, icon: str, title: str, text: str, action: str = "", parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        layout = QVBoxLayout(self)
        layout.setSpacing(8)
        layout.setContentsMargins(16, 24, 16, 24)
        layout.addStretch(1)
        layout.addWidget(IconLabel(icon, "muted", 24), 0, Qt.AlignmentFlag.AlignHCenter)
        self.title = Label(title, "strong")
        self.title.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.title)
        self.text = Label(text, "body", "muted", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        layout.addWidget(self.text)
        self.button = button(action, "")
        if not action:
            # Never shown before it has its place: it would be a window for a moment, and take the focus.
            self.button.hide()
        self.button.clicked.connect(self.pressed)
        layout.addWidget(self.button, 0, Qt.AlignmentFlag.AlignHCenter)
        layout.addStretch(1)


class ProblemCard(QFrame):
    """What failed, in place, with Retry and Copy details."""

    retried = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "box")
        self._details = ""
        self._title = Label("", "strong", wrap=True)
        self._text = Label("", "body", "text2", wrap=True)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(IconLabel("octagon-alert", "error", 20), 0, Qt.AlignmentFlag.AlignTop)
        head.addWidget(self._title, 1)
        foot = QHBoxLayout()
        retry = button("Retry", "small")
        retry.clicked.connect(self.retried)
        copy = button("Copy details", "link")
        copy.clicked.connect(self._on_copy)
        foot.addWidget(retry)
        foot.addStretch(1)
        foot.addWidget(copy)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(14, 12, 14, 12)
        layout.setSpacing(8)
        layout.addLayout(head)
        layout.addWidget(self._text)
        layout.addLayout(foot)

    def show_error(self, error: Exception) -> None:
        """Show why it failed."""
        title, text, self._details = explain(error)
        self._title.setText(title)
        self._text.setText(text)
        self._text.setVisible(bool(text))
        self.setAccessibleName(f"{title}. {text}")
        self.show()

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self._details)


def explain(error: Exception) -> tuple[str, str, str]:
    """Title, cause with the way out, and the details to copy, for any exception."""
    if isinstance(error, ArcxoError):
        said = render(error.code, error.params)
        text = " ".join(part for part in (said.reason, said.action) if part)
        return (
            said.text,
            text,
            f"{said.code} {said.text}\n{said.module}\n{said.reason}\n{said.action}".strip(),
        )
    details = f"{type(error).__name__}: {error}"
    return "This is a fault in Arcxo", details, details


def grown(pixels: int) -> int:
    """A height that grows with the font scale."""
    return theme().px(pixels)
