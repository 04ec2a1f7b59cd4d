"""Segmented choice, gauge, proof badges, phases of a job, steps of a wizard, marker."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QElapsedTimer, QRect, QRectF, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QSizePolicy, QToolButton, QWidget

from app.ui.icons import pixmap
from app.ui.models.cell import MarkerBox
from app.ui.theme import color, font, theme
from app.ui.widgets.delegate import paint_badge, paint_marker


class Segmented(QFrame):
    """One of a few: `chosen(position)`."""

    chosen = Signal(int)

    def __init__(self, texts: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "segments")
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(1, 1, 1, 1)
        row.setSpacing(0)
        for position, text in enumerate(texts):
            segment = QToolButton()
            segment.setText(text)
            segment.setCheckable(True)
            segment.setProperty("kind", "segment")
            segment.setChecked(position == 0)
            self._group.addButton(segment, position)
            row.addWidget(segment)
        self._group.idClicked.connect(self.chosen)

    @property
    def position(self) -> int:
        """What is chosen."""
        return self._group.checkedId()

    def choose(self, position: int) -> None:
        """Choose without telling."""
        self._group.button(position).setChecked(True)

    def set_enabled(self, position: int, enabled: bool, reason: str = "") -> None:
        """Enable one choice, or disable it with the reason."""
        self._group.button(position).setEnabled(enabled)
        self._group.button(position).setToolTip(reason)


class Gauge(QWidget):
    """A thin bar: share 0…1 (None = unknown: nothing filled), with an optional threshold mark."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._share: float | None = None
        self._role = "accent_fill"
        self._mark: float | None = None
        self._name = name
        self._clock = QElapsedTimer()
        self._clock.start()
        self._timer = QTimer(self)
        self._timer.setInterval(40)
        self._timer.timeout.connect(self.update)
        self.setFixedHeight(8)
        theme().changed.connect(self.update)

    @property
    def busy(self) -> bool:
        """Whether it shows that something goes on without a counted total."""
        return self._timer.isActive()

    def set_share(
        self,
        share: float | None,
        role: str = "accent_fill",
        mark: float | None = None,
        words: str = "",
        *,
        busy: bool = False,
    ) -> None:
        """Show a share; `words` is what a screen reader says. `busy` without a share: something goes on."""
        self._share, self._role, self._mark = share, role, mark
        if busy and share is None:
            self._timer.start()
        else:
            self._timer.stop()
        value = words or ("not known" if share is None else f"{share:.0%}")
        self.setAccessibleName(f"{self._name}, {value}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        track = QRectF(0, 1, self.width(), 6)
        paint_gauge(painter, track, self._share, self._role, self._mark)
        if self._timer.isActive():
            # A piece of a quarter wanders from left to right in two seconds.
            piece = track.width() / 4
            left = (self._clock.elapsed() % 2000) / 2000 * (track.width() + piece) - piece
            painter.setBrush(color(self._role))
            painter.drawRoundedRect(QRectF(left, track.top(), piece, track.height()), 3, 3)
        painter.end()


def paint_gauge(
    painter: QPainter, track: QRectF, share: float | None, role: str, mark: float | None = None
) -> None:
    """Paint a gauge into `track`."""
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color("track"))
    painter.drawRoundedRect(track, 3, 3)
    if share:
        painter.setBrush(color(role))
        width = max(track.height(), track.width() * min(1.0, share))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), width, track.height()), 3, 3)
    if mark is not None:
        painter.setPen(QPen(color("text2"), 1))
        x = round(track.left() + track.width() * mark) + 0.5
        painter.drawLine(
            QRectF(x, track.top() - 2, 0, track.height() + 4).topLeft().toPoint(),
            QRectF(x, track.top() - 2, 0, track.height() + 4).bottomLeft().toPoint(),
        )


class ProofBadges(QWidget):
    """Written, Verified, Restore-tested: three facts, each done, running, old, none or failed."""

    NAMES = (("written", "Written"), ("shield-check", "Verified"), ("rotate-ccw", "Restore-tested"))

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._states: tuple[str, ...] = ("none", "none", "none")
        self.setFixedSize(68, 20)
        theme().changed.connect(self.update)

    def set_states(self, states: tuple[str, str, str], tooltip: str = "") -> None:
        """Show three states."""
        self._states = states
        words = {
            "done": "done",
            "running": "running",
            "old": "too old",
            "none": "not yet",
            "failed": "failed",
        }
        said = [f"{name} {words[state]}" for (_, name), state in zip(self.NAMES, states, strict=True)]
        self.setAccessibleName(", ".join(said))
        self.setToolTip(tooltip or "\n".join(said))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        for position, ((icon, _), state) in enumerate(zip(self.NAMES, self._states, strict=True)):
            paint_badge(painter, QRect(position * 24, 0, 20, 20), icon, state, self.devicePixelRatioF())
        painter.end()


