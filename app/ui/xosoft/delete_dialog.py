"""Delete a scenario: what goes, what is not touched, its name typed."""

from __future__ import annotations

from PySide6.QtWidgets import (
    QCheckBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, button


class DeleteScenarioDialog(QDialog):
    """Accepted only when the name was typed."""

    def __init__(self, status: ScenarioStatus, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        name = status.scenario.name
        self.setWindowTitle(f"Delete {name}?")
        self.setMinimumWidth(theme().px(480))
        self._name = name
        rewind = sum(replica.rewind_bytes for replica in status.replicas)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(IconLabel("trash-2", "error", 20))
        head.addWidget(Label(f"Delete {name}?", "subject"), 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(12)
        layout.addLayout(head)
        layout.addWidget(
            Label(
                "This removes the scenario's definition and spool, and on its "
                f"{formats.counted(len(status.replicas), 'replica')} the rewind log "
                f"({formats.size(rewind)}), edits kept aside and the snapshots that the next backup would "
                "have built on. It cannot be undone.",
                wrap=True,
            )
        )
        self.keep = QCheckBox("Keep what the replicas have: rewind log and edits kept aside")
        layout.addWidget(self.keep)
        layout.addWidget(
            Label(
                "Not touched: the files on the Master, the files on "
                f"{formats.counted(len(status.replicas), 'replica')}, and backup sessions.",
                "body",
                "text2",
                wrap=True,
            )
        )
        layout.addWidget(Label(f"Type {name} to continue", "small_medium"))
        self.typed = QLineEdit()
        self.typed.setAccessibleName(f"Type {name} to continue")
        self.typed.textChanged.connect(self._on_typed)
        layout.addWidget(self.typed)
        self.delete_button = button(f"Delete {name}", "danger")
        self.delete_button.setEnabled(False)
        self.delete_button.clicked.connect(self.accept)
        buttons = QDialogButtonBox()
        buttons.addButton(self.delete_button, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    @property
    def keep_rewind(self) -> bool:
        """Whether what the replicas have is to stay."""
        return self.keep.isChecked()

    def _on_typed(self, text: str) -> None:
        self.delete_button.setEnabled(text.strip() == self._name)
