"""Submit Job: what the job does at the right, its name and first run at the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal, SignalInstance
from PySide6.QtWidgets import (
    QDialog,
    QDialogButtonBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.model.host import CheckResult
from app.model.job import Job
from app.ui.backup.summary import Fact
from app.ui.help.desk import help_button
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, button
from app.ui.widgets.check_list import CheckList
from app.ui.widgets.form import Field
from app.ui.widgets.notices import ProblemCard
from app.ui.widgets.schedule_form import ScheduleForm


class SubmitJobDialog(QDialog):
    """`prepare(name)` gives the call that makes the job on a task thread; `submitted(job)` when it is queued.

    A refused job leaves the dialog open with the reason. `back_wanted`: the person goes back one step.
    """

    submitted = Signal(object)
    back_wanted = Signal()

    def __init__(
        self,
        context: Context,
        name: str,
        suggestion: str,
        form: ScheduleForm,
        facts: Callable[[], Sequence[Fact]],
        prepare: Callable[[str], Callable[[], Job]],
        check: Callable[[], Sequence[CheckResult]] | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Submit Job")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(context.settings.value("backup/submit_size") or QSize(theme().px(840), theme().px(560)))
        self._context = context
        self._prepare = prepare
        self._facts = facts
        self._check = check
        self.checks = CheckList("Preflight check")
        self.check_again = button("Run again", "link")
        self.check_again.setAccessibleName("Run the preflight check again")
        self.check_again.clicked.connect(self.run_checks)
        self.form = form
        self._act = "Submit job"
        self.name = QLineEdit(name)
        self.name.setPlaceholderText(suggestion)
        self.name.setMaxLength(200)
        self.problem = ProblemCard()
        self.problem.hide()
        self.problem.retried.connect(self._on_submit)
        self.submit_button = button(self._act, "primary")
        self.submit_button.setDefault(True)
        self.submit_button.clicked.connect(self._on_submit)
        self.back = button("Back")
        self.back.clicked.connect(self._on_back)
        self._side = QVBoxLayout()
        self._lay_out()
        self._show_facts()
        self.name.setFocus()
        self.run_checks()

    def run_checks(self) -> None:
        """Ask server, hosts and media; a job can be submitted whatever they say."""
        if self._check is None:
            return
        self.check_again.setEnabled(False)
        self.check_again.setText("Checking…")
        self._context.tasks.run(self, self._check, self._on_checked, self._on_not_checked, key="preflight")

    def _on_checked(self, found: Sequence[CheckResult]) -> None:
        self.checks.show_checks(found)
        self._on_not_checked(None)

    def _on_not_checked(self, error: Exception | None) -> None:
        self.check_again.setEnabled(True)
        self.check_again.setText("Run again")
        if error is not None:
            self.problem.show_error(error)

    def refresh_facts_with(self, changed: SignalInstance) -> None:
        """Show the summary anew whenever `changed` comes."""
        changed.connect(self._show_facts)

    def say_replaces(self, job_id: int) -> None:
        """The job takes the place of one that is in the queue."""
        self.setWindowTitle(f"Modify job {job_id}")
        self._act = "Modify job"
        self.submit_button.setText(self._act)

    def done(self, result: int) -> None:
        """Closed: the size is kept."""
        self._context.settings.setValue("backup/submit_size", self.size())
        super().done(result)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setContentsMargins(20, 16, 20, 16)
        left.setSpacing(8)
        left.addWidget(Field("Job name, optional", self.name, "Shown in the job queue and in the log"))
        left.addSpacing(4)
        left.addWidget(Line())
        left.addSpacing(4)
        left.addWidget(self.form)
        left.addSpacing(8)
        left.addWidget(self.problem)
        if self._check is None:
            left.addStretch(1)
        else:
            head = QHBoxLayout()
            head.addWidget(Label("Preflight check", "strong"))
            head.addStretch(1)
            head.addWidget(self.check_again)
            left.addWidget(Line())
            left.addLayout(head)
            left.addWidget(self.checks, 1)
        inner = QFrame()
        inner.setProperty("kind", "sunken")
        self._side.setContentsMargins(20, 16, 20, 16)
        self._side.setSpacing(12)
        inner.setLayout(self._side)
        side = QScrollArea()
        side.setWidgetResizable(True)
        side.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        side.setWidget(inner)
        side.setMinimumWidth(theme().px(310))
        side.setAccessibleName("What this job does")
        upper = QHBoxLayout()
        upper.setSpacing(0)
        upper.addLayout(left, 1)
        upper.addWidget(Line(vertical=True))
        upper.addWidget(side)
        buttons = QDialogButtonBox()
        buttons.addButton(self.submit_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addWidget(self.back)
        foot.addStretch(1)
        foot.insertWidget(0, help_button())
        foot.addWidget(buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(upper, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def _show_facts(self) -> None:
        while (item := self._side.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.setParent(None)
                widget.deleteLater()
        self._side.addWidget(Label("What this job does", "strong"))
        for fact in self._facts():
            self._side.addWidget(_fact_row(fact))
        self._side.addStretch(1)

    def _on_submit(self) -> None:
        self._set_busy(True)
        self.problem.hide()
        call = self._prepare(self.name.text().strip())
        self._context.tasks.run(self, call, self._on_submitted, self._on_refused)

    def _set_busy(self, busy: bool) -> None:
        self.submit_button.setEnabled(not busy)
        self.submit_button.setText("Submitting…" if busy else self._act)
        self.back.setEnabled(not busy)

    def _on_submitted(self, job: Any) -> None:
        self._set_busy(False)
        self.submitted.emit(job)
        self.accept()

    def _on_refused(self, error: Exception) -> None:
        self._set_busy(False)
        self.problem.show_error(error)

    def _on_back(self) -> None:
        self.back_wanted.emit()
        self.reject()


def _fact_row(fact: Fact) -> QWidget:
    holder = QWidget()
    row = QHBoxLayout(holder)
    row.setContentsMargins(0, 0, 0, 0)
    row.setSpacing(10)
    icon = IconLabel(fact.icon, "warning" if fact.warning else "text2")
    row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
    words = QVBoxLayout()
    words.setSpacing(1)
    words.addWidget(Label(fact.caption, "small", "muted"))
    words.addWidget(Label(fact.text, "medium", wrap=True))
    if fact.detail:
        words.addWidget(Label(fact.detail, "small", "warning" if fact.warning else "text2", wrap=True))
    row.addLayout(words, 1)
    holder.setAccessibleName(f"{fact.caption}: {fact.text}. {fact.detail}".strip())
    return holder
