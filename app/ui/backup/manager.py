"""The Backup Manager: Start, Source, Staging, Destination and Schedule."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.model.job import BackupScript, Job, JobStatus
from app.model.job_script import SavedBackup
from app.model.media import Device, MediaInfo, SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import formats
from app.ui.backup.destination_warnings import DestinationWarnings
from app.ui.backup.draft import device_groups, readiness
from app.ui.backup.estimate import estimate
from app.ui.backup.foot import ReadinessBar
from app.ui.backup.machines import Machines
from app.ui.backup.options_opening import OptionsOpening
from app.ui.backup.parts import Parts, at_once, parts
from app.ui.backup.script_files import ScriptFiles
from app.ui.backup.staging_tab import StagingTab
from app.ui.backup.start_tab import StartTab
from app.ui.backup.start_view import start_view
from app.ui.backup.submission import Submission
from app.ui.backup.summary import Fact, summary
from app.ui.backup.unregister import Unregister
from app.ui.backup.verdict import (
    DESTINATION,
    SOURCE,
    TITLES,
    first_fault,
    show_verdict,
)
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line, button
from app.ui.widgets.tool_row import ToolRow

SCENARIO_POLL_MS = 1000
STORE_POLL_MS = 5000
STAGING_POLL_MS = 20_000
HOSTS_POLL_MS = 10_000


_Store = tuple[Sequence[SessionInfo], Sequence[Device], Sequence[MediaInfo], Sequence[str]]


class BackupManager(Manager):
    """Puts a backup job together; nothing happens before Submit job."""

    def __init__(self, context: Context, made: Parts | None = None) -> None:
        super().__init__(context, "Backup Manager")
        self.header.subtitle.setText("New backup job")
        self.draft, self.source, self.destination, self.when = made or at_once(context)
        self.statuses: Sequence[ScenarioStatus] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._known = False
        self._wanted = ""
        self.start_button = button("Start", "primary", "play")
        self.start_button.setToolTip("Give the log-ins, then submit the job (Ctrl+Enter)")
        self.header.add(self.start_button)
        self.start_action = self.make_action("Start…", "play", "Ctrl+Return", self.start)
        self.start_button.clicked.connect(self.start)
        self.scripts = ScriptFiles(context, self.saved, self._open, self)
        self.options = OptionsOpening(context, self, self)
        self.options.changed.connect(self._on_options)
        self.options_action = self.make_action("Options…", "settings", "Ctrl+Shift+O", self.show_options)
        self.new_action = self.make_action("New job", "file-plus", "", self._begin_anew)
        self.open_action = self.make_action(
            "Open job script…", "folder-open", "Ctrl+O", self.scripts.ask_open
        )
        self.save_action = self.make_action("Save job script…", "save", "Ctrl+S", self.scripts.ask_save)
        self.make_action("Next tab", "", "Ctrl+PgDown", partial(self._step, 1))
        self.make_action("Previous tab", "", "Ctrl+PgUp", partial(self._step, -1))
        self.staging = StagingTab(context, self.draft)
        self.overview = StartTab()
        self.overview.started.connect(self.start)
        self.overview.all_wanted.connect(self._on_all)
        self.overview.tab_wanted.connect(self.show_tab)
        self.overview.group_wanted.connect(self._on_group)
        self.submission = Submission(context, self, self)
        self.submission.submitted.connect(self._on_submitted)
        self.logins = self.submission.logins
        self.schedule = self.when.form
        self.foot = ReadinessBar()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Backup job")
        self.tabs.setExpanding(False)
        for title in TITLES:
            self.tabs.addTab(title)
        self.pages = QStackedWidget()
        for page in (self.overview, self.source, self.staging, self.destination, self.when):
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        # Nothing is chosen yet: that is the first thing to do.
        self.tabs.setCurrentIndex(SOURCE)
        self.body.addWidget(self._tab_row())
        self.body.addWidget(Line())
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(Line())
        self.body.addWidget(self.foot)
        self.source.chosen_changed.connect(self._show_readiness)
        self.unregister = Unregister(context, self.refresh, self)
        self.source.delete_wanted.connect(self.unregister.ask)
        self.machines = Machines(context, self.source, self.submission, self)
        self.source.new_wanted.connect(self._on_new)
        self.source.show_wanted.connect(self._on_show)
        self.source.retried.connect(self.refresh)
        self.destination.changed.connect(self._show_readiness)
        self._warnings = DestinationWarnings(
            context, self.destination, lambda: self.draft.script(self.statuses), self
        )
        self.destination.changed.connect(self._warnings.ask_soon)
        self.destination.options_wanted.connect(self.show_options)
        self.source.chosen_changed.connect(self._warnings.ask_soon)
        self.when.changed.connect(self._show_readiness)
        scenarios = self.poll(self._ask_scenarios, SCENARIO_POLL_MS)
        scenarios.answered.connect(self._on_scenarios)
        scenarios.failed.connect(self._on_failed)
        scenarios.stale.connect(self._on_stale)
        store = self.poll(self._ask_store, STORE_POLL_MS)
        staging = self.poll(self.staging.ask, STAGING_POLL_MS)
        staging.answered.connect(self.staging.set_plans)
        staging.answered.connect(self._show_readiness)
        self.staging.changed.connect(staging.refresh)
        self.staging.use_wanted.connect(self._on_group)
        store.answered.connect(self._on_store)
        store.failed.connect(self._on_failed)
        hosts = self.poll(self.machines.ask, HOSTS_POLL_MS)
        hosts.answered.connect(self.machines.set_states)
        self.machines.changed.connect(hosts.refresh)
        hosts.failed.connect(self._on_failed)
        for splitter, name in ((self.source.splitter, "source"), (self.source.details, "details")):
            saved = context.settings.value(f"backup/{name}")
            if saved is not None:
                splitter.restoreState(saved)
        self._show_readiness()

    @classmethod
    def in_rounds(cls, context: Context) -> Iterator[Manager | None]:
        """Its tabs one after the other, then itself."""
        for made in parts(context):
            yield cls(context, made) if made is not None else None

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
        source = self.source
        own = (source.add_action, source.change_action, source.show_action, source.delete_action)
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
        """`scenario`: choose it (by name). `modify`: open this job. `tab`: show it."""
        if request.get("tab") in TITLES:
            self.show_tab(request["tab"])
        if isinstance(request.get("modify"), Job):
            self.modify(request["modify"])
        if request.get("scenario"):
            self._wanted = str(request["scenario"])
            self.tabs.setCurrentIndex(SOURCE)
            self._choose_wanted()

    def show_tab(self, title: str) -> None:
        """Bring the tab of that title to the front."""
        self.tabs.setCurrentIndex(TITLES.index(title))

    # answers of the services

    def _ask_scenarios(self) -> Sequence[ScenarioStatus]:
        return self.context.services.scenarios.list()

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
        self.destination.form.set_pools(pools)
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
        self.destination.form.set_rotation(self.schedule.rotates)
        said = readiness(self.draft, self.statuses)
        fault = self._fault()
        show_verdict(self.foot, said, fault, self._where())
        self._show_overview(fault[1] if fault is not None else "", said.text)

    def _fault(self) -> tuple[int, str] | None:
        said = readiness(self.draft, self.statuses)
        return first_fault(said, self.destination.fault, self.when.fault())

    def _show_overview(self, fault: str, ready: str) -> None:
        chosen = self.draft.selected(self.statuses)
        self.overview.show_view(
            start_view(
                self.draft,
                self.statuses,
                self.staging.groups,
                self.staging.plans,
                staging_words=self.staging.words,
                when=self.schedule.words(),
                hold=self.schedule.on_hold,
                expected=estimate(self.draft, chosen, self._sessions),
                fault=fault if self._known else "The scenarios are being read.",
                ready=ready,
            )
        )

    def _on_all(self) -> None:
        self.draft.chosen.update(status.scenario.id for status in self.statuses)
        self.source.set_facts(self.statuses, self._sessions)
        self._show_readiness()
        self.overview.submit.setFocus()

    def _where(self) -> str:
        when = self.schedule.words()
        secret = ", encrypted" if self.draft.password else ""
        return f"Goes to {self.draft.group}{secret}. {when}."

    # what the person does

    def start(self) -> None:
        """Ask for the log-ins, then for the name and the first run; on a faulty tab go there instead."""
        fault = self._fault()
        if fault is None:
            self.submission.start()
            return
        self.tabs.setCurrentIndex(fault[0])
        if fault[0] == SOURCE:
            self.source.tree.setFocus()
        elif fault[0] == DESTINATION:
            self.destination.show_fault()
        else:
            self.schedule.repeat.setFocus()

    def facts(self) -> list[Fact]:
        """What the job does, for its summary."""
        chosen = self.draft.selected(self.statuses)
        return summary(
            self.draft,
            chosen,
            self.destination.group,
            self.schedule.words(),
            self._warnings.lines,
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

    def show_options(self, tab: object = None) -> None:
        """Everything of the job that is on no tab. `tab`: the page to begin with."""
        self.options.show(tab)

    def _on_options(self) -> None:
        self.destination.form.show_draft()
        self._warnings.ask_soon()
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
            self.destination.show_fault()

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
