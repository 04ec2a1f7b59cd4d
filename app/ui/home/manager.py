"""Home: how everything is protected, what runs, what is full, what happened."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSplitter

from app.messages import render
from app.model import alert
from app.model.events import ActivityRecord
from app.model.job import Job
from app.model.media import Device, SessionInfo
from app.model.scenario import ScenarioStatus
from app.model.upcoming import NextRun
from app.services.api import ServerState
from app.ui import formats
from app.ui.home.day_strip import DayStrip
from app.ui.home.decisions import Decision, highlights, worst_decision
from app.ui.home.engines import engine_lines
from app.ui.home.protection import Protection, ProtectionModel, protections
from app.ui.home.side import SidePane, side_area
from app.ui.manager import Context, Manager
from app.ui.models.cell import Cell, Column
from app.ui.models.table import RowModel
from app.ui.registry import entries
from app.ui.theme import theme
from app.ui.widgets.basics import PaneHeader, button, column
from app.ui.widgets.notices import EmptyState, ProblemCard
from app.ui.widgets.status import SEVERITY
from app.ui.widgets.views import CellTable

ACTIVITY_SHOWN = 30
ACTIVITY_READ = 300
_FRESHNESS_POLL_MS = 15_000
_UPCOMING_POLL_MS = 20_000
_SERVERS_POLL_MS = 5_000
SIDE_BESIDE_FROM = 1180
"""Narrower than this the side pane is asked for by a button, so that the table keeps its columns."""


RECENT_FROM = 500
"""Lower than this there is no recent activity."""


@dataclass(frozen=True, slots=True)
class _Facts:
    statuses: Sequence[ScenarioStatus]
    sessions: Sequence[SessionInfo]
    jobs: Sequence[Job]
    devices: Sequence[Device]
    activity: Sequence[ActivityRecord]


class ActivityModel(RowModel[ActivityRecord]):
    """The newest lines of the activity log."""

    columns = (Column("Time", 170), Column("Message", 480), Column("From", 160, right=True))

    def key_of(self, item: ActivityRecord) -> Hashable:
        """The record's id."""
        return item.id

    def cell(self, item: ActivityRecord, column: int) -> Cell:
        """Paintable content."""
        status = SEVERITY[item.severity]
        important = status.role in ("warning", "error")
        if column == 0:
            return Cell(
                formats.moment(item.at) if datetime.now(UTC) - item.at else "",
                icon=status.icon,
                icon_role=status.role,
                role="text2",
                tooltip=formats.full_time(item.at),
                sort=item.at.timestamp(),
            )
        if column == 1:
            return Cell(render(item.code, item.params).line, bold=important)
        source = f"Job {item.job_id}" if item.job_id else item.scenario or item.server
        return Cell(source, role="muted", right=True)


