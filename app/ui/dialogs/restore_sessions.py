"""Session User Name and Password: one row for each session that the restore reads."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial

from PySide6.QtCore import QModelIndex
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QVBoxLayout, QWidget

from app.model.job import Destination
from app.ui import formats
from app.ui.dialogs.restore_login import RestoreLoginDialog
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.restore.requests import LoginRow
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, button, standard_button
from app.ui.widgets.views import CellTable

_OPTIONS = {
    Destination.ORIGINAL_REPLICA: "Restore to Replica Server",
    Destination.ORIGINAL_MASTER: "Restore to Master Server",
    Destination.DIRECTORY: "Restore to a folder",
}


class LoginModel(RowModel[LoginRow]):
    """Sessions with their log-ins."""

    columns = (
        Column("Session", 90),
        Column("Scenario", 140, stretch=True),
        Column("Restore option", 190),
        Column("Machine", 130),
        Column("User name", 130),
        Column("State", 230),
    )

    def key_of(self, item: LoginRow) -> Hashable:
        """Media and session."""
        return item.part.session.media_serial, item.part.session.number

    def cell(self, item: LoginRow, column: int) -> Cell:
        """Paintable content."""
        session = item.part.session
        role = "master" if item.destination is Destination.ORIGINAL_MASTER else "replica"
        login = item.master if item.destination is Destination.ORIGINAL_MASTER else item.replica
        return (
            Cell(str(session.number), icon="lock" if session.encrypted else "archive", sort=session.number),
            Cell(session.scenario_name or formats.NONE, medium=True),
            Cell(_OPTIONS[item.destination], role="text2"),
            Cell(item.host, icon=role, icon_role=role),
            Cell(login.user or "home's owner", role="text" if login.user else "muted"),
            _state(item),
        )[column]


def _state(row: LoginRow) -> Cell:
    if row.missing:
        return Cell(row.missing, icon="key-round", icon_role="warning", role="warning")
    if row.part.session.encrypted:
        return Cell("Session password accepted", icon="circle-check", icon_role="ok", role="ok")
    return Cell("Ready", icon="circle-check", icon_role="ok", role="ok")


class RestoreSessionsDialog(QDialog):
    """Accepted when no row misses anything. Rows are changed in place."""

    def __init__(self, context: Context, rows: Sequence[LoginRow], parent: QWidget) -> None:
        super().__init__(parent)
        self._context, self._rows = context, rows
        self.setWindowTitle("Session User Name and Password")
        self.resize(min(theme().px(984), 1360), min(theme().px(420), 800))
        self.model = LoginModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Sessions and their log-ins")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.setSelectionMode(CellTable.SelectionMode.SingleSelection)
        self.table.row_activated.connect(self._on_row_activated)
        self._icon = IconLabel("key-round", "warning", 16)
        self.foot = Label("", "body", "warning", wrap=True)
        self.edit = button("Edit…")
        self.edit.clicked.connect(self.edit_current)
        self.buttons = QDialogButtonBox()
        self.next = button("Show plan", "primary")
        self.next.setDefault(True)
        self.buttons.addButton(self.next, QDialogButtonBox.ButtonRole.AcceptRole)
        standard_button(self.buttons, QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        line = QHBoxLayout()
        line.setSpacing(6)
        line.addWidget(self.edit)
        line.addSpacing(8)
        line.addWidget(self._icon)
        line.addWidget(self.foot, 1)
        line.addWidget(self.buttons)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 20, 20, 16)
        layout.setSpacing(8)
        what = formats.counted(len(rows), "session")
        layout.addWidget(Label(f"Log-ins and passwords of {what}", "subject"))
        layout.addWidget(
            Label(
                "Edit a row to choose Replica or Master and to enter log-ins. Nothing is restored yet.",
                "body",
                "muted",
                wrap=True,
            )
        )
        layout.addWidget(self.table, 1)
        layout.addLayout(line)
        self.refresh()
        self._select_missing()

    def refresh(self) -> None:
        """Show the rows as they are now."""
        self.model.set_items(self._rows)
        self.model.touch()
        lacking = sum(bool(row.missing) for row in self._rows)
        needs = "needs" if lacking == 1 else "need"
        missing = (
            f"{lacking} of {formats.counted(len(self._rows), 'row')} still {needs} something: press Edit"
        )
        self.foot.setText(missing if lacking else "All rows are ready")
        self.foot.set_role("warning" if lacking else "text2")
        self._icon.set_icon("key-round" if lacking else "circle-check", "warning" if lacking else "ok")

    def accept(self) -> None:
        """Go on when nothing is missing; else open the row that misses something."""
        if any(row.missing for row in self._rows):
            self._select_missing()
            self.edit_current()
            return
        super().accept()

    def edit_current(self) -> RestoreLoginDialog | None:
        """Open the dialog of the chosen row."""
        row = self.table.current_object()
        if not isinstance(row, LoginRow):
            return None
        dialog = RestoreLoginDialog(self._context, row, self)
        dialog.applied.connect(partial(self._on_applied, row))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def _on_row_activated(self, _index: QModelIndex) -> None:
        self.edit_current()

    def _on_applied(self, source: LoginRow, everywhere: bool) -> None:
        if everywhere:
            for row in self._rows:
                row.destination = source.destination
                row.master, row.replica = source.master, source.replica
        self.refresh()
        self._select_missing()

    def _select_missing(self) -> None:
        position = next((i for i, row in enumerate(self._rows) if row.missing), 0)
        self.table.select_row(self.table.model().index(position, 0))
