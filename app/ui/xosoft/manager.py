"""The XOsoft Manager: Scenario, Framework and Events panes, and what can be done to scenarios."""

from __future__ import annotations

import shlex
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QTabBar

from app.model.events import EventRecord
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line
from app.ui.widgets.menus import pop_actions
from app.ui.widgets.status import Pill
from app.ui.xosoft.actions import Act
from app.ui.xosoft.attention import show_pills
from app.ui.xosoft.commands import ScenarioCommands
from app.ui.xosoft.events_pane import KEPT, EventsPane
from app.ui.xosoft.framework_pane import FrameworkPane
from app.ui.xosoft.history import History
from app.ui.xosoft.panes import Pane, Panes
from app.ui.xosoft.properties import PropertiesTab
from app.ui.xosoft.scenario_pane import ScenarioPane
from app.ui.xosoft.scenario_rows import is_braked
from app.ui.xosoft.toolbar import Toolbar

BEHIND_MS = 4000
"""Less than what leaves a gap in the charts."""


class XOsoftManager(Manager):
    """Live view of all scenarios."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "XOsoft Manager")
        self._history = History()
        self.pills = {role: Pill("", "info", role) for role in ("error", "warning", "ok")}
        for pill in self.pills.values():
            pill.hide()
            self.header.add(pill)
        self.scenarios = ScenarioPane(self)
        self.framework = FrameworkPane(context, self._history, self)
        self.events = EventsPane()
        self.commands = ScenarioCommands(self, self.scenarios)
        self.toolbar = Toolbar(*self.commands.toolbar())
        self.panes = Panes(
            Pane("scenarios", "Scenarios", self.scenarios.header, self.scenarios.content),
            Pane("framework", "Framework", self.framework.header, self.framework.content),
            Pane("events", "Events", self.events.header, self.events),
        )
        self.panes.restore(context.settings)
        self.body.addWidget(self.toolbar)
        self.body.addWidget(Line())
        self.body.addWidget(self.panes, 1)
        # Behind another manager, too: the charts have no hole then, and the badge is true.
        self._poller = self.poll(self._ask, 500, behind_ms=BEHIND_MS)
        self._poller.answered.connect(self._on_answered)
        self._poller.failed.connect(self.scenarios.show_failure)
        self._poller.stale.connect(self._on_stale)
        self._events_poller = self.poll(self._ask_events, 1000)
        self._events_poller.answered.connect(self._on_events)
        self._braked = ""
        self.banner.pressed.connect(self._on_review)
        self.scenarios.chosen.connect(self._show_selection)
        self.scenarios.new_wanted.connect(self.commands.on_new)
        self.scenarios.retried.connect(self.refresh)
        self.scenarios.menu_wanted.connect(self._on_context_menu)
        self.commands.changed.connect(self._poller.refresh)
        self.commands.wanted.connect(self.scenarios.select)
        self.framework.save_requested.connect(self.commands.save)
        self.events.export_wanted.connect(self._on_export_events)
        self._show_selection()

    # parts by the names that the rest of the console and tests use

    @property
    def actions_(self) -> dict[Act, QAction]:
        """The actions on the scenario in view."""
        return self.commands.acts

    @property
    def tabs(self) -> QTabBar:
        """The tabs of the Framework pane."""
        return self.framework.tabs

    @property
    def properties(self) -> PropertiesTab:
        """The Properties tab."""
        return self.framework.properties

    @property
    def selected(self) -> ScenarioStatus | None:
        """The scenario in view."""
        return self.scenarios.selected

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Scenario menu."""
        return "&Scenario", self.commands.menu()

    def view_menu(self) -> list[QAction | None]:
        """Which panes are shown, and Reset layout."""
        return self.panes.actions_of_view()

    def show_request(self, **request: Any) -> None:
        """`scenario=NAME` selects one, `new_scenario=True` opens the wizard."""
        if request.get("new_scenario"):
            self.commands.on_new()
        self.scenarios.select(str(request.get("scenario", "")))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self.toolbar.fit(self.width())

    def save_state(self) -> None:
        """Keep how the panes lie."""
        self.panes.save(self.context.settings)

    # answers of the services

    def _ask(self) -> Sequence[ScenarioStatus]:
        return self.context.services.scenarios.list()

    def _ask_events(self) -> Sequence[EventRecord]:
        # The first time only what the pane keeps, then all that is new, however much it is.
        return self.context.services.scenarios.events(newer_than=self.events.newest or -KEPT, limit=KEPT)

    def _on_answered(self, statuses: Sequence[ScenarioStatus]) -> None:
        now = time.monotonic()
        for status in statuses:
            self._history.add(status, now)
        self.scenarios.show_statuses(list(statuses))
        self._show_brake([status for status in statuses if is_braked(status)])
        attention = show_pills(self.pills, statuses)
        self.badge_changed.emit(str(attention) if attention else "", True)
        self._show_selection()

    def _on_events(self, events: Sequence[EventRecord]) -> None:
        self.events.add_events(events)

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.scenarios.header.note.setText(f"Last answer {formats.clock(at)}")

    def _show_brake(self, held: Sequence[ScenarioStatus]) -> None:
        """The safety brake waits for a decision."""
        if not held:
            self.banner.hide()
            return
        chosen = self.selected if self.selected in held else held[0]
        assert chosen is not None
        name = chosen.scenario.name
        more = f" (and {len(held) - 1} more)" if len(held) > 1 else ""
        reason = chosen.reason or next((r.reason for r in chosen.replicas if r.reason), "")
        self._braked = name
        self.banner.setToolTip(f"Also: {shlex.join(['arcxo', 'scenario', 'brake', name])} show")
        self.banner.show_banner(
            "error",
            f"The safety brake holds the replicas of {name}{more}",
            f"{reason}. They keep what they have; changes go on being recorded.".replace("..", "."),
            "Review…",
            icon="hand",
        )

    def _on_review(self) -> None:
        from app.ui.xosoft.brake_dialog import BrakeDialog

        name = self._braked
        dialog = BrakeDialog(self.context, name, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.decided.connect(self._poller.refresh)
        dialog.released.connect(self._on_released)
        dialog.open()

    def _on_released(self, text: str) -> None:
        self.context.toast("The safety brake is released", text)

    def _show_selection(self) -> None:
        status, group = self.selected, self.scenarios.group
        made = status.scenario if status else None
        words = f"{made.name} on {made.master}" if made else ""
        if group:
            words = f"{group}, {formats.counted(len(self.scenarios.members), 'scenario')}"
        self.header.subtitle.setText(words)
        self.commands.offer()
        self.framework.show_status(status)
        self.events.set_scope(made.name if made else "")

    def _on_context_menu(self, position: QPoint) -> None:
        pop_actions(self, self.menu()[1], position)

    def _on_export_events(self, file: str, text: str) -> None:
        from app.ui.xosoft.event_files import write_events

        self.context.tasks.run(
            self,
            lambda: write_events(file, text),
            lambda _nothing: self.context.toast("Events exported", file),
            self.context.show_error,
        )
