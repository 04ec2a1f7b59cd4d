"""Ask before what cannot be undone: a question as title, what happens, and a button that says it."""

from __future__ import annotations

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.ui.widgets.basics import Label, standard_button


class ConfirmDialog(QDialog):
    """The destructive button repeats the verb and is never the default."""

    def __init__(self, parent: QWidget, question: str, text: str, action: str) -> None:
        super().__init__(parent)
        self.setWindowTitle("Arcxo")
        self.setMinimumWidth(480)
        buttons = QDialogButtonBox()
        act = buttons.addButton(action, QDialogButtonBox.ButtonRole.DestructiveRole)
        act.setProperty("kind", "danger")
        act.setAutoDefault(False)
        act.clicked.connect(self.accept)
        cancel = standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        cancel.setDefault(True)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(10)
        layout.addWidget(Label(question, "subject", wrap=True))
        layout.addWidget(Label(text, "body", "text2", wrap=True))
        layout.addSpacing(8)
        layout.addWidget(buttons)
        cancel.setFocus()


def confirm(parent: QWidget, question: str, text: str, action: str) -> bool:
    """True when the action was chosen. Blocks in the dialog's own event loop."""
    dialog = ConfirmDialog(parent, question, text, action)
    chosen = bool(dialog.exec())
    dialog.deleteLater()
    return chosen
