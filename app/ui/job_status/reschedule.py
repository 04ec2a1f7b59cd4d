"""Change when a job runs next; its repetition stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from PySide6.QtCore import QDateTime
from PySide6.QtWidgets import QDateTimeEdit, QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.model.job import Job, Schedule
from app.ui.widgets.basics import Label, standard_button


class RescheduleDialog(QDialog):
    """Date and time of the next run."""

    def __init__(self, job: Job, parent: QWidget) -> None:
        super().__init__(parent)
        self._job = job
        self.setWindowTitle("Reschedule")
        self.setMinimumWidth(480)
        at = job.execution_at
        first = QDateTime.fromSecsSinceEpoch(int(at.timestamp())) if at else QDateTime.currentDateTime()
        self.at = QDateTimeEdit(first)
        self.at.setDisplayFormat("yyyy-MM-dd HH:mm:ss")
        self.at.setCalendarPopup(True)
        self.at.setAccessibleName("Next run")
        self.buttons = QDialogButtonBox()
        apply = self.buttons.addButton("Reschedule job", QDialogButtonBox.ButtonRole.AcceptRole)
        apply.setProperty("kind", "primary")
        apply.setDefault(True)
        standard_button(self.buttons, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        layout.addWidget(Label(f"When does job {job.id}, {job.name}, run next?", "subject", wrap=True))
        if job.schedule.repeat:
            layout.addWidget(
                Label("It goes on repeating by its rule from then on.", "body", "muted", wrap=True)
            )
        layout.addWidget(Label("Next run", "small_medium", "text2"))
        layout.addWidget(self.at)
        layout.addSpacing(8)
        layout.addWidget(self.buttons)

    def schedule(self) -> Schedule:
        """The job's schedule with the new time."""
        at = datetime.fromtimestamp(self.at.dateTime().toSecsSinceEpoch(), UTC)
        return replace(self._job.schedule, run_at=at)
