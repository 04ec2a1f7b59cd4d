"""What a backup writes to in its device group, and what its options say of the rest, with the way there."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from app.model.errors import Problem
from app.ui.backup.draft import BackupDraft
from app.ui.backup.media_words import method_words, verify_words, warning_lines
from app.ui.backup.options import BACKUP_MEDIA, ENCRYPTION, OPERATION, VERIFY
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.form import Field

NO_POOL = "No pool"
_POOL_HINT = "Only its media are used, and new ones come into its save set."
_ROTATION_HINT = "The rotation of the schedule names it for each run."


class DestinationForm(QWidget):
    """Changes the draft at once and says so with `changed`; `options_wanted(tab)`."""

    changed = Signal()
    options_wanted = Signal(str)

    def __init__(self, draft: BackupDraft, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._draft = draft
        self._filling = False
        self.name = QLineEdit()
        self.name.setMaxLength(64)
        self.name.setPlaceholderText("Any, or named by date and time")
        self.pool = QComboBox()
        self.pool.addItem(NO_POOL, "")
        self.name_field = Field("Media name, optional", self.name)
        self.pool_field = Field("Media pool", self.pool, _POOL_HINT)
        self.warnings = Label("", "body", "warning", wrap=True)
        self.warnings.hide()
        self.media = _Summary("archive", "Backup media")
        self.streams = _Summary("split", "Streams at a time")
        self.verification = _Summary("shield-check", "Verification")
        self.encryption = _Summary("lock", "Encryption")
        box = QVBoxLayout(self)
        box.setContentsMargins(0, 0, 0, 0)
        box.setSpacing(8)
        for widget in (Label("Media", "strong"), self.name_field, self.pool_field, self.warnings):
            box.addWidget(widget)
        box.addSpacing(12)
        box.addWidget(Label("In the options", "strong"))
        for part, tab in (
            (self.media, BACKUP_MEDIA),
            (self.streams, OPERATION),
            (self.verification, VERIFY),
            (self.encryption, ENCRYPTION),
        ):
            box.addWidget(part)
            part.change.clicked.connect(partial(self.options_wanted.emit, tab))
        self.show_draft()
        self.name.textChanged.connect(self._on_changed)
        self.pool.currentIndexChanged.connect(self._on_changed)

    def set_pools(self, names: Sequence[str]) -> None:
        """The pools to choose from; the chosen one stays."""
        if [self.pool.itemData(row) for row in range(1, self.pool.count())] == list(names):
            return
        self._filling = True
        self.pool.clear()
        self.pool.addItem(NO_POOL, "")
        for name in names:
            self.pool.addItem(name, name)
        self.pool.setCurrentIndex(max(0, self.pool.findData(self._draft.rules.pool)))
        self._filling = False
        self._draft.rules.pool = str(self.pool.currentData())

    def set_rotation(self, on: bool) -> None:
        """A rotation names media and pool: what stands here would not be heeded."""
        for field, hint in ((self.name_field, ""), (self.pool_field, _POOL_HINT)):
            if field.editor.isEnabled() is on:
                field.editor.setEnabled(not on)
                field.set_hint(_ROTATION_HINT if on else hint)

    def show_draft(self) -> None:
        """Show what the draft says now."""
        draft = self._draft
        self._filling = True
        self.name.setText(draft.rules.media_name)
        self.pool.setCurrentIndex(max(0, self.pool.findData(draft.rules.pool)))
        self._filling = False
        self.media.show_text(method_words(draft.rules.method))
        self.streams.show_text(f"{draft.options.streams}, each of a scenario or directory")
        self.verification.show_text(verify_words(draft.verify))
        fault = draft.password_fault
        said = "With a session password" if draft.password else "None"
        self.encryption.show_text(fault or said, "warning" if fault else "text")

    def show_warnings(self, problems: Sequence[Problem]) -> None:
        """What the services say of the media rules now."""
        self.warnings.setText("\n".join(warning_lines(problems)))
        self.warnings.setVisible(bool(problems))

    def _on_changed(self) -> None:
        if not self._filling:
            self._draft.rules.media_name = self.name.text().strip()
            self._draft.rules.pool = str(self.pool.currentData())
            self.changed.emit()


class _Summary(QWidget):
    """One thing that the options say, and the button to its page."""

    def __init__(self, icon: str, caption: str) -> None:
        super().__init__()
        self._caption = caption
        self.text = Label("", "body", wrap=True)
        self.change = button("Change…", "small")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addWidget(Label(caption, "small", "muted"))
        words.addWidget(self.text)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 2, 0, 2)
        row.setSpacing(10)
        row.addWidget(IconLabel(icon, "text2", 16), 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.change, 0, Qt.AlignmentFlag.AlignTop)

    def show_text(self, text: str, role: str = "text") -> None:
        """Show it."""
        self.text.setText(text)
        self.text.set_role(role)
        self.change.setAccessibleName(f"Change: {self._caption.lower()}")
        self.change.setAccessibleDescription(text)
