"""Restore Manager: choose, say where to, plan, restore. Nothing changes before the plan's final button."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QFrame, QHBoxLayout, QStackedWidget, QTabBar, QToolButton

from app.model.entry import EntryKind
from app.model.host import Host
from app.model.job import Job
from app.model.media import SessionInfo
from app.ui import formats, icons
from app.ui.backup.schedule_tab import ScheduleTab
from app.ui.dialogs.restore_options import RestoreOptionsDialog
from app.ui.dialogs.restore_plan import BACK, RestorePlanDialog
from app.ui.dialogs.restore_sessions import RestoreSessionsDialog
from app.ui.manager import Context, Manager
from app.ui.restore.basket import ROOT, BasketItem, Part, SessionSource, item_name, resolve
from app.ui.restore.destination_pane import DestinationPane
from app.ui.restore.first_steps_pane import FirstStepsPane
from app.ui.restore.plan_items import PlanInput
from app.ui.restore.requests import LoginRow, Target, requests
from app.ui.restore.source_tab import BY_QUERY, BY_SESSION, BY_TIME, BY_TREE, Known, SourceTab, read_known
from app.ui.widgets.basics import Line, button
from app.ui.widgets.notices import explain

_POLL_MS = 5000
SOURCE, DESTINATION, SCHEDULE, FIRST_STEPS = range(4)


_Parts = tuple[SourceTab, DestinationPane, ScheduleTab, FirstStepsPane]


class RestoreManager(Manager):
    """Source, Destination, Schedule, and Start."""

    def __init__(self, context: Context, parts: _Parts | None = None) -> None:
        super().__init__(context, "Restore Manager")
        self.header.subtitle.setText("New restore job")
        self._rows: dict[tuple[str, int, Target], LoginRow] = {}
        self._items: list[BasketItem] = []
        self._local_names: frozenset[str] = frozenset()
        self.source, self.destination, self.schedule, self.first_steps = parts or (
            SourceTab(context),
            DestinationPane(context),
            ScheduleTab(context, rotation=False),
            FirstStepsPane(),
        )
        self._job_name = ""
        self._stepped = False
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Restore by")
        self.tabs.setExpanding(False)
        self.tabs.setUsesScrollButtons(False)
        self.tabs.setDrawBase(False)
        self._pages = QStackedWidget()
        for title, page in (
            ("Source", self.source),
            ("Destination", self.destination),
            ("Schedule", self.schedule),
            ("First steps", self.first_steps),
        ):
            self.tabs.addTab(title)
            self._pages.addWidget(page)
        self.tabs.setTabVisible(FIRST_STEPS, False)
        self.first_steps.restore_wanted.connect(self._on_first_restore)
        self.first_steps.go_wanted.connect(self._on_step_wanted)
        self.tabs.currentChanged.connect(self._on_tab_changed)
        self.start = button("Start", "primary", "play")
        self.start.clicked.connect(self._on_start)
        self.header.add(self.start)
        self._actions = self._make_actions()
        self.body.addWidget(self._toolbar())
        self.body.addWidget(Line())
        self.body.addWidget(self._pages, 1)
        self._poll = self.poll(partial(read_known, context.services), _POLL_MS)
        self._poll.answered.connect(self._on_known)
        self._poll.failed.connect(self.source.show_error)
        self.source.retried.connect(self._poll.refresh)
        self.source.backup_wanted.connect(self._on_backup_wanted)
        self.source.destination_wanted.connect(self._on_destination_wanted)
        self.destination.options_wanted.connect(self._on_options)
        self.source.chooser.changed.connect(self._on_basket_changed)
        self.source.versions.closed.connect(self._on_versions_closed)
        self.banner.pressed.connect(self.banner.hide)
        self._on_basket_changed()

    @classmethod
    def in_rounds(cls, context: Context) -> Iterator[Manager | None]:
        """Its tabs one after the other, then itself."""
        source = SourceTab(context)
        yield None
        destination = DestinationPane(context)
        yield None
        schedule = ScheduleTab(context, rotation=False)
        yield None
        steps = FirstStepsPane()
        yield None
        yield cls(context, (source, destination, schedule, steps))

    def _make_actions(self) -> dict[str, QAction]:
        made = {}
        for name, text, icon, key, slot in (
            ("versions", "Version History", "history", "Ctrl+Y", self._on_versions_toggled),
            ("options", "Options…", "settings", "Ctrl+Shift+O", self._on_options),
            ("start", "Start", "play", "Ctrl+Return", self._on_start),
            ("clear", "Clear basket", "x", "", self.source.chooser.empty),
            ("kit", "Recovery kit…", "key-round", "", self._on_kit),
            ("refresh", "Refresh", "refresh-cw", "", self.refresh),
        ):
            action = QAction(text, self)
            icons.bind(action, icon)
            if key:
                action.setShortcut(QKeySequence(key))
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
            action.triggered.connect(slot)
            self.addAction(action)
            made[name] = action
        made["versions"].setCheckable(True)
        return made

    def _toolbar(self) -> QFrame:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        row = QHBoxLayout(bar)
        row.setContentsMargins(16, 0, 12, 0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        for name in ("options", "versions"):
            tool = QToolButton()
            tool.setDefaultAction(self._actions[name])
            tool.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            tool.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            row.addWidget(tool)
        return bar

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Restore menu."""
        actions = self._actions
        return "&Restore", [
            actions["start"],
            actions["options"],
            None,
            actions["versions"],
            actions["clear"],
            None,
            actions["kit"],
            actions["refresh"],
        ]

    def show_request(self, **request: Any) -> None:
        """`view`: "session", "tree", "query", "time" or "first_steps". `pattern`: look for it at once."""
        if request.get("view") == "first_steps":
            self._stepped = True
            self.tabs.setCurrentIndex(FIRST_STEPS if self.first_steps.wanted else SOURCE)
            return
        views = {"session": BY_SESSION, "tree": BY_TREE, "query": BY_QUERY, "time": BY_TIME}
        self.tabs.setCurrentIndex(SOURCE)
        pattern = str(request.get("pattern", ""))
        self.source.view.setCurrentIndex(
            views.get("query" if pattern else str(request.get("view", "")), BY_SESSION)
        )
        if pattern:
            self.source.by_query.pattern.setText(pattern)
            self.source.by_query.ask.click()

    def _on_tab_changed(self, position: int) -> None:
        self._pages.setCurrentIndex(position)
        self._actions["versions"].setEnabled(position == SOURCE)
        if position == SCHEDULE:
            self.schedule.refresh()  # time has gone by
        if position == DESTINATION:
            self.context.tasks.run(
                self, self.context.services.hosts.list, self._on_hosts, self._on_hosts_failed, key="hosts"
            )

    def _on_hosts(self, hosts: Sequence[Host]) -> None:
        self.destination.folders.set_hosts(hosts)

    def _on_hosts_failed(self, error: Exception) -> None:
        self.destination.folders.problem.show_error(error)

    def _on_known(self, known: Known) -> None:
        self._local_names = known.local_names
        self.source.set_known(known)
        self.first_steps.set_known(known.recovered)
        wanted = self.first_steps.wanted
        if not wanted and self.tabs.currentIndex() == FIRST_STEPS:
            self.tabs.setCurrentIndex(SOURCE)
        if self.tabs.isTabVisible(FIRST_STEPS) != wanted:
            self.tabs.setTabVisible(FIRST_STEPS, wanted)
            self.tabs.updateGeometry()
        if self.first_steps.first and not self._stepped:
            self._stepped = True
            if not len(self.source.chooser.basket):
                self.tabs.setCurrentIndex(FIRST_STEPS)

    def _on_first_restore(self, session: SessionInfo) -> None:
        """The newest session of a volume, to a folder of this machine that nothing lies in."""
        source = SessionSource(session.media_serial, session.number)
        self.source.view.setCurrentIndex(BY_SESSION)
        self.source.chooser.clear()
        self.source.chooser.toggle(source, ROOT)
        self.destination.use_folder(f"/restored/{session.machine}")
        self.tabs.setCurrentIndex(DESTINATION)

    def _on_step_wanted(self, where: str) -> None:
        what, _, number = where.partition(" ")
        if what == "job":
            self.context.open_manager("job_status", job=int(number))
        elif what == "log":
            self.context.open_manager("job_status", log_of=int(number))
        elif what == "jobs":
            self.context.open_manager("job_status")
        else:
            device = self.first_steps.known.devices[0].name
            self.context.open_manager("media", device=device)

    def _on_backup_wanted(self) -> None:
        self.context.open_manager("backup")

    def _on_kit(self) -> None:
        self.context.open_manager("media", keys=True)

    def _on_destination_wanted(self) -> None:
        self.tabs.setCurrentIndex(DESTINATION)

    def _on_options(self) -> None:
        dialog = RestoreOptionsDialog(self.context, self.destination.job_options, self)
        dialog.accepted.connect(partial(self._on_options_agreed, dialog))
        dialog.alerts_wanted.connect(partial(self.context.open_manager, "alerts"))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_options_agreed(self, dialog: RestoreOptionsDialog) -> None:
        self.destination.show_job_options(dialog.options)

    def _on_versions_toggled(self, on: bool) -> None:
        if on:
            self.source.show_versions()
        else:
            self.source.hide_versions()

    def _on_versions_closed(self) -> None:
        self._actions["versions"].setChecked(False)

    def _on_basket_changed(self) -> None:
        basket = self.source.chooser.basket
        filled = len(basket) > 0
        reason = "" if filled else "Choose what to restore first"
        self._actions["clear"].setEnabled(filled)
        self.start.setToolTip(reason)
        if filled:
            self.banner.hide()
            item = next(basket.items())
            if item.kind is not None:
                self.destination.set_sample(item.path, folder=item.kind is EntryKind.DIRECTORY)

    def _on_start(self) -> None:
        self._items = list(self.source.chooser.basket.items())
        if not self._items:
            self.tabs.setCurrentIndex(SOURCE)
            self.banner.show_banner(
                "info",
                "Nothing is chosen yet",
                "Tick the boxes of what to restore, then press Start.",
                "Close",
            )
            return
        if self.destination.fault():
            self.tabs.setCurrentIndex(DESTINATION)
            self.destination.folders.path.setFocus()
            return
        if self.schedule.fault():
            self.tabs.setCurrentIndex(SCHEDULE)
            self.banner.show_banner("error", "The schedule cannot be used", self.schedule.fault(), "Close")
            return
        self.start.setEnabled(False)
        services, items = self.context.services, self._items
        self.context.tasks.run(
            self, lambda: resolve(services, items), self._on_resolved, self._on_resolve_failed, key="start"
        )

    def _on_resolve_failed(self, error: Exception) -> None:
        self.start.setEnabled(True)
        title, text, _ = explain(error)
        self.banner.show_banner("error", title, f"{text} Nothing was submitted.".strip(), "Close")

    def _on_resolved(self, parts: Sequence[Part]) -> None:
        self.start.setEnabled(True)
        self.banner.hide()
        target = self.destination.target()
        rows = []
        for part in parts:
            key = (part.session.media_serial, part.session.number, target)
            row = self._rows.setdefault(key, LoginRow(part, target))
            row.part, row.local_names = part, self._local_names
            rows.append(row)
        self._ask_logins(rows)

    def _ask_logins(self, rows: Sequence[LoginRow]) -> None:
        dialog = RestoreSessionsDialog(self.context, rows, self)
        dialog.accepted.connect(partial(self._show_plan, rows))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _show_plan(self, rows: Sequence[LoginRow]) -> None:
        form = self.schedule.form
        made = requests(rows, self.destination.options(), form.schedule(), hold=form.on_hold)
        only_files = all(item.kind not in (None, EntryKind.DIRECTORY) for item in self._items)
        files = frozenset(item.path for item in self._items) if only_files else frozenset()
        where = ", ".join(dict.fromkeys(row.host for row in rows))
        dialog = RestorePlanDialog(
            self.context, PlanInput(made, rows, where, files, form.words(), self._job_name), self
        )
        dialog.name.textChanged.connect(self._on_name_typed)
        dialog.owners_chosen.connect(self.destination.show_owners)
        dialog.submitted.connect(self._on_submitted)
        dialog.finished.connect(partial(self._on_plan_finished, rows))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_name_typed(self, name: str) -> None:
        self._job_name = name

    def _on_plan_finished(self, rows: Sequence[LoginRow], result: int) -> None:
        if result == BACK:
            self._ask_logins(rows)

    def _on_submitted(self, jobs: Sequence[Job]) -> None:
        first = jobs[0]
        said = f"Job {first.id} submitted" if len(jobs) == 1 else f"{len(jobs)} jobs submitted"
        what = (
            item_name(self._items[0]) if len(self._items) == 1 else formats.counted(len(self._items), "item")
        )
        self.context.toast(
            said,
            f"Restore of {what}. {self.schedule.form.words()}.",
            "Show job",
            partial(self.context.open_manager, "job_status", job=first.id),
        )
        self._rows.clear()
        self._job_name = ""
        self.schedule.form.begin_anew()
        self.source.chooser.clear()
        self.tabs.setCurrentIndex(SOURCE)
