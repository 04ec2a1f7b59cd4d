"""States as icon, colour and word: the status vocabulary, its label and its pill."""

from __future__ import annotations

from typing import NamedTuple

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from app.model.events import Severity
from app.model.host import CheckOutcome
from app.model.job import JobResult, JobStatus
from app.model.scenario import ReplicaState, ScenarioState
from app.ui.icons import pixmap
from app.ui.models.cell import Cell
from app.ui.theme import color, font, theme
from app.ui.widgets.basics import IconLabel, Label


class Status(NamedTuple):
    """The word of a state, its icon and its colour role."""

    text: str
    icon: str
    role: str


SCENARIO: dict[ScenarioState, Status] = {
    ScenarioState.REPLICATING: Status("Replicating", "circle-play", "ok"),
    ScenarioState.SYNCHRONIZING: Status("Synchronizing", "refresh-cw", "info"),
    ScenarioState.STARTING: Status("Starting", "loader", "info"),
    ScenarioState.STOPPING: Status("Stopping", "loader", "muted"),
    ScenarioState.STOPPED: Status("Stopped", "circle-stop", "muted"),
    ScenarioState.PROBLEM: Status("Problem", "octagon-alert", "error"),
    ScenarioState.NOT_AUTHORIZED: Status("Not authorized", "key-round", "error"),
    ScenarioState.UNKNOWN: Status("Unknown", "unplug", "warning"),
}

REPLICA: dict[ReplicaState, Status] = {
    ReplicaState.STOPPED: Status("Stopped", "circle-stop", "muted"),
    ReplicaState.CONNECTING: Status("Connecting", "loader", "info"),
    ReplicaState.SYNCHRONIZING: Status("Synchronizing", "refresh-cw", "info"),
    ReplicaState.REPLICATING: Status("Replicating", "circle-play", "ok"),
    ReplicaState.SUSPENDED: Status("Suspended", "circle-pause", "warning"),
    ReplicaState.ASSURED_RECOVERY: Status("Assured Recovery", "flask-conical", "info"),
    ReplicaState.REWINDING: Status("Rewinding", "rewind", "info"),
    ReplicaState.BRAKED: Status("Braked", "hand", "error"),
    ReplicaState.DISCONNECTED: Status("Disconnected", "unplug", "error"),
    ReplicaState.PROBLEM: Status("Problem", "octagon-alert", "error"),
}

IN_SYNC = Status("In sync", "circle-check", "ok")

JOB: dict[JobStatus, Status] = {
    JobStatus.READY: Status("Ready", "clock", "info"),
    JobStatus.ACTIVE: Status("Active", "play", "accent"),
    JobStatus.HOLD: Status("Hold", "pause", "muted"),
    JobStatus.DONE: Status("Done", "check", "muted"),
}

RESULT: dict[JobResult, Status] = {
    JobResult.FINISHED: Status("Finished", "circle-check", "ok"),
    JobResult.INCOMPLETE: Status("Incomplete", "triangle-alert", "warning"),
    JobResult.CANCELED: Status("Canceled", "circle-slash", "muted"),
    JobResult.FAILED: Status("Failed", "circle-x", "error"),
    JobResult.RUN_FAILED: Status("Run Failed", "octagon-x", "error"),
    JobResult.CRASHED: Status("Crashed", "zap", "error"),
}

SEVERITY: dict[Severity, Status] = {
    Severity.INFORMATION: Status("Information", "info", "muted"),
    Severity.SIGNIFICANT: Status("Significant", "circle-dot", "info"),
    Severity.WARNING: Status("Warning", "triangle-alert", "warning"),
    Severity.ERROR: Status("Error", "circle-x", "error"),
    Severity.CRITICAL: Status("Critical", "octagon-alert", "error"),
}

CHECK: dict[CheckOutcome, Status] = {
    CheckOutcome.OK: Status("OK", "circle-check", "ok"),
    CheckOutcome.WARNING: Status("Warning", "triangle-alert", "warning"),
    CheckOutcome.ERROR: Status("Error", "circle-x", "error"),
}


def status_cell(status: Status, *, second: str = "", tooltip: str = "", bold: bool = False) -> Cell:
    """A cell that shows a state."""
    text_role = "text" if status.role == "muted" else status.role
    return Cell(
        status.text,
        icon=status.icon,
        icon_role=status.role,
        role=text_role,
        second=second,
        tooltip=tooltip,
        bold=bold,
    )


class StatusLabel(QWidget):
    """A state: icon, colour and word."""

    def __init__(self, status: Status, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._icon = IconLabel(status.icon, status.role, 16)
        self._label = Label(status.text, "body", status.role)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(6)
        row.addWidget(self._icon)
        row.addWidget(self._label)
        row.addStretch(1)
        self.set_status(status)

    def set_status(self, status: Status, text: str = "") -> None:
        """Show another state, with `text` in place of its word if given."""
        self._icon.set_icon(status.icon, status.role)
        self._label.set_role(status.role)
        self._label.setText(text or status.text)
        self.setAccessibleName(text or status.text)


class Pill(QWidget):
    """A small soft-filled summary: icon and text."""

    def __init__(self, text: str, icon: str, role: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._text, self._icon, self._role = text, icon, role
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(text)
        theme().changed.connect(self.update)

    def set_pill(self, text: str, icon: str, role: str) -> None:
        """Show something else; hides itself when `text` is empty."""
        self._text, self._icon, self._role = text, icon, role
        self.setAccessibleName(text)
        self.setVisible(bool(text))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802, D102 - Qt's name
        width = QFontMetrics(font("small_medium")).horizontalAdvance(self._text)
        return QSize(width + 22 + theme().px(16), theme().px(22))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802, D102, ARG002 - Qt's name
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(color(f"{self._role}_soft"))
        painter.drawRoundedRect(QRectF(self.rect()), 4, 4)
        size = theme().px(16)
        shot = pixmap(self._icon, self._role, size, self.devicePixelRatioF())
        painter.drawPixmap(7, (self.height() - size) // 2, shot)
        painter.setFont(font("small_medium"))
        painter.setPen(color(self._role))
        room = self.rect().adjusted(13 + size, 0, -6, 0)
        painter.drawText(room, int(Qt.AlignmentFlag.AlignVCenter), self._text)
        painter.end()
