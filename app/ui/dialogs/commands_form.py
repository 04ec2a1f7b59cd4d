"""The commands before and after a job, as a form."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QHBoxLayout,
    QLineEdit,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from app.model.commands import OnExit
from app.ui.backup.options import ON_EXIT, RESULTS, CommandText
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field

_UNLESS = {"failed": "Job fails", "incomplete": "Job incomplete", "finished": "Job complete"}
_UNLESS_WORDS = {**_UNLESS, "canceled": "Job canceled"}


class CommandsForm(QWidget):
    """The commands before and after; `changed` on every edit."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.before = _command("/usr/local/bin/before-job")
        self.after = _command("/usr/local/bin/after-job")
        self.before_field = Field(
            "Run command before job",
            self.before,
            "A program of the server's machine by its absolute path, with its arguments; no shell.",
        )
        self.after_field = Field("Run command after job", self.after)
        self.wait = QCheckBox("On exit code")
        self.code = QSpinBox()
        self.code.setRange(0, 255)
        self.code.setAccessibleName("Exit code")
        self.then = QComboBox()
        self.then.setAccessibleName("What follows that exit code")
        for value, text in ON_EXIT:
            self.then.addItem(text, value)
        self.delay = QSpinBox()
        self.delay.setRange(0, 1440)
        self.delay.setFixedWidth(theme().px(110))
        self.unless = {word: QCheckBox(_UNLESS_WORDS[word]) for word in RESULTS}
        exit_row = QHBoxLayout()
        for widget in (self.wait, self.code, self.then):
            exit_row.addWidget(widget)
        exit_row.addStretch(1)
        unless = QHBoxLayout()
        for box in self.unless.values():
            box.setAccessibleName(f"Do not run the command after if {box.text()}")
            unless.addWidget(box)
        unless.addStretch(1)
        delay = QHBoxLayout()
        delay.addWidget(Field("Delay before the job runs", self.delay, unit="minutes"))
        delay.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.before_field)
        layout.addLayout(exit_row)
        layout.addLayout(delay)
        layout.addSpacing(8)
        layout.addWidget(self.after_field)
        layout.addWidget(Label("Do not run command if", "small_medium", "text2"))
        layout.addLayout(unless)
        for line in (self.before, self.after):
            line.textChanged.connect(self._on_changed)
        for spin in (self.code, self.delay):
            spin.valueChanged.connect(self._on_changed)
        for box in (self.wait, *self.unless.values()):
            box.toggled.connect(self._on_changed)
        self.then.currentIndexChanged.connect(self._on_changed)

    def show_text(self, text: CommandText) -> None:
        """Show what was typed before."""
        self._filling = True
        self.before.setText(text.before)
        self.after.setText(text.after)
        self.wait.setChecked(text.wait)
        self.code.setValue(text.exit_code)
        self.then.setCurrentIndex(self.then.findData(text.on_exit))
        self.delay.setValue(text.delay_minutes)
        for word, box in self.unless.items():
            box.setChecked(word in text.unless)
        self._filling = False
        self._show_faults()

    def text(self) -> CommandText:
        """What is typed."""
        return CommandText(
            self.before.text(),
            self.wait.isChecked(),
            self.code.value(),
            OnExit(self.then.currentData()),
            self.delay.value(),
            self.after.text(),
            frozenset(word for word, box in self.unless.items() if box.isChecked()),
        )

    def _on_changed(self) -> None:
        if not self._filling:
            self._show_faults()
            self.changed.emit()

    def _show_faults(self) -> None:
        text = self.text()
        runs = bool(text.before.strip())
        self.wait.setEnabled(runs)
        for widget in (self.code, self.then, self.delay):
            widget.setEnabled(runs and text.wait)
        for box in self.unless.values():
            box.setEnabled(bool(text.after.strip()))
        self.before_field.set_fault(CommandText(before=text.before).fault())
        self.after_field.set_fault(CommandText(after=text.after).fault())


def _command(example: str) -> QLineEdit:
    made = QLineEdit()
    made.setMaxLength(2000)
    made.setPlaceholderText(example)
    return made
