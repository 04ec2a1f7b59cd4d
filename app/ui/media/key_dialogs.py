"""The small dialogs of keys: add, change, remove, and the recovery kit with its page."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QTextDocument
from PySide6.QtPrintSupport import QPrintDialog, QPrinter
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QVBoxLayout,
    QWidget,
)

from app.model.errors import ArcxoError
from app.model.media import MediaInfo
from app.model.media_keys import KeySlot, RecoveryKit
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.theme import font, theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.form import Field, PasswordField


class ChangeKeyDialog(ActDialog):
    """A new password in the place of another."""

    title_, text_, action_ = (
        "Change password",
        "The new one opens what the other did; then that no more.",
        "Change",
    )
    new_wanted = True

    def __init__(self, context: Context, media: MediaInfo, parent: QWidget | None = None) -> None:
        super().__init__(context, f"{self.title_}: {media.name}", self.text_, self.action_, parent)
        self.media = media
        self.password = PasswordField("Password")
        self.new = PasswordField("New password")
        self.again = PasswordField("New password again")
        self.name = QLineEdit()
        self.name.setMaxLength(100)
        self.form.addWidget(Field("Password or recovery key that opens it now", self.password))
        if self.new_wanted:
            self.form.addWidget(Field("New password", self.new))
            self.form.addWidget(Field("New password again", self.again))
            self.form.addWidget(Field("Whose password it is, optional", self.name))
        for editor in (self.password, self.new, self.again):
            editor.textChanged.connect(self.refresh)
        self.form.addStretch(1)
        self.refresh()
        self.password.setFocus()

    def fault(self) -> str:
        """Both, and the new one twice."""
        if not self.password.text():
            return "Type a password that opens it now"
        if self.new_wanted and not self.new.text():
            return "Type the new password"
        if self.new_wanted and self.new.text() != self.again.text():
            return "The new password was not typed twice alike"
        return ""

    def call(self) -> Callable[[], Any]:
        """Change it."""
        return partial(self.context.services.keys.change, *self.typed_words())

    def typed_words(self) -> tuple[str, str, str, str]:
        """The media, both passwords, and whose the new one is."""
        return self.media.serial, self.password.text(), self.new.text(), self.name.text().strip()


class AddKeyDialog(ChangeKeyDialog):
    """One more password."""

    title_, text_, action_ = "Add password", "The new one opens what the other does, which stays.", "Add"

    def call(self) -> Callable[[], Any]:
        """Add it."""
        return partial(self.context.services.keys.add, *self.typed_words())


class NewKitDialog(ChangeKeyDialog):
    """A recovery key for whatever a password opens."""

    title_ = "New recovery kit"
    text_ = (
        "A key is made that opens what this password opens. It is shown once, to be printed or saved, and "
        "kept nowhere. Kits made before stay valid."
    )
    action_ = "Make recovery kit"
    new_wanted = False

    def call(self) -> Callable[[], Any]:
        """Make it."""
        return partial(self.context.services.keys.recovery_kit, self.media.serial, self.password.text())


class TestKitDialog(ChangeKeyDialog):
    """Whether a recovery key opens the newest session of each key."""

    __test__ = False
    title_ = "Test recovery key"
    text_ = "The newest session of each key is opened with it. Small letters and blanks do no harm."
    action_ = "Test"
    new_wanted = False

    def call(self) -> Callable[[], Any]:
        """Test it."""
        return partial(self.context.services.keys.test_recovery, self.media.serial, self.password.text())


class RemoveKeyDialog(ActDialog):
    """Take one key slot away."""

    def __init__(self, context: Context, slot: KeySlot, parent: QWidget | None = None) -> None:
        named = f" “{slot.name}”" if slot.name else ""
        super().__init__(
            context,
            f"Remove the {slot.kind.value} key{named}?",
            "It opens the sessions of this media no more. Another password or key, which stays, must be "
            "given.",
            "Remove key",
            parent,
            danger=True,
        )
        self.slot = slot
        self.password = PasswordField("Password that stays")
        self.password.textChanged.connect(self.refresh)
        self.form.addWidget(Field("Password or recovery key that stays", self.password))
        self.refresh()

    def fault(self) -> str:
        """One that stays is proved."""
        return "" if self.password.text() else "Type a password that stays"

    def call(self) -> Callable[[], Any]:
        """Remove it."""
        slot = self.slot
        remove = self.context.services.keys.remove
        return partial(remove, slot.media_serial, slot.key_id, slot.slot, self.password.text())


class KitDialog(QDialog):
    """The page of a recovery kit: print it or save it before it is gone."""

    def __init__(self, context: Context, kit: RecoveryKit, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Recovery kit")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(720), theme().px(520))
        self._context, self._kit = context, kit
        self.kept = False
        self.page = QPlainTextEdit(kit.text)
        self.page.setReadOnly(True)
        self.page.setFont(font("code"))
        self.page.setAccessibleName("Recovery kit")
        self.said = Label("It is shown this once. Print it or save it now.", "body", "warning", wrap=True)
        printed = button("Print…", "primary", "printer")
        printed.clicked.connect(self._on_print)
        saved = button("Save…", "", "save")
        saved.clicked.connect(self._on_save)
        self.close_ = button("Close")
        self.close_.clicked.connect(self.accept)
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.addWidget(Label(f"Recovery kit of {kit.media_name}", "subject"))
        head.addWidget(self.said)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.setSpacing(8)
        foot.addStretch(1)
        for widget in (printed, saved, self.close_):
            foot.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(Line())
        layout.addWidget(self.page, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def reject(self) -> None:
        """Esc does not throw away a page that nobody kept; Close does."""
        if self.kept:
            super().reject()

    def _on_print(self) -> None:
        printer = QPrinter(QPrinter.PrinterMode.HighResolution)
        dialog = QPrintDialog(printer, self)
        if dialog.exec():
            document = QTextDocument(self._kit.text)
            document.setDefaultFont(font("code"))
            document.print_(printer)
            self._say_kept("Sent to the printer. Try it with Test recovery key, then keep the page safe.")
        dialog.deleteLater()

    def _on_save(self) -> None:
        name, _ = QFileDialog.getSaveFileName(
            self, "Save the recovery kit", "recovery-kit.txt", "Text (*.txt)"
        )
        if name:
            self.save(name)

    def save(self, name: str) -> None:
        """Write the page to a file that only its owner can read."""
        call = partial(_write_private, name, self._kit.text)
        self._context.tasks.run(self, call, partial(self._on_saved, name), self._context.show_error)

    def _on_saved(self, name: str, _result: object) -> None:
        self._say_kept(f"Saved as {name}, readable by its owner alone. Move it away from the media.")

    def _say_kept(self, text: str) -> None:
        self.kept = True
        self.said.setText(text)
        self.said.set_role("ok")


def _write_private(name: str, text: str) -> None:
    """Raises ArcxoError E1301."""
    try:
        descriptor = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(text)
    except OSError as error:
        raise ArcxoError("E1301", path=Path(name), reason=error.strerror or error) from error
