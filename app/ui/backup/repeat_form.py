"""How a job repeats: every method of the reference, days without runs, and what follows a missed run."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QLineEdit,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.job import Schedule
from app.model.recurrence import excluded_days
from app.model.rotation import RotationScheme
from app.ui.backup.rules import DAY_NAMES, DAYS, WEEKS, Repeat, Rule, rule_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import column_of, grid_of, row_of
from app.ui.widgets.form import Field

CHOICES = (
    ("Once", Repeat.ONCE),
    ("Every n minutes", Repeat.MINUTES),
    ("Every n hours", Repeat.HOURS),
    ("Every n days", Repeat.DAYS),
    ("Every n weeks", Repeat.WEEKS),
    ("Every n months", Repeat.MONTHS),
    ("Day(s) of week", Repeat.WEEKDAYS),
    ("Week(s) of month", Repeat.MONTH_WEEKS),
    ("Day of month", Repeat.MONTH_DAY),
    ("Custom", Repeat.CUSTOM),
    ("Rotation scheme", Repeat.ROTATION),
)
SCHEMES = (
    (RotationScheme.FIVE_DAY, "5-day weekly: one media for each working day"),
    (RotationScheme.SEVEN_DAY, "7-day weekly: one media for each day"),
    (RotationScheme.GFS, "GFS, 5-day: daily, weekly and monthly pools"),
    (RotationScheme.GFS_SEVEN_DAY, "GFS, 7-day: daily, weekly and monthly pools"),
)
_WEEK_NAMES = ("First", "Second", "Third", "Fourth", "Fifth", "Last")
_NOTHING, _INTERVAL, _WEEK, _MONTH_WEEKS, _MONTH_DAY, _CUSTOM, _ROTATION = range(7)
_PAGES = {
    Repeat.ONCE: _NOTHING,
    Repeat.WEEKDAYS: _WEEK,
    Repeat.MONTH_WEEKS: _MONTH_WEEKS,
    Repeat.MONTH_DAY: _MONTH_DAY,
    Repeat.CUSTOM: _CUSTOM,
    Repeat.ROTATION: _ROTATION,
}


class RepeatForm(QWidget):
    """`changed` on every edit."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None, *, rotation: bool = True) -> None:
        super().__init__(parent)
        self._filling = False
        self.method = QComboBox()
        self.method.addItems([name for name, kind in CHOICES if rotation or kind is not Repeat.ROTATION])
        self.method.setFixedWidth(theme().px(190))
        self.every = _spin(1, 999)
        self.month_day = _spin(0, 31)
        self.month_day.setSpecialValueText("Last")
        self.month_day.setValue(1)
        self.days = [QCheckBox(name) for name in DAY_NAMES]
        self.weeks = [QCheckBox(name) for name in _WEEK_NAMES]
        self.month_days = [QCheckBox(name) for name in DAY_NAMES]
        self.off = [QCheckBox(name) for name in DAY_NAMES]
        for position, box in enumerate(self.days):
            box.setChecked(position < 5)
        self.weeks[0].setChecked(True)
        self.month_days[0].setChecked(True)
        for box in self.off:
            box.setAccessibleName(f"No runs on {box.text()}")
        self.custom = QLineEdit()
        self.custom.setMaxLength(400)
        self.custom.setPlaceholderText("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1")
        self.scheme = QComboBox()
        for scheme, text in SCHEMES:
            self.scheme.addItem(text, scheme)
        self.prefix = QLineEdit()
        self.prefix.setMaxLength(20)
        self.prefix.setPlaceholderText("NIGHT")
        self.append = QCheckBox("Daily backups of a week go on one media")
        self.dates = QLineEdit()
        self.dates.setMaxLength(400)
        self.dates.setPlaceholderText("2026-12-25, 2027-01-01")
        self.dates_field = Field("Dates without runs", self.dates)
        self.catch_up = QCheckBox("Make a missed run late, once, when the server runs again")
        self.catch_up.setChecked(True)
        self.details = QStackedWidget()
        self._lay_out()
        self._connect()
        self._show_page()

    def _lay_out(self) -> None:
        for page in (
            QWidget(),
            row_of(Field("Interval", self.every)),
            grid_of(self.days),
            column_of(
                Label("Weeks", "small_medium", "text2"),
                grid_of(self.weeks),
                Label("Days", "small_medium", "text2"),
                grid_of(self.month_days),
            ),
            row_of(Field("Day", self.month_day, "A month without that day has the run on its last one.")),
            Field(
                "Recurrence rule",
                self.custom,
                "RFC 5545: FREQ, INTERVAL, BYDAY, BYMONTHDAY, BYMONTH, BYSETPOS, COUNT, UNTIL.",
            ),
            self._rotation_page(),
        ):
            holder = QWidget()
            box = QVBoxLayout(holder)
            box.setContentsMargins(0, 0, 0, 0)
            box.addWidget(page)
            box.addStretch(1)
            self.details.addWidget(holder)
        self.exceptions = column_of(
            Label("Days without runs", "strong"),
            grid_of(self.off),
            self.dates_field,
            self.catch_up,
        )
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(Label("Repeat", "strong"))
        layout.addWidget(row_of(Field("Repeat method", self.method)))
        layout.addWidget(self.details)
        layout.addWidget(self.exceptions)

    def _rotation_page(self) -> QWidget:
        self.prefix.setFixedWidth(theme().px(190))
        return column_of(
            row_of(Field("Scheme", self.scheme)),
            row_of(
                Field(
                    "Prefix of media and pools",
                    self.prefix,
                    "Letters, digits, dots and spaces: _ and - divide the parts of the names.",
                )
            ),
            self.append,
            Label(
                "Scenarios are backed up in full on every day: what rotates is the media.", "small", "muted"
            ),
        )

    def _connect(self) -> None:
        for combo in (self.method, self.scheme):
            combo.currentIndexChanged.connect(self._on_changed)
        for spin in (self.every, self.month_day):
            spin.valueChanged.connect(self._on_changed)
        for box in (*self.days, *self.weeks, *self.month_days, *self.off, self.append, self.catch_up):
            box.toggled.connect(self._on_changed)
        for line in (self.custom, self.prefix, self.dates):
            line.textChanged.connect(self._on_changed)

    def rule(self) -> Rule:
        """The repetition."""
        repeat = CHOICES[self.method.currentIndex()][1]
        return Rule(
            repeat,
            self.every.value(),
            _checked(self.month_days if repeat is Repeat.MONTH_WEEKS else self.days),
            self.month_day.value(),
            tuple(week for week, box in zip(WEEKS, self.weeks, strict=True) if box.isChecked()),
            self.custom.text(),
            RotationScheme(self.scheme.currentData()),
            self.prefix.text(),
            self.append.isChecked(),
        )

    def excluded(self) -> tuple[str, ...]:
        """Days without runs; none for what runs once. Raises ValueError."""
        if self.rule().repeat is Repeat.ONCE:
            return ()
        days = [DAYS[position] for position in sorted(_checked(self.off))]
        return excluded_days(",".join([*days, self.dates.text()]))

    def fault(self) -> str:
        """What is wrong, or ""."""
        try:
            self.excluded()
        except ValueError:
            return "Dates without runs are written 2026-12-25, divided by commas"
        return self.rule().fault()

    def show_schedule(self, schedule: Schedule) -> None:
        """Show the repetition of a schedule."""
        rule = rule_of(schedule)
        self._filling = True
        self.method.setCurrentIndex([kind for _, kind in CHOICES].index(rule.repeat))
        self.every.setValue(rule.every)
        self.month_day.setValue(rule.month_day)
        for position, box in enumerate(self.month_days if rule.repeat is Repeat.MONTH_WEEKS else self.days):
            box.setChecked(position in rule.weekdays or (not rule.weekdays and position < 5))
        for week, box in zip(WEEKS, self.weeks, strict=True):
            box.setChecked(week in rule.weeks)
        self.custom.setText(rule.custom)
        self.scheme.setCurrentIndex(self.scheme.findData(rule.scheme))
        self.prefix.setText(rule.prefix)
        self.append.setChecked(rule.append)
        for day, box in zip(DAYS, self.off, strict=True):
            box.setChecked(day in schedule.excluded)
        self.dates.setText(", ".join(day for day in schedule.excluded if day not in DAYS))
        self.catch_up.setChecked(schedule.catch_up)
        self._filling = False
        self._on_changed()

    def _on_changed(self) -> None:
        if not self._filling:
            self._show_page()
            self.changed.emit()

    def _show_page(self) -> None:
        repeat = self.rule().repeat
        page = _PAGES.get(repeat, _INTERVAL)
        self.details.setCurrentIndex(page)
        self.details.setVisible(page != _NOTHING)
        self.exceptions.setVisible(page != _NOTHING)
        bad = "dates" in self.fault().casefold()
        self.dates_field.set_fault(self.fault() if bad else "")


def _checked(boxes: Sequence[QCheckBox]) -> frozenset[int]:
    return frozenset(position for position, box in enumerate(boxes) if box.isChecked())


def _spin(least: int, most: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(least, most)
    made.setFixedWidth(theme().px(90))
    return made
