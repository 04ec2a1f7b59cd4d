"""The thresholds of a staging group: percentages of its devices, or sizes in MB or GB."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QSpinBox, QWidget

from app.model.staging import StagingPolicy
from app.ui.theme import theme
from app.ui.widgets.form import Field

PERCENT, MEGABYTES, GIGABYTES = 0, 1, 1024
_UNITS = ((PERCENT, "% used"), (MEGABYTES, "MB used"), (GIGABYTES, "GB used"))
_MOST = 1 << 20


class ThresholdForm(QWidget):
    """`changed` at every edit. What was typed for percentages stays while sizes are looked at."""

    changed = Signal()

    def __init__(self, policy: StagingPolicy, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._percents = (policy.max_percent, policy.purge_to_percent)
        self.unit = QComboBox()
        for value, text in _UNITS:
            self.unit.addItem(text, value)
        self.most, self.least = QSpinBox(), QSpinBox()
        for spin in (self.most, self.least):
            spin.setFixedWidth(theme().px(120))
            spin.setGroupSeparatorShown(True)
        whole = not (policy.max_mb % 1024 or policy.purge_to_mb % 1024)
        unit = PERCENT if not policy.by_size else GIGABYTES if whole else MEGABYTES
        self.unit.setCurrentIndex(self.unit.findData(unit))
        self._show(unit, (policy.max_mb // unit, policy.purge_to_mb // unit) if unit else self._percents)
        self._shown = unit
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(16)
        row.addWidget(Field("Maximum threshold", self.most))
        row.addWidget(Field("Purge to threshold", self.least))
        row.addWidget(Field("Measured in", self.unit))
        row.addStretch(1)
        for spin in (self.most, self.least):
            spin.valueChanged.connect(self._on_typed)
        self.unit.currentIndexChanged.connect(self._on_unit)

    def put_into(self, policy: StagingPolicy) -> StagingPolicy:
        """The policy with these thresholds."""
        unit = int(self.unit.currentData())
        most, least = self.most.value(), self.least.value()
        if unit == PERCENT:
            return replace(policy, max_percent=most, purge_to_percent=least, max_mb=0, purge_to_mb=0)
        return replace(policy, max_mb=most * unit, purge_to_mb=least * unit)

    def _show(self, unit: int, values: tuple[int, int]) -> None:
        for spin, value, (low, high) in zip((self.most, self.least), values, ((2, 99), (1, 98)), strict=True):
            spin.blockSignals(True)
            spin.setRange(low if unit == PERCENT else 1, high if unit == PERCENT else _MOST)
            spin.setValue(value)
            spin.blockSignals(False)

    def _on_typed(self) -> None:
        if int(self.unit.currentData()) == PERCENT:
            self._percents = (self.most.value(), self.least.value())
        self.changed.emit()

    def _on_unit(self) -> None:
        unit, before = int(self.unit.currentData()), self._shown
        values = (self.most.value(), self.least.value())
        self._shown = unit
        if unit == PERCENT:
            self._show(unit, self._percents)
        elif before == PERCENT:
            self._show(unit, (100, 75) if unit == GIGABYTES else (10_240, 7_680))
        else:
            self._show(unit, (max(1, values[0] * before // unit), max(1, values[1] * before // unit)))
        self.changed.emit()
