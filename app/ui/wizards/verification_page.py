"""Verification: one line per check, errors first, with a fix where there is one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages import render
from app.model.host import CheckOutcome, CheckResult
from app.ui import formats
from app.ui.manager import Context
from app.ui.widgets.basics import IconLabel, Label, PaneHeader, button
from app.ui.widgets.notices import explain
from app.ui.widgets.status import CHECK
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage

_ORDER = {CheckOutcome.ERROR: 0, CheckOutcome.WARNING: 1, CheckOutcome.OK: 2}
_FIXES = {"create_directory": "Create directory"}


class CheckRow(QFrame):
    """One check; `fix_requested(CheckResult)`."""

    fix_requested = Signal(object)

    def __init__(self, check: CheckResult) -> None:
        super().__init__()
        self.check = check
        status = CHECK[check.outcome]
        said = render(check.code, check.params)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 6, 16, 6)
        row.setSpacing(10)
        row.addWidget(IconLabel(status.icon, status.role, 16))
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(check.subject, "medium"))
        finding = (
            f"{said.text}. {said.action}"
            if said.action and check.outcome is not CheckOutcome.OK
            else said.text
        )
        words.addWidget(
            Label(finding, "small", "text2" if check.outcome is CheckOutcome.OK else status.role, wrap=True)
        )
        row.addLayout(words, 1)
        self.setAccessibleName(f"{status.text}: {check.subject}, {finding}")
        self.fix = button(_FIXES.get(check.fix, ""), "small")
        self.fix.setVisible(check.fix in _FIXES)
        self.fix.clicked.connect(self._on_fix_clicked)
        row.addWidget(self.fix)

    def _on_fix_clicked(self) -> None:
        self.fix.setEnabled(False)
        self.fix_requested.emit(self.check)


class VerificationPage(WizardPage):
    """Runs the checks whenever it comes into view and after each fix."""

    sentence = "Verify the scenario"
    line = "Everything the scenario needs is checked on its hosts. Errors must be solved, warnings may stay."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.checking = False
        self.header = PaneHeader("Checks")
        self.retry = button("Check again", "small", "refresh-cw")
        self.retry.clicked.connect(self.enter)
        self.header.add(self.retry)
        self._holder = QWidget()
        self._rows = QVBoxLayout(self._holder)
        self._rows.setContentsMargins(0, 0, 0, 0)
        self._rows.setSpacing(0)
        self._rows.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(scroll, 1)
        self.rows: list[CheckRow] = []

    def enter(self) -> None:
        """Check now."""
        made = self.flow.scenario()
        self.flow.verified, self.flow.verified_as = False, made
        self.checking = True
        self.header.note.setText("Checking…")
        self.retry.setEnabled(False)
        scenarios = self.context.services.scenarios
        self.context.tasks.run(
            self, lambda: scenarios.verify(made), self._on_checks, self._on_error, key="verify"
        )
        self.edited.emit()

    def result(self) -> str:
        """What stands in the way."""
        if self.checking:
            return "Checking…"
        errors = sum(row.check.outcome is CheckOutcome.ERROR for row in self.rows)
        return f"{formats.counted(errors, 'error')} to solve" if errors else "Nothing stands in the way"

    def _on_checks(self, checks: Sequence[CheckResult]) -> None:
        self._clear()
        for check in sorted(checks, key=lambda check: _ORDER[check.outcome]):
            row = CheckRow(check)
            row.fix_requested.connect(self._on_fix)
            self.rows.append(row)
            self._rows.insertWidget(self._rows.count() - 1, row)
        self.flow.verified = not any(check.outcome is CheckOutcome.ERROR for check in checks)
        self._finish(formats.counted(len(checks), "check"))

    def _on_error(self, error: Exception) -> None:
        self._clear()
        title, text, _ = explain(error)
        self._finish(f"{title}. {text}")

    def _finish(self, note: str) -> None:
        self.checking = False
        self.retry.setEnabled(True)
        self.header.note.setText(note)
        self.edited.emit()

    def _clear(self) -> None:
        for row in self.rows:
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        self.rows = []

    def _on_fix(self, check: CheckResult) -> None:
        made, hosts = self.flow.scenario(), self.context.services.hosts
        typed = check.params.get("path", check.subject)
        host = check.params.get("host", made.replicas[0].host)
        paths = [path for replica in made.replicas for path in replica.paths]
        path = next((p for p in paths if p.decode("utf-8", "replace") == typed), typed.encode())
        self.context.tasks.run(self, lambda: hosts.make_directory(host, path), self._on_fixed, self._on_error)

    def _on_fixed(self, _nothing: object) -> None:
        self.enter()
