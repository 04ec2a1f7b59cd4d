"""When a job runs: now, at a time, or held; and how it repeats."""

from __future__ import annotations

from datetime import UTC, datetime

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QComboBox,
    QDateTimeEdit,
    QHBoxLayout,
    QRadioButton,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.job import Schedule
from app.ui.backup.rules import DAY_NAMES, Repeat, Rule
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field

_CHOICES = (
    ("Once", Repeat.ONCE),
    ("Every n minutes", Repeat.MINUTES),
    ("Every n hours", Repeat.HOURS),
    ("Every n days", Repeat.DAYS),
    ("Every n weeks", Repeat.WEEKS),
    ("Days of week", Repeat.WEEKDAYS),
    ("Day of month", Repeat.MONTH_DAY),
)


class ScheduleForm(QWidget):
    """`changed` on every edit. With `repeats` False only the first run is asked for."""

    changed = Signal()

    def __init__(self, *, repeats: bool = True, parent: QWidget | None = None) -> None:
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
        self.repeat = QComboBox()
        self.repeat.addItems([name for name, _ in _CHOICES])
        self.repeat.currentIndexChanged.connect(self._on_changed)
        self.every = QSpinBox()
        self.every.setRange(1, 999)
        self.every.setFixedWidth(theme().px(90))
        self.every.valueChanged.connect(self._on_changed)
        self.month_day = QSpinBox()
        self.month_day.setRange(1, 31)
        self.month_day.setFixedWidth(theme().px(90))
        self.month_day.valueChanged.connect(self._on_changed)
        self.days = [QCheckBox(name) for name in DAY_NAMES]
        week = QWidget()
        row = QHBoxLayout(week)
        row.setContentsMargins(0, 0, 0, 0)
        for position, box in enumerate(self.days):
            box.setChecked(position < 5)
            box.toggled.connect(self._on_changed)
            row.addWidget(box)
        row.addStretch(1)
        self._details = QStackedWidget()
        for page in (
            QWidget(),
            _left(Field("Interval", self.every)),
            week,
            _left(Field("Day", self.month_day, "29 to 31: the last day of the month")),
        ):
            self._details.addWidget(page)
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
            layout.addWidget(Label("Repeat", "strong"))
            self.repeat.setFixedWidth(theme().px(190))
            layout.addWidget(_left(Field("Repeat method", self.repeat)))
            layout.addWidget(self._details)
        layout.addWidget(self._words)
        self._on_changed()

    @property
    def on_hold(self) -> bool:
        """Whether the job enters the queue on hold."""
        return self.hold.isChecked()

    def rule(self) -> Rule:
        """The repetition."""
        weekdays = frozenset(position for position, box in enumerate(self.days) if box.isChecked())
        return Rule(
            _CHOICES[self.repeat.currentIndex()][1], self.every.value(), weekdays, self.month_day.value()
        )

    def schedule(self) -> Schedule:
        """What the form says."""
        at = (
            datetime.fromtimestamp(self.when.dateTime().toSecsSinceEpoch(), UTC)
            if self.at.isChecked()
            else None
        )
        zone = bytes(self.when.dateTime().timeZone().id().data()).decode()
        return Schedule(at, self.rule().text(), zone)

    def fault(self) -> str:
        """What is wrong, or ""."""
        return self.rule().fault()

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
        repeat = self.rule().repeat
        page = {Repeat.ONCE: 0, Repeat.WEEKDAYS: 2, Repeat.MONTH_DAY: 3}.get(repeat, 1)
        self._details.setCurrentIndex(page)
        self._details.setVisible(page > 0)
        self.when.setEnabled(self.at.isChecked())
        fault = self.fault()
        self._words.setText(fault or self.words())
        self._words.set_role("error" if fault else "text2")
        self.changed.emit()


def _left(widget: QWidget) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.addWidget(widget)
    row.addStretch(1)
    return holder
