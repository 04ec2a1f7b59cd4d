"""One act on one scenario, from the press of its button to what is said of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import Qt

from app.model.errors import ArcxoError
from app.model.kept_replica import LeftBehind
from app.model.scenario import ScenarioStatus
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.manager import Manager
from app.ui.xosoft.actions import Act
from app.ui.xosoft.holding import CONTROLLED, Held, question, take_control, unless_held

_RESTORED = "E5189"
"""A run would replace what was restored."""
Told = Callable[[int], None]


class Doing:
    """`begin` and `end` are told the scenario's id: its actions are off until the act was answered."""

    def __init__(self, manager: Manager, act: Act, status: ScenarioStatus, begin: Told, end: Told) -> None:
        self._manager, self._act, self._status = manager, act, status
        self._begin, self._end = begin, end
        self._call: Callable[[], Any] = lambda: None

    def start(self, call: Callable[[], Any]) -> None:
        """Have it done in the background; a backup job that controls the scenario is asked about first."""
        self._call = call
        if self._act in CONTROLLED:
            call = unless_held(self._manager.context.services, self._status.scenario.id, call)
        self._run(call)

    def _run(self, call: Callable[[], Any]) -> None:
        self._begin(self._status.scenario.id)
        self._manager.context.tasks.run(self._manager, call, self._on_done, self._on_error)

    def _ask_for_control(self, held: Held) -> None:
        """The scenario is locked: take it, or leave it."""
        title, text = question(self._status.scenario.name, held.job)
        dialog = ConfirmDialog(self._manager, title, text, "OK, take control")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        services, call = self._manager.context.services, self._call
        dialog.accepted.connect(lambda: self._run(take_control(services, held.job, call)))
        dialog.open()

    def _on_done(self, value: object) -> None:
        if isinstance(value, Held):
            self._end(self._status.scenario.id)
            self._ask_for_control(value)
            return
        name = self._status.scenario.name
        said = {Act.BOOKMARK: f"Bookmark set on {name}", Act.DELETE: f"Scenario {name} deleted"}
        if self._act in said:
            self._manager.context.toast(said[self._act], _left_text(value))
        self._end(self._status.scenario.id)

    def _on_error(self, error: Exception) -> None:
        self._end(self._status.scenario.id)
        if isinstance(error, ArcxoError) and error.code == _RESTORED:
            self._ask_to_replace(error)
            return
        self._manager.context.show_error(error)

    def _ask_to_replace(self, error: ArcxoError) -> None:
        """A run would replace what was restored to a replica."""
        name, host = self._status.scenario.name, error.params.get("host", "")
        text = (
            f"Files were restored to {host} at {error.params.get('at', '')}. The run makes the replica equal "
            "to the Master again. To keep the restored files, replicate them back to the Master first."
        )
        question = f"Running {name} replaces what was restored"
        dialog = ConfirmDialog(self._manager, question, text, "Run and replace")
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        scenarios = self._manager.context.services.scenarios
        dialog.accepted.connect(lambda: self.start(lambda: scenarios.run(name, replace_restored=True)))
        dialog.open()


def _left_text(value: object) -> str:
    """What a deletion left behind, and how to remove it later."""
    if not isinstance(value, list | tuple) or not all(isinstance(one, LeftBehind) for one in value):
        return ""
    places = ", ".join(one.host + (f" ({one.cause})" if one.cause else "") for one in value)
    return f"The rewind log stays on {places}. To remove it: arcxo scenario leftovers" if places else ""
