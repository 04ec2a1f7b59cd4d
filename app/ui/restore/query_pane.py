"""Restore by Query: what to look for, and what was found in all sessions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QSizePolicy,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.media import CatalogEntry, SessionInfo
from app.model.search import Machine, Query
from app.ui import formats
from app.ui.manager import Context
from app.ui.models.cell import MarkerBox
from app.ui.restore.basket import SessionSource
from app.ui.restore.chooser import Chooser
from app.ui.restore.contents import FoundModel
from app.ui.restore.query_fields import FieldError, make_query
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.form import Field
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable

ANY = "Any"
_PLACES = (
    ("pattern", 4),
    ("machine", 3),
    ("directory", 4),
    ("size_min", 2),
    ("size_max", 2),
    ("from", 2),
    ("to", 2),
)


class QueryPane(QFrame):
    """`entry_chosen(source, entry)` when a result becomes the current one."""

    entry_chosen = Signal(object, object)

    def __init__(self, context: Context, chooser: Chooser, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self._context, self._chooser = context, chooser
        self._query: Query | None = None
        self._sessions: dict[SessionSource, SessionInfo] = {}
        self.pattern = QLineEdit("*")
        self.machine = QComboBox()
        self.machine.addItem(ANY)
        self.directory = QLineEdit()
        self.directory.setPlaceholderText("any directory")
        self.size_min, self.size_max = _line("any size"), _line("any size")
        self.modified_from, self.modified_to = _line("any date"), _line("any date")
        self.fields = {
            "pattern": Field("Looking for", self.pattern, "* and ? as in *.pdf"),
            "machine": Field("Computer name", self.machine),
            "directory": Field("Search in", self.directory),
            "size_min": Field("Size from", self.size_min, "like 40 MB"),
            "size_max": Field("to", self.size_max),
            "from": Field("Modified from", self.modified_from, "like 2026-11-17"),
            "to": Field("to", self.modified_to),
        }
        self.subdirectories = QCheckBox("Include subdirectories")
        self.subdirectories.setChecked(True)
        self.ask = button("Query", "primary", "search")
        self.ask.clicked.connect(self._on_query)
        self.stop = button("Stop")
        self.stop.setEnabled(False)
        self.stop.clicked.connect(self._on_stop)
        for editor in (
            self.pattern,
            self.directory,
            self.size_min,
            self.size_max,
            self.modified_from,
            self.modified_to,
        ):
            editor.installEventFilter(self)
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
        for page in (self.table, self.before, self.none, _top(self.problem)):
            self._stack.addWidget(page)
        self._stack.setCurrentIndex(1)
        # Large type in a small window: the fields keep their height, the results shrink.
        self._stack.setMinimumHeight(80)
        self._lay_out()
        chooser.changed.connect(self.model.touch)

    def _lay_out(self) -> None:
        form = QFrame()
        form.setProperty("kind", "sunken")
        form.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self._lines = (QHBoxLayout(), QHBoxLayout())
        for line in self._lines:
            line.setSpacing(12)
        fields = QVBoxLayout(form)
        fields.setContentsMargins(16, 12, 16, 8)
        fields.setSpacing(2)
        for line in self._lines:
            fields.addLayout(line)
        self._arrange(wide=True)
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.subdirectories)
        row.addStretch(1)
        row.addWidget(self.stop)
        row.addWidget(self.ask)
        fields.addLayout(row)
        foot = QFrame()
        foot.setProperty("kind", "pane")
        line = QHBoxLayout(foot)
        line.setContentsMargins(16, 4, 16, 4)
        line.addWidget(self._found)
        line.addStretch(1)
        line.addWidget(self.more)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(form)
        layout.addWidget(Line())
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addWidget(foot)

    def _arrange(self, *, wide: bool) -> None:
        """One line of fields, or two where the window is narrow or the type large."""
        self._wide = wide
        for line in self._lines:
            while line.count():
                line.takeAt(0)
        for position, (name, stretch) in enumerate(_PLACES):
            line = self._lines[0 if wide or position < 3 else 1]
            line.addWidget(self.fields[name], stretch, Qt.AlignmentFlag.AlignTop)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        wide = self.width() >= theme().px(1000)
        if wide != self._wide:
            self._arrange(wide=wide)

    def set_known(self, machines: Sequence[Machine], sessions: Sequence[SessionInfo]) -> None:
        """Machines to choose from, and the sessions that results are of."""
        self._sessions = {SessionSource(one.media_serial, one.number): one for one in sessions}
        chosen = self.machine.currentText()
        names = [ANY, *(machine.name for machine in machines)]
        if [self.machine.itemText(i) for i in range(self.machine.count())] != names:
            self.machine.clear()
            self.machine.addItems(names)
            self.machine.setCurrentIndex(max(0, self.machine.findText(chosen)))
        self.model.many_machines = len(machines) > 1
        self.model.touch()

    def values(self) -> dict[str, str]:
        """What is typed."""
        machine = self.machine.currentText()
        return {
            "pattern": self.pattern.text(),
            "machine": "" if machine == ANY else machine,
            "directory": self.directory.text(),
            "size_min": self.size_min.text(),
            "size_max": self.size_max.text(),
            "from": self.modified_from.text(),
            "to": self.modified_to.text(),
        }

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802, D102 - Qt's name
        if (
            event.type() == QEvent.Type.KeyPress
            and isinstance(event, QKeyEvent)
            and event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
            and not event.modifiers()
        ):
            self._on_query()
            return True
        return super().eventFilter(watched, event)

    def current(self) -> tuple[SessionSource | None, CatalogEntry | None]:
        """The current result."""
        entry = self.table.current_object()
        return (_source(entry), entry) if isinstance(entry, CatalogEntry) else (None, None)

    def _on_query(self) -> None:
        for field in self.fields.values():
            field.set_fault("")
        try:
            self._query = make_query(self.values(), subdirectories=self.subdirectories.isChecked())
        except FieldError as fault:
            self.fields[fault.field].set_fault(str(fault))
            self.fields[fault.field].editor.setFocus()
            return
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
        self.machine.setCurrentIndex(0)
        for editor in (self.directory, self.size_min, self.size_max, self.modified_from, self.modified_to):
            editor.clear()
        self.subdirectories.setChecked(True)
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


def _line(placeholder: str) -> QLineEdit:
    made = QLineEdit()
    made.setPlaceholderText(placeholder)
    return made


def _top(widget: QWidget) -> QWidget:
    holder = QFrame()
    holder.setProperty("kind", "pane")
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(16, 16, 16, 16)
    layout.addWidget(widget)
    layout.addStretch(1)
    return holder
