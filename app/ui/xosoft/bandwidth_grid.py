"""A week as cells of days by hours: marked by mouse or keys, each with its Kbps."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QFontMetrics, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QSizePolicy, QWidget

from app.model.bandwidth import HOURS_A_DAY, HOURS_A_WEEK, BandwidthSchedule
from app.ui.theme import color, font, theme

DAY_NAMES = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
"""Rows from the top; the model's week begins on Monday."""

_DAYS = len(DAY_NAMES)
Cell = tuple[int, int]
"""(row, hour)."""

_MOVES = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


def model_index(cell: Cell) -> int:
    """The place of a cell in `BandwidthSchedule.cells`."""
    return ((cell[0] - 1) % _DAYS) * HOURS_A_DAY + cell[1]


def kbps_text(kbps: int) -> str:
    """A limit in few characters."""
    if not kbps:
        return ""
    if kbps < 1_000:
        return str(kbps)
    figure, unit = (kbps / 1_000, "M") if kbps < 1_000_000 else (kbps / 1_000_000, "G")
    return f"{figure:.0f}{unit}" if figure >= 9.95 or figure == int(figure) else f"{figure:.1f}{unit}"


class BandwidthGrid(QWidget):
    """Drag marks a block; Ctrl adds to what is marked, Shift reaches from the last cell.

    Keys: arrows move, with Shift they mark a block, with Ctrl the marks stay; Space marks or unmarks.
    """

    marked = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._cells = [0] * HOURS_A_WEEK
        self._marks: set[Cell] = set()
        self._before: set[Cell] = set()
        self._anchor: Cell = (1, 8)
        self._cursor: Cell = (1, 8)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setMouseTracking(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName("Bandwidth limit by day and hour")
        theme().changed.connect(self._on_theme_changed)
        self._describe()

    # what it holds

    def schedule(self) -> BandwidthSchedule:
        """What stands in the cells."""
        return BandwidthSchedule(tuple(self._cells))

    def set_schedule(self, schedule: BandwidthSchedule) -> None:
        """Show a schedule."""
        self._cells = list(schedule.cells)
        self.update()
        self._describe()

    def kbps(self, cell: Cell) -> int:
        """The limit in one cell; 0 = unlimited."""
        return self._cells[model_index(cell)]

    def marks(self) -> frozenset[Cell]:
        """The marked cells."""
        return frozenset(self._marks)

    def set_kbps(self, kbps: int) -> None:
        """Give the marked cells a limit; without marks the one with the cursor."""
        for cell in self._marks or {self._cursor}:
            self._cells[model_index(cell)] = kbps
        self.update()
        self._describe()

    def sunday_to_work_days(self) -> None:
        """Give Monday to Friday what Sunday has."""
        sunday = [self.kbps((0, hour)) for hour in range(HOURS_A_DAY)]
        for row in range(1, 6):
            for hour in range(HOURS_A_DAY):
                self._cells[model_index((row, hour))] = sunday[hour]
        self.update()
        self._describe()

    def reset(self) -> None:
        """No limit anywhere, nothing marked."""
        self._cells = [0] * HOURS_A_WEEK
        self._set_marks(set())

    # marking

    def _set_marks(self, marks: set[Cell]) -> None:
        self._marks = marks
        self.update()
        self._describe()
        self.marked.emit()

    def _block(self, first: Cell, last: Cell) -> set[Cell]:
        rows = range(min(first[0], last[0]), max(first[0], last[0]) + 1)
        hours = range(min(first[1], last[1]), max(first[1], last[1]) + 1)
        return {(row, hour) for row in rows for hour in hours}

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        cell = self.cell_at(event.position().toPoint())
        if cell is None or event.button() is not Qt.MouseButton.LeftButton:
            return
        self._cursor = cell
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self._before = set()
            self._set_marks(self._block(self._anchor, cell))
            return
        self._anchor = cell
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._before = set(self._marks)
            self._set_marks(self._marks ^ {cell})
        else:
            self._before = set()
            self._set_marks({cell})

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        cell = self.cell_at(event.position().toPoint(), clamped=bool(event.buttons()))
        if event.buttons() & Qt.MouseButton.LeftButton and cell is not None and cell != self._cursor:
            self._cursor = cell
            self._set_marks(self._before | self._block(self._anchor, cell))
        elif cell is not None:
            self.setToolTip(self._said(cell))

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        key = Qt.Key(event.key())
        if key is Qt.Key.Key_Space:
            self._anchor = self._cursor
            self._set_marks(self._marks ^ {self._cursor})
        elif key is Qt.Key.Key_A and event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._set_marks(self._block((0, 0), (_DAYS - 1, HOURS_A_DAY - 1)))
        elif key in _MOVES or key in (Qt.Key.Key_Home, Qt.Key.Key_End):
            self._move(key, event.modifiers())
        else:
            super().keyPressEvent(event)

    def _move(self, key: Qt.Key, modifiers: Qt.KeyboardModifier) -> None:
        row, hour = self._cursor
        if key in _MOVES:
            row = min(_DAYS - 1, max(0, row + _MOVES[key][0]))
            hour = min(HOURS_A_DAY - 1, max(0, hour + _MOVES[key][1]))
        else:
            hour = 0 if key is Qt.Key.Key_Home else HOURS_A_DAY - 1
        self._cursor = (row, hour)
        if modifiers & Qt.KeyboardModifier.ShiftModifier:
            self._set_marks(self._block(self._anchor, self._cursor))
        else:
            self._anchor = self._cursor
            self._set_marks(
                self._marks if modifiers & Qt.KeyboardModifier.ControlModifier else {self._cursor}
            )

    # looks

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(self._left() + HOURS_A_DAY * theme().px(31), self._top() + _DAYS * theme().px(28) + 1)

    def minimumSizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        return QSize(self._left() + HOURS_A_DAY * theme().px(25), self.sizeHint().height())

    def cell_at(self, position: QPoint, *, clamped: bool = False) -> Cell | None:
        """The cell at a place; None outside of all, or the nearest one."""
        first, last = self.rect_of((0, 0)), self.rect_of((_DAYS - 1, HOURS_A_DAY - 1))
        area = first.united(last)
        if not clamped and not area.contains(position):
            return None
        row = (position.y() - area.top()) * _DAYS // max(1, area.height())
        hour = (position.x() - area.left()) * HOURS_A_DAY // max(1, area.width())
        return min(_DAYS - 1, max(0, row)), min(HOURS_A_DAY - 1, max(0, hour))

    def rect_of(self, cell: Cell) -> QRect:
        """Where a cell is painted."""
        left, top = self._left(), self._top()
        width, height = self.width() - left - 1, theme().px(28)
        x = left + width * cell[1] // HOURS_A_DAY
        return QRect(x, top + cell[0] * height, left + width * (cell[1] + 1) // HOURS_A_DAY - x, height)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.setFont(font("micro"))
        painter.setPen(color("muted"))
        for hour in range(HOURS_A_DAY):
            box = self.rect_of((0, hour))
            painter.drawText(
                QRect(box.left(), 0, box.width(), self._top()), Qt.AlignmentFlag.AlignCenter, f"{hour:02}"
            )
        for row, name in enumerate(DAY_NAMES):
            box = self.rect_of((row, 0))
            painter.setFont(font("small"))
            painter.setPen(color("text2"))
            painter.drawText(
                QRect(0, box.top(), box.left() - 8, box.height()),
                int(Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignRight),
                name,
            )
            painter.setFont(font("micro"))
            for hour in range(HOURS_A_DAY):
                self._paint_cell(painter, (row, hour))
        if self.hasFocus():
            painter.setPen(QPen(color("accent"), 2))
            painter.drawRect(self.rect_of(self._cursor).adjusted(1, 1, -1, -1))
        painter.end()

    def _paint_cell(self, painter: QPainter, cell: Cell) -> None:
        box, kbps, marked = self.rect_of(cell), self.kbps(cell), cell in self._marks
        painter.fillRect(box, color("accent_fill" if marked else "accent_soft" if kbps else "surface"))
        painter.setPen(color("border"))
        painter.drawRect(box)
        painter.setPen(color("on_accent" if marked else "text"))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, kbps_text(kbps))

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().focusInEvent(event)
        self.update()

    def _left(self) -> int:
        return QFontMetrics(font("small")).horizontalAdvance("Wednesday") + 14

    def _top(self) -> int:
        return theme().px(22)

    def _on_theme_changed(self) -> None:
        self.updateGeometry()
        self.update()

    def _said(self, cell: Cell) -> str:
        kbps = self.kbps(cell)
        limit = f"{kbps:,} Kbps" if kbps else "unlimited"
        return f"{DAY_NAMES[cell[0]]} {cell[1]:02}:00 to {cell[1] + 1:02}:00, {limit}"

    def _describe(self) -> None:
        marks = f", {len(self._marks)} marked" if self._marks else ""
        self.setAccessibleDescription(self._said(self._cursor) + marks)
