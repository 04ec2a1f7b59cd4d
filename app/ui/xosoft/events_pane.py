"""The Events pane: newest first, live; all, or warnings and errors only."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QVBoxLayout, QWidget

from app.messages import render
from app.model.events import EventRecord, Severity
from app.ui import formats
from app.ui.dialogs.message_details import MessageDetailsDialog
from app.ui.models.cell import Cell, Column, ItemRole
from app.ui.models.table import RowModel
from app.ui.widgets.basics import FilterField, Line, PaneHeader, button, icon_button
from app.ui.widgets.controls import Segmented
from app.ui.widgets.status import SEVERITY, status_cell
from app.ui.widgets.views import CellTable
from app.ui.xosoft.event_files import as_csv

KEPT = 2000
_GRAVE = (Severity.WARNING, Severity.ERROR, Severity.CRITICAL)


class EventModel(RowModel[EventRecord]):
    """Events, newest first."""

    columns = (
        Column("ID", 90),
        Column("Sequence", 80, right=True),
        Column("Severity", 120),
        Column("Host/Scenario", 180),
        Column("Time", 162),
        Column("Event", 420, stretch=True),
    )

    def key_of(self, item: EventRecord) -> Hashable:
        """Host and sequence."""
        return item.host, item.sequence

    def cell(self, item: EventRecord, column: int) -> Cell:
        """Paintable content."""
        status = SEVERITY[item.severity]
        bold = item.severity is not Severity.INFORMATION
        if column == 0:
            return Cell(item.code, role="text2")
        if column == 1:
            return Cell(formats.count(item.sequence), right=True, sort=item.sequence)
        if column == 2:
            return status_cell(status, bold=bold)
        if column == 3:
            return Cell(item.scenario_name or item.host, bold=bold)
        if column == 4:
            return Cell(
                formats.timestamp(item.at),
                role="text2",
                tooltip=formats.full_time(item.at),
                sort=item.at.timestamp(),
            )
        text = render(item.code, item.params).text
        return Cell(text, bold=bold, role="error" if status.role == "error" else "text")


class EventsPane(QWidget):
    """Gets events appended as they come; filters here. `header` goes above it.

    `export_wanted(file, text)` when the events shown are to be written.
    """

    export_wanted = Signal(str, str)

    def __init__(self) -> None:
        super().__init__()
        self._scope = ""
        self._events: list[EventRecord] = []
        self._held: list[EventRecord] = []
        self.newest = 0
        self.model = EventModel()
        self.header = PaneHeader("Events")
        self.chosen = Segmented(("All", "Warnings and errors"))
        self.chosen.chosen.connect(self._on_chosen)
        self.filter = FilterField("Filter events")
        self.filter.filtered.connect(self._on_filtered)
        self.new = button("", "link")
        self.new.clicked.connect(self.show_new)
        self.new.hide()
        self.only = button("This scenario", "small")
        self.only.setCheckable(True)
        self.only.toggled.connect(self._show)
        self.only.hide()
        self.export = icon_button("download", "Export the events shown")
        self.export.clicked.connect(self._on_export)
        for widget in (self.new, self.only, self.filter, self.chosen, self.export):
            self.header.add(widget)
        self.table = CellTable()
        self.table.setAccessibleName("Events")
        self.proxy = self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.row_activated.connect(self._on_row_activated)
        self.table.verticalScrollBar().valueChanged.connect(self._on_scrolled)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Line())
        layout.addWidget(self.table, 1)

    def add_events(self, events: Sequence[EventRecord]) -> None:
        """Events newer than `newest`, in any order. While the list is scrolled they wait behind "N new"."""
        if not events:
            return
        known = {(event.host, event.sequence) for event in (*self._events, *self._held)}
        self._held += [event for event in events if (event.host, event.sequence) not in known]
        self.newest = max(self.newest, *(event.sequence for event in events))
        if self.table.verticalScrollBar().value() == 0:
            self.show_new()
            return
        self.new.setText(f"{len(self._held):,} new · Show")
        self.new.setVisible(bool(self._held))

    def set_scope(self, scenario: str) -> None:
        """The scenario in view, whose events may be shown alone; "" = none is."""
        if scenario == self._scope:
            return
        self._scope = scenario
        self.only.setVisible(bool(scenario))
        self.only.setAccessibleName(f"Only events of {scenario}")
        self.only.setToolTip(f"Show only events of {scenario}")
        if self.only.isChecked():
            self._show()

    def shown(self) -> list[EventRecord]:
        """The events in the list now, in its order."""
        rows = range(self.proxy.rowCount())
        return [self.proxy.index(row, 0).data(ItemRole.OBJECT) for row in rows]

    def _on_export(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export events", "events.csv", "CSV (*.csv)")
        if name:
            self.export_wanted.emit(name, as_csv(self.shown()))

    def show_new(self) -> None:
        """Put in what waited, and go to the top."""
        self._events = sorted([*self._held, *self._events], key=lambda event: event.at, reverse=True)[:KEPT]
        self._held.clear()
        self.new.hide()
        self._show()
        self.table.scrollToTop()

    def _on_scrolled(self, position: int) -> None:
        if position == 0 and self._held:
            self.show_new()

    def _show(self, _checked: bool = False) -> None:
        grave_only = self.chosen.position == 1
        only = self._scope if self.only.isChecked() else ""
        shown = [
            event
            for event in self._events
            if (not grave_only or event.severity in _GRAVE) and (not only or event.scenario_name == only)
        ]
        self.model.set_items(shown)
        self._count()

    def _count(self) -> None:
        rows, total = self.proxy.rowCount(), len(self._events)
        self.header.note.setText(
            formats.counted(total, "event") if rows == total else f"{rows:,} of {total:,}"
        )

    def _on_chosen(self, _position: int) -> None:
        self._show()

    def _on_filtered(self, text: str) -> None:
        self.proxy.set_text(text)
        self._count()

    def _on_row_activated(self, _index: QModelIndex) -> None:
        event = self.table.current_object()
        if isinstance(event, EventRecord):
            where = f"{event.host} · {event.scenario_name or 'no scenario'} · {formats.full_time(event.at)}"
            dialog = MessageDetailsDialog(render(event.code, event.params), where, self)
            dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
            dialog.open()
