"""Cancel with something typed: keep it, discard it, or go on."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.theme import theme
from app.ui.widgets.basics import Label, button

KEEP, DISCARD = 2, 3


class KeepDraftDialog(QDialog):
    """Finishes with `KEEP`, `DISCARD`, or rejected (go on typing)."""

    def __init__(self, parent: QWidget, what: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Keep draft?")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.setMinimumWidth(theme().px(480))
        self.keep = button("Keep draft", "primary")
        self.keep.setDefault(True)
        self.keep.clicked.connect(self._on_keep)
        self.discard = button("Discard", "danger")
        self.discard.clicked.connect(self._on_discard)
        go_on = button("Go on")
        go_on.clicked.connect(self.reject)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.discard)
        row.addStretch(1)
        row.addWidget(self.keep)
        row.addWidget(go_on)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(f"Keep a draft of {what}?", "subject", wrap=True))
        layout.addWidget(
            Label(
                "New Scenario continues with a kept draft. Nothing was made yet.", "body", "text2", wrap=True
            )
        )
        layout.addSpacing(8)
        layout.addLayout(row)
        self.keep.setFocus()

    def _on_keep(self) -> None:
        self.done(KEEP)

    def _on_discard(self) -> None:
        self.done(DISCARD)
