"""The page of the New Scenario wizard for the directories of the Replica."""

from __future__ import annotations

from PySide6.QtWidgets import QLineEdit, QScrollArea, QVBoxLayout, QWidget

from app.model.paths import shown
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, form

Place = tuple[int, bytes]
"""(which replica, which root)"""


class ReplicaPage(WizardPage):
    """Where each root goes on the Replica."""

    sentence = "Choose where each directory is kept"
    line = "On the same host it must be another directory, outside every root."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.fields: dict[Place, QLineEdit] = {}
        self._faults: dict[Place, Label] = {}
        self._holder = QWidget()
        self._layout = form(self._holder)
        self._layout.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self._holder)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)
        self._groups: dict[Place, QWidget] = {}
        self._captions: dict[Place, Label] = {}
        self._missing_told = False

    def tell_fault(self) -> None:
        """Next was pressed: also say where nothing was typed, and go there."""
        self._missing_told = True
        self._show_faults()
        first = next((one for one in self._places() if self.flow.target_fault(one[1], one[0])), None)
        if first is not None:
            self.fields[first].setFocus()

    def _places(self) -> list[Place]:
        """Every replica's every root, in order."""
        replicas = range(len(self.flow.replicas))
        return [(replica, root) for replica in replicas for root in self.flow.answers.roots]

    def enter(self) -> None:
        """One field per root and replica; what was typed before is still there."""
        places = self._places()
        for place in places:
            if place not in self._groups:
                self._add(place)
        for place, group in self._groups.items():
            group.setVisible(place in places)
        for place in places:
            replica, root = place
            self._layout.removeWidget(self._groups[place])
            self._layout.insertWidget(self._layout.count() - 1, self._groups[place])
            host = f" on {self.flow.replicas[replica]}" if len(self.flow.replicas) > 1 else ""
            words = f"{shown(root)} goes{host} to"
            self._captions[place].setText(words)
            self.fields[place].setAccessibleName(words)
            self.fields[place].setText(self.flow.target_of(root, replica))
        self._show_faults()
        if places:
            self.fields[places[0]].setFocus()

    def _add(self, place: Place) -> None:
        root = place[1]
        group = QWidget()
        column_ = QVBoxLayout(group)
        column_.setContentsMargins(0, 0, 0, 0)
        column_.setSpacing(4)
        editor = _TargetField(self, place)
        editor.setMaximumWidth(640)
        editor.setPlaceholderText(f"Such as /replica{shown(root)}")
        editor.setObjectName(shown(root))
        caption = Label("", "small_medium")
        caption.setBuddy(editor)
        column_.addWidget(caption)
        column_.addWidget(editor)
        fault = Label("", "small", "error")
        column_.addWidget(fault)
        self.fields[place], self._faults[place], self._groups[place] = editor, fault, group
        self._captions[place] = caption
        self._layout.insertWidget(self._layout.count() - 1, group)

    def typed(self, place: Place, text: str) -> None:
        """A Replica directory was typed."""
        replica, root = place
        self.flow.set_target(root, text, replica)
        self._show_faults()
        self.edited.emit()

    def _show_faults(self) -> None:
        for place in self._places():
            replica, root = place
            fault = self.flow.target_fault(root, replica)
            if not self.flow.target_of(root, replica) and not self._missing_told:
                fault = ""  # nothing was typed yet: no blame before Next
            self._faults[place].setText(fault)
            editor = self.fields[place]
            editor.setAccessibleDescription(fault)
            editor.setProperty("state", "error" if fault else "")
            editor.style().unpolish(editor)
            editor.style().polish(editor)


class _TargetField(QLineEdit):
    """The field of one root on one replica; tells its page what was typed."""

    def __init__(self, page: ReplicaPage, place: Place) -> None:
        super().__init__()
        self._page, self._place = page, place
        self.textEdited.connect(self._on_text_edited)

    def _on_text_edited(self, text: str) -> None:
        self._page.typed(self._place, text)
