"""Restore by Query: what to look for, and what was found in all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.media import CatalogEntry, SessionInfo
from app.model.search import Machine, Query
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import Mark, MarkerBox
from app.ui.restore.basket import SessionSource
from app.ui.restore.chooser import Chooser
from app.ui.restore.contents import FoundModel
from app.ui.restore.query_form import QueryForm
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.boxes import at_the_top
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable


class QueryPane(QFrame):
    """`entry_chosen(source, entry)` when a result becomes the current one."""

    entry_chosen = Signal(object, object)

    def __init__(self, context: Context, chooser: Chooser, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self._context, self._chooser = context, chooser
        self._query: Query | None = None
        self._sessions: dict[SessionSource, SessionInfo] = {}
        self.form = QueryForm(context)
        self.form.asked.connect(self._on_query)
        self.form.stopped.connect(self._on_stop)
        self.fields, self.ask, self.stop = self.form.fields, self.form.ask, self.form.stop
        self.pattern, self.machine = self.form.pattern, self.form.machine
        self.model = FoundModel(self._box_of, self._session_of, self)
        self.model.toggled.connect(self._on_toggled)
        self.table = CellTable()
        self.table.setAccessibleName("Found files and folders")
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.current_row_changed.connect(self._on_current_changed)
        self._found = Label("", "small", "text2")
        self.more = button("Load more", "link")
        self.more.clicked.connect(self._on_more)
        self.more.hide()
        self.all_deleted = button("", "link")
        self.all_deleted.clicked.connect(self._on_all_deleted)
        self.all_deleted.hide()
        self.before = EmptyState(
            "search",
            "Nothing was looked for yet",
            "Type a name or a pattern and press Query. Every session is searched.",
        )
        self.none = EmptyState(
            "search", "Nothing fits", "No session holds a name that fits all fields.", "Search everywhere"
        )
        self.none.pressed.connect(self._on_widen)
        self.problem = ProblemCard()
        self.problem.retried.connect(self._on_query)
        self._stack = QStackedWidget()
        for page in (self.table, self.before, self.none, at_the_top(self.problem)):
            self._stack.addWidget(page)
        self._stack.setCurrentIndex(1)
        # Large type in a small window: the fields keep their height, the results shrink.
        self._stack.setMinimumHeight(80)
        self._lay_out()
        chooser.changed.connect(self.model.touch)

    def _lay_out(self) -> None:
        foot = QFrame()
        foot.setProperty("kind", "pane")
        line = QHBoxLayout(foot)
        line.setContentsMargins(16, 4, 16, 4)
        line.addWidget(self._found)
        line.addStretch(1)
        line.addWidget(self.all_deleted)
        line.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.form)
        layout.addWidget(Line())
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addWidget(foot)

    def set_known(self, machines: Sequence[Machine], sessions: Sequence[SessionInfo]) -> None:
        """Machines to choose from, and the sessions that results are of."""
        self._sessions = {SessionSource(one.media_serial, one.number): one for one in sessions}
        self.form.set_machines(machines)
        self.model.many_machines = len(machines) > 1
        self.model.touch()

    def current(self) -> tuple[SessionSource | None, CatalogEntry | None]:
        """The current result."""
        entry = self.table.current_object()
        return (_source(entry), entry) if isinstance(entry, CatalogEntry) else (None, None)

    def _on_query(self) -> None:
        query = self.form.query()
        if query is not None:
            self._query = query
            self._load(0)

    def _load(self, offset: int) -> None:
        if self._query is None:
            return
        query = replace(self._query, offset=offset)
        self.stop.setEnabled(True)
        self.more.setEnabled(False)
        self._found.setText("Searching all sessions…")
        self._context.tasks.run(
            self,
            lambda: self._context.services.restores.query(query),
            partial(self._on_found, query),
            self._on_failed,
            key="query",
        )

    def _on_found(self, query: Query, entries: Sequence[CatalogEntry]) -> None:
        if self._query is None or query != replace(self._query, offset=query.offset):
            return
        self.stop.setEnabled(False)
        self.more.setEnabled(True)
        for entry in entries:
            self._chooser.basket.learn(_source(entry), [entry])
        held = [*(self.model.items if query.offset else ()), *entries]
        self.model.set_items(held)
        more = len(entries) == query.limit
        self.more.setVisible(more)
        sessions = len({(entry.media_serial, entry.session_number) for entry in held})
        if held:
            first = "The first " if more else ""
            matches = formats.counted(len(held), "match", "matches")
            self._found.setText(f"{first}{matches} in {formats.counted(sessions, 'session')}")
        else:
            self._found.setText("")
        self._stack.setCurrentIndex(0 if held else 2)
        gone = len(self._deleted())
        self.all_deleted.setVisible(gone > 1)
        self.all_deleted.setText(f"Choose all {gone:,} deleted")

    def _deleted(self) -> list[CatalogEntry]:
        return [entry for entry in self.model.items if entry.deleted_after is not None]

    def _on_all_deleted(self) -> None:
        """What is gone from the newest backup goes into the basket, each in its newest version."""
        selection = self._chooser.basket.selection
        for entry in self._deleted():
            if selection.mark(_source(entry), entry.path) is not Mark.FULL:
                selection.choose(_source(entry), entry.path)
        self._chooser.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self.stop.setEnabled(False)
        self.more.setEnabled(True)
        self._found.setText("")
        self.problem.show_error(error)
        self._stack.setCurrentIndex(3)

    def _on_stop(self) -> None:
        self._query = None
        self.stop.setEnabled(False)
        self.more.hide()
        self._found.setText("Stopped. What was found before stays.")

    def _on_more(self) -> None:
        self._load(len(self.model.items))

    def _on_widen(self) -> None:
        """The way out of an empty result: only the pattern stays."""
        self.form.widen()
        self._on_query()

    def _on_toggled(self, entry: CatalogEntry) -> None:
        self._chooser.basket.learn(_source(entry), [entry])
        self._chooser.toggle(_source(entry), entry.path)

    def _on_current_changed(self, _index: QModelIndex) -> None:
        self.entry_chosen.emit(*self.current())

    def _box_of(self, entry: CatalogEntry) -> MarkerBox:
        return self._chooser.box(_source(entry), entry.path)

    def _session_of(self, entry: CatalogEntry) -> SessionInfo | None:
        return self._sessions.get(_source(entry))


def _source(entry: CatalogEntry) -> SessionSource:
    return SessionSource(entry.media_serial, entry.session_number)
