"""What the options of a backup and of a restore have in common: Pre/Post, Job Log, Alert, and the frame."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QRadioButton,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)

from app.model.job_log import JobLogLevel
from app.ui.backup.options import JOB_LOG, CommandText
from app.ui.dialogs.alert_page import AlertPage
from app.ui.dialogs.commands_form import CommandsForm
from app.ui.help.desk import help_button
from app.ui.manager import Context
from app.ui.widgets.basics import Label, Line, button, standard_button


class JobOptionsDialog(QDialog):
    """Tabs above pages. A subclass makes its pages, then calls `lay_out`, and checks in its `accept`.

    `alerts_wanted`: the options were agreed to, and the alerts are to be shown.
    """

    alerts_wanted = Signal()

    def __init__(
        self,
        context: Context,
        commands: CommandText,
        job_log: JobLogLevel,
        levels: Sequence[JobLogLevel],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Options")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.commands = CommandsForm()
        self.commands.show_text(commands)
        self.job_log = {level: QRadioButton(JOB_LOG[level].title) for level in levels}
        self.job_log[job_log].setChecked(True)
        self.alerts = AlertPage(context)
        self.alerts.alerts_wanted.connect(self._on_alerts_wanted)
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Options")
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.pages = QStackedWidget()
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.said = Label("", "body", "error", wrap=True)
        self.ok = button("Use these options", "primary")
        self.ok.setDefault(True)
        self.ok.clicked.connect(self.accept)

    def lay_out(
        self, pages: Sequence[tuple[str, QWidget]], after_log: Sequence[tuple[str, QWidget]] = ()
    ) -> None:
        """Put the pages in, then Job Log and Alert, which both kinds of job have last."""
        log, alert = ("Job Log", self._log_page()), ("Alert", page(self.alerts))
        for title, content in (*pages, log, *after_log, alert):
            self.tabs.addTab(title)
            self.pages.addWidget(_scrolled(content))
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

    def show_tab(self, title: str) -> None:
        """Bring the page of that title to the front."""
        titles = [self.tabs.tabText(at) for at in range(self.tabs.count())]
        self.tabs.setCurrentIndex(titles.index(title))

    def level(self) -> JobLogLevel:
        """The chosen level of the job's log."""
        return next(level for level, choice in self.job_log.items() if choice.isChecked())

    def refuse(self, fault: str, tab: int) -> None:
        """Say what is wrong, with its tab in front."""
        self.tabs.setCurrentIndex(tab)
        self.said.setText(fault)

    def _on_alerts_wanted(self) -> None:
        """What was typed is kept; a fault keeps the dialog open."""
        self.accept()
        if self.result() == QDialog.DialogCode.Accepted:
            self.alerts_wanted.emit()

    def _log_page(self) -> QWidget:
        widgets: list[QWidget] = [Label("What the job's log holds", "strong")]
        for level, choice in self.job_log.items():
            hint = Label(JOB_LOG[level].hint, "small", "muted", wrap=True)
            hint.setContentsMargins(24, 0, 0, 6)
            choice.setAccessibleDescription(JOB_LOG[level].hint)
            widgets += [choice, hint]
        return page(*widgets)


def page(*widgets: QWidget) -> QWidget:
    """A page of the dialog, from the top on."""
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(20, 16, 20, 16)
    box.setSpacing(8)
    for widget in widgets:
        box.addWidget(widget)
    box.addStretch(1)
    return holder


def _scrolled(content: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(content)
    return area
