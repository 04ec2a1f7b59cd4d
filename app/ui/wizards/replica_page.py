"""The page of the New Scenario wizard for the directories of the Replica."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.model.paths import shown
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, field, form


class ReplicaPage(WizardPage):
    """Where each root goes on the Replica."""

    sentence = "Choose where the Replica keeps each directory"
    line = "On the same host it must be another directory, outside every root."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.fields: dict[bytes, QLineEdit] = {}
        self._faults: dict[bytes, Label] = {}
        self._holder = QWidget()
        self._layout = form(self._holder)
        self._layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self._groups: dict[bytes, QWidget] = {}
        self._missing_told = False

    def tell_fault(self) -> None:
        """Next was pressed: also say where nothing was typed, and go there."""
        self._missing_told = True
        self._show_faults()
        first = next((root for root in self.flow.answers.roots if self.flow.target_fault(root)), None)
        if first is not None:
            self.fields[first].setFocus()

    def enter(self) -> None:
        """One field per root; what was typed before is still there."""
        for root, group in self._groups.items():
            group.setVisible(root in self.flow.answers.roots)
        for root in self.flow.answers.roots:
            if root not in self._groups:
                self._add(root)
        for root, editor in self.fields.items():
            if root not in self.flow.answers.targets:
                editor.setText(self.flow.target_of(root))
        self._show_faults()
        if self.flow.answers.roots:
            self.fields[self.flow.answers.roots[0]].setFocus()

    def _add(self, root: bytes) -> None:
        group = QWidget()
        column_ = QVBoxLayout(group)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(4)
        editor = _TargetField(self, root)
        editor.setMaximumWidth(640)
        editor.setPlaceholderText(f"Such as /replica{shown(root)}")
        editor.setObjectName(shown(root))
        column_.addLayout(field(f"{shown(root)} goes to", editor))
        fault = Label("", "small", "error")
        column_.addWidget(fault)
        self.fields[root], self._faults[root], self._groups[root] = editor, fault, group
        self._layout.insertWidget(self._layout.count() - 1, group)

    def typed(self, root: bytes, text: str) -> None:
        """A Replica directory was typed."""
        self.flow.answers.targets[root] = text
        self._show_faults()
        self.edited.emit()

    def _show_faults(self) -> None:
        for root in self.flow.answers.roots:
            fault = self.flow.target_fault(root)
            if not self.flow.target_of(root) and not self._missing_told:
                fault = ""  # nothing was typed yet: no blame before Next
            self._faults[root].setText(fault)
            editor = self.fields[root]
            editor.setAccessibleDescription(fault)
            editor.setProperty("state", "error" if fault else "")
            editor.style().unpolish(editor)
            editor.style().polish(editor)


class _TargetField(QLineEdit):
    """The field of one root; tells its page what was typed."""

    def __init__(self, page: ReplicaPage, root: bytes) -> None:
        super().__init__(page.flow.target_of(root))
        self._page, self._root = page, root
        self.textEdited.connect(self._on_text_edited)

    def _on_text_edited(self, text: str) -> None:
        self._page.typed(self._root, text)
