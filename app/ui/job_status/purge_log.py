"""Purge the activity log by age."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from PySide6.QtWidgets import QSpinBox, QWidget

from app.ui import formats
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.form import Field


class PurgeLogDialog(ActDialog):
    """`submitted(how many lines)`."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(
            context,
            "Purge the activity log?",
            "Lines older than this are deleted for good, of all jobs. Jobs and sessions stay. Export first "
            "what is to be kept.",
            "Purge",
            parent,
            danger=True,
        )
        self.days = QSpinBox()
        self.days.setRange(1, 36_500)
        self.days.setValue(180)
        self.days.setFixedWidth(theme().px(110))
        self.field = Field("Older than", self.days, " ", unit="days")
        self.days.valueChanged.connect(self.refresh)
        self.form.addWidget(self.field)
        self.refresh()

    @property
    def before(self) -> datetime:
        """What is older goes."""
        return datetime.now(UTC) - timedelta(days=self.days.value())

    def fault(self) -> str:
        """The day from which on lines stay is said."""
        self.field.set_hint(f"Lines from {formats.local(self.before):%Y-%m-%d} on stay.")
        return ""

    def call(self) -> Callable[[], Any]:
        """Delete them."""
        return partial(self.context.services.log.purge, self.before)
