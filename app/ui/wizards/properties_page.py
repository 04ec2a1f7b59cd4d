"""The page of the New Scenario wizard for the few properties people set when they begin."""

from __future__ import annotations

from PySide6.QtWidgets import QPlainTextEdit, QScrollArea, QVBoxLayout, QWidget

from app.ui.manager import Context
from app.ui.wizards.filter_preview import FilterPreviewLine
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, field
from app.ui.xosoft.properties import PropertyForm


class PropertiesPage(WizardPage):
    """The few properties people set when they begin."""

    sentence = "Set the properties"
    line = (
        "The defaults fit most scenarios. All properties can be changed later while the scenario is stopped."
    )
    NAMES = (
        "sync",
        "run_after_reboot",
        "rewind_minutes",
        "rewind_mb",
        "spool_max_mb",
        "spool_min_free_mb",
        "brake_percent",
    )

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.form = PropertyForm(self.NAMES)
        self.form.set_values({name: getattr(flow.answers.properties, name) for name in self.NAMES})
        self.form.changed.connect(self._on_edited)
        self.exclude = QPlainTextEdit(flow.answers.exclude)
        self.exclude.setMaximumHeight(84)
        self.exclude.setTabChangesFocus(True)
        self.exclude.setPlaceholderText("*.tmp, ~$*, Thumbs.db")
        self.exclude.textChanged.connect(self._on_edited)
        self.preview = FilterPreviewLine(flow, context)
        # With large text the fields need more height than a screen has.
        holder = QWidget()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(holder)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 8, 0, 8)
        outer.addWidget(scroll)
        layout = QVBoxLayout(holder)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.form)
        below = QVBoxLayout()
        below.setContentsMargins(16, 0, 16, 0)
        hint = "By comma or line: *.tmp anywhere, cache/ with all beneath, /old right in the root"
        below.addLayout(field("Leave out (optional)", self.exclude, hint))
        below.addWidget(self.preview)
        layout.addLayout(below)
        layout.addStretch(1)

    def enter(self) -> None:
        """Show the answers, which a template may have changed; count what the patterns leave out."""
        answers = self.flow.answers
        if self.exclude.toPlainText() != answers.exclude:
            self.exclude.setPlainText(answers.exclude)
        if {name: getattr(answers.properties, name) for name in self.NAMES} != self.form.values():
            self.form.set_values({name: getattr(answers.properties, name) for name in self.NAMES})
        self.preview.look()

    def _on_edited(self) -> None:
        exclude = self.exclude.toPlainText()
        if exclude != self.flow.answers.exclude:
            self.flow.answers.exclude = exclude
            self.preview.look_soon()
        self.flow.set_properties(**self.form.values())
        self.edited.emit()
