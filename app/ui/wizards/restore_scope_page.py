"""The page of the Restore Data wizard for what is restored, and where to."""

from __future__ import annotations

from collections.abc import Hashable

from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from app.model.paths import shown
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.widgets.basics import Label, button
from app.ui.widgets.notices import Banner
from app.ui.widgets.views import CellTable
from app.ui.wizards.page import form
from app.ui.wizards.restore_flow import Method, RestoreDataFlow
from app.ui.wizards.restore_page import RestorePage


class PathModel(RowModel[bytes]):
    """The chosen paths."""

    columns = (Column("File or directory of the Master", 420, stretch=True),)

    def key_of(self, item: bytes) -> Hashable:
        """The path."""
        return item

    def cell(self, item: bytes, column: int) -> Cell:  # noqa: ARG002 - there is one column
        """Paintable content."""
        return Cell(shown(item), icon="file", middle=True)


class ScopePage(RestorePage):
    """Everything or some paths; left on the replica or replicated back."""

    sentence = "What is restored, and where to"
    line = "Some files may be chosen on the next page as well, from all that would change."

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        self.all = QRadioButton("Everything in the root directories")
        self.some = QRadioButton("Only these files and directories")
        self.typed = QLineEdit()
        self.typed.setPlaceholderText("Path of the Master")
        self.typed.setAccessibleName("Path to restore")
        self.typed.returnPressed.connect(self._on_add)
        self.add = button("Add", "small", "plus")
        self.add.clicked.connect(self._on_add)
        self.remove = button("Remove", "small")
        self.remove.clicked.connect(self._on_remove)
        self.note = Label("", "small", "error", wrap=True)
        self.model = PathModel()
        self.table = CellTable(row_height=24)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setAccessibleName("Files and directories to restore")
        self.table.current_row_changed.connect(self._show_remove)
        self.leave = QRadioButton()
        self.back = QRadioButton("Replicate it back to the Master as well")
        self.only_master = Label("", "body", "text2", wrap=True)
        self.warning = Banner()
        self.warning.hide()
        self._groups: list[QButtonGroup] = []
        for pair in ((self.all, self.some), (self.leave, self.back)):
            group = QButtonGroup(self)
            for radio in pair:
                group.addButton(radio)
            group.buttonToggled.connect(self._on_toggled)
            self._groups.append(group)
        self._lay_out()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setContentsMargins(24, 0, 0, 0)
        row.addWidget(self.typed, 1)
        row.addWidget(self.add)
        row.addWidget(self.remove)
        below = QVBoxLayout()
        below.setContentsMargins(24, 0, 0, 0)
        below.setSpacing(4)
        below.addWidget(self.note)
        below.addWidget(self.table, 1)
        content = QWidget()
        layout = form(content)
        layout.setSpacing(10)
        layout.addWidget(Label("What", "strong"))
        layout.addWidget(self.all)
        layout.addWidget(self.some)
        layout.addLayout(row)
        layout.addLayout(below, 1)
        layout.addSpacing(6)
        layout.addWidget(Label("Where to", "strong"))
        layout.addWidget(self.leave)
        layout.addWidget(self.back)
        layout.addWidget(self.only_master)
        whole = QVBoxLayout(self)
        whole.setContentsMargins(0, 0, 0, 0)
        whole.setSpacing(0)
        whole.addWidget(content, 1)
        whole.addWidget(self.warning)

    def enter(self) -> None:
        """Show what is chosen."""
        answers = self.flow.answers
        recover = answers.method is Method.RECOVER
        # Both at once: each of them tells the answers of all.
        some, back = answers.only_some, answers.back
        (self.back if back else self.leave).setChecked(True)
        (self.some if some else self.all).setChecked(True)
        answers.only_some, answers.back = some, back
        self.leave.setText(f"Leave it on the replica {answers.replica}")
        self.leave.setVisible(not recover)
        self.back.setVisible(not recover)
        self.only_master.setVisible(recover)
        self.only_master.setText(f"To the Master, from {answers.replica}")
        self.note.setText("")
        self._show()

    def result(self) -> str:
        """What is chosen, in one line."""
        flow = self.flow
        if flow.fault():
            return ""
        if flow.request().back:
            return "The Master's files are replaced; what was there is kept for a while"
        return f"The next run of {flow.scenario} makes the replica equal to the Master again"

    def _show(self) -> None:
        answers = self.flow.answers
        some = answers.only_some
        self.model.set_items(list(answers.paths))
        for widget in (self.typed, self.add, self.table):
            widget.setEnabled(some)
        self._show_remove()
        back = self.flow.request().back
        self.warning.setVisible(back)
        if back:
            self.warning.show_banner(
                "warning",
                "The Master's files will be changed",
                "What that replaces or removes is kept in each root directory under .arcxo-replaced-… for as "
                "long as the rewind log is kept, a day at least.",
            )

    def _show_remove(self) -> None:
        self.remove.setEnabled(self.flow.answers.only_some and self.table.current_object() is not None)

    def _on_toggled(self, _button: object, checked: bool) -> None:
        if not checked:
            return
        answers = self.flow.answers
        answers.only_some, answers.back = self.some.isChecked(), self.back.isChecked()
        self._show()
        self.edited.emit()

    def _on_add(self) -> None:
        self.note.setText(self.flow.add_path(self.typed.text()))
        if not self.note.text():
            self.typed.clear()
        self._show()
        self.edited.emit()

    def _on_remove(self) -> None:
        found = self.table.current_object()
        if isinstance(found, bytes):
            self.flow.remove_path(found)
        self._show()
        self.edited.emit()

    def tell_fault(self) -> None:
        """To the field of what is missing."""
        self.typed.setFocus()
