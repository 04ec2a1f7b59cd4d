"""Verification: one line per check, errors first, with a fix where there is one."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QVBoxLayout

from app.model.host import CheckOutcome, CheckResult
from app.ui import formats
from app.ui.manager import Context
from app.ui.widgets.basics import PaneHeader, button
from app.ui.widgets.check_list import CheckList, CheckRow
from app.ui.widgets.notices import explain
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage


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
        self.list = CheckList("Checks")
        self.list.fix_requested.connect(self._on_fix)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.list, 1)

    @property
    def rows(self) -> list[CheckRow]:
        """The findings shown."""
        return self.list.rows

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
        errors = self.list.errors
        return f"{formats.counted(errors, 'error')} to solve" if errors else "Nothing stands in the way"

    def _on_checks(self, checks: Sequence[CheckResult]) -> None:
        self.list.show_checks(checks)
        self.flow.verified = not any(check.outcome is CheckOutcome.ERROR for check in checks)
        self._finish(formats.counted(len(checks), "check"))

    def _on_error(self, error: Exception) -> None:
        self.list.clear()
        title, text, _ = explain(error)
        self._finish(f"{title}. {text}")

    def _finish(self, note: str) -> None:
        self.checking = False
        self.retry.setEnabled(True)
        self.header.note.setText(note)
        self.edited.emit()

    def _on_fix(self, check: CheckResult) -> None:
        made, hosts = self.flow.scenario(), self.context.services.hosts
        typed = check.params.get("path", check.subject)
        host = check.params.get("host", made.replicas[0].host)
        paths = [path for replica in made.replicas for path in replica.paths]
        path = next((p for p in paths if p.decode("utf-8", "replace") == typed), typed.encode())
        self.context.tasks.run(self, lambda: hosts.make_directory(host, path), self._on_fixed, self._on_error)

    def _on_fixed(self, _nothing: object) -> None:
        self.enter()
