"""One figure of a plan that is also a filter."""

from __future__ import annotations

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QAbstractButton, QSizePolicy

from app.model.restore import RestoreAction
from app.ui import formats
from app.ui.icons import pixmap
from app.ui.restore.plan_items import ACTIONS
from app.ui.theme import color, font, theme

_NOTES = {
    RestoreAction.CREATE: "not there now",
    RestoreAction.OVERWRITE: "content is replaced",
    RestoreAction.RENAME: "both are kept",
    RestoreAction.SKIP: "stay as they are",
    RestoreAction.DELETE: "removed",
}


class PlanCount(QAbstractButton):
    """One figure that is also a filter: icon, number, word, and a note below."""

    def __init__(self, action: RestoreAction) -> None:
        super().__init__()
        self.action = action
        self.number = 0
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAttribute(Qt.WidgetAttribute.WA_Hover)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.show_count(0)
        theme().changed.connect(self.updateGeometry)

    def show_count(self, count: int) -> None:
        """Show the figure; zero is muted and filters nothing."""
        word = ACTIONS[self.action].text
        self.number = count
        self.setEnabled(count > 0)
        self.setAccessibleName(f"{count:,} {word}, {_NOTES[self.action]}")
        self.setToolTip(f"List only what this does: {word}" if count else "")
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        note = QFontMetrics(font("small")).horizontalAdvance(_NOTES[self.action])
        return QSize(note + 52, theme().px(56))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        look = ACTIONS[self.action]
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box = QRectF(self.rect()).adjusted(1, 1, -1, -1)
        if self.isChecked() or self.hasFocus():
            painter.setPen(QPen(color("accent"), 2 if self.hasFocus() else 1))
            painter.setBrush(color("accent_soft") if self.isChecked() else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box, 5, 5)
        elif self.underMouse() and self.isEnabled():
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color("hover"))
            painter.drawRoundedRect(box, 5, 5)
        role = look.role if self.number else "muted"
        half = self.height() // 2
        painter.drawPixmap(8, half - 20, pixmap(look.icon, role, 20, self.devicePixelRatioF()))
        middle = int(Qt.AlignmentFlag.AlignVCenter)
        figure = formats.count(self.number)
        painter.setFont(font("figure"))
        painter.setPen(color("text" if self.number else "muted"))
        painter.drawText(QRect(36, 2, self.width() - 40, half), middle, figure)
        left = 36 + QFontMetrics(font("figure")).horizontalAdvance(figure) + 8
        painter.setFont(font("medium"))
        painter.setPen(color(role))
        room = self.width() - left
        word = QFontMetrics(font("medium")).elidedText(look.text, Qt.TextElideMode.ElideRight, room)
        painter.drawText(QRect(left, 3, room, half), middle, word)
        painter.setFont(font("small"))
        painter.setPen(color("muted"))
        note = QFontMetrics(font("small")).elidedText(
            _NOTES[self.action], Qt.TextElideMode.ElideRight, self.width() - 40
        )
        painter.drawText(QRect(36, half, self.width() - 36, half - 2), middle, note)
        painter.end()
