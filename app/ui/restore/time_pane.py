"""Restore by Time: a moment of a scenario on its timeline, and the sources that hold it, the best first."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial

from PySide6.QtCore import QModelIndex, Qt, Signal
from PySide6.QtWidgets import QComboBox, QFrame, QHBoxLayout, QStackedWidget, QVBoxLayout, QWidget

from app.model.media import SessionInfo
from app.services.api import Services
from app.ui import formats
from app.ui.manager import Context
from app.ui.restore.ways_back import WayBack, WayModel, ways_back
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable
from app.ui.wizards.restore_data import RestoreDataWizard
from app.ui.xosoft.rewind_timeline import RewindTimeline


def read_ways(services: Services, scenario: str, wanted: datetime) -> list[WayBack]:
    """The sources for a moment of a scenario. Blocks on the agent and the catalog."""
    now = datetime.now(UTC)
    reach = services.scenarios.rewind_density(scenario, since=now - timedelta(seconds=1), until=now, parts=1)
    sessions = [one for one in services.media.sessions() if one.scenario_name == scenario]
    return ways_back(wanted, reach.oldest, now, sessions)


class TimePane(QFrame):
    """`browse_wanted(SessionInfo)`: look into a session, as of its time."""

    browse_wanted = Signal(object)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self._context = context
        self._wanted: tuple[datetime, str] | None = None
        self.timeline: RewindTimeline | None = None
        self.scenario = QComboBox()
        self.scenario.setAccessibleName("Scenario")
        self.scenario.setMinimumWidth(theme().px(220))
        self.scenario.currentTextChanged.connect(self._on_scenario)
        self.moment = Label("", "strong")
        self.model = WayModel(self)
        self.table = CellTable(sortable=False)
        self.table.setAccessibleName("Sources of the moment")
        self.table.setSelectionMode(CellTable.SelectionMode.SingleSelection)
        self.table.set_source(self.model)
        self.table.set_columns(self.model.columns)
        self.table.current_row_changed.connect(self._on_current_changed)
        self.table.row_activated.connect(self._on_activated)
        self.go = button("Choose a moment first", "primary")
        self.go.clicked.connect(self._on_go)
        self.hint = EmptyState(
            "history",
            "No moment is chosen",
            "Click on the timeline, or type a time. The sources that hold that moment are listed, the best "
            "first.",
        )
        self.problem = ProblemCard()
        self.problem.retried.connect(self._ask)
        card = QFrame()
        inside = QVBoxLayout(card)
        inside.setContentsMargins(16, 16, 16, 16)
        inside.addWidget(self.problem)
        inside.addStretch(1)
        self._stack = QStackedWidget()
        for page in (self.hint, self.table, card):
            self._stack.addWidget(page)
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 8, 0, 8)
        top = QHBoxLayout()
        top.setContentsMargins(16, 8, 16, 0)
        top.setSpacing(8)
        top.addWidget(Label("Scenario", "body", "muted"))
        top.addWidget(self.scenario)
        top.addStretch(1)
        foot = QHBoxLayout()
        foot.setContentsMargins(16, 8, 16, 8)
        foot.addWidget(self.moment)
        foot.addStretch(1)
        foot.addWidget(self.go)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(top)
        layout.addLayout(self._place)
        layout.addWidget(Line())
        layout.addWidget(self._stack, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)
        self._offer()

    def set_sessions(self, sessions: Sequence[SessionInfo]) -> None:
        """The scenarios that were backed up; the chosen one stays."""
        names = sorted({one.scenario_name for one in sessions if one.scenario_name})
        if [self.scenario.itemText(row) for row in range(self.scenario.count())] != names:
            chosen = self.scenario.currentText()
            self.scenario.blockSignals(True)
            self.scenario.clear()
            self.scenario.addItems(names)
            self.scenario.setCurrentIndex(max(0, self.scenario.findText(chosen)) if names else -1)
            self.scenario.blockSignals(False)
            if self.scenario.currentText() != chosen and self.timeline is not None:
                self._on_scenario(self.scenario.currentText())

    def begin(self) -> None:
        """The view came to the front: read the timeline once."""
        if self.timeline is None and self.scenario.currentText():
            self._on_scenario(self.scenario.currentText())

    def _on_scenario(self, name: str) -> None:
        if self.timeline is not None:
            self._place.removeWidget(self.timeline)
            self.timeline.hide()
            self.timeline.deleteLater()
            self.timeline = None
        self._wanted = None
        self._show_ways([])
        if name:
            self.timeline = RewindTimeline(self._context, name)
            self.timeline.chosen.connect(self.choose)
            self._place.addWidget(self.timeline)

    def choose(self, at: datetime, key: str = "") -> None:
        """A moment; `key` is that of the point that was meant, if one was."""
        self._wanted = (at, key)
        if self.timeline is not None:
            self.timeline.set_moment(at)
        self.moment.setText(f"{self.scenario.currentText()} at {formats.timestamp(at, fraction=True)}")
        self._ask()

    def _ask(self) -> None:
        if self._wanted is not None:
            call = partial(read_ways, self._context.services, self.scenario.currentText(), self._wanted[0])
            self._context.tasks.run(self, call, self._on_ways, self._on_failed, key="ways")

    def _on_ways(self, ways: list[WayBack]) -> None:
        if self._wanted is not None and (not ways or ways[0].wanted == self._wanted[0]):
            self._show_ways(ways)

    def _show_ways(self, ways: list[WayBack]) -> None:
        self.model.set_items(ways)
        self._stack.setCurrentIndex(1 if ways else 0)
        nothing = self._wanted is not None and not ways
        self.hint.title.setText("Nothing holds this moment" if nothing else "No moment is chosen")
        if not self._wanted:
            self.moment.setText("")
        if ways:
            self.table.select_row(self.table.model().index(0, 0))
        self._offer()

    def _on_failed(self, error: Exception) -> None:
        self.problem.show_error(error)
        self._stack.setCurrentIndex(2)
        self.model.set_items([])
        self._offer()

    def _way(self) -> WayBack | None:
        found = self.table.current_object() if self.model.items else None
        return found if isinstance(found, WayBack) else None

    def _on_current_changed(self, _index: QModelIndex) -> None:
        self._offer()

    def _offer(self) -> None:
        way = self._way()
        self.go.setEnabled(way is not None)
        if way is None:
            self.go.setText("Choose a moment first")
        elif way.session is None:
            self.go.setText(f"Rewind to {formats.local(way.at):%H:%M:%S}…")
        else:
            self.go.setText(f"Browse session {way.session.number}")

    def _on_activated(self, _index: QModelIndex) -> None:
        self._on_go()

    def _on_go(self) -> None:
        way = self._way()
        if way is None or self._wanted is None:
            return
        if way.session is not None:
            self.browse_wanted.emit(way.session)
            return
        # The wizard shows what changes and asks; the moment is chosen there as by a click.
        wizard = RestoreDataWizard(self._context, self.scenario.currentText(), self, moment=self._wanted)
        wizard.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        wizard.open()
