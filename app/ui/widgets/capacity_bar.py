"""How a volume is used: coloured pieces with their legend, free space last, and a mark."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.ui import formats
from app.ui.theme import color, font, theme

_BAR = 10
_GAP = 2


class Piece(NamedTuple):
    """One part of the volume: what, how much, and its colour role."""

    name: str
    size_bytes: int
    role: str


class CapacityBar(QWidget):
    """Pieces of a total; what is left of it is free. The legend wraps into as many lines as it needs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._pieces: tuple[Piece, ...] = ()
        self._total = 0
        self._free: int | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme().changed.connect(self._on_theme_changed)

    def set_pieces(self, pieces: Sequence[Piece], total: int, free: int | None) -> None:
        """Show parts of `total` bytes; `free` is told in the legend (None = not known)."""
        self._pieces = tuple(piece for piece in pieces if piece.size_bytes > 0)
        self._total, self._free = total, free
        words = [f"{name} {formats.size(size)}" for name, size, _ in self._legend()]
        self.setAccessibleName("Space, " + ", ".join(words) if words else "Space, not known")
        self._fit()
        self.update()

    def _legend(self) -> list[Piece]:
        found = list(self._pieces)
        if self._free is not None:
            found.append(Piece("Free", self._free, "track"))
        return found

    def _text(self, piece: Piece) -> str:
        size = formats.size(piece.size_bytes)
        return f"{size} of {formats.size(self._total)}" if piece.name == "Free" and self._total else size

    def _lines(self) -> list[list[tuple[int, Piece]]]:
        """The legend's entries with their left edges, line by line."""
        plain, strong = QFontMetrics(font("small")), QFontMetrics(font("strong"))
        lines: list[list[tuple[int, Piece]]] = [[]]
        left = 0
        for piece in self._legend():
            width = 18 + plain.horizontalAdvance(piece.name) + 8 + strong.horizontalAdvance(self._text(piece))
            if lines[-1] and left + width > self.width():
                lines.append([])
                left = 0
            lines[-1].append((left, piece))
            left += width + 22
        return lines

    def _fit(self) -> None:
        row = theme().px(22)
        self.setFixedHeight(_BAR + 8 + row * max(1, len(self._lines())))

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(320, self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), _BAR, color("track"))
        left = 0.0
        for piece in self._pieces:
            width = self.width() * piece.size_bytes / self._total if self._total else 0.0
            # A piece that is there is seen, however small.
            shown = max(3.0, width - _GAP)
            painter.fillRect(QRectF(left, 0, min(shown, self.width() - left), _BAR), color(piece.role))
            left += max(3.0 + _GAP, width)
        row = theme().px(22)
        for number, line in enumerate(self._lines()):
            for edge, piece in line:
                self._paint_entry(painter, edge, _BAR + 8 + number * row, row, piece)
        painter.end()

    def _paint_entry(self, painter: QPainter, left: int, top: int, height: int, piece: Piece) -> None:
        box = QRectF(left + 0.5, top + height / 2 - 4.5, 9, 9)
        painter.setPen(QPen(color("border"), 1) if piece.role == "track" else Qt.PenStyle.NoPen)
        painter.setBrush(color(piece.role))
        painter.drawRect(box)
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        painter.setFont(font("small"))
        painter.setPen(color("text2"))
        named = QFontMetrics(font("small")).horizontalAdvance(piece.name)
        painter.drawText(QRectF(left + 18, top, named + 2, height), middle, piece.name)
        painter.setFont(font("strong"))
        painter.setPen(color("text"))
        painter.drawText(QRectF(left + 18 + named + 8, top, 400, height), middle, self._text(piece))

    def _on_theme_changed(self) -> None:
        self._fit()
        self.update()
