"""Framework, Statistics: the overview, throughput and lag, and the root directories."""

from __future__ import annotations

import time
from collections.abc import Hashable, Iterator

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QSplitter, QVBoxLayout, QWidget

from app.model.paths import shown
from app.model.scenario import RootStatistics, ScenarioStatus
from app.ui import formats
from app.ui.bridge.slices import Slices
from app.ui.models.cell import Cell, Column, number
from app.ui.models.table import RowModel
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line
from app.ui.widgets.controls import Segmented
from app.ui.widgets.views import CellTable
from app.ui.xosoft.charts import Chart
from app.ui.xosoft.history import History
from app.ui.xosoft.host_graph import HostGraph, LinkRates

_WINDOWS = (("2 min", 120.0), ("15 min", 900.0), ("6 h", 6 * 3600.0))
_MOVE_MS = 250


class RootModel(RowModel[RootStatistics]):
    """One row per root directory."""

    columns = (
        Column("Root directory", 165, stretch=True),
        Column("Size", 72, right=True),
        Column("Created", 66, right=True),
        Column("Changed", 70, right=True),
        Column("Removed", 70, right=True),
        Column("Renamed", 72, right=True),
        Column("Last change", 95, right=True),
    )

    def key_of(self, item: RootStatistics) -> Hashable:
        """The root's path."""
        return item.master_path

    def cell(self, item: RootStatistics, column: int) -> Cell:
        """Paintable content."""
        if column == 0:
            return Cell(shown(item.master_path), icon="folder", middle=True)
        if column == 1:
            return number(formats.size(item.size_bytes), item.size_bytes)
        if column == 6:
            at = item.last_change_at
            return Cell(
                formats.ago(at),
                right=True,
                role="text2" if at else "muted",
                tooltip=formats.full_time(at) if at else "",
                sort=at.timestamp() if at else 0.0,
            )
        value = (item.folders_created, item.files_changed, item.removed, item.renamed)[column - 2]
        return number(formats.count(value), value)


class StatisticsTab(QWidget):
    """Live figures of one scenario."""

    def __init__(self, history: History) -> None:
        super().__init__()
        self._history = history
        self.graph = HostGraph()
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setWidget(self.graph)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAsNeeded)
        self.charts: list[Chart] = []
        charts = QWidget()
        self.span = Segmented([title for title, _ in _WINDOWS])
        self.span.setAccessibleName("Time shown")
        self.span.chosen.connect(self._draw)
        head = QHBoxLayout()
        head.setContentsMargins(16, 6, 12, 0)
        head.addWidget(Label("Last", "small", "muted"))
        head.addWidget(self.span)
        head.addStretch(1)
        around = QVBoxLayout(charts)
        around.setContentsMargins(0, 0, 0, 0)
        around.setSpacing(0)
        around.addLayout(head)
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
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(whole)

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
        if status is None:
            self.graph.show_status(None, LinkRates())
            self.roots.set_items([])
            return
        number_of = status.scenario.id
        self.graph.show_status(status, self._history.rates(number_of))
        self.roots.set_items(list(status.roots))
        self.roots.touch()
