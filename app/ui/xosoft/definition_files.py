"""Definitions of scenarios written to files and read from them."""

from __future__ import annotations

import re
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog

from app.model.errors import ArcxoError, UsageError
from app.model.scenario import Scenario
from app.ui.manager import Manager

_XML = "Scenario definitions (*.xml);;All files (*)"
_MOST_BYTES = 1 << 20
"""What the engine takes at most; a larger file is not even read whole."""


class DefinitionFiles(QObject):
    """Asks for a file and has it written or read off the GUI thread. `imported(name of the scenario)`."""

    imported = Signal(str)

    def __init__(self, manager: Manager) -> None:
        super().__init__(manager)
        self._manager = manager

    def ask_export(self, scenario: Scenario) -> None:
        """Ask where, and write the definition there."""
        first = re.sub(r"[^\w.-]+", "-", scenario.name).strip("-.") or "scenario"
        name, _ = QFileDialog.getSaveFileName(self._manager, f"Export {scenario.name}", f"{first}.xml", _XML)
        if name:
            self.export(scenario.name, name)

    def export(self, scenario: str, file: str) -> None:
        """Write the definition of a scenario to `file`."""
        context = self._manager.context

        def write() -> None:
            xml = context.services.scenarios.export(scenario)
            try:
                Path(file).write_bytes(xml)
            except OSError as error:
                raise ArcxoError("E1301", path=file, reason=error.strerror or str(error)) from error

        context.tasks.run(
            self._manager, write, partial(self._on_exported, scenario, file), context.show_error
        )

    def _on_exported(self, scenario: str, file: str, _nothing: object) -> None:
        self._manager.context.toast(f"{scenario} exported", file)

    def ask_import(self) -> None:
        """Ask for a file, and make the scenario it defines."""
        name, _ = QFileDialog.getOpenFileName(self._manager, "Import a scenario", "", _XML)
        if name:
            self.read(name)

    def read(self, file: str) -> None:
        """Make the scenario that `file` defines."""
        context = self._manager.context

        def make() -> Scenario:
            try:
                with Path(file).open("rb") as opened:
                    xml = opened.read(_MOST_BYTES + 1)
            except OSError as error:
                raise ArcxoError("E1302", path=file, reason=error.strerror or str(error)) from error
            if len(xml) > _MOST_BYTES:
                cause = f"it is larger than {_MOST_BYTES >> 20} MiB, which no definition is"
                raise UsageError("E3370", scenario=file, replica="—", cause=cause)
            return context.services.scenarios.import_xml(xml)

        context.tasks.run(self._manager, make, self._on_imported, context.show_error)

    def _on_imported(self, scenario: Scenario) -> None:
        self._manager.context.toast(f"Scenario {scenario.name} imported", "It is stopped")
        self.imported.emit(scenario.name)
