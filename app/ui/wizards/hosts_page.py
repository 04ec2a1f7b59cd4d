"""The page of the New Scenario wizard for its name and hosts."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.model.host import Host
from app.ui.hosts.host_dialog import HostDialog
from app.ui.manager import Context
from app.ui.widgets.basics import button
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.further_replicas import FurtherReplicas
from app.ui.wizards.page import WizardPage, field, form


class HostsPage(WizardPage):
    """Name, Master and Replica."""

    sentence = "Choose the Master and Replica hosts"
    line = (
        "Known hosts are listed, this computer is localhost. "
        "Another one is added with its certificate and a log-in."
    )

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        self.name = QLineEdit(flow.answers.name)
        self.name.setMaximumWidth(420)
        self.name.setPlaceholderText("Such as Branch File Shares")
        self.name.textChanged.connect(self._on_edited)
        self.master, self.replica = QComboBox(), QComboBox()
        for combo, chosen in ((self.master, flow.answers.master), (self.replica, flow.answers.replica)):
            combo.setMinimumWidth(300)
            combo.addItem("localhost")
            if combo.findText(chosen) < 0:
                combo.addItem(chosen)
            combo.setCurrentText(chosen)
            combo.currentTextChanged.connect(self._on_edited)
        self.group = QComboBox()
        self.group.setEditable(True)
        self.group.setMaximumWidth(420)
        self.group.addItem(flow.answers.group)
        self.group.setCurrentText(flow.answers.group)
        self.group.currentTextChanged.connect(self._on_edited)
        layout.addLayout(field("Scenario name", self.name))
        layout.addLayout(field("Group", self.group))
        for title, combo in (("Master host", self.master), ("Replica host", self.replica)):
            layout.addLayout(self._with_add(title, combo))
        self.further = FurtherReplicas(flow.answers.further)
        self.further.changed.connect(self.edited)
        layout.addWidget(self.further)
        layout.addStretch(1)

    def _with_add(self, title: str, combo: QComboBox) -> QVBoxLayout:
        """A choice of known hosts and a button that makes another one known."""
        add = button("Add host…", "", "plus")
        add.setAccessibleName(f"Add host as {title}")
        add.clicked.connect(partial(self._on_add, combo))
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(8)
        row.addWidget(combo)
        row.addWidget(add)
        row.addStretch(1)
        group = field(title, holder)
        holder.setFocusProxy(combo)
        holder.setAccessibleName("")
        combo.setAccessibleName(title)
        return group

    def _on_add(self, combo: QComboBox) -> None:
        dialog = HostDialog(self.context, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.added.connect(partial(self._on_added, combo))
        dialog.open()

    def _on_added(self, combo: QComboBox, name: str) -> None:
        for other in (self.master, self.replica):
            if other.findText(name) < 0:
                other.addItem(name)
        self.further.offer([name])
        combo.setCurrentText(name)
        combo.setFocus()

    def enter(self) -> None:
        """Read the known hosts and the names in use."""
        services = self.context.services
        self.group.setCurrentText(self.flow.answers.group)
        self.context.tasks.run(self, services.hosts.list, self._on_hosts, key="hosts")
        self.context.tasks.run(self, services.scenarios.list, self._on_scenarios, key="names")
        self.name.setFocus()

    def _on_hosts(self, hosts: Sequence[Host]) -> None:
        for combo in (self.master, self.replica):
            for host in hosts:
                if combo.findText(host.name) < 0:
                    combo.addItem(host.name)
        self.further.offer([host.name for host in hosts])

    def _on_scenarios(self, statuses: Sequence[object]) -> None:
        names = [getattr(status, "scenario").name for status in statuses]  # noqa: B009 - any status has one
        self.flow.existing_names = frozenset(names)
        groups = {getattr(status, "scenario").group for status in statuses}  # noqa: B009 - as above
        for group in sorted(groups, key=str.casefold):
            if self.group.findText(group) < 0:
                self.group.addItem(group)

    def _on_edited(self) -> None:
        answers = self.flow.answers
        answers.name, answers.group = self.name.text(), self.group.currentText()
        answers.master, answers.replica = self.master.currentText(), self.replica.currentText()
        self.edited.emit()
