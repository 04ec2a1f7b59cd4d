"""Delete Machine/Object of a scenario: its registration on this server, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from app.model.scenario import ScenarioStatus
from app.ui.dialogs.confirm import confirm
from app.ui.manager import Context


class Unregister(QObject):
    """`changed` is called when the services should be asked anew."""

    def __init__(self, context: Context, changed: Callable[[], None], window: QWidget) -> None:
        super().__init__(window)
        self._context, self._changed, self._window = context, changed, window

    def ask(self, status: ScenarioStatus) -> None:
        """Ask, then delete the registration here; that can be undone."""
        name = status.scenario.name
        if not confirm(
            self._window,
            f"Delete {name} from this server?",
            "Only its registration here is removed: it can't be chosen for backups any more. "
            f"The scenario goes on on {status.scenario.master}; its sessions and log lines stay.",
            f"Delete {name}",
        ):
            return
        scenarios, number = self._context.services.scenarios, str(status.scenario.id)
        self._context.tasks.run(
            self,
            lambda: scenarios.delete(number, registration_only=True),
            partial(self._on_deleted, name, number),
            self._context.show_error,
        )

    def _on_deleted(self, name: str, number: str, _result: object) -> None:
        self._context.toast(f"{name} deleted from this server", "", "Undo", partial(self._register, number))
        self._changed()

    def _register(self, number: str) -> None:
        scenarios = self._context.services.scenarios
        self._context.tasks.run(
            self, lambda: scenarios.register(number), self._on_registered, self._context.show_error
        )

    def _on_registered(self, _scenario: object) -> None:
        self._changed()
