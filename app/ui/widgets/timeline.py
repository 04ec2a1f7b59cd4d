"""A timeline: how much changed when, and marks in lanes; a playhead says which moment is chosen.

The wheel zooms at the pointer, dragging pans, a click chooses a moment; left and right go from mark to mark
(with Shift in the first lane only), plus and minus zoom, Home and End go to the ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFontMetricsF,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.ui import formats
from app.ui.theme import font, theme
from app.ui.widgets.time_axis import Span
from app.ui.widgets.timeline_painting import LANE, LEFT, TOP, Painting, grown

_ZOOM = 1.25
_CLICK_PX = 4
_HIT_PX = 8


@dataclass(frozen=True, slots=True)
class Mark:
    """Something at a moment. `key` is told when it is chosen."""

    at: float
    key: str
    text: str
    tip: str = ""


@dataclass(frozen=True, slots=True)
class Lane:
    """A row of marks: drawn as a flag with its text, as a diamond, or as a pill with its text."""

    title: str
    icon: str
    shape: str
    role: str
    marks: tuple[Mark, ...] = ()


@dataclass(frozen=True, slots=True)
class Changes:
    """How many changes fall into each of equal parts of a time (seconds since 1970)."""

    since: float = 0.0
    until: float = 0.0
    counts: tuple[int, ...] = ()


class Timeline(QWidget):
    """`chosen(seconds, key)`: a moment, with the key of the mark that was meant or ""."""

    chosen = Signal(float, str)
    span_changed = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = name
        self.lanes: tuple[Lane, ...] = ()
        self.changes = Changes()
        self.covered: float | None = None
        self.playhead: float | None = None
        self.first, self.last = 0.0, 1.0
        self.span = Span(0.0, 1.0, 1.0)
        self._pressed: QPointF | None = None
        self._dragging: Span | None = None
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)

    # what is shown

    def set_bounds(self, first: float, last: float) -> None:
        """All the time there is to see; the right end of a span that shows the newest moves along."""
        follows = self.span.until >= self.last
        self.first, self.last = first, max(last, first + 1.0)
        seconds = min(self.span.seconds, self.last - self.first)
        until = self.last if follows else min(max(self.span.until, self.first + seconds), self.last)
        self._show(Span(until - seconds, until, self.span.width))

    def show_last(self, seconds: float | None) -> None:
        """Show the newest `seconds`, or everything."""
        since = self.first if seconds is None else max(self.first, self.last - seconds)
        self._show(Span(since, self.last, self.span.width))

    def set_changes(self, changes: Changes) -> None:
        """Draw these; they may be of another span than the one shown."""
        self.changes = changes
        self._tell()

    def set_lanes(self, lanes: Sequence[Lane], covered: float | None) -> None:
        """Draw these marks (sorted by time). The rewind log reaches back to `covered` (None: it is empty)."""
        self.lanes = tuple(lanes)
        self.covered = covered
        self.updateGeometry()
        self._tell()

    def set_playhead(self, at: float | None) -> None:
        """The chosen moment. Brought into view when it is not."""
        self.playhead = at
        if at is not None and not self.span.since <= at <= self.span.until:
            self._show(self.span.moved(at - (self.span.since + self.span.until) / 2, self.first, self.last))
        self._tell()

    def zoom(self, factor: float, x: float | None = None) -> None:
        """Show `factor` times as much time, around a position, the playhead, or the middle."""
        if x is None:
            seen = self.playhead is not None and self.span.since <= self.playhead <= self.span.until
            at = self.playhead if seen and self.playhead is not None else self.span.at(self.span.width / 2)
            x = self.span.x(at)
        self._show(self.span.zoomed(factor, x, self.first, self.last))

    def step(self, direction: int, lanes: Sequence[Lane] | None = None) -> None:
        """Choose the next mark after the playhead (-1: before), of all lanes or of these."""
        here = self.playhead if self.playhead is not None else self.last + 1.0
        marks = [mark for lane in (self.lanes if lanes is None else lanes) for mark in lane.marks]
        ahead = [mark for mark in marks if (mark.at - here) * direction > 0.0005]
        if ahead:
            found = min(ahead, key=lambda mark: abs(mark.at - here))
            self.chosen.emit(found.at, found.key)

    # Qt

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(theme().px(800), round((TOP + 78 + (len(self.lanes) + 1) * LANE + 14) * grown()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(theme().px(360), self.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._show(self.span)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        Painting(painter, self, self.devicePixelRatioF()).paint()
        painter.end()

    def wheelEvent(self, event: QWheelEvent) -> None:  # noqa: N802, D102 - Qt's name
        steps = event.angleDelta().y() / 120.0
        if steps:
            self.zoom(_ZOOM**-steps, self._inside(event.position().x()))
        elif sideways := event.angleDelta().x() / 120.0:
            self._show(self.span.moved(-sideways * self.span.seconds / 8, self.first, self.last))
        event.accept()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        if event.button() is Qt.MouseButton.LeftButton and event.position().x() >= self.left:
            self._pressed, self._dragging = event.position(), self.span

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        if self._pressed is None or self._dragging is None:
            return
        moved = event.position().x() - self._pressed.x()
        if abs(moved) >= _CLICK_PX or self.span != self._dragging:
            start = self._dragging
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
            self._show(start.moved(-moved / start.width * start.seconds, self.first, self.last))

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        pressed, self._pressed = self._pressed, None
        self.unsetCursor()
        if pressed is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        if abs(event.position().x() - pressed.x()) < _CLICK_PX:
            mark = self._mark_at(event.position())
            if mark is not None:
                self.chosen.emit(mark.at, mark.key)
            else:
                self.chosen.emit(self.span.at(self._inside(event.position().x())), "")

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        first_lane = self.lanes[:1] if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else None
        match event.key():
            case Qt.Key.Key_Left:
                self.step(-1, first_lane)
            case Qt.Key.Key_Right:
                self.step(1, first_lane)
            case Qt.Key.Key_Plus | Qt.Key.Key_Equal:
                self.zoom(1 / _ZOOM**2)
            case Qt.Key.Key_Minus:
                self.zoom(_ZOOM**2)
            case Qt.Key.Key_Home:
                self.chosen.emit(self.first, "")
            case Qt.Key.Key_End:
                self.chosen.emit(self.last, "")
            case _:
                super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102 - Qt's name
        if event.type() is QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            mark = self._mark_at(QPointF(event.pos()))
            QToolTip.showText(event.globalPos(), (mark.tip or mark.text) if mark else "", self)
            return True
        return super().event(event)

    # inside

    @property
    def left(self) -> float:
        """Where the axis begins: right of the names of the lanes."""
        widest = max(
            (QFontMetricsF(font("small")).horizontalAdvance(lane.title) for lane in self.lanes), default=0.0
        )
        return max(theme().px(LEFT), widest + theme().px(54))

    def rows(self) -> list[QRectF]:
        """The areas of the changes, the lanes and what is covered, from the top."""
        by = grown()
        area = QRectF(self.left, TOP * by, self.span.width, 70 * by)
        found = [area]
        top = area.bottom() + 8 * by
        for _ in range(len(self.lanes) + 1):
            found.append(QRectF(self.left, top, self.span.width, LANE * by))
            top += LANE * by
        return found

    def _mark_at(self, position: QPointF) -> Mark | None:
        for lane, row in zip(self.lanes, self.rows()[1:], strict=False):
            if row.top() <= position.y() < row.bottom():
                near = [(abs(self.left + self.span.x(mark.at) - position.x()), mark) for mark in lane.marks]
                best = min(near, key=lambda one: one[0], default=None)
                return best[1] if best is not None and best[0] <= theme().px(_HIT_PX) else None
        return None

    def _inside(self, x: float) -> float:
        return max(0.0, min(x - self.left, self.span.width))

    def _show(self, span: Span) -> None:
        width = max(1.0, self.width() - self.left - theme().px(20))
        changed = (span.since, span.until, width) != (self.span.since, self.span.until, self.span.width)
        self.span = Span(span.since, span.until, width)
        if changed:
            self.span_changed.emit()
            self._tell()

    def _tell(self) -> None:
        """Say in words what is shown, and draw it."""
        begin, end = (datetime.fromtimestamp(at, UTC) for at in (self.span.since, self.span.until))
        words = [f"{self._name}, {formats.timestamp(begin)} to {formats.timestamp(end)}"]
        if self.playhead is not None:
            at = datetime.fromtimestamp(self.playhead, UTC)
            words.append(f"chosen: {formats.timestamp(at, fraction=True)}")
        words.append(f"{formats.count(sum(self.changes.counts))} changes")
        words += [f"{len(lane.marks)} {lane.title.lower()}" for lane in self.lanes]
        self.setAccessibleName("; ".join(words))
        self.update()
