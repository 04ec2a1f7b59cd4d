"""Fields with their label above, a unit beside and one line for hints and faults below."""

from __future__ import annotations

from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLineEdit, QToolButton, QVBoxLayout, QWidget

from app.ui import icons
from app.ui.widgets.basics import Label


class Field(QWidget):
    """`label`, then `editor`; `set_fault` shows one line in red, tied to the editor for screen readers."""

    def __init__(self, label: str, editor: QWidget, hint: str = "", unit: str = "") -> None:
        super().__init__()
        self.editor = editor
        self._hint = hint
        self.label = Label(label, "small_medium", "text2")
        self.label.setBuddy(editor)
        self._below = Label(hint, "small", "muted", wrap=True)
        if not editor.accessibleName():
            editor.setAccessibleName(label)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(editor, 1)
        if unit:
            row.addWidget(Label(unit, "body", "muted"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.label)
        layout.addLayout(row)
        layout.addWidget(self._below)

    def set_fault(self, text: str) -> None:
        """Show what is wrong with the value; "" = nothing."""
        self._below.setText(text or self._hint)
        self._below.set_role("error" if text else "muted")
        self.editor.setProperty("state", "error" if text else "")
        self.editor.setAccessibleDescription(text)
        self.editor.style().unpolish(self.editor)
        self.editor.style().polish(self.editor)

    def set_hint(self, text: str, role: str = "muted") -> None:
        """Another hint."""
        self._hint = text
        self._below.setText(text)
        self._below.set_role(role)


class PasswordField(QLineEdit):
    """A hidden line with a button that shows it."""

    def __init__(self, name: str, maximum: int = 128) -> None:
        super().__init__()
        self.setEchoMode(QLineEdit.EchoMode.Password)
        self.setMaxLength(maximum)
        self.setAccessibleName(name)
        self._reveal = QToolButton(self)
        icons.bind(self._reveal, "eye")
        self._reveal.setCheckable(True)
        self._reveal.setToolTip("Show the password")
        self._reveal.setAccessibleName("Show the password")
        self._reveal.toggled.connect(self._on_reveal)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 2, 0)
        row.addStretch(1)
        row.addWidget(self._reveal)
        self.setTextMargins(0, 0, 34, 0)

    def _on_reveal(self, shown: bool) -> None:
        self.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)


def pairs(*items: tuple[str, QWidget]) -> QGridLayout:
    """Captions at the left, values at the right."""
    grid = QGridLayout()
    grid.setHorizontalSpacing(16)
    grid.setVerticalSpacing(6)
    for row, (caption, value) in enumerate(items):
        grid.addWidget(Label(caption, "body", "muted"), row, 0)
        grid.addWidget(value, row, 1)
    grid.setColumnStretch(1, 1)
    return grid
