"""The next 24 hours as a strip: a mark for each run of a job, with its name where there is room.

Left and right go from mark to mark, Enter or a click opens the job; runs too near to each other are one mark.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QFontMetricsF, QHelpEvent, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from app.model.upcoming import NextRun
from app.ui import formats
from app.ui.theme import color, font, theme
from app.ui.widgets.time_axis import Span, clusters, ticks

HOURS = 24
_APART = 14
_TICK_GAP = 74
_RADIUS = 5
_MARGIN = 16
_NAMED = 6


@dataclass(frozen=True, slots=True)
class RunMark:
    """One or several runs at about one time."""

    at: float
    runs: tuple[NextRun, ...]

    @property
    def title(self) -> str:
        """What stands beside it."""
        return formats.visible(self.runs[0].name) if len(self.runs) == 1 else f"{len(self.runs):,} runs"

    @property
    def words(self) -> str:
        """All of it, a line for each run."""
        lines = [f"{formats.moment(run.at)}  {formats.visible(run.name)}" for run in self.runs[:_NAMED]]
        if len(self.runs) > _NAMED:
            lines.append(f"and {len(self.runs) - _NAMED:,} more")
        return "\n".join(lines)


def marks_of(runs: Sequence[NextRun], span: Span) -> list[RunMark]:
    """The runs that the strip shows, in their order, those of one place together."""
    timed = sorted((run.at.timestamp(), number, run) for number, run in enumerate(runs) if run.at is not None)
    seen = [(at, run) for at, _, run in timed if span.since <= at <= span.until]
    found = []
    for start, end in clusters([span.x(at) for at, _ in seen], _APART):
        found.append(RunMark(seen[start][0], tuple(run for _, run in seen[start:end])))
    return found


class DayStrip(QWidget):
    """`job_wanted(number)` when a mark of one job is opened, `all_wanted` when it stands for several."""

    job_wanted = Signal(int)
    all_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.runs: Sequence[NextRun] = ()
        self.marks: list[RunMark] = []
        self.current = -1
        self._now = datetime.now(UTC)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)
        self.set_runs((), self._now)

    def set_runs(self, runs: Sequence[NextRun], now: datetime) -> None:
        """Show these; the strip begins now."""
        self.runs, self._now = runs, now
        self.marks = marks_of(runs, self._span())
        self.current = min(self.current, len(self.marks) - 1)
        self._tell()
        self.update()

    def _span(self) -> Span:
        since = self._now.timestamp()
        return Span(since, since + HOURS * 3600, max(1.0, self.width() - 2.0 * _MARGIN))

    def _tell(self) -> None:
        first = [f"{mark.title} {formats.moment(mark.runs[0].at)}" for mark in self.marks[:_NAMED]]
        said = "; ".join(first) if first else "nothing runs"
        chosen = f". Chosen: {self.marks[self.current].words}" if self.current >= 0 else ""
        self.setAccessibleName(f"Runs of the next {HOURS} hours: {said}{chosen}")

    # Qt

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(theme().px(600), theme().px(60))

    def resizeEvent(self, _event: object) -> None:  # noqa: N802, D102 - Qt's name
        self.set_runs(self.runs, self._now)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802, D102 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        span, line = self._span(), self.height() * 0.62
        self._paint_ticks(painter, span, line)
        painter.setPen(QPen(color("strong"), 1.5))
        painter.drawLine(QPointF(_MARGIN, line), QPointF(_MARGIN + span.width, line))
        if not self.marks:
            painter.setFont(font("small"))
            painter.setPen(color("muted"))
            words = f"No job starts in the next {HOURS} hours"
            painter.drawText(QRectF(_MARGIN, 0, span.width, line - 8), Qt.AlignmentFlag.AlignVCenter, words)
        for number, mark in enumerate(self.marks):
            self._paint_mark(painter, span, line, number, mark)
        if self.hasFocus():
            painter.setPen(QPen(color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self.rect()).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_ticks(self, painter: QPainter, span: Span, line: float) -> None:
        painter.setFont(font("small"))
        for tick in ticks(span, _TICK_GAP * max(1.0, theme().scale)):
            x = _MARGIN + span.x(tick.at)
            painter.setPen(QPen(color("strong" if tick.strong else "border"), 1))
            painter.drawLine(QPointF(x, line - 6), QPointF(x, line + 6))
            painter.setPen(color("text2" if tick.strong else "muted"))
            wide = QFontMetricsF(painter.font()).horizontalAdvance(tick.text)
            left = min(max(0.0, x - wide / 2), self.width() - wide)
            painter.drawText(QRectF(left, line + 6, wide + 2, self.height() - line - 6), 0, tick.text)

    def _paint_mark(self, painter: QPainter, span: Span, line: float, number: int, mark: RunMark) -> None:
        x = _MARGIN + span.x(mark.at)
        chosen = number == self.current and self.hasFocus()
        radius = _RADIUS + (1.5 if len(mark.runs) > 1 else 0)
        painter.setPen(QPen(color("text" if chosen else "surface"), 2))
        painter.setBrush(color("accent_fill"))
        painter.drawEllipse(QPointF(x, line), radius, radius)
        after = self.marks[number + 1].at if number + 1 < len(self.marks) else span.until
        room = min(_MARGIN + span.x(after), float(self.width())) - x - 4
        metrics = QFontMetricsF(font("small"))
        words = metrics.elidedText(mark.title, Qt.TextElideMode.ElideRight, max(0.0, room))
        if room >= metrics.horizontalAdvance("MMM…"):
            painter.setFont(font("small"))
            painter.setPen(color("text"))
            box = QRectF(x - radius, 2, room + radius, line - radius - 4)
            painter.drawText(box, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom, words)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        found = self._at(event.position().x())
        if event.button() is Qt.MouseButton.LeftButton and found >= 0:
            self._choose(found)
            self._open()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        shape = Qt.CursorShape.PointingHandCursor
        self.setCursor(shape if self._at(event.position().x()) >= 0 else Qt.CursorShape.ArrowCursor)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        key = event.key()
        if key in (Qt.Key.Key_Left, Qt.Key.Key_Right) and self.marks:
            step = 1 if key == Qt.Key.Key_Right else -1
            self._choose(max(0, min(len(self.marks) - 1, self.current + step)))
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.current >= 0:
            self._open()
        else:
            super().keyPressEvent(event)

    def event(self, event: QEvent) -> bool:
        """The tooltip of a mark names its runs."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            found = self._at(float(event.pos().x()))
            QToolTip.showText(event.globalPos(), self.marks[found].words if found >= 0 else "", self)
            return True
        return super().event(event)

    def _at(self, x: float) -> int:
        span = self._span()
        near = [(abs(_MARGIN + span.x(mark.at) - x), number) for number, mark in enumerate(self.marks)]
        distance, number = min(near, default=(float("inf"), -1))
        return number if distance <= _APART else -1

    def _choose(self, number: int) -> None:
        self.current = number
        self._tell()
        self.update()

    def _open(self) -> None:
        jobs = {run.job_id for run in self.marks[self.current].runs}
        if len(jobs) == 1:
            self.job_wanted.emit(jobs.pop())
        else:
            self.all_wanted.emit()
