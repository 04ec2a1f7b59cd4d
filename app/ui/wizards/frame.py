"""What wizards look like: steps at the left, a page, the result bar and the buttons."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QDialog, QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from app.ui.help.desk import help_button
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.controls import Steps
from app.ui.wizards.page import Page


class WizardFrame(QDialog):
    """`next_clicked`: the button at the right, which Enter presses."""

    next_clicked = Signal()

    def __init__(
        self, title: str, parent: QWidget | None = None, *, width: int = 1000, height: int = 680
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        room = room_of(self)
        self.resize(min(theme().px(width), room.width()), min(theme().px(height), room.height()))
        self.steps = Steps()
        self.title = Label("", "title", wrap=True)
        self.line = Label("", "body", "text2", wrap=True)
        self.stack = QStackedWidget()
        self.outcome = Label("", "small_medium", "text2", elide=Qt.TextElideMode.ElideRight)
        self.back = button("Back")
        self.next = button("Next", "primary")
        self.next.setDefault(True)
        self.next.clicked.connect(self.next_clicked)
        self.cancel = button("Cancel")
        self.cancel.clicked.connect(self.reject)
        self._lay_out()

    def _lay_out(self) -> None:
        head = QVBoxLayout()
        head.setContentsMargins(20, 16, 20, 12)
        head.setSpacing(4)
        head.addWidget(self.title)
        head.addWidget(self.line)
        result_bar = QFrame()
        result_bar.setProperty("kind", "sunken")
        result_row = QHBoxLayout(result_bar)
        result_row.setContentsMargins(20, 8, 20, 8)
        result_row.addWidget(self.outcome, 1)
        right = QVBoxLayout()
        right.setSpacing(0)
        right.addLayout(head)
        right.addWidget(Line())
        right.addWidget(self.stack, 1)
        right.addWidget(Line())
        right.addWidget(result_bar)
        middle = QHBoxLayout()
        middle.setSpacing(0)
        middle.addWidget(self.steps)
        middle.addLayout(right, 1)
        foot = QFrame()
        foot.setProperty("kind", "bar")
        self._buttons = QHBoxLayout(foot)
        self._buttons.setContentsMargins(20, 12, 20, 12)
        self._buttons.setSpacing(8)
        self._buttons.addStretch(1)
        for widget in (self.back, self.next):
            self._buttons.addWidget(widget)
        self._buttons.addSpacing(8)
        self._buttons.addWidget(self.cancel)
        # Put in last, so that Tab comes to it last.
        self.help = help_button()
        self._buttons.insertWidget(0, self.help)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(middle, 1)
        layout.addWidget(Line())
        layout.addWidget(foot)

    def add_button(self, text: str) -> QPushButton:
        """One more button, left of Back."""
        made = button(text)
        self._buttons.insertWidget(2, made)
        self.setTabOrder(made, self.back)
        return made

    def show_in_view(self, page: Page) -> None:
        """Show a page, and tell it so."""
        self.stack.setCurrentWidget(page)
        self.title.setText(page.sentence)
        self.line.setText(page.line)
        page.enter()

    def say(self, text: str, *, error: bool = False) -> None:
        """What is known of the page in view, or what is wrong with it."""
        self.outcome.set_role("error" if error else "text2")
        self.outcome.setText(text)
