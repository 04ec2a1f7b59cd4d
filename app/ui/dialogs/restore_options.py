"""Options of a restore job beside its destination: Pre/Post, Job Log, Alert."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QRadioButton,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.model.alert import AlertEvent, AlertTarget
from app.model.job_log import JobLogLevel
from app.ui.alerts.words import METHODS
from app.ui.backup.options import JOB_LOG, CommandText
from app.ui.dialogs.backup_options import CommandsForm
from app.ui.help.desk import help_button
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button, standard_button
from app.ui.widgets.boxes import column_of, row_of
from app.ui.widgets.notices import explain

PRE_POST, LOG, ALERT = range(3)
LEVELS = (JobLogLevel.NONE, JobLogLevel.SUMMARY)
_TELLS = (
    AlertEvent.FINISHED,
    AlertEvent.INCOMPLETE,
    AlertEvent.CANCELED,
    AlertEvent.FAILED,
    AlertEvent.CRASHED,
)


@dataclass(slots=True)
class JobOptions:
    """What is typed. `text` the commands as a person wrote them."""

    text: CommandText = field(default_factory=CommandText)
    job_log: JobLogLevel = JobLogLevel.SUMMARY

    def words(self) -> str:
        """What differs from nothing, in a line."""
        parts = []
        if self.text.before.strip():
            parts.append("a command before")
        if self.text.after.strip():
            parts.append("a command after")
        if JOB_LOG[self.job_log].words:
            parts.append(JOB_LOG[self.job_log].words)
        said = ", ".join(parts)
        return said[:1].upper() + said[1:] if said else "No commands, summary in the log"


class RestoreOptionsDialog(QDialog):
    """Works on a copy; `options` is what was agreed to on OK. `alerts_wanted`: their manager."""

    alerts_wanted = Signal()

    def __init__(self, context: Context, options: JobOptions, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self.options = options
        self.setWindowTitle("Options")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(640), theme().px(500))
        self.commands = CommandsForm()
        self.commands.show_text(options.text)
        self.job_log = {level: QRadioButton(JOB_LOG[level].title) for level in LEVELS}
        self.job_log[options.job_log].setChecked(True)
        self.told = column_of()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Options")
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.pages = QStackedWidget()
        for title, page in (
            ("Pre/Post", self.commands),
            ("Job Log", self._log_page()),
            ("Alert", self._alert_page()),
        ):
            self.tabs.addTab(title)
            self.pages.addWidget(_padded(page))
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.said = Label("", "body", "error", wrap=True)
        self.ok = button("Use these options", "primary")
        self.ok.setDefault(True)
        self.ok.clicked.connect(self.accept)
        buttons = QDialogButtonBox()
        buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.ActionRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.addWidget(help_button())
        foot.addWidget(self.said, 1)
        foot.addWidget(buttons)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(12, 0, 12, 0)
        tabs.addWidget(self.tabs)
        tabs.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(tabs)
        layout.addWidget(Line())
        layout.addWidget(self.pages, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        self.commands.before.setFocus()
        context.tasks.run(self, context.services.alerts.targets, self._on_targets, self._on_no_targets)

    def accept(self) -> None:
        """Faulty commands keep the dialog open."""
        text = self.commands.text()
        if fault := text.fault():
            self.tabs.setCurrentIndex(PRE_POST)
            self.said.setText(fault)
            return
        level = next(level for level, choice in self.job_log.items() if choice.isChecked())
        self.options = JobOptions(text, level)
        super().accept()

    def _log_page(self) -> QWidget:
        widgets: list[QWidget] = [Label("What the job's log holds", "strong")]
        for level, choice in self.job_log.items():
            hint = Label(JOB_LOG[level].hint, "small", "muted", wrap=True)
            hint.setContentsMargins(24, 0, 0, 6)
            choice.setAccessibleDescription(JOB_LOG[level].hint)
            widgets += [choice, hint]
        return column_of(*widgets)

    def _alert_page(self) -> QWidget:
        manage = button("Alerts…", "link")
        manage.setAccessibleName("Open the alerts")
        manage.clicked.connect(self.alerts_wanted)
        return column_of(
            Label("Who is told how the job ended", "strong"),
            Label("Alerts are the same for all jobs.", "body", "muted", wrap=True),
            self.told,
            row_of(manage),
        )

    def _on_targets(self, targets: Sequence[AlertTarget]) -> None:
        rows = [_target(one) for one in targets if one.enabled and set(one.events) & set(_TELLS)]
        layout = self.told.layout()
        assert layout is not None
        for row in rows or [
            Label("Nobody is told: there is no alert for the end of a job.", "body", "warning")
        ]:
            layout.addWidget(row)

    def _on_no_targets(self, error: Exception) -> None:
        layout = self.told.layout()
        assert layout is not None
        layout.addWidget(Label(explain(error)[0], "body", "error", wrap=True))


def _target(one: AlertTarget) -> QWidget:
    method = METHODS[one.method]
    ends = [event.value for event in _TELLS if event in one.events]
    words = Label(f"{one.name}: {', '.join(ends)}", "body", wrap=False)
    words.setToolTip(one.address)
    return row_of(IconLabel(method.icon, method.role, 16), words)


def _padded(page: QWidget) -> QWidget:
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(20, 16, 20, 16)
    box.addWidget(page)
    box.addStretch(1)
    return holder
