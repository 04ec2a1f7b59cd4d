"""Auto-discovery: scenarios that known hosts have and this home does not list."""

from __future__ import annotations

from collections.abc import Hashable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from app.messages import render
from app.model.discovery import Discovery
from app.model.paths import shown
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, PaneHeader, button, standard_button
from app.ui.widgets.notices import explain
from app.ui.widgets.status import SCENARIO, status_cell
from app.ui.widgets.views import CellTable


class DiscoveryModel(RowModel[ScenarioStatus]):
    """What was found."""

    columns = (
        Column("Scenario", 180),
        Column("Host", 140),
        Column("Status", 130),
        Column("Directories", 240, stretch=True),
    )

    def key_of(self, item: ScenarioStatus) -> Hashable:
        """The scenario's number."""
        return item.scenario.id

    def cell(self, item: ScenarioStatus, column: int) -> Cell:
        """Paintable content."""
        made = item.scenario
        if column == 0:
            return Cell(made.name, medium=True)
        if column == 1:
            return Cell(made.master, icon="master", icon_role="master")
        if column == 2:
            return status_cell(SCENARIO[item.state], tooltip=item.reason)
        return Cell(", ".join(shown(root.master_path) for root in made.roots), role="text2", middle=True)


class DiscoveryDialog(QDialog):
    """`registered(name)` for each scenario that was taken in."""

    registered = Signal(str)

    def __init__(self, context: Context, parent: QWidget) -> None:
        super().__init__(parent)
        self._context = context
        self.setWindowTitle("Auto-discovery")
        self.resize(theme().px(840), theme().px(480))
        self.header = PaneHeader("Scenarios not listed here", "Looking…")
        self.again = button("Look again", "small", "refresh-cw")
        self.again.clicked.connect(self.look)
        self.header.add(self.again)
        self.model = DiscoveryModel()
        self.table = CellTable()
        self.table.setAccessibleName("Scenarios not listed here")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.selectionModel().selectionChanged.connect(self._show_button)
        self.table.row_activated.connect(self._on_register)
        self.silent = Label("", "small", "error", wrap=True)
        self.silent.setContentsMargins(16, 8, 16, 0)
        self.silent.hide()
        buttons = QDialogButtonBox()
        buttons.setContentsMargins(16, 12, 16, 16)
        self.register = button("Register", "primary")
        buttons.addButton(self.register, QDialogButtonBox.ButtonRole.ActionRole)
        standard_button(buttons, QDialogButtonBox.StandardButton.Close)
        self.register.clicked.connect(self._on_register)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.table, 1)
        layout.addWidget(self.silent)
        layout.addWidget(buttons)
        self.look()

    def look(self) -> None:
        """Ask all known hosts."""
        self.header.note.setText("Looking…")
        self._show_button()
        self._context.tasks.run(
            self, self._context.services.scenarios.discover, self._on_found, self._on_error, key="look"
        )

    def _on_found(self, found: Discovery) -> None:
        self.model.set_items(list(found.found))
        count = len(found.found)
        self.header.note.setText(f"{formats.counted(count, 'scenario')} found" if count else "None was found")
        words = [f"{one.params.get('host', '')}: {render(one.code, one.params).text}" for one in found.silent]
        self.silent.setText("\n".join(words))
        self.silent.setVisible(bool(words))
        if found.found and not self.table.selected_objects():
            self.table.select_row(self.table.model().index(0, 0))
        self._show_button()

    def _on_error(self, error: Exception) -> None:
        title, text, _ = explain(error)
        self.header.note.setText("")
        self.silent.setText(f"{title}. {text}")
        self.silent.show()

    def _show_button(self, *_selection: object) -> None:
        chosen = [one for one in self.table.selected_objects() if isinstance(one, ScenarioStatus)]
        self.register.setEnabled(bool(chosen))
        self.register.setToolTip("" if chosen else "Select a scenario first")
        self.register.setText(f"Register {len(chosen)} scenarios" if len(chosen) > 1 else "Register")

    def _on_register(self, *_row: object) -> None:
        scenarios = self._context.services.scenarios
        for status in self.table.selected_objects():
            if isinstance(status, ScenarioStatus):
                call = partial(scenarios.register, str(status.scenario.id))
                self._context.tasks.run(self, call, self._on_registered, self._on_error)

    def _on_registered(self, scenario: object) -> None:
        self.registered.emit(str(getattr(scenario, "name", "")))
        self.look()
