"""Ctrl+K: one field that finds scenarios, jobs, managers and actions, and starts them."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QAction, QFocusEvent, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QFrame, QSizePolicy, QVBoxLayout, QWidget

from app.model.job import Job
from app.model.scenario import ScenarioStatus
from app.ui.help.desk import help_desk
from app.ui.keyboard import plain
from app.ui.manager import Context
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import FilterField
from app.ui.widgets.status import JOB, SCENARIO
from app.ui.widgets.views import CellTable

SHOWN = 10
_HELP_ICON = "circle-question-mark"


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that can be started. `words`: what else finds it."""

    key: Hashable
    text: str
    note: str
    icon: str
    start: Callable[[], Any]
    role: str = "text2"
    words: str = ""


def ranked(known: Sequence[Found], text: str) -> list[Found]:
    """What contains every word of `text`: beginnings first, then in the given order."""
    words = text.casefold().split()
    hits = [
        found for found in known if all(word in f"{found.text} {found.words}".casefold() for word in words)
    ]
    return sorted(hits, key=lambda found: not found.text.casefold().startswith(text.strip().casefold()))


class FoundModel(RowModel[Found]):
    """The list below the field."""

    columns = (Column("", 420, stretch=True), Column("", 150, right=True))

    def key_of(self, item: Found) -> Hashable:
        """Its key."""
        return item.key

    def cell(self, item: Found, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(item.text, icon=item.icon, icon_role=item.role)
        return Cell(item.note, role="muted", right=True)


class SearchField(FilterField):
    """The field in the menu row. `entered` when it is gone into, `left` when something else is."""

    entered = Signal()
    left = Signal()
    moved = Signal(int)
    chosen = Signal()

    def __init__(self) -> None:
        super().__init__("Search scenarios, jobs, files, actions")
        self.setMinimumWidth(170)
        self.setMaximumWidth(theme().px(340))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip("Search and commands (Ctrl+K)")

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().focusInEvent(event)
        # A window that is opened or come back to does not ask for the list by itself.
        if event.reason() is not Qt.FocusReason.ActiveWindowFocusReason:
            self.entered.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802, D102 - Qt's name
        already = self.hasFocus()
        super().mousePressEvent(event)
        if already:
            self.entered.emit()

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().focusOutEvent(event)
        self.left.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802, D102 - Qt's name
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Up):
            self.moved.emit(1 if key == Qt.Key.Key_Down else -1)
        elif key in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.chosen.emit()
        else:
            super().keyPressEvent(event)


class CommandPalette(QObject):
    """Ties a `SearchField` to the list of what was found below it."""

    def __init__(
        self, context: Context, field: SearchField, window: QWidget, actions: Callable[[], Sequence[QAction]]
    ) -> None:
        super().__init__(window)
        self._context, self._field, self._window, self._actions = context, field, window, actions
        self._scenarios: Sequence[ScenarioStatus] = ()
        self._jobs: Sequence[Job] = ()
        self._back: QWidget | None = None
        self.model = FoundModel(self)
        self.table = CellTable(sortable=False)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.header().hide()
        self.table.header().setStretchLastSection(False)
        self.table.header().setSectionResizeMode(0, self.table.header().ResizeMode.Stretch)
        self.table.setAccessibleName("Found")
        self.table.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.table.clicked.connect(self._on_clicked)
        self.list = QFrame(window)
        self.list.setProperty("kind", "raised")
        self.list.hide()
        layout = QVBoxLayout(self.list)
        layout.setContentsMargins(1, 4, 1, 4)
        layout.addWidget(self.table)
        field.entered.connect(self._on_entered)
        field.left.connect(self.list.hide)
        field.textChanged.connect(self._show)
        field.moved.connect(self._on_moved)
        field.chosen.connect(self._on_chosen)
        window.installEventFilter(self)

    def open(self) -> None:
        """Go into the field (Ctrl+K)."""
        if self._field.hasFocus():
            self._on_entered()
            self._field.selectAll()
            return
        self._back = self._window.focusWidget()
        self._field.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._field.selectAll()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        if event.type() == QEvent.Type.Resize and self.list.isVisible():
            self._place()
        return super().eventFilter(watched, event)

    def _on_entered(self) -> None:
        services = self._context.services
        self._context.tasks.run(self, services.scenarios.list, self._on_scenarios, self._on_nothing, key="s")
        self._context.tasks.run(self, services.jobs.list, self._on_jobs, self._on_nothing, key="j")
        self._show()

    def _on_scenarios(self, statuses: Sequence[ScenarioStatus]) -> None:
        self._scenarios = statuses
        self._show()

    def _on_jobs(self, jobs: Sequence[Job]) -> None:
        self._jobs = jobs
        self._show()

    def _on_nothing(self, _error: Exception) -> None:
        """Without an answer of the server the actions can still be found."""

    def _known(self) -> list[Found]:
        opened = self._context.open_manager
        known = [
            Found(("action", action.text()), plain(action.text()), _key(action), "terminal", action.trigger)
            for action in self._actions()
            if action.isEnabled() and not action.isSeparator() and action.menu() is None
        ]
        for status in self._scenarios:
            made, look = status.scenario, SCENARIO[status.state]
            start = partial(opened, "xosoft", scenario=made.name)
            words = f"{made.master} {made.group}"
            known.append(
                Found(("scenario", made.id), made.name, look.text, look.icon, start, look.role, words)
            )
        for job in sorted(self._jobs, key=lambda one: -one.id):
            look = JOB[job.status]
            start = partial(opened, "job_status", job=job.id)
            known.append(
                Found(("job", job.id), job.name, f"Job {job.id}", look.icon, start, look.role, str(job.id))
            )
        return known

    def _show(self) -> None:
        if not self._field.hasFocus():
            return
        text = self._field.text().strip()
        hits = ranked(self._known(), text)[: SHOWN - 2]
        if text:
            search = partial(self._context.open_manager, "restore", pattern=f"*{text.strip('*')}*")
            hits.append(Found(("files", text), f"Find files named {text}", "Restore", "search", search))
            ask = partial(help_desk().search, text)
            hits.append(Found(("help", text), f"Search the help for {text}", "Help", _HELP_ICON, ask))
        self.model.set_items(hits)
        self.list.setVisible(bool(hits))
        if hits:
            self.table.select_row(self.table.model().index(0, 0))
            self._place()

    def _place(self) -> None:
        corner = self._field.mapTo(self._window, QPoint(0, self._field.height() + 4))
        height = self.model.rowCount() * theme().px(28) + 10
        width = max(self._field.width(), theme().px(420))
        left = max(8, min(corner.x(), self._window.width() - width - 8))
        self.list.setGeometry(left, corner.y(), width, height)
        self.list.raise_()

    def _on_moved(self, by: int) -> None:
        rows = self.model.rowCount()
        if rows:
            row = (self.table.currentIndex().row() + by) % rows
            self.table.select_row(self.table.model().index(row, 0))

    def _on_clicked(self, index: QModelIndex) -> None:
        self.table.select_row(index)
        self._on_chosen()

    def _on_chosen(self) -> None:
        found = self.table.current_object()
        self._leave()
        if isinstance(found, Found):
            found.start()

    def _leave(self) -> None:
        self._field.clear()
        self.list.hide()
        if self._back is not None and self._back.isVisible():
            self._back.setFocus()
        else:
            self._field.clearFocus()


def _key(action: QAction) -> str:
    return action.shortcut().toString()
