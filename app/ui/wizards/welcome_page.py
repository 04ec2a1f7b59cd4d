"""The first page of the New Scenario wizard: what a scenario is."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout

from app.model.template import ScenarioTemplate
from app.ui.manager import Context
from app.ui.widgets.basics import IconLabel, Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, field, form

NOTHING = "The defaults"


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
        layout.addSpacing(8)
        self._templates: dict[str, ScenarioTemplate] = {}
        self.begin = QComboBox()
        self.begin.setMaximumWidth(420)
        self.begin.addItem(NOTHING)
        self.begin.activated.connect(self._on_chosen)
        layout.addLayout(field("Begin with", self.begin, "Templates are saved in the Scenario menu"))
        layout.addStretch(1)

    def enter(self) -> None:
        """Read the templates."""
        self.context.tasks.run(
            self,
            self.context.services.scenarios.templates,
            self._on_templates,
            self._on_error,
            key="templates",
        )

    def _on_templates(self, templates: Sequence[ScenarioTemplate]) -> None:
        self._templates = {template.name: template for template in templates}
        chosen = self.flow.answers.template
        self.begin.clear()
        self.begin.addItems([NOTHING, *self._templates])
        self.begin.setCurrentText(chosen if chosen in self._templates else NOTHING)

    def _on_error(self, _error: Exception) -> None:
        """Without an answer none is offered."""

    def _on_chosen(self, _position: int) -> None:
        self.flow.begin_with(self._templates.get(self.begin.currentText()))
        self.edited.emit()
