"""The first page of the New Scenario wizard: what a scenario is."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout

from app.ui.manager import Context
from app.ui.widgets.basics import IconLabel, Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, form


class WelcomePage(WizardPage):
    """What a scenario is."""

    sentence = "Create a scenario"
    line = "A scenario replicates directories of a Master host to a Replica host, all the time."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        for icon, role, title, text in (
            (
                "master",
                "master",
                "The Master is the active host",
                "Its directories are watched for every change.",
            ),
            (
                "replica",
                "replica",
                "The Replica holds the copy",
                "It can be rewound, and is what a backup reads.",
            ),
            ("shield-check", "ok", "Nothing is written yet", "The scenario is made on the last page only."),
        ):
            row = QHBoxLayout()
            row.setSpacing(12)
            row.addWidget(IconLabel(icon, role, 24), 0, Qt.AlignmentFlag.AlignTop)
            words = QVBoxLayout()
            words.setSpacing(2)
            words.addWidget(Label(title, "strong"))
            words.addWidget(Label(text, "body", "text2", wrap=True))
            row.addLayout(words, 1)
            layout.addLayout(row)
        layout.addStretch(1)
