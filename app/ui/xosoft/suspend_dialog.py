"""Suspend until: a day and a time, and what the spool must hold meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from PySide6.QtCore import QDateTime, Signal
from PySide6.QtWidgets import QDateTimeEdit, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.model.errors import UsageError
from app.model.scenario import ScenarioStatus
from app.model.suspending import check_until
from app.ui import formats
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button, standard_button
from app.ui.widgets.form import Field


class SuspendDialog(QDialog):
    """`chosen(datetime)` with a time to come, in UTC."""

    chosen = Signal(object)

    def __init__(self, statuses: Sequence[ScenarioStatus], what: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Suspend {what} until")
        self.setMinimumWidth(theme().px(480))
        first = (datetime.now().astimezone() + timedelta(hours=1)).replace(second=0, microsecond=0)
        self.time = QDateTimeEdit(QDateTime.fromSecsSinceEpoch(int(first.timestamp())))
        self.time.setDisplayFormat("yyyy-MM-dd HH:mm")
        self.time.setCalendarPopup(True)
        self.time.dateTimeChanged.connect(self._show)
        self.field = Field("Resume at", self.time)
        buttons = QDialogButtonBox()
        self.suspend = button("Suspend", "primary")
        self.suspend.setDefault(True)
        buttons.addButton(self.suspend, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_suspend)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(f"Suspend {what} until", "subject", wrap=True))
        layout.addWidget(Label(spool_words(statuses), "body", "text2", wrap=True))
        layout.addWidget(self.field)
        layout.addWidget(buttons)
        self._show()
        self.time.setFocus()

    @property
    def until(self) -> datetime:
        """The time chosen, in UTC."""
        return datetime.fromtimestamp(self.time.dateTime().toSecsSinceEpoch(), UTC)

    def _show(self) -> None:
        left = (self.until - datetime.now(UTC)).total_seconds()
        self.field.set_fault("")
        self.field.set_hint(f"In {formats.duration(left)}" if left > 0 else "")

    def _on_suspend(self) -> None:
        try:
            check_until(self.until)
        except UsageError:
            self.field.set_fault("Choose a time to come, at most a year from now")
            self.time.setFocus()
            return
        self.chosen.emit(self.until)
        self.accept()


def spool_words(statuses: Sequence[ScenarioStatus]) -> str:
    """What happens meanwhile, and how much room the spool has for it."""
    limits = {status.scenario.properties.spool_max_mb for status in statuses}
    limit = min((mb for mb in limits if mb), default=0)
    room = f"The spool may grow to {formats.size(limit * 1024**2)}." if limit else "The spool has no limit."
    return f"Changes are recorded and kept in the spool; the replica stays as it is now. {room}"
