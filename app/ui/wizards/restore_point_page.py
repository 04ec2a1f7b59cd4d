"""The page of the Restore Data wizard for the moment: a timeline beside the list of rewind points."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import QModelIndex, QSignalBlocker, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QSplitter, QVBoxLayout

from app.model.rewind import PointKind, RewindPoint
from app.ui import formats
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Line, PaneHeader, button, column
from app.ui.widgets.controls import Segmented
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.views import CellTable
from app.ui.wizards.restore_flow import RestoreDataFlow, Step
from app.ui.wizards.restore_glance import RewindGlance
from app.ui.wizards.restore_page import RestorePage
from app.ui.xosoft.rewind_filters import RewindFilters
from app.ui.xosoft.rewind_models import PointModel
from app.ui.xosoft.rewind_text import point_name
from app.ui.xosoft.rewind_timeline import RewindTimeline

_PAGE = 1_000
_BESIDE_FROM = 960
"""From this width on the preview is beside the list, else below it."""


class PointPage(RestorePage):
    """Timeline and points of the chosen replica choose the same moment; a preview says what it means."""

    sentence = "Choose the moment to go back to"
    line = "Click in the timeline, type a time, or choose from the list."

    def __init__(self, flow: RestoreDataFlow, context: Context) -> None:
        super().__init__(flow, context)
        self._until: datetime | None = None
        self._wanted: tuple[datetime, str] | None = None
        self._replica = ""
        self.timeline: RewindTimeline | None = None
        self.points = PointModel()
        self.filters = RewindFilters()
        self.filters.changed.connect(self._on_filters_changed)
        self.point_table = CellTable()
        self.point_proxy = self.point_table.set_source(self.points)
        self.point_table.set_columns(self.points.columns)
        self.point_table.setAccessibleName("Rewind points")
        self.point_table.current_row_changed.connect(self._on_point_chosen)
        self.points_header = PaneHeader("Rewind points")
        self.more = button("Show older", "link")
        self.more.clicked.connect(self._on_more_clicked)
        self.more.hide()
        self.points_header.add(self.more)
        self.newest = button("Show newest", "link")
        self.newest.clicked.connect(self._on_newest_clicked)
        self.newest.hide()
        self.points_header.add(self.newest)
        self.moment = Segmented(("After the change", "Before it"))
        self.moment.chosen.connect(self._on_side_chosen)
        self.points_header.add(self.moment)
        self.empty = EmptyState(
            "history", "No rewind point", "Points appear as the scenario replicates changes."
        )
        self.empty.hide()
        self.problem = ProblemCard()
        self.problem.retried.connect(self._load)
        self.problem.hide()
        self.glance = RewindGlance(context, flow.scenario)
        points = column(self.points_header, self.problem, self.empty, self.point_table)
        self.parts = QSplitter(Qt.Orientation.Horizontal)
        self.parts.setChildrenCollapsible(False)
        for number, part in enumerate((points, self.glance)):
            self.parts.addWidget(part)
            self.parts.setStretchFactor(number, 1)
        self._place = QVBoxLayout()
        self._place.setContentsMargins(0, 8, 0, 0)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(self._place)
        layout.addWidget(Line())
        layout.addWidget(self.filters)
        layout.addWidget(Line())
        layout.addWidget(self.parts, 1)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        beside = event.size().width() >= theme().px(_BESIDE_FROM)
        self.parts.setOrientation(Qt.Orientation.Horizontal if beside else Qt.Orientation.Vertical)

    def enter(self) -> None:
        """Show the points of the chosen replica; those of the same one stay as they are."""
        self._show_glance()
        if self.flow.answers.replica == self._replica:
            return
        self._replica = self.flow.answers.replica
        if self.timeline is not None:
            self.timeline.deleteLater()
        self.timeline = RewindTimeline(self.context, self.flow.scenario, replica=self._replica)
        self.timeline.chosen.connect(self.go_to)
        self._place.addWidget(self.timeline)
        self._until = None
        self._load()

    def result(self) -> str:
        """The chosen moment."""
        point = self.flow.answers.point
        if point is None or self.flow.fault():
            return self.flow.fault() if point is not None else ""
        side = "before" if self.flow.answers.before else "after"
        of = f"the state {side} this change" if point.kind is PointKind.OPERATION else point_name(point)
        return f"Back to {formats.timestamp(point.at, fraction=True)}: {of}"

    # the points

    def _load(self, after: str = "") -> None:
        scenarios, name, chosen = self.context.services.scenarios, self.flow.scenario, self.filters.chosen
        replica = self.flow.answers.replica
        bounds = [at for at in (chosen.until, self._until) if at is not None]

        def ask() -> tuple[str, Sequence[RewindPoint]]:
            return after, scenarios.rewind_points(
                name,
                kinds=chosen.kinds,
                path=chosen.path,
                since=chosen.since,
                until=min(bounds, default=None),
                after=after,
                replica=replica,
                limit=_PAGE,
            )

        self.context.tasks.run(self, ask, self._on_points, self.problem.show_error, key="points")

    def _on_points(self, found: tuple[str, Sequence[RewindPoint]]) -> None:
        after, points = found
        self.problem.hide()
        known = [*self.points.items, *points] if after else list(points)
        before = self.point_table.current_object()
        with QSignalBlocker(self.point_table):
            # Rows that go would hand the choice to a neighbour.
            self.points.set_items(known)
            if before is not None and before not in known:
                self.point_table.setCurrentIndex(QModelIndex())
                self._on_point_chosen(QModelIndex())
        self.more.setVisible(len(points) >= _PAGE)
        self.points_header.note.setText(formats.counted(len(known), "point") if known else "")
        self.newest.setVisible(self._until is not None)
        self.empty.setVisible(not known)
        self.point_table.setVisible(bool(known))
        if self._wanted is not None:
            self._choose(*self._wanted)

    def _on_more_clicked(self) -> None:
        if self.points.items:
            self._load(self.points.items[-1].id)

    def _on_newest_clicked(self) -> None:
        self._until = None
        self._load()

    def go_to(self, at: datetime, point_id: str) -> None:
        """A moment was chosen: its state is that after the newest point before it."""
        if self.timeline is not None:
            self.timeline.set_moment(at)
        items = self.points.items
        listed = bool(items) and items[-1].at <= at and (self._until is None or at <= self._until)
        if not listed:
            self._until = at
            self._wanted = (at, point_id)
            self._load()
        else:
            self._choose(at, point_id)

    def _choose(self, at: datetime, point_id: str) -> None:
        self._wanted = None
        items = self.points.items
        found = next((n for n, one in enumerate(items) if one.id == point_id), None) if point_id else None
        if found is None:
            found = next((n for n, one in enumerate(items) if one.at <= at), None)
        if found is not None:
            index = self.point_proxy.mapFromSource(self.points.index(found, 0))
            self.point_table.select_row(index)
            self.point_table.scrollTo(index, QAbstractItemView.ScrollHint.PositionAtCenter)

    def _on_filters_changed(self) -> None:
        self._until = None
        if self.timeline is not None:
            self.timeline.set_path(self.filters.path_beneath(self.flow.roots))
        self._load()

    def _on_point_chosen(self, index: QModelIndex) -> None:
        found = self.point_table.current_object() if index.isValid() else None
        point = found if isinstance(found, RewindPoint) else None
        if self.timeline is not None:
            self.timeline.set_moment(point.at if point is not None else None)
        operation = point is not None and point.kind is PointKind.OPERATION
        self.moment.set_enabled(1, operation, "" if operation else "Only a change has a state before it")
        if not operation:
            self.moment.choose(0)
        self.flow.choose_point(point, before=self.moment.position == 1)
        self._show_glance()
        self.edited.emit()

    def _on_side_chosen(self, position: int) -> None:
        self.flow.choose_point(self.flow.answers.point, before=position == 1)
        self._show_glance()
        self.edited.emit()

    def _show_glance(self) -> None:
        chosen = not self.flow.fault(Step.POINT)
        self.glance.show_request(self.flow.request() if chosen else None, self.flow.roots)
