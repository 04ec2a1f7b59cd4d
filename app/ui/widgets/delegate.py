"""The one delegate: paints a cell from its `Cell` value, nothing else."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import (
    QAbstractItemModel,
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
)
from PySide6.QtGui import QColor, QFontMetrics, QMouseEvent, QPainter, QPen
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from app.ui.formats import visible
from app.ui.icons import pixmap
from app.ui.models.cell import Cell, ItemRole, Mark, MarkerBox, RowKind
from app.ui.theme import color, font, theme

Index = QModelIndex | QPersistentModelIndex
PADDING = 8
_BADGE_ROLES = {"done": "ok", "running": "info", "old": "warning", "none": "disabled", "failed": "error"}


class CellDelegate(QStyledItemDelegate):
    """Paints content only; the view paints background, selection and lines."""

    def __init__(self, row_height: int, parent: Any = None) -> None:
        super().__init__(parent)
        self.row_height = row_height

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: N802, D102, ARG002
        return QSize(60, theme().px(self.row_height))

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        cell = index.data(ItemRole.CELL)
        if isinstance(cell, Cell):
            first = index.column() == 0
            flat = first and getattr(option.widget, "flat", False)
            rect = option.rect.adjusted(14, 0, 0, 0) if flat else option.rect
            paint_cell(painter, rect, cell, option.widget, first=first)

    def editorEvent(  # noqa: N802, D102 - Qt's name
        self,
        event: QEvent,
        model: QAbstractItemModel,
        option: QStyleOptionViewItem,
        index: Index,
    ) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease and isinstance(event, QMouseEvent):
            cell = index.data(ItemRole.CELL)
            if isinstance(cell, Cell) and cell.marker is not None and not cell.marker.gray:
                flat = getattr(option.widget, "flat", False)
                rect = option.rect.adjusted(14 if flat and index.column() == 0 else 0, 0, 0, 0)
                box = marker_rect(rect, first=index.column() == 0).adjusted(-4, -5, 4, 5)
                if box.contains(event.position().toPoint()):
                    return model.setData(index, None, Qt.ItemDataRole.CheckStateRole)
        return False


def marker_rect(rect: QRect, *, first: bool) -> QRect:
    """Where the marker of a cell is."""
    left = rect.left() + (2 if first else PADDING)
    size = theme().px(14)
    return QRect(left, rect.center().y() + 1 - size // 2, size, size)


def paint_cell(painter: QPainter, rect: QRect, cell: Cell, widget: Any, *, first: bool) -> None:
    """Paint one cell into `rect`."""
    ratio = widget.devicePixelRatioF() if widget is not None else 1.0
    enabled = widget is None or widget.isEnabled()
    painter.save()
    painter.setClipRect(rect)
    left = rect.left() + (2 if first else PADDING)
    right = rect.right() - PADDING
    if cell.marker is not None:
        paint_marker(painter, marker_rect(rect, first=first), cell.marker)
        left += theme().px(14) + 6
    line_height = QFontMetrics(font("body")).height()
    middle = rect.center().y() + 1
    if cell.second:
        middle = rect.top() + rect.height() // 2 - line_height // 2 + 1
    if cell.icon:
        size = theme().px(16)
        shot = pixmap(cell.icon, cell.icon_role if enabled else "disabled", size, ratio)
        painter.drawPixmap(left, middle - size // 2, shot)
        left += size + 6
    for name, state in cell.badges:
        paint_badge(painter, QRect(left, rect.center().y() - 9, 20, 20), name, state, ratio)
        left += 24
    if cell.bar is not None:
        left = _paint_bar(painter, rect, left, cell)
    text_font = font("code" if cell.mono else "strong" if cell.bold else "medium" if cell.medium else "body")
    metrics = QFontMetrics(text_font)
    width = max(0, right - left)
    text = visible(cell.text)
    mode = Qt.TextElideMode.ElideMiddle if cell.middle else Qt.TextElideMode.ElideRight
    painter.setFont(text_font)
    painter.setPen(color(cell.role if enabled else "disabled"))
    side = Qt.AlignmentFlag.AlignRight if cell.right else Qt.AlignmentFlag.AlignLeft
    flags = int(side) | int(Qt.AlignmentFlag.AlignVCenter) | int(Qt.TextFlag.TextSingleLine)
    box = QRect(left, middle - line_height, width, line_height * 2)
    painter.drawText(box, flags, metrics.elidedText(text, mode, width))
    if cell.tag is not None:
        used = left + metrics.horizontalAdvance(text) + 8
        height = max(20, QFontMetrics(font("micro")).height() + 4)
        room = QRect(used, rect.center().y() - height // 2 + 1, right - used, height)
        _paint_tag(painter, room, cell.tag, ratio)
    if cell.beside:
        used = metrics.horizontalAdvance(text) + 8
        small = font("small")
        if used + QFontMetrics(small).horizontalAdvance(cell.beside) <= width:
            painter.setFont(small)
            painter.setPen(color("muted"))
            painter.drawText(box.adjusted(used, 0, 0, 0), flags, cell.beside)
    if cell.second:
        small = font("small")
        painter.setFont(small)
        painter.setPen(color(cell.second_role))
        below = QRect(left, middle + line_height // 2, width, line_height)
        elided = QFontMetrics(small).elidedText(visible(cell.second), Qt.TextElideMode.ElideRight, width)
        painter.drawText(below, flags, elided)
    painter.restore()


def _paint_tag(painter: QPainter, room: QRect, tag: tuple[str, str, str], ratio: float) -> None:
    text, icon, role = tag
    micro = font("micro")
    width = QFontMetrics(micro).horizontalAdvance(text) + 30
    if width > room.width():
        return
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color(f"{role}_soft"))
    painter.drawRoundedRect(QRectF(room.left(), room.top(), width, room.height()), 4, 4)
    painter.drawPixmap(room.left() + 6, room.center().y() - 6, pixmap(icon, role, 14, ratio))
    painter.setFont(micro)
    painter.setPen(color(role))
    painter.drawText(room.adjusted(24, 0, 0, 0), int(Qt.AlignmentFlag.AlignVCenter), text)


def _paint_bar(painter: QPainter, rect: QRect, left: int, cell: Cell) -> int:
    width = min(58, max(20, rect.right() - left - PADDING - (50 if cell.text else 0)))
    track = QRectF(left, rect.center().y() - 2, width, 6)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color("track"))
    painter.drawRoundedRect(track, 3, 3)
    share = min(1.0, max(0.0, cell.bar or 0.0))
    if share > 0:
        painter.setBrush(color(cell.bar_role))
        painter.drawRoundedRect(QRectF(track.left(), track.top(), max(6.0, width * share), 6), 3, 3)
    return left + width + 8


def paint_badge(painter: QPainter, rect: QRect, name: str, state: str, ratio: float) -> None:
    """One 20 px proof badge."""
    role = _BADGE_ROLES[state]
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    if state == "none":
        pen = QPen(color("marker_gray"))
        pen.setStyle(Qt.PenStyle.DotLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(rect).adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)
    else:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(f"{role}_soft"))
        painter.drawRoundedRect(QRectF(rect), 4, 4)
    shot = pixmap("x" if state == "failed" else name, role, 14, ratio)
    painter.drawPixmap(rect.left() + 3, rect.top() + 3, shot)
    painter.restore()


def paint_marker(painter: QPainter, rect: QRect, marker: MarkerBox) -> None:
    """A marker box: green for objects (14 px), gray for groups (12 px)."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, on=False)
    colour: QColor = color("marker_gray" if marker.gray else "marker")
    box = rect.adjusted(1, 1, -1, -1) if marker.gray else rect
    frame = box.adjusted(0, 0, -1, -1)
    painter.setPen(QPen(colour, 1))
    painter.setBrush(colour if marker.mark is Mark.FULL else color("surface"))
    painter.drawRect(frame)
    if marker.mark is Mark.PARTIAL:
        painter.fillRect(frame.adjusted(2, 2, -(frame.width() // 2), -1), colour)
    elif marker.mark is Mark.FULL and not marker.gray:
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(color("surface"), 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
        x, y, grown = box.left(), box.top(), box.width() / 14
        tick = ((3.2, 7.2), (6, 10), (10.8, 4.2))
        painter.drawPolyline([QPointF(x + right * grown, y + down * grown) for right, down in tick])
    painter.restore()


def is_group(index: Index) -> bool:
    """Whether the row spans all columns."""
    return index.data(ItemRole.KIND) is RowKind.GROUP
