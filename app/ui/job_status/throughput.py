"""How much a running job reads and stores a second, over the last minutes: a small chart of two lines."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.model.job import JobProgress
from app.ui import formats
from app.ui.theme import color, font, theme

WINDOW_S = 900.0
_STEP_S = 2.0
_FILL = 0.11
_SWATCH = 12.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Bytes a second that ended at a time."""

    at: float
    read: float
    stored: float


class Rates:
    """Rates from the figures of one job, a point for each two seconds. Another job begins anew. Qt-free."""

    def __init__(self) -> None:
        self.job = 0
        self.points: deque[Rate] = deque()
        self._last: tuple[float, int, int] | None = None

    def begin_with(self, other: Rates) -> None:
        """Take over what another chart of the same job has gathered."""
        self.job, self.points, self._last = other.job, deque(other.points), other._last

    def add(self, job: int, progress: JobProgress) -> bool:
        """Take the figures as they are now; whether there is a new point."""
        if job != self.job:
            self.job, self._last = job, None
            self.points.clear()
        if progress.updated_at is None:
            return False
        at = progress.updated_at.timestamp()
        now = (at, progress.read_bytes, progress.stored_bytes)
        if self._last is None or now[1] < self._last[1] or at < self._last[0]:
            self._last = now
            return False
        passed = at - self._last[0]
        if passed < _STEP_S:
            return False
        self.points.append(Rate(at, (now[1] - self._last[1]) / passed, (now[2] - self._last[2]) / passed))
        self._last = now
        while self.points and self.points[0].at < at - WINDOW_S:
            self.points.popleft()
        return True


class Throughput(QWidget):
    """Hidden until there are two points to draw."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rates = Rates()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self.updateGeometry)
        theme().changed.connect(self.update)
        self.hide()

    def show_progress(self, job: int, progress: JobProgress | None) -> None:
        """The figures of the job that is looked at; None = it does not run."""
        if progress is None:
            self.hide()
            return
        if self.rates.add(job, progress):
            self._tell()
            self.update()
        self.setVisible(len(self.rates.points) > 1)

    @property
    def words(self) -> str:
        """What the chart says."""
        points = self.rates.points
        if not points:
            return ""
        most = max(point.read for point in points)
        return (
            f"Reads {formats.rate(points[-1].read)}, stores {formats.rate(points[-1].stored)}, "
            f"read at most {formats.rate(most)}"
        )

    def _tell(self) -> None:
        self.setAccessibleName(f"Throughput: {self.words}")
        since = datetime.fromtimestamp(self.rates.points[0].at).astimezone()
        self.setToolTip(f"Since {formats.clock(since)}. {self.words}")

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(theme().px(320), theme().px(72))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802, D102 - Qt's name
        points = list(self.rates.points)
        if len(points) < 2:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("small"))
        text = QFontMetricsF(painter.font()).height()
        area = QRectF(0, text + 4, self.width(), self.height() - text - 6)
        self._paint_words(painter, text)
        painter.setPen(QPen(color("divider"), 1))
        for height in (area.top(), area.center().y(), area.bottom()):
            painter.drawLine(QPointF(0, height), QPointF(self.width(), height))
        top = max(max(point.read, point.stored) for point in points) or 1.0
        for role, values in (
            ("series1", [point.read for point in points]),
            ("series2", [point.stored for point in points]),
        ):
            self._paint_line(painter, area, role, [point.at for point in points], values, top)
        painter.end()

    def _paint_words(self, painter: QPainter, height: float) -> None:
        """Each word behind a piece of its line."""
        left, metrics = 0.0, QFontMetricsF(painter.font())
        for role, words in zip(("series1", "series2", ""), self.words.split(", "), strict=True):
            if role:
                painter.setPen(QPen(color(role), 2))
                painter.drawLine(QPointF(left, height / 2 + 1), QPointF(left + _SWATCH, height / 2 + 1))
                left += _SWATCH + 6
            painter.setPen(color("text2"))
            room = max(0.0, self.width() - left)
            shown = metrics.elidedText(words, Qt.TextElideMode.ElideRight, room)
            painter.drawText(QRectF(left, 0, room, height + 2), 0, shown)
            left += metrics.horizontalAdvance(words) + 18

    @staticmethod
    def _paint_line(
        painter: QPainter, area: QRectF, role: str, times: list[float], values: list[float], top: float
    ) -> None:
        span = max(times[-1] - times[0], 1.0)
        line = [
            QPointF(
                area.left() + (at - times[0]) / span * area.width(),
                area.bottom() - value / top * area.height(),
            )
            for at, value in zip(times, values, strict=True)
        ]
        fill = color(role)
        fill.setAlphaF(_FILL)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(fill)
        painter.drawPolygon(
            QPolygonF([QPointF(line[0].x(), area.bottom()), *line, QPointF(line[-1].x(), area.bottom())])
        )
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.setPen(QPen(color(role), 1.6))
        painter.drawPolyline(QPolygonF(line))
