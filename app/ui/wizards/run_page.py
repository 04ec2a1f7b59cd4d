"""The last page of the New Scenario wizard: what will happen, and Run now or not."""

from __future__ import annotations

from PySide6.QtWidgets import QFrame, QVBoxLayout

from app.model.paths import shown
from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.wizards.flow import NewScenarioFlow
from app.ui.wizards.page import WizardPage, form


class RunPage(WizardPage):
    """What will happen, and Run now or not."""

    sentence = "The scenario is ready"
    line = "Run now begins with a synchronization: what differs on the Replica is made equal to the Master."

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__(flow, context)
        layout = form(self)
        box = QFrame()
        box.setProperty("kind", "box")
        self._lines = QVBoxLayout(box)
        self._lines.setContentsMargins(16, 12, 16, 12)
        self._lines.setSpacing(8)
        layout.addWidget(box)
        layout.addStretch(1)
        self._labels: list[Label] = []

    def enter(self) -> None:
        """Say what will be made."""
        made = self.flow.scenario()
        facts = [made.name, f"Master {made.master}"]
        for replica in made.replicas:
            facts.append(f"Replica {replica.host}")
            facts += [
                f"{shown(root.master_path)}  →  {shown(target)}"
                for root, target in zip(made.roots, replica.paths, strict=True)
            ]
        if made.filters.exclude:
            facts.append(f"Left out: {', '.join(made.filters.exclude)}")
        while len(self._labels) < len(facts):
            label = Label(
                "", "strong" if not self._labels else "body", "text" if not self._labels else "text2"
            )
            self._labels.append(label)
            self._lines.addWidget(label)
        for position, label in enumerate(self._labels):
            label.setVisible(position < len(facts))
            label.setText(facts[position] if position < len(facts) else "")
