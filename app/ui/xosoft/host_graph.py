"""The overview of a scenario: Master left, Replicas right, one line each with rate, spool and state."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPainterPath, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QWidget

from app.model.scenario import ReplicaState, ReplicaStatus, ScenarioState, ScenarioStatus
from app.ui import formats
from app.ui.icons import pixmap
from app.ui.theme import color, font, theme
from app.ui.widgets.controls import paint_gauge
from app.ui.xosoft.scenario_rows import replica_state

BOX_HEIGHT = 110
MASTER_HEIGHT = 132
MASTER_WIDTH = 170
REPLICA_WIDTH = 176
GAP = 10


@dataclass(frozen=True, slots=True)
class LinkRates:
    """Bytes a second measured between two answers; None until there were two."""

    captured: float | None = None
    applied: float | None = None


class HostGraph(QWidget):
    """Paints hosts as boxes; values are those of the last answer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._status: ScenarioStatus | None = None
        self._rates: LinkRates = LinkRates()
        theme().changed.connect(self.updateGeometry)

    def show_status(self, status: ScenarioStatus | None, rates: LinkRates) -> None:
        """Draw another state."""
        self._status, self._rates = status, rates
        if status is not None:
            said = [f"Master {status.scenario.master}"]
            now = datetime.now(UTC)
            said += [
                f"Replica {replica.host}: {replica_state(replica, now).text}, lag "
                f"{formats.duration(replica.lag_seconds)}, {formats.size(replica.spool_bytes)} in spool"
                for replica in status.replicas
            ]
            self.setAccessibleName("; ".join(said))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        replicas = len(self._status.replicas) if self._status else 1
        height = max(1, replicas) * (BOX_HEIGHT + GAP) + GAP
        return QSize(theme().px(600), theme().px(max(height, MASTER_HEIGHT + 2 * GAP)))

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(theme().px(536), self.sizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        status = self._status
        if status is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        # Painted at the size for 100 % and grown as a whole with the text size.
        grown = _grown()
        painter.scale(grown, grown)
        width, height = self.width() / grown, self.height() / grown
        master = QRectF(16, (height - MASTER_HEIGHT) / 2, MASTER_WIDTH, MASTER_HEIGHT)
        self._paint_master(painter, master, status)
        total = len(status.replicas) * (BOX_HEIGHT + GAP) - GAP
        top = (height - total) / 2
        for replica in status.replicas:
            box = QRectF(width - REPLICA_WIDTH - 16, top, REPLICA_WIDTH, BOX_HEIGHT)
            self._paint_replica(painter, box, replica)
            self._paint_link(painter, master, box, status, replica)
            top += BOX_HEIGHT + GAP
        painter.end()

    def _paint_box(self, painter: QPainter, box: QRectF, role: str, name: str, words: str) -> None:
        painter.setPen(QPen(color("border"), 1))
        painter.setBrush(color("surface"))
        painter.drawRoundedRect(box.adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(f"{role}_soft"))
        painter.drawRoundedRect(QRectF(box.left() + 12, box.top() + 12, 30, 30), 6, 6)
        shot = pixmap(role, role, 20, self.devicePixelRatioF() * _grown())
        painter.drawPixmap(QPointF(box.left() + 17, box.top() + 17), shot)
        left, room = box.left() + 52, box.width() - 62
        _text(painter, QRectF(left, box.top() + 9, room, 18), name, "strong", "text")
        _text(painter, QRectF(left, box.top() + 26, room, 17), words, "small", role)

    def _paint_master(self, painter: QPainter, box: QRectF, status: ScenarioStatus) -> None:
        self._paint_box(painter, box, "master", status.scenario.master, "Master · active")
        sizes = [root.size_bytes for root in status.roots if root.size_bytes is not None]
        size = f" · {formats.size(sum(sizes))}" if sizes else ""
        facts = (
            ("Roots", f"{len(status.scenario.roots)}{size}", ""),
            ("Watched folders", formats.count(status.watched_directories), ""),
            ("Captured", f"{formats.count(status.captured_operations)} ops", ""),
            ("Unwatched", formats.count(status.unwatched_directories), "warning"),
        )
        for position, (name, value, role) in enumerate(facts):
            row = QRectF(box.left() + 12, box.top() + 50 + position * 19, box.width() - 24, 18)
            _text(painter, row, name, "small", "muted")
            bad = role and status.unwatched_directories
            _text(painter, row, value, "small", role if bad else "text", right=True)

    def _paint_replica(self, painter: QPainter, box: QRectF, replica: ReplicaStatus) -> None:
        self._paint_box(painter, box, "replica", replica.host, "Replica · standby")
        state = replica_state(replica, datetime.now(UTC))
        painter.drawPixmap(
            QPointF(box.left() + 12, box.top() + 49),
            pixmap(state.icon, state.role, 14, self.devicePixelRatioF() * _grown()),
        )
        lag = f" · {formats.duration(replica.lag_seconds)} behind" if replica.lag_seconds else ""
        row = QRectF(box.left() + 32, box.top() + 47, box.width() - 42, 18)
        _text(painter, row, f"{state.text}{lag}", "small_medium", state.role)
        below = QRectF(box.left() + 12, box.top() + 67, box.width() - 24, 18)
        _text(painter, below, "Rewind", "small", "muted")
        oldest = replica.rewind_oldest_at
        window = formats.duration((datetime.now(UTC) - oldest).total_seconds()) if oldest else formats.NONE
        _text(painter, below, f"{window} · {formats.size(replica.rewind_bytes)}", "small", "text", right=True)
        if replica.drifted:
            others = QRectF(box.left() + 12, box.top() + 86, box.width() - 24, 18)
            _text(painter, others, "Changed by others", "small", "muted")
            _text(painter, others, formats.count(replica.drifted), "small", "warning", right=True)

    def _paint_link(
        self, painter: QPainter, master: QRectF, box: QRectF, status: ScenarioStatus, replica: ReplicaStatus
    ) -> None:
        role, style, broken = _line_of(status, replica)
        start = QPointF(master.right() + 1, master.center().y())
        end = QPointF(box.left() - 2, box.center().y() + 4)
        path = QPainterPath(start)
        bend = start.x() + 34
        path.cubicTo(QPointF(bend, start.y()), QPointF(bend, end.y()), QPointF(start.x() + 56, end.y()))
        path.lineTo(QPointF(end.x() - 6, end.y()))
        pen = QPen(color(role), 1.6)
        pen.setStyle(style)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPath(path)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(role))
        painter.drawPolygon(QPolygonF([end, end + QPointF(-8, -4.5), end + QPointF(-8, 4.5)]))
        left = start.x() + 62
        room = max(60.0, end.x() - left - 16)
        if broken:
            shot = pixmap("x", "error", 20, self.devicePixelRatioF() * _grown())
            painter.drawPixmap(QPointF(left + room / 2 - 10, end.y() - 10), shot)
        title = self._link_title(status, replica)
        _text(painter, QRectF(left, end.y() - 23, room, 18), title, "small_medium", "text")
        resumes = replica.suspended_until
        waiting = (
            f"resumes {formats.moment(resumes).removeprefix('Today ')}"
            if resumes and room > 130
            else f"{formats.count(replica.waiting_operations)} waiting"
            if replica.waiting_operations and room > 170
            else ""
        )
        _text(painter, QRectF(left, end.y() - 23, room, 18), waiting, "small", "muted", right=True)
        limit = status.scenario.properties.spool_max_mb * 1024 * 1024
        share = replica.spool_bytes / limit if limit else None
        threshold = status.scenario.properties.spool_threshold_percent / 100
        over = share is not None and share >= threshold
        if limit:
            paint_gauge(
                painter,
                QRectF(left, end.y() + 8, room, 6),
                share,
                "warning_fill" if over or replica.state is ReplicaState.SUSPENDED else "replica",
                threshold,
            )
        shot = pixmap("spool", "muted", 14, self.devicePixelRatioF() * _grown())
        down = 18 if limit else 6
        painter.drawPixmap(QPointF(left, end.y() + down + 1), shot)
        words = (
            f"{formats.size(replica.spool_bytes)} in spool"
            if room > 110
            else formats.size(replica.spool_bytes)
        )
        if limit:
            words = f"{formats.size(replica.spool_bytes)} of {formats.size(limit)}"
        _text(painter, QRectF(left + 20, end.y() + down - 1, room - 20, 18), words, "small", "text2")

    def _link_title(self, status: ScenarioStatus, replica: ReplicaStatus) -> str:
        if status.state is ScenarioState.STOPPED:
            return "Stopped"
        if replica.state is not ReplicaState.REPLICATING:
            return replica_state(replica, datetime.now(UTC)).text
        return formats.rate(self._rates.applied)


