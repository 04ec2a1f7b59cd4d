"""The windows that the actions of a scenario open and that do their work themselves."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QDialog

from app.model.scenario import Scenario, ScenarioStatus
from app.ui.manager import Manager


class ScenarioDialogs(QObject):
    """Opens them above a manager, and tells what came of it.

    `changed`: something is another now. `created(scenario, running)` by the wizard, `registered(name)` by
    auto-discovery, `saved(scenario)` by renaming or moving.
    """

    changed = Signal()
    created = Signal(object, bool)
    registered = Signal(str)
    saved = Signal(object)

    def __init__(self, manager: Manager) -> None:
        super().__init__(manager)
        self._manager = manager

    def open(self, dialog: QDialog) -> None:
        """Show a dialog; it goes when it is closed."""
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def new(self, like: Scenario | None = None) -> None:
        """The New Scenario wizard, with what an existing scenario has."""
        from app.ui.wizards.new_scenario import NewScenarioWizard

        wizard = NewScenarioWizard(self._manager.context, self._manager, like=like)
        wizard.created.connect(self.created)
        self.open(wizard)

    def difference(self, status: ScenarioStatus) -> None:
        """The difference report."""
        from app.ui.xosoft.difference_dialog import DifferenceDialog

        self.open(DifferenceDialog(self._manager.context, status.scenario.name, self._manager))

    def restore(self, status: ScenarioStatus) -> None:
        """The Restore Data wizard."""
        from app.ui.wizards.restore_data import RestoreDataWizard

        wizard = RestoreDataWizard(self._manager.context, status.scenario.name, self._manager)
        wizard.restored.connect(self.changed)
        self.open(wizard)

    def template(self, status: ScenarioStatus) -> None:
        """Save as template."""
        from app.ui.xosoft.template_dialog import TemplateDialog

        self.open(TemplateDialog(self._manager.context, status.scenario, self._manager))

    def update_server(self, status: ScenarioStatus) -> None:
        """Tell the backup server what the scenario is now."""
        from app.ui.xosoft.server_dialog import UpdateServerDialog

        self.open(UpdateServerDialog(self._manager.context, status.scenario, self._manager))

    def discovery(self) -> None:
        """Scenarios of known hosts that are not listed here."""
        from app.ui.xosoft.discovery_dialog import DiscoveryDialog

        dialog = DiscoveryDialog(self._manager.context, self._manager)
        dialog.registered.connect(self.registered)
        self.open(dialog)

    def edit(self, status: ScenarioStatus, all_of_them: Sequence[ScenarioStatus]) -> None:
        """Another name, or another group."""
        from app.ui.xosoft.edit_dialog import EditScenarioDialog

        others = [one.scenario for one in all_of_them if one.scenario.id != status.scenario.id]
        dialog = EditScenarioDialog(status.scenario, others, self._manager)
        scenarios, tasks = self._manager.context.services.scenarios, self._manager.context.tasks

        def saved(made: Scenario) -> None:
            dialog.accept()
            self.saved.emit(made)

        dialog.chosen.connect(
            lambda made: tasks.run(dialog, lambda: scenarios.update(made), saved, dialog.refuse)
        )
        self.open(dialog)
