"""The page of the New Scenario wizard that tries both hosts: certificate, log-in, version, clock, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout

from app.model.host import CheckOutcome, CheckResult, Host
from app.ui import formats
from app.ui.hosts.host_dialog import HostDialog
from app.ui.hosts.trust import LOCAL
from app.ui.manager import Context
from app.ui.widgets.basics import PaneHeader, button
from app.ui.widgets.check_list import CheckList
from app.ui.widgets.notices import explain
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage

LOG_IN_CODES = frozenset({"AE1006", "AE1018", "AE1026", "E5121"})
"""What another log-in, or the certificate compared again, puts right."""


class EnginesPage(WizardPage):
    """Both hosts are tried side by side whenever the page comes into view."""

    sentence = "Verify the hosts"
    line = "All hosts are asked through their agents. What stands in the way must be solved to go on."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._asked: tuple[str, ...] = ()
        self._found: dict[str, Sequence[CheckResult]] = {}
        self.header = PaneHeader("Checks")
        self.retry = button("Check again", "small", "refresh-cw")
        self.retry.clicked.connect(self.enter)
        self.header.add(self.retry)
        self.list = CheckList("Checks of the hosts")
        self.list.fix_requested.connect(self._on_fix)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.list, 1)

    @property
    def checking(self) -> bool:
        """Whether an answer is still to come."""
        return len(self._found) < len(self._asked)

    def enter(self) -> None:
        """Try both hosts now."""
        self._asked, self._found = self.flow.hosts, {}
        self.flow.engines_of = ()
        self.list.clear()
        self.header.note.setText("Checking…")
        hosts = self.context.services.hosts
        for name in self._asked:
            self.context.tasks.run(
                self,
                partial(hosts.preflight, name),
                partial(self._on_checks, self._asked, name),
                self._on_error,
                key=f"check {name}",
            )
        self.edited.emit()

    def result(self) -> str:
        """What stands in the way."""
        if self.checking:
            return "Checking…"
        errors = self.list.errors
        return (
            f"{formats.counted(errors, 'error')} to solve"
            if errors
            else ("Both hosts are ready" if len(self._asked) < 3 else "All hosts are ready")
        )

    def _on_checks(self, asked: tuple[str, ...], name: str, checks: Sequence[CheckResult]) -> None:
        if asked != self._asked:
            return
        self._found[name] = [self._fixable(name, check) for check in checks]
        every = [check for host in self._asked for check in self._found.get(host, ())]
        self.list.show_checks(every)
        if not self.checking:
            self.header.note.setText(formats.counted(len(every), "check"))
            if not self.list.errors:
                self.flow.engines_of = asked
        self.edited.emit()

    def _fixable(self, name: str, check: CheckResult) -> CheckResult:
        wrong = check.outcome is CheckOutcome.ERROR and check.code in LOG_IN_CODES and name != LOCAL
        return replace(check, fix="change_login") if wrong else check

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.header.note.setText(f"{title}. {text}")
        self.edited.emit()

    def _on_fix(self, check: CheckResult) -> None:
        name = next((host for host, found in self._found.items() if check in found), check.subject)
        hosts = self.context.services.hosts
        self.context.tasks.run(self, lambda: hosts.show(name), self._on_host, self._on_error)

    def _on_host(self, host: Host) -> None:
        dialog = HostDialog(self.context, self, host)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.finished.connect(lambda _code: self.enter())
        dialog.open()
