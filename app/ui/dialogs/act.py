"""The frame of every dialog that does one thing: what it does, its fields, and one button."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractScrollArea,
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QHBoxLayout,
    QLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.ui.abstract import Abstract
from app.ui.manager import Context
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.form import Field
from app.ui.widgets.notices import ProblemCard


class ActDialog(Abstract, QDialog):
    """Fill `form`; override `fault` (what is missing, "" = nothing) and `call` (made on the GUI thread, run
    on a task thread). `submitted(result)` when it was carried out or queued; a refusal stays in the dialog.

    With `gate` the button waits until that name is typed.
    """

    submitted = Signal(object)

    def __init__(
        self,
        context: Context,
        title: str,
        text: str,
        action: str,
        parent: QWidget | None = None,
        *,
        width: int = 480,
        gate: str = "",
        danger: bool = False,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(theme().px(width))
        self.context = context
        self._busy = False
        self.title = Label(title, "subject", wrap=True)
        self.text = Label(text, "body", "text2", wrap=True)
        self.text.setVisible(bool(text))
        self.form = QVBoxLayout()
        self.form.setSpacing(10)
        self.gate = gate
        self.typed = QLineEdit()
        self.typed.textChanged.connect(self.refresh)
        self.gate_field = Field(f"Type {gate} to go on", self.typed)
        self.gate_field.setVisible(bool(gate))
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self.submit)
        self.action = button(action, "danger" if danger or gate else "primary")
        self.action.setDefault(not (danger or gate))
        self.action.clicked.connect(self.submit)
        self.cancel = button("Cancel")
        self.cancel.setDefault(bool(danger or gate))
        self.cancel.clicked.connect(self.reject)
        self.foot = QHBoxLayout()
        self.foot.setContentsMargins(20, 12, 20, 12)
        self.foot.setSpacing(8)
        self.foot.addStretch(1)
        self.foot.addWidget(self.action)
        self.foot.addWidget(self.cancel)
        body = QVBoxLayout()
        body.setContentsMargins(20, 18, 20, 16)
        body.setSpacing(10)
        body.addWidget(self.title)
        body.addWidget(self.text)
        body.addLayout(self.form, 1)
        body.addWidget(self.gate_field)
        body.addWidget(self.problem)
        self._inner = QWidget()
        self._inner.setLayout(body)
        # On a small screen with large type the fields scroll, and the buttons stay.
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(self._inner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(area, 1)
        layout.addWidget(Line())
        layout.addLayout(self.foot)

    def set_gate(self, name: str) -> None:
        """Ask for this name to be typed; "" = for none any more."""
        self.gate = name
        self.gate_field.label.setText(f"Type {name} to go on")
        self.typed.setAccessibleName(f"Type {name} to go on")
        self.gate_field.setVisible(bool(name))
        self.refresh()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)
        self.fit()
        self._order()
        first = self.typed if self.gate else self._first_field()
        if first is not None:
            first.setFocus()

    def _order(self) -> None:
        """Tab goes through the fields as they are read, then to the buttons."""
        fields = [*self._fields(self.form), self.typed]
        for before, after in pairwise([*fields, *self._fields(self.foot)]):
            QWidget.setTabOrder(before, after)

    def _first_field(self) -> QWidget | None:
        """Where typing begins; of what is done without a word, the button that Enter presses."""
        usable = (one for one in self._fields(self.form) if one.isVisible() and one.isEnabled())
        default = self.action if self.action.isDefault() and self.action.isEnabled() else self.cancel
        return next(usable, default)

    def _fields(self, layout: QLayout) -> list[QWidget]:
        """What Tab stops at within a layout, in its order."""
        found: list[QWidget] = []
        for position in range(layout.count()):
            item = layout.itemAt(position)
            if item is None:
                continue
            inner, widget = item.layout(), item.widget()
            if inner is not None:
                found += self._fields(inner)
            elif widget is not None:
                found += _stops(widget)
        return found

    def fit(self) -> None:
        """As high as what is shown needs, where the screen has the room."""
        layout = self._inner.layout()
        if layout is None or not self.isVisible():
            return
        layout.activate()
        width = max(self.width(), self._inner.minimumSizeHint().width())
        tall = layout.hasHeightForWidth()
        wanted = layout.totalHeightForWidth(width) if tall else layout.totalSizeHint().height()
        height = wanted + self.foot.sizeHint().height() + 14
        room = room_of(self)
        if width != self.width() or height > self.height():
            self.resize(min(width, room.width()), min(max(height, self.height()), room.height() - 40))

    def fault(self) -> str:
        """What is missing or wrong, as the tooltip of the button; "" = it can be pressed."""
        return ""

    @abstractmethod
    def call(self) -> Callable[[], Any]:
        """The service call, with what was typed."""

    def refresh(self) -> None:
        """The button, after any change."""
        reason = self.fault()
        if not reason and self.gate and self.typed.text() != self.gate:
            reason = f"Type {self.gate} exactly as it is written"
        self.action.setEnabled(not reason and not self._busy)
        self.action.setToolTip(reason)
        self.fit()

    def submit(self) -> None:
        """Carry it out, if nothing is missing."""
        self.refresh()
        if not self.action.isEnabled():
            return
        self._busy = True
        self.problem.hide()
        self.refresh()
        self.context.tasks.run(self, self.call(), self._on_done, self._on_refused)

    def _on_done(self, result: Any) -> None:
        self._busy = False
        self.submitted.emit(result)
        self.accept()

    def _on_refused(self, error: Exception) -> None:
        self._busy = False
        self.problem.show_error(error)
        self.refresh()


def _stops(widget: QWidget) -> list[QWidget]:
    """The widget where Tab stops at it, then what is in it, as it was made."""
    whole = isinstance(widget, QAbstractItemView | QAbstractSpinBox | QComboBox)
    area = isinstance(widget, QAbstractScrollArea) and not whole
    found = [widget] if widget.focusPolicy() & Qt.FocusPolicy.TabFocus and not area else []
    if not whole:
        for child in widget.findChildren(QWidget, options=Qt.FindChildOption.FindDirectChildrenOnly):
            found += _stops(child)
    return found
