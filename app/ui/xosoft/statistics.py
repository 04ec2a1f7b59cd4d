"""Framework, Statistics: the overview, throughput and lag, and the root directories."""

from __future__ import annotations

import time
from collections.abc import Iterator

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QComboBox,
    QFrame,
    QHBoxLayout,
    QScrollArea,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from app.model.scenario import ScenarioStatus
from app.ui.bridge.slices import Slices
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line
from app.ui.widgets.controls import Segmented
from app.ui.widgets.views import CellTable
from app.ui.xosoft.charts import Chart
from app.ui.xosoft.history import History
from app.ui.xosoft.host_graph import HostGraph, LinkRates
from app.ui.xosoft.host_statistics import HostStatistics, RootModel

_WINDOWS = (("2 min", 120.0), ("15 min", 900.0), ("6 h", 6 * 3600.0))
_MOVE_MS = 250


class StatisticsTab(QWidget):
    """Live figures of one scenario."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self._status: ScenarioStatus | None = None
        self._host: HostStatistics | None = None
        self._views: tuple[str, ...] = ()
        self.view = QComboBox()
        self.view.setAccessibleName("Statistics of")
        self.view.setToolTip("Statistics of the scenario as a whole, or of one of its hosts")
        self.view.activated.connect(self._on_view_chosen)
        self.graph = HostGraph()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.graph)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        # A master and one replica need no scrolling: one bar would take the room of the other direction, too.
        scroll.setMinimumHeight(self.graph.minimumSizeHint().height() + 2 * scroll.frameWidth())
        self.charts: list[Chart] = []
        charts = QWidget()
        self.span = Segmented([title for title, _ in _WINDOWS])
        self.span.setAccessibleName("Time shown")
        self.span.chosen.connect(self._draw)
        last = QHBoxLayout()
        last.setContentsMargins(16, 6, 12, 0)
        last.addWidget(Label("Last", "small", "muted"))
        last.addWidget(self.span)
        last.addStretch(1)
        around = QVBoxLayout(charts)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(last)
        self._row = QHBoxLayout()
        around.addLayout(self._row, 1)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(0)
        charts.setMinimumHeight(theme().px(140))
        self._shown: int | None = None
        # Four times a second, so that the lines move on steadily between the answers.
        self._moving = QTimer(self)
        self._moving.setInterval(_MOVE_MS)
        self._moving.timeout.connect(self._draw)
        self._moving.start()
        # Each takes some 20 ms to make: not both in the round in which the manager is opened.
        self._making = Slices(self, self._make_charts(), self._draw)
        self.roots = RootModel()
        self.table = CellTable()
        self.table.set_source(self.roots)
        self.table.set_columns(self.roots.columns)
        self.table.setAccessibleName("Root directories")
        lower = QWidget()
        below = QVBoxLayout(lower)
        below.setContentsMargins(0, 0, 0, 0)
        below.setSpacing(0)
        below.addWidget(Line())
        below.addWidget(self.table)
        split = QSplitter(Qt.Orientation.Vertical)
        split.setHandleWidth(1)
        split.setChildrenCollapsible(False)
        for widget in (scroll, charts, lower):
            split.addWidget(widget)
        split.setSizes([180, 190, 140])
        # With large text the three need more height than the pane has: they are scrolled then.
        split.setMinimumHeight(theme().px(380))
        whole = QScrollArea()
        whole.setWidgetResizable(True)
        whole.setFrameShape(QFrame.Shape.NoFrame)
        whole.setWidget(split)
        head = QHBoxLayout()
        head.setContentsMargins(12, 4, 12, 4)
        head.addWidget(self.view)
        head.addStretch(1)
        self.pages = QStackedWidget()
        self.pages.addWidget(whole)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(head)
        layout.addWidget(self.pages, 1)

    def _make_charts(self) -> Iterator[None]:
        yield
        for title, unit, lines in (
            ("Throughput", "MB/s", (("Captured", "master"), ("Applied", "replica"))),
            ("Lag", "seconds", (("Largest", "replica"),)),
            ("Spool", "MB", (("Largest", "info"),)),
        ):
            made = Chart(title, unit, lines)
            self.charts.append(made)
            self._row.addWidget(made, 1)
            yield

    def _draw(self, _position: int = 0) -> None:
        if self._shown is None or not self._making.done or not self.isVisible():
            return
        window = _WINDOWS[self.span.position][1]
        found = self._history.series(self._shown, time.monotonic(), window)
        self.charts[0].show_series(window, found.times, found.captured, found.applied)
        self.charts[1].show_series(window, found.times, found.lags)
        self.charts[2].show_series(window, found.times, found.spools)

    def show_status(self, status: ScenarioStatus | None) -> None:
        """Show another scenario, or the same one's new figures."""
        self._shown = status.scenario.id if status is not None else None
        self._status = status
        if status is None:
            self.graph.show_status(None, LinkRates())
            self.roots.set_items([])
            return
        self._offer(status)
        if self.view.currentIndex() > 0:
            self._show_host(status)
            return
        self.pages.setCurrentIndex(0)
        number_of = status.scenario.id
        self.graph.show_status(status, self._history.rates(number_of))
        self.roots.set_items(list(status.roots))
        self.roots.touch()

    # one host

    def _offer(self, status: ScenarioStatus) -> None:
        """The scenario, its master and its replicas; the same kind of view stays chosen."""
        views = (
            "Scenario",
            f"Master {status.scenario.master}",
            *(f"Replica {replica.host}" for replica in status.replicas),
        )
        if views == self._views:
            return
        chosen = self.view.currentText()
        kind = min(self.view.currentIndex(), 2)
        self._views = views
        self.view.clear()
        self.view.addItems(views)
        same = self.view.findText(chosen)
        self.view.setCurrentIndex(same if same >= 0 else max(0, min(kind, len(views) - 1)))

    def _show_host(self, status: ScenarioStatus) -> None:
        if self._host is None:
            self._host = HostStatistics()
            self.pages.addWidget(self._host)
        self.pages.setCurrentWidget(self._host)
        position = self.view.currentIndex() - 2
        if 0 <= position < len(status.replicas):
            self._host.show_replica(status, status.replicas[position])
        else:
            self._host.show_master(status)

    def _on_view_chosen(self, _position: int) -> None:
        self.show_status(self._status)