class Marker(QWidget):
    """A marker box on its own: `clicked` on mouse or Space (green ones only)."""

    clicked = Signal()

    def __init__(self, box: MarkerBox, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = box
        self.setFixedSize(24, 24)
        self.setAccessibleName(name)
        if not box.gray:
            self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)

    def set_box(self, box: MarkerBox) -> None:
        """Another state."""
        self.box = box
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        paint_marker(painter, QRect(5, 5, 14, 14), self.box)
        if self.hasFocus():
            painter.setPen(QPen(color("accent"), 2))
            painter.drawRect(2, 2, 20, 20)
        painter.end()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        if not self.box.gray:
            self.clicked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        if event.key() == Qt.Key.Key_Space and not self.box.gray:
            self.clicked.emit()
        else:
            super().keyPressEvent(event)


class Phases(QWidget):
    """The steps of a run in one line: (name, state done|now|later, time it took or "")."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._phases: tuple[tuple[str, str, str], ...] = ()
        self.setMinimumHeight(theme().px(40))
        theme().changed.connect(self.update)

    def set_phases(self, phases: Sequence[tuple[str, str, str]]) -> None:
        """Show these steps."""
        self._phases = tuple(phases)
        words = {"done": "done", "now": "running", "later": "not yet"}
        self.setAccessibleName(", ".join(f"{name} {words[state]} {time}" for name, state, time in phases))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(90 * max(1, len(self._phases)), theme().px(40))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        if not self._phases:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = self.width() / len(self._phases)
        roles = {"done": "ok", "now": "accent", "later": "muted"}
        for position, (name, state, time) in enumerate(self._phases):
            left = position * width
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color("track" if state == "later" else roles[state]))
            painter.drawRoundedRect(QRectF(left, 2, width - 4, 4), 2, 2)
            text_font = font("small_medium" if state == "now" else "small")
            painter.setFont(text_font)
            painter.setPen(color("text" if state == "now" else "muted" if state == "later" else "text2"))
            metrics = QFontMetrics(text_font)
            said = f"{name}  {time}" if time else name
            text = metrics.elidedText(said, Qt.TextElideMode.ElideRight, int(width - 8))
            painter.drawText(QRectF(left, 10, width - 4, metrics.height() + 4), 0, text)
        painter.end()


class Steps(QWidget):
    """The steps of a wizard: done ones with a tick and the answer, clickable; `step_clicked(position)`."""

    step_clicked = Signal(int)
    ROW = 52

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._titles: tuple[str, ...] = ()
        self._answers: tuple[str, ...] = ()
        self._current = 0
        self._reached = 0
        self.setFixedWidth(theme().px(208))
        self.setAccessibleName("Steps")
        theme().changed.connect(self.update)

    def set_steps(self, titles: Sequence[str], answers: Sequence[str], current: int, reached: int) -> None:
        """Show the steps; those up to `reached` can be clicked."""
        self._titles, self._answers = tuple(titles), tuple(answers)
        self._current, self._reached = current, reached
        self.setMinimumHeight(len(titles) * theme().px(self.ROW) + 16)
        self.setAccessibleDescription(f"Step {current + 1} of {len(titles)}: {titles[current]}")
        self.update()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        position = int((event.position().y() - 12) // theme().px(self.ROW))
        if 0 <= position <= self._reached and position != self._current and position < len(self._titles):
            self.step_clicked.emit(position)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.fillRect(self.rect(), color("sunken"))
        painter.setPen(color("border"))
        painter.drawLine(self.width() - 1, 0, self.width() - 1, self.height())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        row = theme().px(self.ROW)
        for position, title in enumerate(self._titles):
            self._paint_step(painter, position, title, 12 + position * row)
        painter.end()

    def _paint_step(self, painter: QPainter, position: int, title: str, top: int) -> None:
        now, done = position == self._current, position < self._reached and position != self._current
        size = theme().px(20)
        circle = QRectF(18, top + 15 - size / 2, size, size)
        painter.setPen(Qt.PenStyle.NoPen if now or done else QPen(color("border"), 1))
        painter.setBrush(color("accent_fill" if now else "ok_soft" if done else "surface"))
        painter.drawEllipse(circle)
        if done:
            tick = pixmap("check", "ok", theme().px(14), self.devicePixelRatioF())
            painter.drawPixmap(round(18 + size * 0.15), round(top + 15 - size * 0.35), tick)
        else:
            painter.setFont(font("small_medium"))
            painter.setPen(color("on_accent" if now else "muted"))
            painter.drawText(circle, int(Qt.AlignmentFlag.AlignCenter), str(position + 1))
        if position + 1 < len(self._titles):
            painter.setPen(QPen(color("border"), 1))
            middle, below = round(18 + size / 2), round(top + 20 + size / 2)
            painter.drawLine(middle, below, middle, top + theme().px(self.ROW) - round(size / 2) + 11)
        title_font = font("strong" if now else "body")
        painter.setFont(title_font)
        painter.setPen(color("text" if now or done else "muted"))
        height = QFontMetrics(title_font).height()
        left = 28 + size
        room = self.width() - left - 10
        text = QFontMetrics(title_font).elidedText(title, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRectF(left, top + 15 - height / 2, room, height + 2), 0, text)
        answer = self._answers[position] if position < len(self._answers) else ""
        if answer and (now or done):
            painter.setFont(font("small"))
            painter.setPen(color("muted"))
            text = QFontMetrics(font("small")).elidedText(answer, Qt.TextElideMode.ElideMiddle, room)
            painter.drawText(QRectF(left, top + 16 + height / 2, room, height + 2), 0, text)
