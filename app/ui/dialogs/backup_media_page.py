"""Which media a backup begins with, and what follows when one is full: a page of its options."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QSpinBox, QVBoxLayout, QWidget

from app.model.errors import Problem
from app.model.job import MediaMethod
from app.ui.backup.draft import MediaRules
from app.ui.backup.media_words import METHODS, warning_lines
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field

_AS_SET = -1


class BackupMediaPage(QWidget):
    """Changes the rules at once and says so with `changed`."""

    changed = Signal()

    def __init__(self, rules: MediaRules, *, rotation: bool = False, parent: QWidget | None = None) -> None:
        """`rotation`: the schedule names the media of each run, and how they are begun."""
        super().__init__(parent)
        self._rules = rules
        self.method = _choices("First backup media", tuple(MediaMethod), rules.method, self)
        spans = tuple(one for one in MediaMethod if one is not MediaMethod.APPEND)
        self.span = _choices("Additional backup media", spans, rules.span_method, self)
        self.protect = QSpinBox()
        self.protect.setRange(0, 36_500)
        self.protect.setSpecialValueText("Not protected")
        self.protect.setValue(rules.protect_days)
        self.protect.setFixedWidth(theme().px(130))
        self.wait, self.span_wait = _minutes(rules.media_wait), _minutes(rules.span_wait)
        self.rotation = Label(
            "The rotation of the schedule names media and pool of each run, and how they are begun.",
            "body",
            "text2",
            wrap=True,
        )
        self.rotation.setVisible(rotation)
        self.warnings = Label("", "body", "warning", wrap=True)
        self.warnings.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        box.addWidget(Label("First backup media", "strong"))
        box.addWidget(self.rotation)
        for choice, hint in self.method.values():
            choice.setEnabled(not rotation)
            box.addLayout(_explained(choice, hint))
        box.addWidget(row_of(Field("Timeout for first media", self.wait, unit="minutes")))
        box.addWidget(self.warnings)
        box.addSpacing(12)
        box.addWidget(Label("Additional backup media, when one is full", "strong"))
        for choice, hint in self.span.values():
            box.addLayout(_explained(choice, hint))
        box.addWidget(row_of(Field("Timeout for additional media", self.span_wait, unit="minutes")))
        box.addSpacing(12)
        box.addWidget(Label("New media", "strong"))
        box.addWidget(
            row_of(Field("Protect new media from being overwritten for", self.protect, unit="days"))
        )
        for choice, _hint in (*self.method.values(), *self.span.values()):
            choice.toggled.connect(self._on_changed)
        for spin in (self.protect, self.wait, self.span_wait):
            spin.valueChanged.connect(self._on_changed)

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """What the services say of these rules now."""
        self.warnings.setText("\n".join(warning_lines(problems)))
        self.warnings.setVisible(bool(problems))

    def _on_changed(self) -> None:
        rules = self._rules
        rules.method, rules.span_method = _chosen(self.method), _chosen(self.span)
        rules.protect_days = self.protect.value()
        rules.media_wait, rules.span_wait = _waits(self.wait), _waits(self.span_wait)
        self.changed.emit()


_Choices = dict[MediaMethod, tuple[QRadioButton, str]]


def _choices(of: str, methods: tuple[MediaMethod, ...], chosen: MediaMethod, owner: QWidget) -> _Choices:
    group = QButtonGroup(owner)
    made: _Choices = {}
    for value, text, hint in METHODS:
        if value in methods:
            choice = QRadioButton(text)
            choice.setAccessibleName(f"{of}: {text}")
            choice.setAccessibleDescription(hint)
            choice.setChecked(value is chosen)
            group.addButton(choice)
            made[value] = choice, hint
    return made


def _chosen(choices: _Choices) -> MediaMethod:
    return next(value for value, (choice, _hint) in choices.items() if choice.isChecked())


def _explained(choice: QRadioButton, hint: str) -> QVBoxLayout:
    below = Label(hint, "small", "muted", wrap=True)
    below.setContentsMargins(24, 0, 0, 0)
    made = QVBoxLayout()
    made.setSpacing(0)
    made.addWidget(choice)
    made.addWidget(below)
    return made


def _minutes(value: int | None) -> QSpinBox:
    made = QSpinBox()
    made.setRange(_AS_SET, 10_080)
    made.setSpecialValueText("As the server is set")
    made.setValue(_AS_SET if value is None else value)
    made.setFixedWidth(theme().px(170))
    return made


def _waits(spin: QSpinBox) -> int | None:
    return None if spin.value() == _AS_SET else spin.value()
