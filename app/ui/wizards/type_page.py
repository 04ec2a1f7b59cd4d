"""The page of the New Scenario wizard for server and product type."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QRadioButton, QVBoxLayout

from app.model.scenario import ProductType
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, form


class TypePage(WizardPage):
    """Server and product type."""

    sentence = "Select server and product type"
    line = "They decide what is found on the Master and what the Replica can do."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        self._groups: list[QButtonGroup] = []
        self._choices(
            layout,
            "Server type",
            (
                ("File Server", "Directories and files", ""),
                ("SQL Server", "Databases", "This installation has no engine for SQL Server"),
                ("MS Exchange", "Mailbox stores", "This installation has no engine for MS Exchange"),
            ),
        )
        self._choices(
            layout,
            "Product type",
            (
                ("Disaster Recovery (DR)", "Replication, rewind, and backup of the Replica", ""),
                ("High Availability (HA)", "With switchover", "This installation has no switchover"),
            ),
        )
        layout.addStretch(1)
        flow.answers.product = ProductType.DR

    def _choices(self, layout: QVBoxLayout, title: str, choices: Sequence[tuple[str, str, str]]) -> None:
        layout.addWidget(Label(title, "strong"))
        group = QButtonGroup(self)
        self._groups.append(group)
        for position, (name, text, why_not) in enumerate(choices):
            radio = QRadioButton(name)
            radio.setEnabled(not why_not)
            radio.setToolTip(why_not)
            radio.setChecked(position == 0)
            group.addButton(radio)
            row = QHBoxLayout()
            row.addWidget(radio)
            row.addWidget(Label(why_not or text, "small", "muted"))
            row.addStretch(1)
            layout.addLayout(row)
