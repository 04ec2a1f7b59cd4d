"""When a job runs: now, at a time, or held; and how it repeats."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import QButtonGroup, QDateTimeEdit, QHBoxLayout, QRadioButton, QVBoxLayout, QWidget

from app.model.job import Schedule
from app.ui.backup.repeat_form import RepeatForm
from app.ui.backup.rules import Repeat, Rule
from app.ui.theme import theme
from app.ui.widgets.basics import Label


class ScheduleForm(QWidget):
    """`changed` on every edit. With `repeats` False only the first run is asked for; `rotation`: of media."""

    changed = Signal()

    def __init__(self, *, repeats: bool = True, rotation: bool = True, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.now = QRadioButton("Run now")
        self.at = QRadioButton("Run on")
        self.hold = QRadioButton("Submit on hold")
        self.now.setChecked(True)
        self._group = QButtonGroup(self)
        self.when = QDateTimeEdit(QDateTime.currentDateTime().addSecs(3600))
        self.when.setDisplayFormat("yyyy-MM-dd HH:mm")
        self.when.setCalendarPopup(True)
        self.when.setAccessibleName("Date and time of the first run")
        self.when.setEnabled(False)
        self.when.setFixedWidth(theme().px(190))
        for choice in (self.now, self.at, self.hold):
            self._group.addButton(choice)
            choice.toggled.connect(self._on_changed)
        self.when.dateTimeChanged.connect(self._on_changed)
        self.repetition = RepeatForm(rotation=rotation)
        self.repetition.changed.connect(self._on_changed)
        self.repeat = self.repetition.method
        self._words = Label("", "body", "text2", wrap=True)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(Label("First run", "strong"))
        layout.addWidget(self.now)
        first = QHBoxLayout()
        first.addWidget(self.at)
        first.addWidget(self.when)
        first.addStretch(1)
        layout.addLayout(first)
        layout.addWidget(self.hold)
        if repeats:
            layout.addSpacing(12)
            layout.addWidget(self.repetition)
        else:
            self.repetition.setParent(self)
            self.repetition.hide()
        # Beside the repetition its runs are listed, in words too.
        self._words.setVisible(not repeats)
        layout.addWidget(self._words)
        self._on_changed()

    @property
    def on_hold(self) -> bool:
        """Whether the job enters the queue on hold."""
        return self.hold.isChecked()

    @property
    def rotates(self) -> bool:
        """Whether a rotation names the media of each run."""
        return self.rule().repeat is Repeat.ROTATION

    def rule(self) -> Rule:
        """The repetition."""
        return self.repetition.rule()

    def schedule(self) -> Schedule:
        """What the form says; nothing of it is faulty."""
        at = (
            datetime.fromtimestamp(self.when.dateTime().toSecsSinceEpoch(), UTC)
            if self.at.isChecked()
            else None
        )
        zone = bytes(self.when.dateTime().timeZone().id().data()).decode()
        rule = self.rule()
        return Schedule(
            at,
            rule.text(),
            zone,
            self.repetition.excluded(),
            self.repetition.catch_up.isChecked(),
            rule.rotation(),
        )

    def show_schedule(self, schedule: Schedule, *, hold: bool = False) -> None:
        """Show a schedule: of a job that is modified, or of a script."""
        if schedule.run_at is not None:
            self.when.setDateTime(QDateTime.fromSecsSinceEpoch(int(schedule.run_at.timestamp())))
        (self.hold if hold else self.now if schedule.run_at is None else self.at).setChecked(True)
        self.repetition.show_schedule(schedule)

    def begin_anew(self) -> None:
        """Once, now."""
        self.show_schedule(Schedule())

    def fault(self) -> str:
        """What is wrong, or ""."""
        return self.repetition.fault()

    def words(self) -> str:
        """In a sentence."""
        if self.on_hold:
            first = "Waits on hold until it is set Ready"
        elif self.at.isChecked():
            first = f"Runs on {self.when.dateTime().toString('yyyy-MM-dd HH:mm')}"
        else:
            first = "Runs now"
        rule = self.rule()
        return first if rule.repeat is Repeat.ONCE else f"{first}, then {rule.words()}"

    def _on_changed(self) -> None:
        self.when.setEnabled(self.at.isChecked())
        fault = self.fault()
        self._words.setText(fault or self.words())
        self._words.set_role("error" if fault else "text2")
        self.changed.emit()
