"""The foot of the activity log: which lines are shown, and the way to older ones and back.

The log is read in pages of so many lines, so that a log of any length opens and scrolls like a short one.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QWidget

from app.model.events import ActivityRecord
from app.ui import formats
from app.ui.widgets.basics import Label, button

PAGE_LINES = 2000


class LogPages(QFrame):
    """`changed` when another page is wanted. Hidden while all lines fit on one."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.older_than = 0
        """Only lines older than the one of this number; 0 = the newest."""
        self._before: list[int] = []
        self._oldest = 0
        self.text = Label("", "small", "muted")
        self.newest = button("Newest", "small")
        self.newer = button("Newer", "small", "arrow-left")
        self.older = button("Older", "small", "arrow-right")
        for control, name in (
            (self.newest, "The newest lines"),
            (self.newer, "Newer lines"),
            (self.older, "Older lines"),
        ):
            control.setAccessibleName(name)
        self.newest.clicked.connect(self._on_newest)
        self.newer.clicked.connect(self._on_newer)
        self.older.clicked.connect(self._on_older)
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 4, 16, 4)
        row.setSpacing(8)
        row.addWidget(self.text, 1)
        for control in (self.newest, self.newer, self.older):
            row.addWidget(control)
        self.hide()

    def reset(self) -> None:
        """Other lines are asked for: their newest ones."""
        self.older_than, self._before = 0, []

    def show_page(self, records: Sequence[ActivityRecord]) -> None:
        """These lines are shown, newest first."""
        more = len(records) >= PAGE_LINES
        self._oldest = records[-1].id if records else 0
        self.older.setEnabled(more)
        for control in (self.newest, self.newer):
            control.setEnabled(bool(self.older_than))
        self.setVisible(more or bool(self.older_than))
        if records:
            first, last = formats.moment(records[-1].at), formats.moment(records[0].at)
            self.text.setText(f"{formats.counted(len(records), 'line')}, {first} to {last}")
        else:
            self.text.setText("No older lines")

    def _on_older(self) -> None:
        self._before.append(self.older_than)
        self.older_than = self._oldest
        self.changed.emit()

    def _on_newer(self) -> None:
        self.older_than = self._before.pop() if self._before else 0
        self.changed.emit()

    def _on_newest(self) -> None:
        self.reset()
        self.changed.emit()
