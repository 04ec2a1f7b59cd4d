"""The one window: menu row, navigation, the managers, status bar."""

from __future__ import annotations

import importlib
import traceback
from datetime import UTC, datetime
from typing import Any

from PySide6.QtCore import QEvent, QSettings, Qt
from PySide6.QtGui import QAction, QActionGroup, QCloseEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QMainWindow,
    QMenu,
    QMenuBar,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app import __version__
from app.help import load as load_help
from app.model.errors import ArcxoError
from app.services.api import ServerState, Services
from app.ui import icons
from app.ui.bridge.polling import Poller
from app.ui.bridge.tasks import Tasks
from app.ui.command_palette import CommandPalette, SearchField
from app.ui.dialogs.message_details import FaultReportDialog, MessageDetailsDialog
from app.ui.help.desk import help_desk
from app.ui.help.menu import HelpMenu
from app.ui.keyboard import sort_pane, step_pane
from app.ui.manager import Context, Manager
from app.ui.navigation import Navigation
from app.ui.opening import open_in_rounds
from app.ui.registry import ManagerEntry, entries
from app.ui.sizes import keep_sizes, restore_sizes
from app.ui.status_bar import ConsoleStatusBar
from app.ui.theme import ThemeMode, theme
from app.ui.widgets.basics import IconLabel, Label, Line, icon_button
from app.ui.widgets.notices import Toasts
from app.ui.widgets.sort_menu import KEY as SORT_KEY

SERVER_POLL_MS = 2000
NAVIGATION_OPEN_FROM = 1280


