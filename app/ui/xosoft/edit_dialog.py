"""Another name for a scenario, or another group."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QDialog, QDialogButtonBox, QLineEdit, QVBoxLayout, QWidget

from app.model.scenario import Scenario
from app.ui.theme import theme
from app.ui.widgets.basics import Label, button, standard_button
from app.ui.widgets.form import Field
from app.ui.widgets.notices import explain


def name_fault(name: str, others: Sequence[str]) -> str:
    """Why a scenario cannot be called this; "" when it can."""
    if not name.strip():
        return "Give the scenario a name"
    if len(name.strip()) > 128 or any(ord(char) < 32 for char in name):
        return "A name has at most 128 characters and no control characters"
    if name.strip().casefold() in {other.casefold() for other in others}:
        return f"There is a scenario called {name.strip()} already. Choose another name"
    return ""


class EditScenarioDialog(QDialog):
    """`chosen(Scenario)` with another name or group. It stays until it is accepted, or told of a `refuse`."""

    chosen = Signal(object)

    def __init__(self, scenario: Scenario, others: Sequence[Scenario], parent: QWidget) -> None:
        super().__init__(parent)
        self._scenario = scenario
        self._others = [other.name for other in others]
        self.setWindowTitle(f"Rename or move {scenario.name}")
        self.setMinimumWidth(theme().px(480))
        self.name = QLineEdit(scenario.name)
        self.name.selectAll()
        self.group = QComboBox()
        self.group.setEditable(True)
        groups = sorted({scenario.group, "Scenarios", *(other.group for other in others)}, key=str.casefold)
        self.group.addItems(groups)
        self.group.setCurrentText(scenario.group)
        self.name_field = Field("Name", self.name, "Its number and rewind log stay as they are")
        self.group_field = Field("Group", self.group, "A new name makes a new group")
        buttons = QDialogButtonBox()
        self.save = button("Save", "primary")
        self.save.setDefault(True)
        buttons.addButton(self.save, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.accepted.connect(self._on_save)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(scenario.name, "subject", wrap=True))
        layout.addWidget(self.name_field)
        layout.addWidget(self.group_field)
        layout.addWidget(buttons)
        self.name.setFocus()

    def _on_save(self) -> None:
        fault = name_fault(self.name.text(), self._others)
        self.name_field.set_fault(fault)
        if fault:
            self.name.setFocus()
            return
        group = self.group.currentText().strip() or "Scenarios"
        edited = replace(self._scenario, name=self.name.text().strip(), group=group)
        if edited == self._scenario:
            self.accept()
            return
        self.save.setEnabled(False)
        self.chosen.emit(edited)

    def refuse(self, error: Exception) -> None:
        """It was not saved: say why, and keep what was typed."""
        title, text, _ = explain(error)
        self.save.setEnabled(True)
        self.name_field.set_fault(f"{title}. {text}".strip())
        self.name.setFocus()
