"""What the pages of wizards have in common: they show the flow's answers and write them."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from app.ui.manager import Context
from app.ui.widgets.basics import Label
from app.ui.wizards.flow import NewScenarioFlow


class Page(QWidget):
    """A page: its title as a sentence, one line what happens, and `edited` on every change."""

    edited = Signal()
    sentence = ""
    line = ""

    def enter(self) -> None:
        """The page comes into view."""

    def result(self) -> str:
        """The result bar's text."""
        return ""

    def tell_fault(self) -> None:
        """Next was pressed while something on the page was wrong."""


class WizardPage(Page):
    """A page of the New Scenario wizard."""

    def __init__(self, flow: NewScenarioFlow, context: Context) -> None:
        super().__init__()
        self.flow = flow
        self.context = context


def field(title: str, editor: QWidget, hint: str = "") -> QVBoxLayout:
    """An editor below its name, and a hint below that."""
    label = Label(title, "small_medium")
    label.setBuddy(editor)
    editor.setAccessibleName(title)
    group = QVBoxLayout()
    group.setSpacing(4)
    group.addWidget(label)
    group.addWidget(editor)
    if hint:
        group.addWidget(Label(hint, "small", "muted"))
    return group


def form(page: QWidget) -> QVBoxLayout:
    """The layout of a page of fields."""
    layout = QVBoxLayout(page)
    layout.setContentsMargins(20, 20, 20, 20)
    layout.setSpacing(16)
    return layout
