"""When a staging group copies its sessions on: after a delay, at a time of day, before purge, or never."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QTime, QTimeZone, Signal
from PySide6.QtWidgets import QCheckBox, QComboBox, QSpinBox, QTimeEdit, QVBoxLayout, QWidget

from app.model.staging import MOST_MINUTES, CopyWhen, StagingPolicy
from app.ui.backup.rules import DAY_NAMES, DAYS
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import column_of, grid_of, row_of
from app.ui.widgets.form import Field

_AT_ONCE = "at_once"
CHOICES: tuple[tuple[str, str, str], ...] = (
    (_AT_ONCE, "As soon as it is written", ""),
    (CopyWhen.AFTER, "After a delay", ""),
    (CopyWhen.AT, "At a time of day", "What was written by then; a time that was missed is made up for."),
    (
        CopyWhen.BEFORE_PURGE,
        "Only before it is purged",
        "What is old enough, or in the way when the group is too full. The newest of each volume stays.",
    ),
    (CopyWhen.NEVER, "Do not copy data", ""),
)
_UNITS = (("minutes", 1), ("hours", 60), ("days", 1440))


class CopyTimeForm(QWidget):
    """`changed` at every edit."""

    changed = Signal()

    def __init__(self, policy: StagingPolicy, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._zone = policy.time_zone or bytes(QTimeZone.systemTimeZoneId().data()).decode()
        self.when = QComboBox()
        for value, text, _hint in CHOICES:
            self.when.addItem(text, value)
        self.when_field = Field("Copy data", self.when)
        self.after = QSpinBox()
        self.after.setRange(1, MOST_MINUTES)
        self.after.setFixedWidth(theme().px(110))
        self.unit = QComboBox()
        self.unit.setAccessibleName("Unit of the delay")
        for text, _minutes in _UNITS:
            self.unit.addItem(text)
        self.time = QTimeEdit(QTime.fromString(policy.copy_at or "22:00", "HH:mm"))
        self.time.setDisplayFormat("HH:mm")
        self.time.setFixedWidth(theme().px(110))
        self.days = [QCheckBox(name) for name in DAY_NAMES]
        self._delay = row_of(Field("Delay after the backup", self.after), self.unit)
        self._clock = column_of(
            row_of(Field("Time", self.time, unit=self._zone)),
            Label("Days, none = every day", "small_medium", "text2"),
            grid_of(self.days),
        )
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for widget in (self.when_field, self._delay, self._clock):
            box.addWidget(widget)
        self._show_policy(policy)
        self._show()
        self.when.currentIndexChanged.connect(self._on_changed)
        self.unit.currentIndexChanged.connect(self._on_changed)
        self.after.valueChanged.connect(self._on_changed)
        self.time.timeChanged.connect(self._on_changed)
        for day in self.days:
            day.toggled.connect(self._on_changed)

    @property
    def copies(self) -> bool:
        """Whether anything is copied."""
        return bool(self.when.currentData() != CopyWhen.NEVER)

    def put_into(self, policy: StagingPolicy) -> StagingPolicy:
        """The policy with this time of its copies."""
        chosen = self.when.currentData()
        if chosen == _AT_ONCE:
            return replace(policy, copy_when=CopyWhen.AFTER, copy_after_minutes=0)
        if chosen == CopyWhen.AFTER:
            minutes = self.after.value() * _UNITS[self.unit.currentIndex()][1]
            return replace(policy, copy_when=CopyWhen.AFTER, copy_after_minutes=minutes)
        if chosen == CopyWhen.AT:
            days = [name for name, box in zip(DAYS, self.days, strict=True) if box.isChecked()]
            return replace(
                policy,
                copy_when=CopyWhen.AT,
                copy_at=self.time.time().toString("HH:mm"),
                copy_days="" if len(days) in (0, len(DAYS)) else ",".join(days),
                time_zone=self._zone,
            )
        return replace(policy, copy_when=CopyWhen(chosen))

    def _show_policy(self, policy: StagingPolicy) -> None:
        minutes = policy.copy_after_minutes
        at_once = policy.copy_when is CopyWhen.AFTER and not minutes
        self.when.setCurrentIndex(self.when.findData(_AT_ONCE if at_once else policy.copy_when.value))
        whole = max(at for at, (_text, length) in enumerate(_UNITS) if minutes % length == 0)
        unit = whole if minutes else 0
        self.unit.setCurrentIndex(unit)
        self.after.setValue(minutes // _UNITS[unit][1] if minutes else 60)
        for name, box in zip(DAYS, self.days, strict=True):
            box.setChecked(bool(policy.copy_days) and name in policy.days)

    def _show(self) -> None:
        chosen = self.when.currentData()
        self._delay.setVisible(chosen == CopyWhen.AFTER)
        self._clock.setVisible(chosen == CopyWhen.AT)
        self.when_field.set_hint(next(hint for value, _text, hint in CHOICES if value == chosen))

    def _on_changed(self) -> None:
        self._show()
        self.changed.emit()
