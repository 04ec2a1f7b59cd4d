"""The First steps page: whose data the found media hold, and the steps to the first restore and on."""

from __future__ import annotations

from functools import partial

from PySide6.QtCore import QModelIndex, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.model.media import SessionInfo
from app.ui.restore.first_steps import (
    HeldModel,
    HeldVolume,
    Recovered,
    Step,
    StepState,
    held_volumes,
    is_done,
    steps,
)
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, Line, PaneHeader, button
from app.ui.widgets.views import CellTable

_ICONS = {
    StepState.DONE: ("circle-check", "ok", "Done"),
    StepState.NOW: ("circle-play", "accent", "Now"),
    StepState.LATER: ("circle", "muted", "Later"),
    StepState.PROBLEM: ("triangle-alert", "warning", "Needs you"),
}


class StepRow(QFrame):
    """One step: how far it is, what it is, and the way there."""

    def __init__(self, step: Step) -> None:
        super().__init__()
        self.step = step
        icon, role, said = _ICONS[step.state]
        row = QHBoxLayout(self)
        row.setContentsMargins(16, 8, 16, 8)
        row.setSpacing(10)
        self._icon = IconLabel(icon, role, 20)
        row.addWidget(self._icon)
        words = QVBoxLayout()
        words.setSpacing(1)
        self.title = Label(step.title, "strong")
        self.text = Label(step.text, "small", "text2", wrap=True)
        words.addWidget(self.title)
        words.addWidget(self.text)
        row.addLayout(words, 1)
        self.go = button(step.button, "small")
        self.go.setVisible(bool(step.go))
        row.addWidget(self.go)
        self.setAccessibleName(f"{said}: {step.title}. {step.text}")


class FirstStepsPane(QWidget):
    """`restore_wanted(SessionInfo)`; `go_wanted(str)`: "jobs", "job N", "log N", "merge", "media"."""

    restore_wanted = Signal(object)
    go_wanted = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.known = Recovered()
        self._steps: list[Step] = []
        self.rows: list[StepRow] = []
        self.head = PaneHeader("Whose data these media hold")
        self.restore = button("Restore…", "primary", "history")
        self.restore.clicked.connect(self._on_restore)
        self.head.add(self.restore)
        self.model = HeldModel(self)
        self.table = CellTable()
        self.table.setAccessibleName("Whose data these media hold")
        self.table.setSelectionMode(CellTable.SelectionMode.SingleSelection)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.row_activated.connect(self._on_activated)
        self.table.current_row_changed.connect(self._offer)
        self._body = QVBoxLayout()
        self._body.setContentsMargins(0, 8, 0, 8)
        self._body.setSpacing(0)
        held = QFrame()
        held.setProperty("kind", "pane")
        held.setLayout(self._body)
        area = QScrollArea()
        area.setAccessibleName("First steps")
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(held)
        area.setMinimumHeight(theme().px(220))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.head)
        layout.addWidget(Line())
        layout.addWidget(self.table, 2)
        layout.addWidget(Line())
        layout.addWidget(PaneHeader("First steps"))
        layout.addWidget(Line())
        layout.addWidget(area, 3)
        self._offer()

    @property
    def wanted(self) -> bool:
        """Whether the home was made of found media that still stand apart."""
        return bool(self.known.devices)

    @property
    def first(self) -> bool:
        """Whether nothing was restored yet."""
        return self.wanted and not is_done(self.known)

    def set_known(self, known: Recovered) -> None:
        """Show it; what did not change stays as it is, with the focus."""
        self.known = known
        self.model.set_items(held_volumes(known.sessions))
        if not self.table.currentIndex().isValid() and self.model.items:
            self.table.select_row(self.table.model().index(0, 0))
        wanted = steps(known) if known.devices else []
        if wanted != self._steps:
            self._steps = wanted
            self._show_steps(wanted)
        self._offer()

    def _show_steps(self, wanted: list[Step]) -> None:
        while (item := self._body.takeAt(0)) is not None:
            widget = item.widget()
            if widget is not None:
                widget.deleteLater()
        self.rows = [StepRow(step) for step in wanted]
        for row in self.rows:
            row.go.clicked.connect(partial(self._on_go, row.step.go))
            self._body.addWidget(row)
        self._body.addStretch(1)

    def chosen(self) -> HeldVolume | None:
        """The volume in the table."""
        found = self.table.current_object()
        return found if isinstance(found, HeldVolume) else None

    def _offer(self, *_index: object) -> None:
        chosen = self.chosen()
        self.restore.setEnabled(chosen is not None)
        said = "Choose whose data first"
        if chosen is not None:
            said = f"Session {chosen.newest.number} of {chosen.entity}, to a folder of this machine"
        self.restore.setToolTip(said)

    def _on_activated(self, _index: QModelIndex) -> None:
        self._on_restore()

    def _on_restore(self) -> None:
        chosen = self.chosen()
        if chosen is not None:
            session: SessionInfo = chosen.newest
            self.restore_wanted.emit(session)

    def _on_go(self, where: str, _checked: object = None) -> None:
        self.go_wanted.emit(where)