class MainWindow(QMainWindow):
    """Opens managers when they are first looked at; only the visible one polls."""

    def __init__(self, services: Services, tasks: Tasks, settings: QSettings) -> None:
        super().__init__()
        self.setWindowTitle("Arcxo")
        self.setMinimumSize(1024, 680)
        self.resize(1440, 900)
        self.context = Context(
            services,
            tasks,
            settings,
            open_manager=self.open_soon,
            show_error=self.show_error,
        )
        self._entries: dict[str, ManagerEntry] = {entry.name: entry for entry in entries()}
        self._managers: dict[str, Manager] = {}
        self._current = self._opening = ""
        self._lag: float | None = None
        self.navigation = Navigation(tuple(self._entries.values()))
        self.navigation.chosen.connect(self.open_soon)
        self.stack = QStackedWidget()
        self.status = ConsoleStatusBar()
        self.toasts = Toasts(self)
        self.context.toast = self.toasts.show
        self._own_menu: QMenu | None = None
        self._lay_out()
        self._make_menus()
        tasks.failed.connect(self.show_error)
        tasks.unexpected.connect(self.show_fault)
        self._server_poller = Poller(tasks, self._ask_server, SERVER_POLL_MS, self)
        self._server_poller.answered.connect(self._on_server_answered)
        self._server_poller.failed.connect(self._on_server_failed)
        help_desk().use(settings)
        self._restore_state()
        first = str(settings.value("window/manager", "home"))
        self.open_manager(first if first in self._entries else next(iter(self._entries)))
        theme().dress(self)

    def start_server(self) -> None:
        """Start the server of the home in the background; its state is shown meanwhile."""
        self.status.show_connecting("Starting the server…")
        self.navigation.server.set_server("This computer", "Starting the server…")
        server = self.context.services.server
        self.context.tasks.run(self, server.start, self._on_server_started, self._on_server_start_failed)
        self.context.tasks.run(self, self._load_managers)

    def _load_managers(self) -> None:
        """Read the managers' code and the help beforehand, so that opening them does not stand still."""
        for entry in self._entries.values():
            entry.load()
        load_help()
        importlib.import_module("app.ui.help.window")

    def open_soon(self, name: str, **request: Any) -> None:
        """Show a manager; one that is not made yet is made in several rounds of the event loop."""
        self._opening = name
        if name in self._managers or name not in self._entries:
            self.open_manager(name, **request)
            return
        self.navigation.choose(name)

        def shown() -> None:
            if self._opening == name or request:
                self.open_manager(name, **request)

        open_in_rounds(self, self.context, self._entries[name], self._managers, self._put_in, shown)

    def _put_in(self, name: str, manager: Manager) -> None:
        manager.badge_changed.connect(self._on_badge_changed)
        self._managers[name] = manager
        self.stack.addWidget(manager)
        restore_sizes(self.context.settings, name, manager)

    def open_manager(self, name: str, **request: Any) -> None:
        """Show a manager at once, made when needed; `request` goes to its `show_request`."""
        entry = self._entries.get(name)
        if entry is None:
            return
        manager = self._managers.get(name)
        if manager is None:
            manager = entry.load()(self.context)  # type: ignore[call-arg] # subclasses know their own title
            self._put_in(name, manager)
        if name != self._current:
            if self._current:
                self._managers[self._current].step_back()
            self._current = self._opening = name
            self.stack.setCurrentWidget(manager)
            self.navigation.choose(name)
            self._show_own_menu(manager)
            if self.isVisible() and not self.isMinimized():
                manager.activate()
        if request:
            manager.show_request(**request)

    @property
    def current_manager(self) -> Manager:
        """The manager in front."""
        return self._managers[self._current]

    def show_error(self, error: Exception, parent: QWidget | None = None) -> None:
        """Show a known fault in full, an unknown one as a report."""
        if isinstance(error, ArcxoError):
            dialog: MessageDetailsDialog | FaultReportDialog = MessageDetailsDialog.for_error(
                error, parent or self
            )
        else:
            dialog = FaultReportDialog("".join(traceback.format_exception(error)), parent or self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def show_fault(self, report: str) -> None:
        """Show the report of a bug."""
        dialog = FaultReportDialog(f"Arcxo {__version__}\n{report}", self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def showEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().showEvent(event)  # type: ignore[arg-type]
        self._look(visible=True)

    def hideEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._look(visible=False)
        super().hideEvent(event)  # type: ignore[arg-type]

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802, D102 - Qt's name
        if event.type() == QEvent.Type.WindowStateChange:
            self._look(visible=self.isVisible() and not self.isMinimized())
        super().changeEvent(event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        self.navigation.set_open(self.width() >= NAVIGATION_OPEN_FROM * max(1.0, theme().scale))

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802, D102 - Qt's name
        self._look(visible=False)
        settings = self.context.settings
        settings.setValue("window/geometry", self.saveGeometry())
        settings.setValue("window/manager", self._current)
        for name, manager in self._managers.items():
            manager.save_state()
            keep_sizes(settings, name, manager)
        help_desk().close()
        settings.sync()
        super().closeEvent(event)

    def _look(self, *, visible: bool) -> None:
        if visible:
            self._server_poller.start()
        else:
            self._server_poller.stop()
        for name, manager in self._managers.items():
            if not visible:
                manager.deactivate()
            elif name == self._current:
                manager.activate()
            else:
                manager.step_back()

    def _lay_out(self) -> None:
        top = QFrame()
        top.setProperty("kind", "bar")
        top.setFixedHeight(theme().px(40))
        self.menus = QMenuBar()
        row = QHBoxLayout(top)
        row.setContentsMargins(16, 0, 12, 0)
        row.setSpacing(8)
        row.addWidget(IconLabel("mark", "accent", 20))
        row.addWidget(Label("Arcxo", "strong"))
        row.addSpacing(12)
        self.menus.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Preferred)
        row.addWidget(self.menus, 0, Qt.AlignmentFlag.AlignVCenter)
        row.addStretch(1)
        self.search = SearchField()
        self.palette_ = CommandPalette(self.context, self.search, self, self._menu_actions)
        row.addWidget(self.search, 2)
        row.addWidget(Label("Ctrl+K", "micro", "muted"))
        row.addSpacing(4)
        self.theme_button = icon_button("moon", "Dark or light colours")
        self.theme_button.clicked.connect(self._on_theme_clicked)
        row.addWidget(self.theme_button)
        self.help_button = icon_button("circle-question-mark", "Help on this screen (F1)")
        row.addWidget(self.help_button)
        middle = QHBoxLayout()
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.navigation)
        middle.addWidget(Line(vertical=True))
        middle.addWidget(self.stack, 1)
        body = QWidget()
        layout = QVBoxLayout(body)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(top)
        layout.addWidget(Line())
        layout.addLayout(middle, 1)
        layout.addWidget(Line())
        layout.addWidget(self.status)
        self.setCentralWidget(body)

    def _make_menus(self) -> None:
        file = self.menus.addMenu("&File")
        self._add(file, "New &scenario…", "Ctrl+N", self._on_new_scenario)
        file.addSeparator()
        self._add(file, "&Quit", "Ctrl+Q", self.close)
        quick = self.menus.addMenu("&Quick Start")
        for number, entry in enumerate(self._entries.values(), 1):
            action = self._add(quick, entry.title, f"Ctrl+{number}", self._on_manager_action)
            action.setData(entry.name)
            icons.bind(action, entry.icon)
        view = self.menus.addMenu("&View")
        self._add(view, "&Refresh", "F5", self._on_refresh)
        self._add(view, "&Find in this pane", "Ctrl+F", self._on_find)
        self._add(view, "Sort table b&y…", SORT_KEY, self._on_sort)
        self._add(view, "&Next pane", "F6", self._on_next_pane)
        self._add(view, "&Previous pane", "Shift+F6", self._on_previous_pane)
        self._add(view, "&Search and commands", "Ctrl+K", self.palette_.open)
        view.addSeparator()
        colours = view.addMenu("&Colours")
        self._modes = QActionGroup(self)
        for mode, text in (
            (ThemeMode.SYSTEM, "Follow the &system"),
            (ThemeMode.LIGHT, "&Light"),
            (ThemeMode.DARK, "&Dark"),
        ):
            action = colours.addAction(text)
            action.setCheckable(True)
            action.setData(mode)
            action.setChecked(theme().mode is mode)
            self._modes.addAction(action)
        self._modes.triggered.connect(self._on_mode_chosen)
        size = view.addMenu("&Text size")
        for percent in (100, 125, 150, 200):
            action = size.addAction(f"{percent}%")
            action.setData(percent / 100)
            action.triggered.connect(self._on_scale_chosen)
        self._view, self._view_ends = view, len(view.actions())
        self._own_menu = self.menus.addMenu("")
        help_menu = self.menus.addMenu("&Help")
        self._menus = (file, quick, view, colours, size, self._own_menu, help_menu)
        self._help = HelpMenu(help_menu, self._add, lambda: self.current_manager, self.toasts.show, self)
        self.help_button.clicked.connect(self._help.show_screen)

    def _add(self, menu: QMenu, text: str, shortcut: str, slot: Any) -> QAction:
        action = menu.addAction(text)
        if shortcut:
            action.setShortcut(QKeySequence(shortcut))
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _show_own_menu(self, manager: Manager) -> None:
        assert self._own_menu is not None
        title, actions = manager.menu()
        self._own_menu.clear()
        self._own_menu.setTitle(title)
        self._own_menu.menuAction().setVisible(bool(title))
        for action in actions:
            if action is None:
                self._own_menu.addSeparator()
            else:
                self._own_menu.addAction(action)
        for old in self._view.actions()[self._view_ends :]:
            self._view.removeAction(old)
        for position, more in enumerate(manager.view_menu()):
            if position == 0 or more is None:
                self._view.addSeparator()
            if more is not None:
                self._view.addAction(more)

    def _restore_state(self) -> None:
        geometry = self.context.settings.value("window/geometry")
        if geometry is not None:
            self.restoreGeometry(geometry)

    def _ask_server(self) -> tuple[ServerState, float | None]:
        services = self.context.services
        state = services.server.state()
        lags: list[float] = []
        if state.running:
            lags = [
                replica.lag_seconds
                for status in services.scenarios.list()
                for replica in status.replicas
                if replica.lag_seconds is not None
            ]
        return state, max(lags, default=None)

    def _on_server_answered(self, answer: tuple[ServerState, float | None]) -> None:
        state, lag = answer
        self.status.show_state(state, lag, datetime.now(UTC))
        self.navigation.server.set_server(state.name, "Running" if state.running else "Not running")

    def _on_server_failed(self, _error: Exception) -> None:
        self.status.show_lost("The server does not answer", self._server_poller.last_answer_at)

    def _on_server_started(self, _state: ServerState) -> None:
        self._server_poller.refresh()
        if self._current:
            self.current_manager.refresh()

    def _on_server_start_failed(self, error: Exception) -> None:
        self.status.show_lost("The server could not be started", None)
        self.navigation.server.set_server("This computer", "Not running")
        self.show_error(error)

    def _on_badge_changed(self, text: str, red: bool) -> None:
        for name, manager in self._managers.items():
            if manager is self.sender():
                self.navigation.set_badge(name, text, red=red)

    def _on_manager_action(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            self.open_soon(str(action.data()))

    def _on_new_scenario(self) -> None:
        self.open_soon("xosoft", new_scenario=True)

    def _on_refresh(self) -> None:
        self._server_poller.refresh()
        self.current_manager.refresh()

    def _on_find(self) -> None:
        self.current_manager.enter_filter()

    def _on_sort(self) -> None:
        sort_pane(self.current_manager)

    def _on_next_pane(self) -> None:
        step_pane(self.current_manager, 1)

    def _on_previous_pane(self) -> None:
        step_pane(self.current_manager, -1)

    def _menu_actions(self) -> list[QAction]:
        """Every action of the menus, the manager's own first."""
        assert self._own_menu is not None
        menus = [self._own_menu, *(menu for menu in self._menus if menu is not self._own_menu)]
        return [action for menu in menus for action in menu.actions()]

    def _on_theme_clicked(self) -> None:
        self._use_mode(ThemeMode.LIGHT if theme().dark else ThemeMode.DARK)

    def _on_mode_chosen(self, action: QAction) -> None:
        self._use_mode(ThemeMode(action.data()))

    def _use_mode(self, mode: ThemeMode) -> None:
        theme().apply(mode)
        self.context.settings.setValue("look/mode", mode.value)
        icons.bind(self.theme_button, "sun" if theme().dark else "moon")
        for action in self._modes.actions():
            action.setChecked(action.data() == mode)

    def _on_scale_chosen(self) -> None:
        action = self.sender()
        if isinstance(action, QAction):
            theme().apply(theme().mode, float(action.data()))
            self._fit()
            self.context.settings.setValue("look/scale", action.data())
