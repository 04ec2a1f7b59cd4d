"""The policy of one staging group: when its sessions are copied on, and when they are purged here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QLineEdit, QSpinBox, QWidget

from app.model.staging import MOST_DAYS, StagingPolicy
from app.ui.backup.copy_time_form import CopyTimeForm
from app.ui.backup.thresholds import ThresholdForm
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field

_ALL = "It holds for all sessions of the group, whichever job writes them. "
_TEXT = f"{_ALL}Only what has a copy that can be read is purged, and the newest session of each volume stays."
_WITHOUT_COPIES = f"{_ALL}The newest session of each volume stays."


class StagingDialog(ActDialog):
    """The policy of one group. `submitted` when it is kept."""

    def __init__(
        self,
        context: Context,
        group: str,
        targets: Sequence[str],
        policy: StagingPolicy | None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(
            context,
            f"Staging policy of {group}",
            _TEXT,
            "Keep policy",
            parent,
            width=560,
        )
        self._group = group
        self._before = policy
        known = policy or StagingPolicy(group, targets[0] if targets else "")
        self.target = QComboBox()
        self.target.addItems(list(targets))
        self.target.setCurrentText(known.target)
        self.when = CopyTimeForm(known)
        self.when.changed.connect(self.refresh)
        self.days = QSpinBox()
        self.days.setRange(-1, MOST_DAYS)
        self.days.setSpecialValueText("Not by age")
        self.days.setValue(-1 if known.purge_after_days is None else known.purge_after_days)
        self.days.setFixedWidth(theme().px(130))
        self.purge_field = Field("Purge after", self.days, unit="days")
        self.when_full = QCheckBox("Purge data when used space exceeds the maximum threshold")
        self.when_full.setChecked(known.purge_when_full)
        self.thresholds = ThresholdForm(known)
        self.thresholds.changed.connect(self.refresh)
        self.media = QLineEdit(known.media_name)
        self.media.setMaxLength(64)
        self.media.setPlaceholderText("Any, or named by date and time")
        self.paused = QCheckBox("Pause data migration")
        self.paused.setChecked(known.paused)
        self.target_field = Field("Copy to device group", self.target)
        self.media_field = Field("Name of the media of the copies, optional", self.media)
        for widget in (
            self.when,
            self.target_field,
            self.media_field,
            row_of(self.purge_field),
            self.when_full,
            self.thresholds,
            self.paused,
        ):
            self.form.addWidget(widget)
        self.days.valueChanged.connect(self.refresh)
        self.when_full.toggled.connect(self.refresh)
        self.target.currentIndexChanged.connect(self.refresh)
        self.refresh()

    def policy(self) -> StagingPolicy:
        """What the fields say."""
        plain = StagingPolicy(
            self._group,
            self.target.currentText(),
            purge_after_days=None if self.days.value() < 0 else self.days.value(),
            purge_when_full=self.when_full.isChecked(),
            media_name=self.media.text().strip(),
            paused=self.paused.isChecked(),
        )
        return self.thresholds.put_into(self.when.put_into(plain))

    def fault(self) -> str:
        """What is wrong, or ""."""
        copies = self.when.copies
        self.text.setText(_TEXT if copies else _WITHOUT_COPIES)
        for widget in (self.target_field, self.media_field, self.when_full, self.paused):
            widget.setEnabled(copies)
        self.thresholds.setEnabled(copies and self.when_full.isChecked())
        self.purge_field.label.setText(
            "Purge what was copied after" if copies else "Purge without a copy after"
        )
        self.purge_field.set_hint(
            "" if copies else "The sessions are lost then, but for the newest of each volume.", "warning"
        )
        if copies and not self.target.count():
            return "There is no other device group to copy to: make one in Devices and media"
        fault = self.policy().fault()
        return fault[:1].upper() + fault[1:]

    def call(self) -> Callable[[], Any]:
        """Keep it."""
        return partial(self.context.services.staging.put, self.policy())
