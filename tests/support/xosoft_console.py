"""The XOsoft Manager over the real engine: scenarios with files of their own, and waits for what is shown."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QSettings
from PySide6.QtWidgets import QDialog

from app.model.scenario import (
    NewScenario,
    ProductType,
    ReplicaSpec,
    ReplicaState,
    Root,
    Scenario,
    ScenarioProperties,
    ScenarioState,
    ScenarioStatus,
    ServerType,
)
from app.services.api import Services
from app.ui.bridge.tasks import Tasks
from app.ui.manager import Context
from app.ui.models.cell import ItemRole
from app.ui.xosoft.actions import Act
from app.ui.xosoft.manager import XOsoftManager
from app.ui.xosoft.scenario_rows import shown_state

Opened = TypeVar("Opened", bound=QDialog)
LIMIT_MS = 20_000


class XOsoftConsole:
    """A manager that is looked at. Its errors and toasts are kept in `errors` and `toasts`."""

    def __init__(self, services: Services, tasks: Tasks, place: Path, qtbot: Any) -> None:
        self.services, self.place, self._qtbot = services, place, qtbot
        self.errors: list[Exception] = []
        self.toasts: list[str] = []
        self.shown: dict[str, list[float]] = {}
        """Seconds until something was shown, by what it was."""
        settings = QSettings(str(place / "console.ini"), QSettings.Format.IniFormat)
        self.context = Context(services, tasks, settings)
        self.context.show_error = lambda error, *_more: self.errors.append(error)
        self.context.toast = lambda title, *_more, **_named: self.toasts.append(title)
        self.manager = XOsoftManager(self.context)
        qtbot.addWidget(self.manager)
        self.manager.resize(1200, 800)
        self.manager.show()
        self.manager.activate()

    def wait(self, condition: Callable[[], Any], timeout_ms: int = LIMIT_MS) -> None:
        """Until `condition` holds, while the console goes on."""
        self._qtbot.waitUntil(lambda: bool(condition()), timeout=timeout_ms)

    # scenarios

    def scenario(
        self,
        name: str,
        *,
        files: int = 3,
        group: str = "Scenarios",
        host: str = "localhost",
        replica: str = "",
        properties: ScenarioProperties | None = None,
    ) -> Scenario:
        """A stopped one with its own files, in view."""
        self.master(name).mkdir(parents=True)
        for number in range(files):
            (self.master(name) / f"f{number}").write_text(f"{name} {number}\n")
        made = self.services.scenarios.create(
            NewScenario(
                name=name,
                master=host,
                replicas=(ReplicaSpec(replica or host, (bytes(self.replica(name)),)),),
                roots=(Root(bytes(self.master(name))),),
                server_type=ServerType.FILE_SERVER,
                product=ProductType.DR,
                group=group,
                properties=properties or ScenarioProperties(),
            )
        )
        self.select(name)
        return made

    def running(self, name: str, **rest: Any) -> Scenario:
        """One that replicates."""
        made = self.scenario(name, **rest)
        self.services.scenarios.run(name)
        self.replicating(name)
        return made

    def replicating(self, name: str) -> None:
        """Until the console shows that it replicates."""
        self.wait(lambda: self.state(name) == "Replicating")

    def master(self, name: str) -> Path:
        """Where its files are."""
        return self.place / "m" / name

    def replica(self, name: str) -> Path:
        """Where they are replicated to."""
        return self.place / "r" / name

    # what is shown

    def select(self, name: str) -> None:
        """Show a scenario, once it is known."""
        self.manager.show_request(scenario=name)
        self.wait(lambda: self.manager.selected is not None and self.manager.selected.scenario.name == name)

    def select_group(self, name: str) -> None:
        """Show a group, once it is known."""
        pane = self.manager.scenarios
        self.wait(lambda: pane.model.find(("group", name)).isValid())
        pane.tree.select_row(pane.model.find(("group", name)))

    def status(self, name: str) -> ScenarioStatus | None:
        """What the console knows of a scenario."""
        return next((one for one in self.manager.scenarios.statuses if one.scenario.name == name), None)

    def state(self, name: str) -> str:
        """The words in the Status column of its row; "" = it has no row."""
        model = self.manager.scenarios.model
        known = self.status(name)
        if known is None:
            return ""
        index = model.find(("group", known.scenario.group), ("scenario", known.scenario.id))
        said = index.siblingAtColumn(1).data(ItemRole.CELL) if index.isValid() else None
        assert said is None or said.text == shown_state(known).text
        return said.text if said is not None else ""

    def is_in(self, name: str, state: ScenarioState, replica: ReplicaState | None = None) -> bool:
        """Whether the console knows it to be so."""
        found = self.status(name)
        return (
            found is not None
            and found.state is state
            and (replica is None or found.replicas[0].state is replica)
        )

    # what is done

    def press(self, act: Act) -> None:
        """Press the action once it is offered."""
        action = self.manager.actions_[act]
        self.wait(action.isEnabled)
        action.trigger()

    def dialog(self, kind: type[Opened]) -> Opened:
        """The dialog of this kind that is open."""

        def found() -> list[Opened]:
            return [one for one in self.manager.findChildren(kind) if one.isVisible()]

        self.wait(found)
        return found()[0]

    def seconds_until(self, condition: Callable[[], Any], since: float) -> float:
        """How long after `since` (monotonic) the console showed it."""
        seen: list[float] = []

        def holds() -> bool:
            if condition() and not seen:
                seen.append(time.monotonic())
            return bool(seen)

        self.wait(holds, 60_000)
        return seen[0] - since

    def close(self) -> None:
        """Look away."""
        self.manager.deactivate()
