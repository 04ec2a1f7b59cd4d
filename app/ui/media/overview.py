"""The head of the right side: what is chosen, its facts, and its space."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.ui.media.space import Subject
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.capacity_bar import CapacityBar


class Overview(QFrame):
    """`verify_wanted` from its button."""

    verify_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self._icon = IconLabel("archive", "accent", 24)
        self.title = Label("", "subject")
        self.beside = Label("", "body", "muted", elide=Qt.TextElideMode.ElideMiddle)
        self.below = Label("", "body", "text2", wrap=True)
        self.bar = CapacityBar()
        self.verify = button("Verify now", "", "shield-check")
        self.verify.clicked.connect(self._on_verify)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(self.title)
        head.addWidget(self.beside, 1)
        words = QVBoxLayout()
        words.setSpacing(2)
        words.addLayout(head)
        words.addWidget(self.below)
        row = QHBoxLayout()
        row.setSpacing(12)
        row.addWidget(self._icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addLayout(words, 1)
        row.addWidget(self.verify, 0, Qt.AlignmentFlag.AlignTop)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 8)
        layout.setSpacing(10)
        layout.addLayout(row)
        layout.addWidget(self.bar)

    def show_subject(self, subject: Subject | None) -> None:
        """Show it; None = nothing is chosen."""
        self.setVisible(subject is not None)
        if subject is None:
            return
        self._icon.set_icon(subject.icon, "accent")
        self.title.setText(subject.title)
        self.beside.setText(subject.beside)
        self.below.setText(subject.below)
        self.bar.setVisible(bool(subject.pieces))
        self.bar.set_pieces(subject.pieces, subject.total, subject.free)

    def offer_verify(self, offered: bool) -> None:
        """Whether what is chosen can be verified."""
        self.verify.setVisible(offered)

    def _on_verify(self) -> None:
        self.verify_wanted.emit()
