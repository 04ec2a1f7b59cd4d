"""The Backup Manager: Source, Destination and Schedule, then Start."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.model.errors import Problem
from app.model.host import HostState
from app.model.job import BackupScript, Job, JobStatus
from app.model.job_script import SavedBackup
from app.model.media import Device, MediaInfo, SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.destination_tab import DestinationTab
from app.ui.backup.draft import BackupDraft, device_groups, readiness
from app.ui.backup.estimate import estimate
from app.ui.backup.foot import ReadinessBar
from app.ui.backup.media_rules_form import warning_lines
from app.ui.backup.schedule_tab import ScheduleTab
from app.ui.backup.script_files import ScriptFiles
from app.ui.backup.source_tab import SourceTab
from app.ui.backup.staging_tab import StagingTab
from app.ui.backup.submission import Submission
from app.ui.backup.summary import Fact, summary
from app.ui.backup.unregister import Unregister
from app.ui.bridge.throttle import Delay
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line, button
from app.ui.widgets.tool_row import ToolRow

SCENARIO_POLL_MS = 1000
STORE_POLL_MS = 5000
STAGING_POLL_MS = 20_000
HOSTS_POLL_MS = 10_000
SOURCE, STAGING, DESTINATION, SCHEDULE = range(4)


_Store = tuple[Sequence[SessionInfo], Sequence[Device], Sequence[MediaInfo], Sequence[str]]


_Parts = tuple[BackupDraft, SourceTab, DestinationTab, ScheduleTab]


def _parts(context: Context) -> Iterator[_Parts | None]:
    """The tabs with the draft that they show: None after each, then all of them."""
    draft = BackupDraft()
    source = SourceTab(context, draft)
    yield None
    destination = DestinationTab(draft)
    yield None
    schedule = ScheduleTab(context)
    yield None
    yield draft, source, destination, schedule


def _at_once(context: Context) -> _Parts:
    return next(parts for parts in _parts(context) if parts is not None)


class BackupManager(Manager):
    """Puts a backup job together; nothing happens before Submit job."""

    def __init__(self, context: Context, parts: _Parts | None = None) -> None:
        super().__init__(context, "Backup Manager")
        self.header.subtitle.setText("New backup job")
        self.draft, self.source, self.destination, self.when = parts or _at_once(context)
        self.statuses: Sequence[ScenarioStatus] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._known = False
        self._wanted = ""
        self._warnings: Sequence[str] = ()
        self.start_button = button("Start", "primary", "play")
        self.start_button.setToolTip("Give the log-ins, then submit the job (Ctrl+Enter)")
        self.header.add(self.start_button)
        self.start_action = self.make_action("Start…", "play", "Ctrl+Return", self.start)
        self.start_button.clicked.connect(self.start)
        self.scripts = ScriptFiles(context, self.saved, self._open, self)
        self.options_action = self.make_action("Options…", "settings", "Ctrl+Shift+O", self.show_options)
        self.new_action = self.make_action("New job", "file-plus", "", self._begin_anew)
        self.open_action = self.make_action(
            "Open job script…", "folder-open", "Ctrl+O", self.scripts.ask_open
        )
        self.save_action = self.make_action("Save job script…", "save", "Ctrl+S", self.scripts.ask_save)
        self.make_action("Next tab", "", "Ctrl+PgDown", partial(self._step, 1))
        self.make_action("Previous tab", "", "Ctrl+PgUp", partial(self._step, -1))
        self.staging = StagingTab(context, self.draft)
        self.submission = Submission(context, self, self)
        self.submission.submitted.connect(self._on_submitted)
        self.logins = self.submission.logins
        self.schedule = self.when.form
        self.foot = ReadinessBar()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Backup job")
        self.tabs.setExpanding(False)
        for title in ("Source", "Staging", "Destination", "Schedule"):
            self.tabs.addTab(title)
        self.pages = QStackedWidget()
        for page in (self.source, self.staging, self.destination, self.when):
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.body.addWidget(self._tab_row())
        self.body.addWidget(Line())
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(Line())
        self.body.addWidget(self.foot)
        self.source.chosen_changed.connect(self._show_readiness)
        self.unregister = Unregister(context, self.refresh, self)
        self.source.delete_wanted.connect(self.unregister.ask)
        self.source.new_wanted.connect(self._on_new)
        self.source.show_wanted.connect(self._on_show)
        self.source.retried.connect(self.refresh)
        self.destination.changed.connect(self._show_readiness)
        self._ask_warnings = Delay(300, self)
        self._ask_warnings.passed.connect(self._on_ask_warnings)
        self.destination.changed.connect(partial(self._ask_warnings.put, None))
        self.source.chosen_changed.connect(partial(self._ask_warnings.put, None))
        self.when.changed.connect(self._show_readiness)
        scenarios = self.poll(self._ask_scenarios, SCENARIO_POLL_MS)
        scenarios.answered.connect(self._on_scenarios)
        scenarios.failed.connect(self._on_failed)
        scenarios.stale.connect(self._on_stale)
        store = self.poll(self._ask_store, STORE_POLL_MS)
        staging = self.poll(self.staging.ask, STAGING_POLL_MS)
        staging.answered.connect(self.staging.set_plans)
        self.staging.changed.connect(staging.refresh)
        self.staging.use_wanted.connect(self._on_group)
        store.answered.connect(self._on_store)
        store.failed.connect(self._on_failed)
        hosts = self.poll(self._ask_hosts, HOSTS_POLL_MS)
        hosts.answered.connect(self.source.set_hosts)
        hosts.failed.connect(self._on_failed)
        for splitter, name in ((self.source.splitter, "source"), (self.source.details, "details")):
            saved = context.settings.value(f"backup/{name}")
            if saved is not None:
                splitter.restoreState(saved)
        self._show_readiness()

    @classmethod
    def in_rounds(cls, context: Context) -> Iterator[Manager | None]:
        """Its tabs one after the other, then itself."""
        for parts in _parts(context):
            yield cls(context, parts) if parts is not None else None

    def _tab_row(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.tabs)
        row.addStretch(1)
        # Its words go when there is no room for them.
        tools = ToolRow((self.options_action, None, self.new_action, self.open_action, self.save_action))
        row.addWidget(tools, 100)
        return bar

    def activate(self) -> None:
        """The keyboard works in the tree at once."""
        super().activate()
        self._focus_tree()

    def _focus_tree(self) -> None:
        # The first controls of the page get the focus by themselves when it comes to the front.
        focus = QApplication.focusWidget()
        if focus in (None, self.start_button, self.tabs) or not self.isAncestorOf(focus):
            self.source.tree.setFocus()

    def menu(self) -> tuple[str, list[QAction | None]]:
        """The Backup menu."""
        files = (self.new_action, self.open_action, self.save_action)
        own = (self.source.show_action, self.source.delete_action)
        return "&Backup", [self.start_action, self.options_action, None, *files, None, *own]

    def refresh(self) -> None:
        """F5: the directories that were read, too."""
        super().refresh()
        self.source.forget_folders()

    def save_state(self) -> None:
        """Keep the splitters."""
        self.context.settings.setValue("backup/source", self.source.splitter.saveState())
        self.context.settings.setValue("backup/details", self.source.details.saveState())

    def show_request(self, **request: Any) -> None:
        """`scenario`: choose it (by name) and bring it into view. `modify`: open this job."""
        if isinstance(request.get("modify"), Job):
            self.modify(request["modify"])
        if request.get("scenario"):
            self._wanted = str(request["scenario"])
            self.tabs.setCurrentIndex(SOURCE)
            self._choose_wanted()

    # answers of the services

    def _ask_scenarios(self) -> Sequence[ScenarioStatus]:
        return self.context.services.scenarios.list()

    def _ask_hosts(self) -> Sequence[HostState]:
        return self.context.services.hosts.states()

    def _ask_store(self) -> _Store:
        media, storage = self.context.services.media, self.context.services.storage
        pools = [info.pool.name for info in storage.pools()]
        return media.sessions(), media.devices(), media.media(), pools

    def _on_scenarios(self, statuses: Sequence[ScenarioStatus]) -> None:
        first, self._known = not self._known, True
        self.statuses = statuses
        self.draft.keep_only({status.scenario.id for status in statuses})
        self.source.set_facts(statuses, self._sessions)
        if first and self.isVisible():
            self._focus_tree()
        self.source.note.setText("")
        self._choose_wanted()
        self._show_readiness()

    def _on_store(self, answer: _Store) -> None:
        self._sessions, devices, media, pools = answer
        self.destination.rules.set_pools(pools)
        groups = device_groups(devices, media)
        self.destination.set_groups(groups)
        self.staging.set_groups(groups)
        if self._known:
            self.source.set_facts(self.statuses, self._sessions)
        self._show_readiness()

    def _on_group(self, name: str) -> None:
        """The job goes to another group; the Destination shows it."""
        self.draft.group = name
        self.destination.show_draft()
        self.refresh()
        self._show_readiness()

    def _on_ask_warnings(self, _value: object) -> None:
        """What these rules overwrite or cannot use, told before anything is submitted."""
        script = self.draft.script(self.statuses)
        if not script.scenario_ids and not script.sources:
            self._on_warnings(())
            return
        call = partial(self.context.services.storage.destination_warnings, script)
        self.context.tasks.run(self, call, self._on_warnings, self._on_warnings_failed, key="warnings")

    def _on_warnings(self, problems: Sequence[Problem]) -> None:
        self._warnings = warning_lines(problems)
        self.destination.rules.show_warnings(problems)

    def _on_warnings_failed(self, _error: Exception) -> None:
        """The job itself checks once more, and tells."""
        self._on_warnings(())

    def _on_failed(self, error: Exception) -> None:
        self.source.show_error(error)

    def _on_stale(self, at: datetime | None) -> None:
        if at is not None:
            self.source.note.setText(f"Last answer {formats.clock(at)}")

    def _choose_wanted(self) -> None:
        found = next((one for one in self.statuses if one.scenario.name == self._wanted), None)
        if found is not None:
            self._wanted = ""
            self.draft.chosen.add(found.scenario.id)
            self.source.set_facts(self.statuses, self._sessions)
            self.source.select(found.scenario.id)
            self._show_readiness()

    def _show_readiness(self) -> None:
        """The foot: the first thing that is missing, else what will be submitted."""
        self.foot.setVisible(self._known)
        said = readiness(self.draft, self.statuses)
        if said.fault:
            self.foot.show_text(said.text, "info", "muted")
        elif self.destination.fault:
            self.foot.show_text(f"Destination: {self.destination.fault}.", "triangle-alert", "warning")
        elif self.when.fault():
            self.foot.show_text(f"Schedule: {self.when.fault()}.", "triangle-alert", "warning")
        elif said.warning:
            self.foot.show_text(said.text, "triangle-alert", "warning")
        else:
            self.foot.show_text(f"{said.text} {self._where()}", "circle-check", "ok")

    def _where(self) -> str:
        when = self.schedule.words()
        secret = ", encrypted" if self.draft.password else ""
        return f"Goes to {self.draft.group}{secret}. {when}."

    # what the person does

    def start(self) -> None:
        """Ask for the log-ins, then for the name and the first run; on a faulty tab go there instead."""
        if readiness(self.draft, self.statuses).fault:
            self.tabs.setCurrentIndex(SOURCE)
            self.source.tree.setFocus()
            return
        if self.destination.fault:
            self.tabs.setCurrentIndex(DESTINATION)
            self.destination.show_fault()
            return
        if self.when.fault():
            self.tabs.setCurrentIndex(SCHEDULE)
            self.schedule.repeat.setFocus()
            return
        self.submission.start()

    def facts(self) -> list[Fact]:
        """What the job does, for its summary."""
        chosen = self.draft.selected(self.statuses)
        return summary(
            self.draft,
            chosen,
            self.destination.group,
            self.schedule.words(),
            self._warnings,
            estimate(self.draft, chosen, self._sessions),
            self.staging.words,
        )

    def _on_submitted(self, job: Job) -> None:
        held = self.schedule.on_hold
        self.context.toast(
            f"Job {job.id} submitted",
            f"{job.name}, on hold" if held else job.name,
            "Show job",
            partial(self.context.open_manager, "job_status", job=job.id),
        )
        self._begin_anew()

    def _begin_anew(self) -> None:
        """The next job begins empty: a password must not go on silently, nor be missing silently."""
        self.draft.begin_anew()
        self.schedule.begin_anew()
        self.submission.job_name = ""
        self._show_draft()

    def _show_draft(self) -> None:
        self.destination.show_draft()
        self.source.set_facts(self.statuses, self._sessions)
        replaces = self.draft.replaces
        self.header.subtitle.setText(f"Modify job {replaces}" if replaces else "New backup job")
        self.tabs.setCurrentIndex(SOURCE)
        self._show_readiness()

    def _on_new(self) -> None:
        self.context.open_manager("xosoft", new_scenario=True)

    def _on_show(self, status: ScenarioStatus) -> None:
        self.context.open_manager("xosoft", scenario=status.scenario.name)

    # options, scripts, and jobs that are modified

    def show_options(self) -> None:
        """Retry, streams, commands."""
        names = [status.scenario.name for status in self.draft.selected(self.statuses)]
        names += [source.label for source in self.draft.sources]
        dialog = BackupOptionsDialog(self.draft.options, names, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(partial(self._on_options, dialog))
        dialog.open()

    def _on_options(self, dialog: BackupOptionsDialog) -> None:
        self.draft.options = dialog.options
        self._show_readiness()

    def modify(self, job: Job) -> None:
        """Open a job that is in the queue; submitting it then replaces it."""
        assert isinstance(job.script, BackupScript)
        held = job.status is JobStatus.HOLD
        self._open(SavedBackup(job.script, job.schedule, job.name), replaces=job.id, hold=held)

    def _open(self, saved: SavedBackup, *, replaces: int = 0, hold: bool = False) -> None:
        known = {status.scenario.id for status in self.statuses}
        self.draft.load(saved.script, known, replaces)
        self.schedule.show_schedule(saved.schedule, hold=hold)
        self.submission.job_name = saved.name
        self._show_draft()
        if saved.script.encrypt:
            self.context.toast("Type the session password", "A job script keeps no passwords")
            self.tabs.setCurrentIndex(DESTINATION)
            self.destination.password.setFocus()

    def saved(self) -> SavedBackup | None:
        """What is chosen, as a file keeps it; None, with the faulty tab in front, when it is not whole."""
        if self.when.fault() or readiness(self.draft, self.statuses).fault:
            self.start()
            return None
        script = self.draft.script(self.statuses)
        return SavedBackup(script, self.schedule.schedule(), self.submission.job_name)

    def enter_filter(self) -> None:
        """Ctrl+F: the filter of the sources."""
        self.tabs.setCurrentIndex(SOURCE)
        self.source.filter.setFocus()

    def _step(self, by: int) -> None:
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % self.tabs.count())
