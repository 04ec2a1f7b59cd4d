"""Which media a backup begins with, and what follows when one is full: the lower half of the Destination."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QLineEdit, QSpinBox, QVBoxLayout, QWidget

from app.messages import render
from app.model.errors import Problem
from app.model.job import MediaMethod
from app.ui.backup.draft import MediaRules
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field

METHODS = (
    (MediaMethod.APPEND, "Append to media", "Goes on where the last backup of the group ended."),
    (
        MediaMethod.OVERWRITE_SAME,
        "Overwrite same media name, or blank media",
        "The media of the name is emptied first; without one, blank media are used.",
    ),
    (
        MediaMethod.OVERWRITE_ANY,
        "Overwrite same media name, or any media",
        "Else blank media, else any media of the group that is not protected is emptied.",
    ),
)
NO_POOL = "No pool"
_AS_SET = -1


class MediaRulesForm(QWidget):
    """Changes the rules at once and says so with `changed`."""

    changed = Signal()

    def __init__(self, rules: MediaRules, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rules = rules
        self._filling = False
        self.method = QComboBox()
        self.span = QComboBox()
        for value, text, _ in METHODS:
            self.method.addItem(text, value)
            if value is not MediaMethod.APPEND:
                self.span.addItem(text, value)
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setPlaceholderText("Any, or named by date and time")
        self.pool = QComboBox()
        self.pool.addItem(NO_POOL, "")
        self.protect = _days()
        self.wait, self.span_wait = _minutes(), _minutes()
        self.method_field = Field("Media rule", self.method, METHODS[0][2])
        self.warnings = Label("", "body", "warning", wrap=True)
        self.warnings.hide()
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for widget in (
            Label("Backup media", "strong"),
            self.method_field,
            Field("Media name, optional", self.name),
            Field("Media pool", self.pool, "Only its media are used, and new ones come into its save set."),
            Field("Protect new media from being overwritten for", self.protect, unit="days"),
            Field("Wait for a media", self.wait, unit="minutes"),
            Field("When a media is full, the next one", self.span),
            Field("Wait for the next media", self.span_wait, unit="minutes"),
            self.warnings,
        ):
            box.addWidget(widget)
        self.show_rules()
        for combo in (self.method, self.span, self.pool):
            combo.currentIndexChanged.connect(self._on_changed)
        for spin in (self.protect, self.wait, self.span_wait):
            spin.valueChanged.connect(self._on_changed)
        self.name.textChanged.connect(self._on_changed)

    def set_pools(self, names: Sequence[str]) -> None:
        """The pools to choose from; the chosen one stays."""
        if [self.pool.itemData(row) for row in range(1, self.pool.count())] == list(names):
            return
        self._filling = True
        self.pool.clear()
        self.pool.addItem(NO_POOL, "")
        for name in names:
            self.pool.addItem(name, name)
        self.pool.setCurrentIndex(max(0, self.pool.findData(self._rules.pool)))
        self._filling = False
        self._rules.pool = str(self.pool.currentData())

    def show_rules(self) -> None:
        """What the draft says now."""
        rules = self._rules
        self._filling = True
        self.method.setCurrentIndex(self.method.findData(rules.method))
        self.span.setCurrentIndex(self.span.findData(rules.span_method))
        self.name.setText(rules.media_name)
        self.pool.setCurrentIndex(max(0, self.pool.findData(rules.pool)))
        self.protect.setValue(rules.protect_days)
        self.wait.setValue(_AS_SET if rules.media_wait is None else rules.media_wait)
        self.span_wait.setValue(_AS_SET if rules.span_wait is None else rules.span_wait)
        self.method_field.set_hint(METHODS[self.method.currentIndex()][2])
        self._filling = False

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """What the services say of these rules now."""
        self.warnings.setText("\n".join(warning_lines(problems)))
        self.warnings.setVisible(bool(problems))

    def _on_changed(self) -> None:
        if self._filling:
            return
        rules = self._rules
        rules.method = MediaMethod(self.method.currentData())
        rules.span_method = MediaMethod(self.span.currentData())
        rules.media_name = self.name.text().strip()
        rules.pool = str(self.pool.currentData())
        rules.protect_days = self.protect.value()
        rules.media_wait = None if self.wait.value() == _AS_SET else self.wait.value()
        rules.span_wait = None if self.span_wait.value() == _AS_SET else self.span_wait.value()
        self.method_field.set_hint(METHODS[self.method.currentIndex()][2])
        self.changed.emit()


def warning_lines(problems: Sequence[Problem]) -> list[str]:
    """Each warning as a sentence."""
    return [render(problem.code, problem.params).text for problem in problems]


def method_words(method: MediaMethod) -> str:
    """The rule as the form names it."""
    return next(text for value, text, _ in METHODS if value is method)


def _days() -> QSpinBox:
    made = QSpinBox()
    made.setRange(0, 36_500)
    made.setSpecialValueText("Not protected")
    made.setFixedWidth(theme().px(130))
    return made


def _minutes() -> QSpinBox:
    made = QSpinBox()
    made.setRange(_AS_SET, 10_080)
    made.setSpecialValueText("As the server is set")
    made.setFixedWidth(theme().px(170))
    return made
