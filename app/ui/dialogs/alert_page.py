"""Who is told how a job ended: a page of the options of a job. Alerts hold for all jobs alike."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.model.alert import AlertEvent, AlertTarget
from app.ui.alerts.words import METHODS
from app.ui.manager import Context
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.boxes import column_of, row_of
from app.ui.widgets.notices import explain

_TELLS = (
    AlertEvent.FINISHED,
    AlertEvent.INCOMPLETE,
    AlertEvent.CANCELED,
    AlertEvent.FAILED,
    AlertEvent.CRASHED,
)


class AlertPage(QWidget):
    """Reads the alerts when it is made. `alerts_wanted`: their manager."""

    alerts_wanted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        manage = button("Alerts…", "link")
        manage.setAccessibleName("Open the alerts")
        manage.clicked.connect(self.alerts_wanted)
        self._told = QVBoxLayout()
        self._told.setSpacing(6)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(6)
        layout.addWidget(Label("Who is told how the job ended", "strong"))
        layout.addWidget(
            Label("Alerts are the same for all jobs of this server.", "body", "muted", wrap=True)
        )
        layout.addLayout(self._told)
        layout.addWidget(row_of(manage))
        context.tasks.run(self, context.services.alerts.targets, self._on_targets, self._on_no_targets)

    def _on_targets(self, targets: Sequence[AlertTarget]) -> None:
        rows = [_target(one) for one in targets if one.enabled and set(one.events) & set(_TELLS)]
        nobody = "Nobody is told: there is no alert for the end of a job."
        self._told.addWidget(column_of(*(rows or [Label(nobody, "body", "warning", wrap=True)])))

    def _on_no_targets(self, error: Exception) -> None:
        self._told.addWidget(Label(explain(error)[0], "body", "error", wrap=True))


def _target(one: AlertTarget) -> QWidget:
    method = METHODS[one.method]
    ends = [event.value for event in _TELLS if event in one.events]
    words = Label(f"{one.name}: {', '.join(ends)}", "body", wrap=False)
    words.setToolTip(one.address)
    return row_of(IconLabel(method.icon, method.role, 16), words)
