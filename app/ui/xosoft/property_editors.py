"""One editor per kind of property. All give and take the text form of `scenario set`, and tell of edits."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QHBoxLayout, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.model.bandwidth import BandwidthSchedule, format_bandwidth, parse_bandwidth
from app.model.events import NotifyTrigger, parse_triggers
from app.model.properties import TEXT_MAX
from app.ui.theme import theme
from app.ui.widgets.basics import button
from app.ui.xosoft.property_fields import TRIGGERS, PropertyField, default_of, shown_value


class CheckEditor(QCheckBox):
    """On or off."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__("On")
        self.toggled.connect(self.edited)

    def text_form(self) -> str:
        """What it says."""
        return "true" if self.isChecked() else "false"

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        self.setChecked(text == "true")


class ChoiceEditor(QComboBox):
    """One of a few words."""

    edited = Signal()

    def __init__(self, kind: type[StrEnum]) -> None:
        super().__init__()
        for word in kind:
            self.addItem(shown_value(word), word.value)
        self.currentIndexChanged.connect(self.edited)

    def text_form(self) -> str:
        """What it says."""
        return str(self.currentData())

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        self.setCurrentIndex(self.findData(text))

    def wheelEvent(self, event: Any) -> None:  # noqa: N802, D102 - Qt's name
        event.ignore()


class NumberEditor(QSpinBox):
    """A whole number. Does not change under a wheel that scrolls the page."""

    edited = Signal()

    def __init__(self, least: int, most: int) -> None:
        super().__init__()
        # The sheet's padding does not reach the editor inside a spin box.
        self.lineEdit().setTextMargins(7, 0, 7, 0)
        self.setRange(least, most)
        self.setGroupSeparatorShown(True)
        self.setMinimumWidth(theme().px(110))
        self.valueChanged.connect(self.edited)

    def text_form(self) -> str:
        """What it says."""
        return str(self.value())

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        self.setValue(int(text))

    def wheelEvent(self, event: Any) -> None:  # noqa: N802, D102 - Qt's name
        event.ignore()


class LineEditor(QLineEdit):
    """A line of text."""

    edited = Signal()

    def __init__(self, placeholder: str = "") -> None:
        super().__init__()
        self.setMaxLength(TEXT_MAX)
        self.setPlaceholderText(placeholder)
        self.setMinimumWidth(theme().px(120))
        self.textEdited.connect(self.edited)

    def text_form(self) -> str:
        """What it says."""
        return self.text()

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        if text != self.text():
            self.setText(text)
            self.setCursorPosition(0)


class TriggersEditor(QWidget):
    """What people are told of: any of four."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.boxes = {trigger: QCheckBox(title) for trigger, title in TRIGGERS.items()}
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        for box in self.boxes.values():
            box.toggled.connect(self.edited)
            layout.addWidget(box)
        self.setFocusProxy(self.boxes[NotifyTrigger.LOST_CONNECTION])

    def text_form(self) -> str:
        """What it says."""
        return ",".join(trigger for trigger, box in self.boxes.items() if box.isChecked())

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        chosen = parse_triggers(text)
        for trigger, box in self.boxes.items():
            box.setChecked(trigger in chosen)


class BandwidthEditor(QWidget):
    """The text of a bandwidth limit, and a button that opens its grid."""

    edited = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.line = LineEditor("Unlimited")
        self.line.edited.connect(self.edited)
        self.open = button("Schedule…", "small")
        self.open.clicked.connect(self._on_open)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.line, 1)
        layout.addWidget(self.open)
        self.setFocusProxy(self.line)

    def setAccessibleName(self, name: str) -> None:  # noqa: N802, D102 - Qt's name
        super().setAccessibleName(name)
        self.line.setAccessibleName(name)
        self.open.setAccessibleName(f"{name}: schedule by hour")

    def text_form(self) -> str:
        """What it says."""
        return self.line.text_form()

    def set_text_form(self, text: str) -> None:
        """Show a value."""
        self.line.set_text_form(text)

    def _on_open(self) -> None:
        from app.ui.xosoft.bandwidth_dialog import BandwidthDialog

        try:
            schedule = parse_bandwidth(self.line.text())
        except ValueError:
            schedule = BandwidthSchedule()
        dialog = BandwidthDialog(schedule, self)
        dialog.chosen.connect(self._on_chosen)
        dialog.open()

    def _on_chosen(self, schedule: BandwidthSchedule) -> None:
        self.line.set_text_form(format_bandwidth(schedule))
        self.edited.emit()


Editor = CheckEditor | ChoiceEditor | NumberEditor | LineEditor | TriggersEditor | BandwidthEditor


def editor_for(field: PropertyField) -> Editor:
    """The editor for the kind of a property."""
    default = default_of(field)
    if isinstance(default, bool):
        return CheckEditor()
    if isinstance(default, StrEnum):
        return ChoiceEditor(type(default))
    if isinstance(default, int):
        return NumberEditor(*field.limits)
    if field.name == "notify_on":
        return TriggersEditor()
    return BandwidthEditor() if field.name == "bandwidth" else LineEditor()
