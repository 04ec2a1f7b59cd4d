"""Save as template: a name, and what it will hold."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from app.model.scenario import Scenario
from app.model.template import ScenarioTemplate
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button, standard_button
from app.ui.widgets.form import Field
from app.ui.widgets.notices import explain


class TemplateDialog(QDialog):
    """Saves on OK; a template of the same name is replaced, and the dialog says so before."""

    def __init__(self, context: Context, scenario: Scenario, parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._scenario = context, scenario
        self._known: frozenset[str] = frozenset()
        self.setWindowTitle("Save as template")
        self.setMinimumWidth(theme().px(480))
        self.name = QLineEdit(scenario.name)
        self.name.selectAll()
        self.name.textChanged.connect(self._show)
        self.field = Field("Name of the template", self.name)
        buttons = QDialogButtonBox()
        self.save = button("Save template", "primary")
        self.save.setDefault(True)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_save)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(f"Save {scenario.name} as template", "subject", wrap=True))
        text = (
            "Type, group, filters and all properties are kept, hosts and directories are not. "
            "New Scenario offers it on its first page."
        )
        layout.addWidget(Label(text, "body", "text2", wrap=True))
        layout.addWidget(self.field)
        layout.addWidget(buttons)
        self.name.setFocus()
        context.tasks.run(self, context.services.scenarios.templates, self._on_templates, self._on_error)

    def _on_templates(self, templates: Sequence[ScenarioTemplate]) -> None:
        self._known = frozenset(template.name for template in templates)
        self._show()

    def _show(self) -> None:
        replaces = self.name.text().strip() in self._known
        self.field.set_fault("")
        self.field.set_hint("Replaces the template of this name" if replaces else "")

    def _on_save(self) -> None:
        name, number = self.name.text().strip(), str(self._scenario.id)
        if not name:
            self.field.set_fault("Give the template a name")
            return
        call = partial(self._context.services.scenarios.save_template, name, number)
        self._context.tasks.run(self, call, self._on_saved, self._on_error)

    def _on_saved(self, made: ScenarioTemplate) -> None:
        self._context.toast("Template saved", made.name)
        self.accept()

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.field.set_fault(f"{title}. {text}")
