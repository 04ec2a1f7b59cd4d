"""What every manager is: a header, a body, and hooks for being looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QSettings, Qt, Signal
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout, QWidget

from app.services.api import Services
from app.ui import icons
from app.ui.bridge.polling import Poller
from app.ui.bridge.tasks import Tasks
from app.ui.keyboard import focus_filter
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line
from app.ui.widgets.notices import Banner


def _nothing(*_arguments: Any, **_named: Any) -> None:
    """Stand-in for hooks a test does not give."""


@dataclass(slots=True)
class Context:
    """What managers, wizards and dialogs are given.

    `toast(title, text="", action="", on_action=None)`; `open_manager(name, **request)` switches
    and passes the request to the manager's `show_request`; `show_error(error, window=None)` shows
    message details.
    """

    services: Services
    tasks: Tasks
    settings: QSettings
    toast: Callable[..., None] = _nothing
    open_manager: Callable[..., None] = _nothing
    show_error: Callable[..., None] = _nothing
    extra: dict[str, Any] = field(default_factory=dict)


class Manager(QWidget):
    """Base of all managers. Fill `header` and `body`; make pollers with `poll`, they run while visible."""

    badge_changed = Signal(str, bool)
    """The rail's badge: its text ("" = none) and whether it is red."""

    subtitle = ""

    def __init__(self, context: Context, title: str) -> None:
        super().__init__()
        self.context = context
        self._pollers: dict[Poller, tuple[int, int]] = {}
        """The intervals of each: in front, and behind another manager (0 = none)."""
        self._active = False
        self.header = ManagerHeader(title)
        self.banner = Banner()
        self.banner.hide()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.header)
        layout.addWidget(self.banner)
        self.body = QVBoxLayout()
        self.body.setContentsMargins(0, 0, 0, 0)
        self.body.setSpacing(0)
        layout.addLayout(self.body, 1)

    @classmethod
    def in_rounds(cls, context: Context) -> Iterator[Manager | None]:
        """Make one in several rounds of the event loop: None after each of them, last the manager."""
        yield cls(context)  # type: ignore[call-arg] # subclasses know their own title

    def make_action(self, text: str, icon: str, key: str, slot: Callable[[], None]) -> QAction:
        """An action of this manager; its key works wherever the focus is in it. `icon`, `key`: "" = none."""
        action = QAction(text, self)
        if icon:
            # A space keeps the text of a button off its icon.
            action.setIconText(f" {text.rstrip('…')}")
            icons.bind(action, icon)
        if key:
            action.setShortcut(QKeySequence(key))
            action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def poll(self, call: Callable[[], Any], interval_ms: int, *, behind_ms: int = 0) -> Poller:
        """A poller that runs while this manager is looked at; with `behind_ms`, slower, behind others too."""
        poller = Poller(self.context.tasks, call, interval_ms, self)
        self._pollers[poller] = (interval_ms, behind_ms)
        if self._active:
            poller.start()
        return poller

    def activate(self) -> None:
        """The manager came to the front."""
        self._active = True
        for poller, (interval_ms, _) in self._pollers.items():
            poller.set_interval(interval_ms)
            poller.start()

    def step_back(self) -> None:
        """Another manager came to the front, in a window that is seen."""
        self._active = False
        for poller, (_, behind_ms) in self._pollers.items():
            if behind_ms:
                poller.set_interval(behind_ms)
                poller.start()
            else:
                poller.stop()

    def deactivate(self) -> None:
        """The window is closed or minimized."""
        self._active = False
        for poller in self._pollers:
            poller.stop()

    def refresh(self) -> None:
        """F5."""
        for poller in self._pollers:
            poller.refresh()

    def enter_filter(self) -> None:
        """Ctrl+F: the filter of the pane in use."""
        focus_filter(self)

    def show_request(self, **request: Any) -> None:
        """Another manager asked to show something here."""

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The manager's own menu: its title and actions (None = a line). "" = it has none."""
        return "", []

    def view_menu(self) -> list[QAction | None]:
        """What the manager adds to the View menu."""
        return []

    def save_state(self) -> None:
        """Keep sizes and columns in `context.settings`."""


class ManagerHeader(QFrame):
    """Title, what is shown, pills and at most two buttons; 52 px."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.setProperty("kind", "pane")
        self.title = Label(title, "title")
        self.subtitle = Label("", "body", "muted", elide=Qt.TextElideMode.ElideRight)
        row = QHBoxLayout()
        row.setContentsMargins(20, 0, 16, 0)
        row.setSpacing(12)
        row.addWidget(self.title)
        row.addWidget(self.subtitle, 1)
        self._right = QHBoxLayout()
        self._right.setSpacing(12)
        row.addLayout(self._right)
        holder = QWidget()
        holder.setLayout(row)
        holder.setMinimumHeight(theme().px(51))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(holder)
        layout.addWidget(Line())

    def add(self, widget: QWidget) -> None:
        """Put a pill or button at the right."""
        self._right.addWidget(widget)
