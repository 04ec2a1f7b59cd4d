"""The XOsoft Manager: Scenario, Framework and Events panes, and what can be done to scenarios."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from PySide6.QtCore import QModelIndex, QPoint, Qt
from PySide6.QtGui import QAction, QGuiApplication, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QHBoxLayout,
    QMenu,
    QSplitter,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.model.events import EventRecord
from app.model.rewind import RewindResult
from app.model.scenario import Scenario, ScenarioState, ScenarioStatus
from app.ui import formats, icons
from app.ui.manager import Context, Manager
from app.ui.models.cell import ItemRole, RowKind
from app.ui.models.tree import TreeModel
from app.ui.widgets.basics import FilterField, Line, PaneHeader, column
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.status import Pill
from app.ui.widgets.views import CellTree
from app.ui.xosoft.actions import Act, command_line, why_not
from app.ui.xosoft.attention import show_pills
from app.ui.xosoft.delete_dialog import DeleteScenarioDialog
from app.ui.xosoft.directories import DirectoriesTab
from app.ui.xosoft.doing import Doing, rewound_text
from app.ui.xosoft.events_pane import KEPT, EventsPane
from app.ui.xosoft.history import History
from app.ui.xosoft.properties import PropertiesTab
from app.ui.xosoft.rewind_dialog import RewindDialog
from app.ui.xosoft.rewind_models import point_name
from app.ui.xosoft.scenario_rows import COLUMNS, is_braked, scenario_rows
from app.ui.xosoft.statistics import StatisticsTab
from app.ui.xosoft.toolbar import Toolbar

_BUTTONS: tuple[tuple[Act, str, str, str, str], ...] = (
    (Act.RUN, "Run", "play", "Ctrl+R", "Run the scenario"),
    (Act.STOP, "Stop", "circle-stop", "Ctrl+.", "Stop the scenario"),
    (Act.SUSPEND, "Suspend", "circle-pause", "", "Stop applying on the replicas; changes go to the spool"),
    (Act.RESUME, "Resume", "circle-play", "", "Apply again, beginning with what is in the spool"),
    (Act.SYNCHRONIZE, "Synchronize", "refresh-cw", "", "Compare with the replicas and send what differs"),
    (Act.DIFFERENCE, "Difference…", "git-compare", "", "Compare with the replicas; nothing is changed"),
    (Act.BOOKMARK, "Bookmark", "bookmark", "Ctrl+B", "Mark this moment as a rewind point"),
    (Act.RESTORE_DATA, "Restore data…", "rewind", "", "Rewind a replica to an earlier point"),
)
_LINES_BEFORE = (Act.SUSPEND, Act.BOOKMARK)


class XOsoftManager(Manager):
    """Live view of all scenarios."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "XOsoft Manager")
        self._statuses: list[ScenarioStatus] = []
        self._selected: int | None = None
        self._wanted = ""
        self._busy: set[int] = set()
        self._expanded: set[object] = set()
        self._history = History()
        self.pills = {role: Pill("", "info", role) for role in ("error", "warning", "ok")}
        for pill in self.pills.values():
            pill.hide()
            self.header.add(pill)
        self.actions_: dict[Act, QAction] = {}
        self.new_action = self._action("New…", "plus", "", self._on_new)
        self.delete_action = self._action("Delete…", "trash-2", "", self._on_delete)
        self.copy_action = self._action(
            "Copy as command line", "terminal", "Ctrl+Shift+C", self._on_copy_command
        )
        for act, text, icon, shortcut, _ in _BUTTONS:
            self.actions_[act] = self._action(text, icon, shortcut, self._on_act)
            self.actions_[act].setData(act)
        self.toolbar = Toolbar(
            [self.new_action, *(self.actions_[act] for act, *_ in _BUTTONS)],
            [self.actions_[act] for act in (Act.RUN, *_LINES_BEFORE)],
        )
        self.body.addWidget(self.toolbar)
        self.body.addWidget(Line())
        self.body.addWidget(self._panes(), 1)
        self._poller = self.poll(self._ask, 500)
        self._poller.answered.connect(self._on_answered)
        self._poller.failed.connect(self._on_failed)
        self._poller.stale.connect(self._on_stale)
        self._events_poller = self.poll(self._ask_events, 1000)
        self._events_poller.answered.connect(self._on_events)
        self._braked = ""
        self.banner.pressed.connect(self._on_review)
        self._show_selection()

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Scenario menu."""
        entries: list[QAction | None] = [self.new_action, None]
        for act, *_ in _BUTTONS:
            if act in _LINES_BEFORE:
                entries.append(None)
            entries.append(self.actions_[act])
        return "&Scenario", [*entries, None, self.copy_action, self.delete_action]

    def show_request(self, **request: Any) -> None:
        """`scenario=NAME` selects one, `new_scenario=True` opens the wizard."""
        if request.get("new_scenario"):
            self._on_new()
        self._wanted = str(request.get("scenario", ""))
        self._select_wanted()

    @property
    def selected(self) -> ScenarioStatus | None:
        """The scenario in view."""
        return next((status for status in self._statuses if status.scenario.id == self._selected), None)

    def _action(self, text: str, icon: str, shortcut: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        # A space keeps the text of a button off its icon.
        action.setIconText(f" {text.rstrip('…')}")
        icons.bind(action, icon)
        if shortcut:
            # Of the whole window: the keys work wherever the focus is. Qt leaves out hidden managers.
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self.toolbar.fit(self.width())

    def _panes(self) -> QSplitter:
        self.model = TreeModel(COLUMNS, self)
        self.tree = CellTree()
        self.tree.setModel(self.model)
        self.tree.set_columns(COLUMNS)
        self.tree.setAccessibleName("Scenarios")
        self.tree.current_row_changed.connect(self._on_row_changed)
        self.tree.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.tree.customContextMenuRequested.connect(self._on_context_menu)
        self.model.rowsInserted.connect(self._on_rows_inserted)
        self.scenario_header = PaneHeader("Scenarios")
        self.filter = FilterField()
        self.filter.filtered.connect(self._on_filtered)
        self.scenario_header.add(self.filter)
        self.empty = EmptyState(
            "arrow-left-right",
            "No scenario yet",
            "A scenario replicates directories of a Master host to a Replica host, all the time.",
            "New scenario",
        )
        self.empty.pressed.connect(self._on_new)
        self.empty.hide()
        self.problem = ProblemCard()
        self.problem.retried.connect(self.refresh)
        self.problem.hide()
        left = column(self.scenario_header, Line(), self.problem, self.tree, self.empty)
        self.events = EventsPane()
        self.upper = QSplitter(Qt.Orientation.Horizontal)
        self.upper.addWidget(left)
        self.upper.addWidget(self._framework())
        self.upper.setSizes([590, 600])
        self.outer = QSplitter(Qt.Orientation.Vertical)
        self.outer.addWidget(self.upper)
        self.outer.addWidget(self.events)
        self.outer.setSizes([530, 200])
        for splitter, name in ((self.upper, "upper"), (self.outer, "outer")):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
            saved = self.context.settings.value(f"xosoft/{name}")
            if saved is not None:
                splitter.restoreState(saved)
        return self.outer

    def _framework(self) -> QWidget:
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Framework")
        self.tabs.setExpanding(False)
        for title in ("Statistics", "Directories", "Properties"):
            self.tabs.addTab(title)
        self.statistics = StatisticsTab(self._history)
        self.directories = DirectoriesTab(self.context)
        self.properties = PropertiesTab()
        self.properties.save_requested.connect(self._on_save)
        self.pages = QStackedWidget()
        for page in (self.statistics, self.directories, self.properties):
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self._on_tab_changed)
        head = QWidget()
        row = QHBoxLayout(head)
        row.setContentsMargins(8, 0, 16, 0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        self.since = PaneHeader("", "")
        row.addWidget(self.since.note)
        return column(head, Line(), self.pages)

    def save_state(self) -> None:
        """Keep the splitters."""
        self.context.settings.setValue("xosoft/upper", self.upper.saveState())
        self.context.settings.setValue("xosoft/outer", self.outer.saveState())

    # answers of the services

    def _ask(self) -> Sequence[ScenarioStatus]:
        return self.context.services.scenarios.list()

    def _ask_events(self) -> Sequence[EventRecord]:
        # The first time only what the pane keeps, then all that is new, however much it is.
        return self.context.services.scenarios.events(newer_than=self.events.newest or -KEPT, limit=KEPT)

    def _on_answered(self, statuses: Sequence[ScenarioStatus]) -> None:
        self.problem.hide()
        self._statuses = list(statuses)
        now = time.monotonic()
        for status in statuses:
            self._history.add(status, now)
        self._show_rows()
        if self._selected is None or self.selected is None:
            self._select_first()
        self._select_wanted()
        self._show_pills()
        self._show_selection()

    def _on_events(self, events: Sequence[EventRecord]) -> None:
        self.events.add_events(events)

    def _on_failed(self, error: Exception) -> None:
        if not self._statuses:
            self.problem.show_error(error)

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.scenario_header.note.setText(f"Last answer {formats.clock(at)}")

    def _show_rows(self) -> None:
        rows = scenario_rows(self._statuses, self.filter.text())
        self.model.set_rows(rows)
        shown = sum(len(row.children or ()) for row in rows)
        total = len(self._statuses)
        self.scenario_header.note.setText(f"{shown:,} of {total:,}" if shown != total else "")
        self.empty.setVisible(not self._statuses)
        self.tree.setVisible(bool(self._statuses))

    def _show_pills(self) -> None:
        held = [status for status in self._statuses if is_braked(status)]
        self._show_brake(held)
        attention = show_pills(self.pills, self._statuses)
        self.badge_changed.emit(str(attention) if attention else "", True)

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
        status = self.selected
        made = status.scenario if status else None
        self.header.subtitle.setText(f"{made.name} on {made.master}" if made else "")
        since = status.since if status else None
        self.since.note.setText(f"Since {formats.moment(since)}" if since else "")
        busy = made is not None and made.id in self._busy
        for act, _text, _icon, _shortcut, help_ in _BUTTONS:
            reason = "Working on it" if busy else why_not(act, status)
            self.actions_[act].setEnabled(not reason)
            self.actions_[act].setToolTip(reason or help_)
        reason = "Working on it" if busy else why_not(Act.DELETE, status)
        self.delete_action.setEnabled(not reason)
        self.delete_action.setToolTip(reason)
        self.copy_action.setEnabled(status is not None)
        page = self.pages.currentWidget()
        if isinstance(page, StatisticsTab | DirectoriesTab | PropertiesTab):
            page.show_status(status)

    def _select_first(self) -> None:
        for status in self._statuses:
            self._wanted = self._wanted or status.scenario.name
        if self._statuses and not self._wanted:
            self._wanted = self._statuses[0].scenario.name

    def _select_wanted(self) -> None:
        found = next((s for s in self._statuses if s.scenario.name == self._wanted), None)
        if found is None:
            return
        index = self.model.find(("group", found.scenario.group), ("scenario", found.scenario.id))
        if index.isValid():
            self._wanted = ""
            self._selected = found.scenario.id
            self.tree.select_row(index)
            self.tree.expand(index)
            self.tree.expand(self.model.index(1, 0, index))
            self.tree.scrollTo(index)

    # what the person does

    def _on_rows_inserted(self, parent: QModelIndex, first: int, last: int) -> None:
        for row in range(first, last + 1):
            index = self.model.index(row, 0, parent)
            key = index.data(ItemRole.KEY)
            if index.data(ItemRole.KIND) is RowKind.GROUP or (isinstance(key, tuple) and key[0] == "host"):
                self.tree.expand(index)

    def _on_row_changed(self, index: QModelIndex) -> None:
        while index.isValid():
            found = index.data(ItemRole.OBJECT)
            if isinstance(found, ScenarioStatus):
                self._selected = found.scenario.id
                self._show_selection()
                return
            index = index.parent()

    def _on_filtered(self, _text: str) -> None:
        self._show_rows()

    def _on_tab_changed(self, position: int) -> None:
        self.pages.setCurrentIndex(position)
        self._show_selection()

    def _on_context_menu(self, position: QPoint) -> None:
        menu = QMenu(self)
        for action in self.menu()[1]:
            if action is None:
                menu.addSeparator()
            else:
                menu.addAction(action)
        menu.exec(self.tree.viewport().mapToGlobal(position))
        menu.deleteLater()

    def _on_new(self) -> None:
        from app.ui.wizards.new_scenario import NewScenarioWizard

        wizard = NewScenarioWizard(self.context, self)
        wizard.created.connect(self._on_created)
        wizard.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        wizard.open()

    def _on_created(self, scenario: Scenario, running: bool) -> None:
        self._wanted = scenario.name
        self._poller.refresh()
        self.context.toast(
            f"Scenario {scenario.name} created", "It is starting" if running else "It is stopped"
        )

    def _on_act(self) -> None:
        action, status = self.sender(), self.selected
        if not isinstance(action, QAction) or status is None:
            return
        act = Act(action.data())
        if act is Act.DIFFERENCE:
            from app.ui.xosoft.difference_dialog import DifferenceDialog

            compared = DifferenceDialog(self.context, status.scenario.name, self)
            compared.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            compared.open()
            return
        if act is Act.RESTORE_DATA:
            roots = tuple(root.master_path for root in status.scenario.roots)
            dialog = RewindDialog(self.context, status.scenario.name, self, roots)
            dialog.rewound.connect(self._on_rewound)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()
            return
        self._do(act, status)

    def _do(self, act: Act, status: ScenarioStatus, *, keep_rewind: bool = False) -> None:
        scenarios, name = self.context.services.scenarios, status.scenario.name
        calls: dict[Act, Callable[[], Any]] = {
            Act.RUN: lambda: scenarios.run(name),
            Act.STOP: lambda: scenarios.stop(name),
            Act.SUSPEND: lambda: scenarios.suspend(name),
            Act.RESUME: lambda: scenarios.resume(name),
            Act.SYNCHRONIZE: lambda: scenarios.synchronize(name),
            Act.BOOKMARK: lambda: scenarios.bookmark(name),
            Act.DELETE: lambda: scenarios.delete(name, keep_rewind=keep_rewind),
        }
        Doing(self, act, status, self._begin, self._end).start(calls[act])

    def _begin(self, scenario_id: int) -> None:
        """Something is being done to a scenario: its actions wait."""
        self._busy.add(scenario_id)
        self._show_selection()

    def _end(self, scenario_id: int) -> None:
        """It was done, or refused."""
        self._busy.discard(scenario_id)
        self._poller.refresh()
        self._show_selection()

    def _on_rewound(self, result: RewindResult) -> None:
        self.context.toast(f"Rewound to {point_name(result.point)}", rewound_text(result))
        self._poller.refresh()

    def _on_delete(self) -> None:
        status = self.selected
        if status is None:
            return
        dialog = DeleteScenarioDialog(status, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(lambda: self._on_delete_confirmed(keep_rewind=dialog.keep_rewind))
        dialog.open()

    def _on_delete_confirmed(self, *, keep_rewind: bool) -> None:
        if self.selected is not None:
            self._do(Act.DELETE, self.selected, keep_rewind=keep_rewind)

    def _on_copy_command(self) -> None:
        status = self.selected
        if status is not None:
            running = status.state is not ScenarioState.STOPPED
            text = command_line(Act.STOP if running else Act.RUN, status.scenario.name)
            QGuiApplication.clipboard().setText(text)
            self.context.toast("Copied", text)

    def _on_save(self, scenario: Scenario) -> None:
        scenarios = self.context.services.scenarios
        self.context.tasks.run(self, lambda: scenarios.update(scenario), self._on_saved, self._on_save_failed)

    def _on_saved(self, scenario: Scenario) -> None:
        self.context.toast("Properties saved", scenario.name)
        self._poller.refresh()

    def _on_save_failed(self, error: Exception) -> None:
        self.context.show_error(error)