def _grown() -> float:
    return max(1.0, theme().scale)


def _line_of(status: ScenarioStatus, replica: ReplicaStatus) -> tuple[str, Qt.PenStyle, bool]:
    if replica.state in (ReplicaState.DISCONNECTED, ReplicaState.PROBLEM):
        return "error", Qt.PenStyle.DotLine, True
    if replica.state in (ReplicaState.SUSPENDED, ReplicaState.BRAKED):
        return "warning", Qt.PenStyle.DashLine, False
    if status.state is ScenarioState.STOPPED or replica.state is ReplicaState.STOPPED:
        return "marker_gray", Qt.PenStyle.SolidLine, False
    if replica.state in (ReplicaState.SYNCHRONIZING, ReplicaState.CONNECTING, ReplicaState.REWINDING):
        return "info", Qt.PenStyle.SolidLine, False
    return "ok", Qt.PenStyle.SolidLine, False


def _text(
    painter: QPainter, box: QRectF, text: str, type_role: str, role: str, *, right: bool = False
) -> None:
    chosen = font(type_role)
    chosen.setPixelSize(round(chosen.pixelSize() / _grown()))
    painter.setFont(chosen)
    painter.setPen(color(role))
    elided = QFontMetrics(chosen).elidedText(text, Qt.TextElideMode.ElideMiddle, int(box.width()))
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(box, int(side) | int(Qt.AlignmentFlag.AlignVCenter), elided)