class HomeManager(Manager):
    """Only figures that the services know."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Home")
        self.header.subtitle.setText(f"{datetime.now().astimezone():%A %-d %B %Y}")
        new = button("New scenario", "", "plus")
        new.clicked.connect(self._on_new_scenario)
        back_up = button("Back up now", "primary", "hard-drive-upload")
        back_up.clicked.connect(self._on_back_up)
        self.side_button = button("Running and storage")
        self.side_button.setCheckable(True)
        self.side_button.toggled.connect(self._on_side_toggled)
        self.side_button.hide()
        self.header.add(self.side_button)
        self.header.add(new)
        self.header.add(back_up)
        back_up.setVisible(any(entry.name == "backup" for entry in entries()))
        self.protection = ProtectionModel()
        self.table = CellTable(row_height=44)
        self.table.set_source(self.protection)
        self.table.set_columns(self.protection.columns)
        self.table.setAccessibleName("Protection")
        self.table.row_activated.connect(self._on_row_activated)
        self.protection_header = PaneHeader("Protection")
        self.activity = ActivityModel()
        self.activity_table = CellTable()
        self.activity_table.set_source(self.activity)
        self.activity_table.set_columns(self.activity.columns)
        self.activity_table.header().hide()
        self.activity_table.header().setStretchLastSection(False)
        self.activity_table.header().setSectionResizeMode(1, self.activity_table.header().ResizeMode.Stretch)
        self.activity_table.setAccessibleName("Recent activity")
        activity_header = PaneHeader("Recent activity")
        open_log = button("Open activity log", "link")
        open_log.clicked.connect(self._on_open_log)
        activity_header.add(open_log)
        self.empty = EmptyState(
            "folder",
            "No scenario yet",
            "A scenario replicates directories of a Master host to a Replica host, all the time.",
            "New scenario",
        )
        self.empty.pressed.connect(self._on_new_scenario)
        self.empty.hide()
        self.problem = ProblemCard()
        self.problem.retried.connect(self.refresh)
        self.problem.hide()
        self._decision: Decision | None = None
        self._jobs: Sequence[Job] | None = None
        self._devices: Sequence[Device] = ()
        self._silent_since: datetime | None = None
        self._seen_job = seen_job(context.settings.value("home/seen_job"))
        self.banner.pressed.connect(self._on_decided)
        self.side = SidePane()
        self.side.jobs_requested.connect(self._on_jobs_requested)
        self.side.failures.job_wanted.connect(self._on_job)
        self.side.quick_start.wanted.connect(self._on_way)
        self.day = DayStrip()
        self.day.job_wanted.connect(self._on_job)
        self.day.all_wanted.connect(self._on_all_runs)
        left = QSplitter(Qt.Orientation.Vertical)
        left.addWidget(column(self.protection_header, self.problem, self.table, self.empty))
        left.addWidget(column(self._day_header(), self.day))
        self._recent = column(activity_header, self.activity_table)
        left.addWidget(self._recent)
        left.setStretchFactor(0, 3)
        left.setStretchFactor(1, 0)
        left.setStretchFactor(2, 2)
        split = QSplitter(Qt.Orientation.Horizontal)
        split.addWidget(left)
        self.side_area = side_area(self.side)
        split.addWidget(self.side_area)
        split.setStretchFactor(0, 1)
        split.setSizes([900, 330])
        for splitter in (left, split):
            splitter.setHandleWidth(1)
            splitter.setChildrenCollapsible(False)
        self.body.addWidget(split)
        self._poller = self.poll(self._ask, 1000)
        self._poller.answered.connect(self._on_answered)
        self._poller.failed.connect(self._on_failed)
        self._poller.stale.connect(self._on_stale)
        self._servers_poller = self.poll(context.services.server.servers, _SERVERS_POLL_MS)
        self._servers_poller.answered.connect(self.side.set_servers)
        self._server: ServerState | None = None
        self.poll(context.services.server.state, _SERVERS_POLL_MS).answered.connect(self._on_server)
        upcoming = self.poll(context.services.jobs.upcoming, _UPCOMING_POLL_MS)
        upcoming.answered.connect(self._on_upcoming)
        self._freshness: dict[int, alert.Protection] = {}
        self.poll(context.services.alerts.protections, _FRESHNESS_POLL_MS).answered.connect(
            self._on_freshness
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802, D102 - Qt's name
        super().resizeEvent(event)
        narrow = self.width() < SIDE_BESIDE_FROM * max(1.0, theme().scale)
        self.side_button.setVisible(narrow)
        self.side_area.setVisible(not narrow or self.side_button.isChecked())
        # Where little is seen at once, what is protected comes first; the log has a manager of its own.
        self._recent.setVisible(self.height() >= RECENT_FROM * max(1.0, theme().scale))

    def _on_side_toggled(self, shown: bool) -> None:
        self.side_area.setVisible(shown or self.side_button.isHidden())

    def _ask(self) -> _Facts:
        services = self.context.services
        return _Facts(
            services.scenarios.list(),
            services.media.sessions(),
            services.jobs.list(),
            services.media.devices(),
            services.log.list(limit=ACTIVITY_READ),
        )

    def _on_answered(self, facts: _Facts) -> None:
        self.problem.hide()
        self.protection.now = datetime.now(UTC)
        made = protections(facts.statuses, facts.sessions, facts.jobs)
        fresh = self._freshness
        self.protection.set_items([replace(one, freshness=fresh.get(one.status.scenario.id)) for one in made])
        self.protection.touch()
        self.protection_header.note.setText(
            f"{formats.counted(len(facts.statuses), 'scenario')}, worst first"
        )
        self.empty.setVisible(not facts.statuses)
        self.table.setVisible(bool(facts.statuses))
        self.activity.set_items(highlights(facts.activity, ACTIVITY_SHOWN))
        now = self.protection.now
        self._show_decision(worst_decision(facts.statuses, facts.jobs, now, self._seen_job, facts.sessions))
        self.side.set_running(facts.jobs, facts.statuses)
        self.side.set_next(facts.jobs, self.protection.now)
        self.side.failures.set_jobs(facts.jobs, self.protection.now)
        self.side.set_devices(facts.devices)
        self._jobs, self._devices, self._silent_since = facts.jobs, facts.devices, None
        self._show_engines()

    def _on_server(self, state: ServerState) -> None:
        self._server = state
        self._show_engines()

    def _show_engines(self) -> None:
        if self._server is not None and self._jobs is not None:
            now = self.protection.now or datetime.now(UTC)
            lines = engine_lines(self._server, self._jobs, self._devices, now, self._silent_since)
            self.side.set_engines(lines)

    def _day_header(self) -> PaneHeader:
        header = PaneHeader("Next 24 hours")
        every = button("All runs", "link")
        every.setAccessibleName("All runs of the next 24 hours as a table")
        every.clicked.connect(self._on_all_runs)
        header.add(every)
        return header

    def _on_upcoming(self, runs: Sequence[NextRun]) -> None:
        self.day.set_runs(runs, datetime.now(UTC))

    def _on_freshness(self, found: Sequence[alert.Protection]) -> None:
        self._freshness = {one.scenario_id: one for one in found if one.scenario_id}

    def _show_decision(self, decision: Decision | None) -> None:
        if decision == self._decision:
            return
        self._decision = decision
        self.banner.setVisible(decision is not None)
        if decision is not None:
            self.banner.show_banner(
                decision.role, decision.title, decision.text, decision.action, decision.icon
            )

    def _on_decided(self) -> None:
        decision = self._decision
        if decision is None:
            return
        if decision.job:
            # Looked at: the banner makes room for the next one.
            self._seen_job = decision.job
            self.context.settings.setValue("home/seen_job", decision.job)
            self._show_decision(None)
        self.context.open_manager(decision.manager, **decision.request)

    def _on_failed(self, error: Exception) -> None:
        if not self.protection.items:
            self.problem.show_error(error)

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.protection_header.note.setText(f"Last answer {formats.clock(at)}")
            self._silent_since = at
            self._show_engines()

    def _on_row_activated(self, index: QModelIndex) -> None:
        item = self.table.current_object() if index.isValid() else None
        if isinstance(item, Protection):
            self.context.open_manager("xosoft", scenario=item.status.scenario.name)

    def _on_new_scenario(self) -> None:
        self.context.open_manager("xosoft", new_scenario=True)

    def _on_back_up(self) -> None:
        self.context.open_manager("backup")

    def _on_job(self, number: int) -> None:
        self.context.open_manager("job_status", job=number)

    def _on_all_runs(self) -> None:
        self.context.open_manager("job_status", page="upcoming")

    def _on_way(self, manager: str, request: dict[str, object]) -> None:
        self.context.open_manager(manager, **request)

    def _on_jobs_requested(self) -> None:
        self.context.open_manager("job_status")

    def _on_open_log(self) -> None:
        self.context.open_manager("job_status", page="log")


def seen_job(kept: object) -> int:
    """The newest failed job that was looked at, as kept in the settings; 0 for anything else."""
    return int(kept) if isinstance(kept, int | str) and str(kept).isdigit() else 0
