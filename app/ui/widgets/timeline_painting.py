"""How a timeline is drawn: ticks, bars, lanes, the covered stretch and the playhead."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPen, QPolygonF

from app.ui import formats
from app.ui.icons import pixmap
from app.ui.theme import color, font, theme
from app.ui.widgets.time_axis import clusters, ticks

if TYPE_CHECKING:
    from app.ui.widgets.timeline import Lane, Mark, Timeline

TOP = 30
LANE = 25
LEFT = 108
_TICK_GAP = 84
_BAR = 3
_APART = 8
_GROWN_MOST = 1.45


def grown() -> float:
    """How much larger than at 100 % the areas are: large text leaves room for what is below."""
    return min(_GROWN_MOST, theme().px(100) / 100)


class Painting:
    """One drawing of one timeline."""

    def __init__(self, painter: QPainter, timeline: Timeline, ratio: float) -> None:
        self._painter, self._timeline, self._ratio = painter, timeline, ratio
        self._rows = timeline.rows()
        self._left = timeline.left
        self._span = timeline.span

    def paint(self) -> None:
        """Everything."""
        painter = self._painter
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        self._paint_ticks()
        self._paint_titles()
        painter.save()
        painter.setClipRect(QRectF(self._left - 8, 0, self._span.width + 16, self._timeline.height()))
        self._paint_changes(self._rows[0])
        for lane, row in zip(self._timeline.lanes, self._rows[1:], strict=False):
            self._paint_lane(lane, row)
        self._paint_covered(self._rows[-1])
        painter.restore()
        self._paint_now()
        self._paint_playhead()
        if self._timeline.hasFocus():
            painter.setPen(QPen(color("accent"), 2))
            painter.setBrush(Qt.BrushStyle.NoBrush)
            painter.drawRect(QRectF(self._timeline.rect()).adjusted(1, 1, -1, -1))

    def _x(self, at: float) -> float:
        return self._left + self._span.x(at)

    def _bottom(self) -> float:
        return self._rows[-1].bottom()

    def _paint_ticks(self) -> None:
        painter = self._painter
        hidden = self._playhead_box()
        metrics = QFontMetricsF(font("small_medium"))
        for tick in ticks(self._span, theme().px(_TICK_GAP)):
            x = round(self._x(tick.at)) + 0.5
            painter.setPen(QPen(color("divider"), 1))
            painter.drawLine(QPointF(x, self._rows[0].top() - 6), QPointF(x, self._bottom()))
            painter.setPen(color("text2" if tick.strong else "muted"))
            painter.setFont(font("small_medium" if tick.strong else "micro"))
            half = metrics.horizontalAdvance(tick.text) / 2 + 6
            box = QRectF(x - half, 4, 2 * half, self._rows[0].top() - 10)
            if box.right() > self._timeline.width() or (hidden is not None and box.intersects(hidden)):
                continue
            painter.drawText(box, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignVCenter, tick.text)

    def _paint_titles(self) -> None:
        titles = [("activity", "Changes"), *((lane.icon, lane.title) for lane in self._timeline.lanes)]
        for (icon, title), row in zip([*titles, ("hard-drive", "Covered by")], self._rows, strict=True):
            size = theme().px(16)
            top = row.center().y() - size / 2
            self._painter.drawPixmap(QPointF(16, top), pixmap(icon, "text2", size, self._ratio))
            self._painter.setPen(color("text2"))
            self._painter.setFont(font("small"))
            words = QRectF(16 + size + 6, row.top(), self._left - size - 30, row.height())
            self._painter.drawText(words, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, title)

    def _paint_changes(self, row: QRectF) -> None:
        """One bar for each part of the width, as high as what falls into it."""
        changes = self._timeline.changes
        bars: dict[int, int] = {}
        pitch = theme().px(_BAR) + 1
        if changes.counts:
            part = (changes.until - changes.since) / len(changes.counts)
            for number, count in enumerate(changes.counts):
                if count:
                    x = self._span.x(changes.since + (number + 0.5) * part)
                    if -pitch <= x <= self._span.width + pitch:
                        bars[int(x // pitch)] = bars.get(int(x // pitch), 0) + count
        self._painter.setPen(Qt.PenStyle.NoPen)
        self._painter.setBrush(color("replica"))
        most = max(bars.values(), default=1)
        for position, count in bars.items():
            # By the square root: single changes can be seen beside thousands.
            height = max(2.0, row.height() * (count / most) ** 0.5)
            left = self._left + position * pitch
            self._painter.drawRect(QRectF(left, row.bottom() - height, pitch - 1, height))

    def _paint_lane(self, lane: Lane, row: QRectF) -> None:
        marks = [mark for mark in lane.marks if -200 <= self._span.x(mark.at) <= self._span.width + 20]
        places = [self._x(mark.at) for mark in marks]
        for first, after in clusters(places, self._room(lane, marks)):
            together = marks[first:after]
            right = places[after] if after < len(places) else self._left + self._span.width
            self._paint_mark(lane, row, places[first], together, right - places[first])

    def _room(self, lane: Lane, marks: list[Mark]) -> float:
        if lane.shape != "flag":
            widest = max((self._width(mark.text, "small_medium") for mark in marks), default=0.0)
            return max(
                theme().px(_APART), 2 * widest + theme().px(24) if lane.shape == "pill" else theme().px(14)
            )
        return theme().px(_APART)

    def _paint_mark(self, lane: Lane, row: QRectF, x: float, marks: list[Mark], room: float) -> None:
        many = len(marks) > 1
        middle = row.center().y()
        size = theme().px(14)
        if lane.shape == "flag":
            text = f"{len(marks)} {lane.title.lower()}" if many else marks[0].text
            self._painter.drawPixmap(
                QPointF(x - 2, middle - size / 2), pixmap(lane.icon, lane.role, size, self._ratio)
            )
            self._text(
                text, QRectF(x + size + 2, row.top(), max(0.0, room - size - 8), row.height()), lane.role
            )
        elif lane.shape == "pill":
            text = f"{marks[0].text}–{marks[-1].text}" if many else marks[0].text  # noqa: RUF001 - a range
            width = self._width(text, "small_medium") + theme().px(16)
            box = QRectF(x - width / 2, middle - theme().px(9), width, theme().px(18))
            self._painter.setPen(QPen(color(lane.role), 1))
            self._painter.setBrush(color(f"{lane.role}_soft"))
            self._painter.drawRoundedRect(box, 4, 4)
            self._text(text, box, lane.role, centred=True)
        else:
            half = theme().px(5)
            self._painter.setPen(QPen(color(lane.role), 1.4))
            self._painter.setBrush(color(lane.role) if many else color("surface"))
            corners = [(x, middle - half), (x + half, middle), (x, middle + half), (x - half, middle)]
            self._painter.drawPolygon(QPolygonF([QPointF(*corner) for corner in corners]))
            if many:
                words = QRectF(x + half + 4, row.top(), max(0.0, room - half - 8), row.height())
                self._text(f"{len(marks)}", words, lane.role)

    def _text(self, text: str, box: QRectF, role: str, *, centred: bool = False) -> None:
        self._painter.setFont(font("small_medium"))
        self._painter.setPen(color(role))
        metrics = QFontMetricsF(font("small_medium"))
        shown = text if centred else metrics.elidedText(text, Qt.TextElideMode.ElideRight, box.width())
        side = Qt.AlignmentFlag.AlignHCenter if centred else Qt.AlignmentFlag.AlignLeft
        if box.width() > theme().px(12):
            self._painter.drawText(box, side | Qt.AlignmentFlag.AlignVCenter, shown)

    def _width(self, text: str, role: str) -> float:
        return QFontMetricsF(font(role)).horizontalAdvance(text)

    def _paint_covered(self, row: QRectF) -> None:
        """The rewind log solid; before it there are snapshots and sessions only, pale."""
        height = theme().px(6)
        end = self._left + self._span.width
        covered = self._timeline.covered
        start = end if covered is None else max(self._left, min(end, self._x(covered)))
        self._painter.setPen(Qt.PenStyle.NoPen)
        for left, right, role in ((self._left, start - 2, "track"), (start, end, "replica")):
            if right - left > 1:
                self._painter.setBrush(color(role))
                top = row.center().y() - height / 2
                self._painter.drawRoundedRect(QRectF(left, top, right - left, height), 3, 3)

    def _paint_now(self) -> None:
        if self._span.until >= self._timeline.last:
            x = round(self._x(self._timeline.last)) + 0.5
            self._painter.setPen(QPen(color("strong"), 1))
            self._painter.drawLine(QPointF(x, self._rows[0].top() - 6), QPointF(x, self._bottom()))

    def _paint_playhead(self) -> None:
        at, box = self._timeline.playhead, self._playhead_box()
        if at is None or box is None:
            return
        x = self._x(at)
        painter = self._painter
        role: QColor = color("accent_fill")
        painter.setPen(QPen(role, 2))
        painter.drawLine(QPointF(x, self._rows[0].top() - 6), QPointF(x, self._bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(role)
        painter.drawRoundedRect(box, 4, 4)
        painter.setPen(color("on_accent"))
        painter.setFont(font("small_medium"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, _clock(at))
        painter.setPen(QPen(role, 2))
        painter.setBrush(color("surface"))
        painter.drawEllipse(QPointF(x, self._rows[0].bottom()), 4, 4)

    def _playhead_box(self) -> QRectF | None:
        at = self._timeline.playhead
        if at is None or not self._span.since <= at <= self._span.until:
            return None
        width = self._width(_clock(at), "small_medium") + theme().px(16)
        box = QRectF(self._x(at) - width / 2, 2, width, self._rows[0].top() - 8)
        box.moveLeft(max(2.0, min(box.left(), self._timeline.width() - width - 2)))
        return box


def _clock(at: float) -> str:
    return formats.timestamp(datetime.fromtimestamp(at, UTC), fraction=True).partition(" ")[2]
