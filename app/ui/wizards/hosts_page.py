"""The page of the New Scenario wizard for its name and hosts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QComboBox, QLineEdit

from app.model.host import Host
from app.ui.manager import Context
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, field, form


class HostsPage(WizardPage):
    """Name, Master and Replica."""

    sentence = "Choose the Master and Replica hosts"
    line = "Known hosts are listed. This computer is localhost."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        self.name = QLineEdit(flow.answers.name)
        self.name.setMaximumWidth(420)
        self.name.setPlaceholderText("Such as Branch File Shares")
        self.name.textChanged.connect(self._on_edited)
        self.master, self.replica = QComboBox(), QComboBox()
        for combo, chosen in ((self.master, flow.answers.master), (self.replica, flow.answers.replica)):
            combo.setMaximumWidth(420)
            combo.addItem("localhost")
            if combo.findText(chosen) < 0:
                combo.addItem(chosen)
            combo.setCurrentText(chosen)
            combo.currentTextChanged.connect(self._on_edited)
        layout.addLayout(field("Scenario name", self.name))
        layout.addLayout(field("Master host", self.master))
        layout.addLayout(field("Replica host", self.replica))
        layout.addStretch(1)

    def enter(self) -> None:
        """Read the known hosts and the names in use."""
        services = self.context.services
        self.context.tasks.run(self, services.hosts.list, self._on_hosts, key="hosts")
        self.context.tasks.run(self, services.scenarios.list, self._on_scenarios, key="names")
        self.name.setFocus()

    def _on_hosts(self, hosts: Sequence[Host]) -> None:
        for combo in (self.master, self.replica):
            for host in hosts:
                if combo.findText(host.name) < 0:
                    combo.addItem(host.name)

    def _on_scenarios(self, statuses: Sequence[object]) -> None:
        names = [getattr(status, "scenario").name for status in statuses]  # noqa: B009 - any status has one
        self.flow.existing_names = frozenset(names)

    def _on_edited(self) -> None:
        answers = self.flow.answers
        answers.name = self.name.text()
        answers.master, answers.replica = self.master.currentText(), self.replica.currentText()
        self.edited.emit()
