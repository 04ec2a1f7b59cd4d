"""Owners: whose the restored files become, by number, by name, and one by one."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QVBoxLayout,
    QWidget,
)

from app.model.owners import OwnerChange, OwnerCount, OwnerRule
from app.ui import formats
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.restore.owner_words import becomes, change_of, name_of, with_change
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button, standard_button
from app.ui.widgets.form import Field
from app.ui.widgets.views import CellTable

RULES = {
    OwnerRule.NUMBER: "The same numbers, as they were backed up",
    OwnerRule.NAME: "The same names, where the destination has them; else the same numbers",
}


class OwnerModel(RowModel[OwnerCount]):
    """Users, then groups, with what becomes of them."""

    columns = (
        Column("Owner", 190, stretch=True),
        Column("Number", 90, right=True),
        Column("Entries", 100, right=True),
        Column("Becomes", 280),
    )

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self.changes: tuple[OwnerChange, ...] = ()
        self.known = True
        """Whether the plan was made by the rule that is chosen now."""

    def key_of(self, item: OwnerCount) -> Hashable:
        """Kind, name and number."""
        return item.group, item.name, item.number

    def cell(self, item: OwnerCount, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            kind = "Group" if item.group else "User"
            icon = "users" if item.group else "user"
            return Cell(name_of(item), icon=icon, icon_role="text2", medium=True, tooltip=kind)
        if column == 1:
            return Cell(str(item.number), role="text2", right=True, sort=item.number)
        if column == 2:
            return Cell(formats.count(item.entries), role="text2", right=True, sort=item.entries)
        change = change_of(item, self.changes)
        if change is not None:
            return Cell(change.becomes, icon="pencil", icon_role="accent", beside="chosen")
        if not self.known:
            return Cell("is looked up when you agree", role="muted")
        if item.is_missing or item.is_another:
            beside = "another name" if item.is_another else ""
            return Cell(
                becomes(item), icon="triangle-alert", icon_role="warning", role="warning", beside=beside
            )
        return Cell(becomes(item), icon="circle-check", icon_role="ok")


class RestoreOwnersDialog(QDialog):
    """Works on a copy; `rule` and `changes` are what was agreed to when it is accepted."""

    def __init__(
        self,
        where: str,
        counts: Sequence[OwnerCount],
        rule: OwnerRule,
        changes: Sequence[OwnerChange],
        parent: QWidget,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Owners of the restored files")
        self.setWindowModality(Qt.WindowModality.WindowModal)
        self.resize(min(theme().px(760), 1200), min(theme().px(560), 860))
        self.rule, self.changes = rule, tuple(changes)
        self._counted_by = rule
        self._edited: OwnerCount | None = None
        self.rules = {value: QRadioButton(text) for value, text in RULES.items()}
        self._group = QButtonGroup(self)
        for choice in self.rules.values():
            self._group.addButton(choice)
        self.rules[rule].setChecked(True)
        self.model = OwnerModel(self)
        self.model.changes = self.changes
        self.model.set_items(counts)
        self.table = CellTable()
        self.table.setAccessibleName("Owners, and whose their files become")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setSelectionMode(CellTable.SelectionMode.SingleSelection)
        self.table.current_row_changed.connect(self._on_current)
        self.to = QLineEdit()
        self.to.setMaxLength(256)
        self.to.setPlaceholderText(f"A name or number of {where}")
        self.to.textEdited.connect(self._on_typed)
        self.field = Field("Give them to", self.to, "Empty: by the rule above.")
        self.set = button("Set")
        self.set.setEnabled(False)
        self.set.clicked.connect(self.give)
        self.use = button("Use and count again", "primary")
        self.use.setDefault(True)
        self.use.clicked.connect(self.accept)
        buttons = QDialogButtonBox()
        buttons.addButton(self.use, QDialogButtonBox.ButtonRole.ActionRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Cancel)
        buttons.rejected.connect(self.reject)
        edit = QHBoxLayout()
        edit.setSpacing(8)
        edit.addWidget(self.field, 1)
        edit.addWidget(self.set, 0, Qt.AlignmentFlag.AlignVCenter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 12)
        layout.setSpacing(8)
        layout.addWidget(Label(f"On {where}, restored files belong to", "strong", wrap=True))
        for choice in self.rules.values():
            layout.addWidget(choice)
            choice.toggled.connect(self._on_rule)
        layout.addWidget(self.table, 1)
        layout.addLayout(edit)
        layout.addWidget(Line())
        layout.addWidget(buttons)
        self.table.select_row(self.table.model().index(0, 0))
        self._on_current(self.table.currentIndex())
        self.rules[rule].setFocus()

    def give(self) -> None:
        """Note whom the files of the chosen owner are given to."""
        if self._edited is None:
            return
        text = self.to.text().strip()
        self.changes = self.model.changes = with_change(self.changes, self._edited, text)
        self.model.touch()
        self.set.setEnabled(False)

    def accept(self) -> None:
        """What is typed and not set yet counts, too."""
        if self.set.isEnabled():
            self.give()
        super().accept()

    def _on_rule(self) -> None:
        self.rule = next(value for value, choice in self.rules.items() if choice.isChecked())
        self.model.known = self.rule is self._counted_by
        self.model.touch()

    def _on_current(self, _index: QModelIndex) -> None:
        if self.set.isEnabled():
            self.give()  # what was typed for the row before is not lost
        one = self.table.current_object()
        self._edited = one if isinstance(one, OwnerCount) else None
        self.field.setEnabled(self._edited is not None)
        self.set.setEnabled(False)
        if self._edited is None:
            return
        one = self._edited
        change = change_of(one, self.changes)
        kind = "group" if one.group else "user"
        self.field.label.setText(f"Give what belongs to {kind} {name_of(one)} to")
        self.to.setAccessibleName(self.field.label.text())
        self.to.setText(change.becomes if change is not None else "")

    def _on_typed(self, _text: str) -> None:
        self.set.setEnabled(True)
