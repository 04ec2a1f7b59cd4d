"""F1: the keys of the screen in front."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from app.ui.theme import theme
from app.ui.widgets.basics import Label, button

Keys = Sequence[tuple[str, str]]


class KeysDialog(QDialog):
    """Two groups: the screen's own keys, and those that hold everywhere."""

    def __init__(self, title: str, own: Keys, everywhere: Keys, parent: QWidget) -> None:
        super().__init__(parent)
        self.setWindowTitle(f"Keys of {title}")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(theme().px(480), theme().px(560))
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(20, 16, 20, 16)
        grid.setHorizontalSpacing(24)
        grid.setVerticalSpacing(6)
        grid.setColumnStretch(1, 1)
        row = 0
        for caption, keys in ((title, own), ("Everywhere", everywhere)):
            if not keys:
                continue
            grid.addWidget(Label(caption, "strong"), row, 0, 1, 2)
            for key, text in keys:
                row += 1
                grid.addWidget(Label(key, "code", "text2"), row, 0)
                grid.addWidget(Label(text, "body", wrap=True), row, 1)
            row += 1
        grid.setRowStretch(row, 1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(body)
        close = button("Close")
        close.setDefault(True)
        buttons = QDialogButtonBox()
        buttons.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        buttons.setContentsMargins(20, 12, 20, 16)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(scroll, 1)
        layout.addWidget(buttons)
        close.setFocus()
