"""The session password of a backup: a page of its options."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QCheckBox, QVBoxLayout, QWidget

from app.ui.backup.draft import BackupDraft
from app.ui.widgets.basics import Label
from app.ui.widgets.form import Field, PasswordField


class BackupEncryptionPage(QWidget):
    """Changes the draft it is given at once; `changed` on every edit."""

    changed = Signal()

    def __init__(self, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self.encrypt = QCheckBox("Encrypt data")
        self.encrypt.setChecked(bool(draft.password) or draft.password_wanted)
        self.password = PasswordField("Session password")
        self.repeated = PasswordField("Repeat the session password")
        self.password.setText(draft.password)
        self.repeated.setText(draft.repeated)
        self.password_field = Field(
            "Session password",
            self.password,
            "Needed for every restore. Names in the catalog are readable without it.",
        )
        self.repeated_field = Field("Repeat the session password", self.repeated)
        self.new_password = QCheckBox("Another password than that of earlier sessions, on purpose")
        self.new_password.setChecked(draft.new_password)
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for widget in (
            Label("Encryption", "strong"),
            self.encrypt,
            self.password_field,
            self.repeated_field,
            self.new_password,
        ):
            box.addWidget(widget)
        box.addSpacing(12)
        box.addWidget(Label("Compression", "strong"))
        box.addWidget(
            Label(
                "Sessions are always compressed before they are encrypted. "
                "What does not get smaller is stored as it is.",
                "body",
                "text2",
                wrap=True,
            )
        )
        self.encrypt.toggled.connect(self._on_encrypt)
        for editor in (self.password, self.repeated):
            editor.textChanged.connect(self._on_typed)
        self.repeated.editingFinished.connect(self._on_left)
        self.new_password.toggled.connect(self._on_typed)
        self._show()

    def show_fault(self) -> None:
        """Say what is wrong beside the field, and move there."""
        first = not self._draft.password
        field = self.password_field if first else self.repeated_field
        field.set_fault(self._draft.password_fault)
        field.editor.setFocus()

    def _on_encrypt(self, on: bool) -> None:
        self._show()
        self._on_typed()
        if on:
            self.password.setFocus()

    def _show(self) -> None:
        for widget in (self.password_field, self.repeated_field, self.new_password):
            widget.setEnabled(self.encrypt.isChecked())

    def _on_typed(self) -> None:
        draft, on = self._draft, self.encrypt.isChecked()
        draft.password_wanted = on
        draft.password = self.password.text() if on else ""
        draft.repeated = self.repeated.text() if on else ""
        draft.new_password = self.new_password.isChecked() and on
        # Once it was wrong, every key tells whether it still is.
        for field in (self.password_field, self.repeated_field):
            if field.editor.property("state") == "error":
                field.set_fault("" if field is self.password_field else draft.password_fault)
        self.changed.emit()

    def _on_left(self) -> None:
        if self._draft.repeated:
            self.repeated_field.set_fault(self._draft.password_fault)
