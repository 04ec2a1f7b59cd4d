"""The Backup Manager: Source, Destination and Schedule, then Start."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import (
    QApplication,
    QFrame,
    QHBoxLayout,
    QStackedWidget,
    QTabBar,
    QWidget,
)

from app.model.errors import Problem
from app.model.job import Job
from app.model.media import Device, MediaInfo, SessionInfo
from app.model.scenario import ScenarioStatus
from app.ui import formats, icons
from app.ui.backup.destination_tab import DestinationTab
from app.ui.backup.draft import BackupDraft, device_groups, readiness
from app.ui.backup.logins import Logins
from app.ui.backup.media_rules_form import warning_lines
from app.ui.backup.schedule_tab import ScheduleTab
from app.ui.backup.source_tab import ReadinessBar, SourceTab
from app.ui.backup.summary import Fact, summary
from app.ui.bridge.throttle import Delay
from app.ui.dialogs.confirm import confirm
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.manager import Context, Manager
from app.ui.widgets.basics import Line, button
from app.ui.widgets.schedule_form import ScheduleForm

SCENARIO_POLL_MS = 1000
STORE_POLL_MS = 5000
SOURCE, DESTINATION, SCHEDULE = range(3)


_Store = tuple[Sequence[SessionInfo], Sequence[Device], Sequence[MediaInfo], Sequence[str]]


class BackupManager(Manager):
    """Puts a backup job together; nothing happens before Submit job."""

    def __init__(self, context: Context) -> None:
        super().__init__(context, "Backup Manager")
        self.header.subtitle.setText("New backup job")
        self.draft = BackupDraft()
        self.logins = Logins()
        self._statuses: Sequence[ScenarioStatus] = ()
        self._sessions: Sequence[SessionInfo] = ()
        self._known = False
        self._wanted = ""
        self._job_name = ""
        self._warnings: Sequence[str] = ()
        self.start_button = button("Start", "primary", "play")
        self.start_button.setToolTip("Give the log-ins, then submit the job (Ctrl+Enter)")
        self.header.add(self.start_button)
        self.start_action = self._action("Start…", "play", "Ctrl+Return", self.start)
        self.start_button.clicked.connect(self.start)
        self._action("Next tab", "", "Ctrl+PgDown", partial(self._step, 1))
        self._action("Previous tab", "", "Ctrl+PgUp", partial(self._step, -1))
        self.source = SourceTab(self.draft)
        self.destination = DestinationTab(self.draft)
        self.when = ScheduleTab(context)
        self.schedule = self.when.form
        self.foot = ReadinessBar()
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Backup job")
        self.tabs.setExpanding(False)
        for title in ("Source", "Destination", "Schedule"):
            self.tabs.addTab(title)
        self.pages = QStackedWidget()
        for page in (self.source, self.destination, self.when):
            self.pages.addWidget(page)
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.body.addWidget(self._tab_row())
        self.body.addWidget(Line())
        self.body.addWidget(self.pages, 1)
        self.body.addWidget(Line())
        self.body.addWidget(self.foot)
        self.source.chosen_changed.connect(self._show_readiness)
        self.source.delete_wanted.connect(self._on_delete)
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
        store.answered.connect(self._on_store)
        store.failed.connect(self._on_failed)
        for splitter, name in ((self.source.splitter, "source"), (self.source.details, "details")):
            saved = context.settings.value(f"backup/{name}")
            if saved is not None:
                splitter.restoreState(saved)
        self._show_readiness()

    def _action(self, text: str, icon: str, key: str, slot: Callable[[], None]) -> QAction:
        action = QAction(text, self)
        if icon:
            icons.bind(action, icon)
        action.setShortcut(QKeySequence(key))
        action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        action.triggered.connect(slot)
        self.addAction(action)
        return action

    def _tab_row(self) -> QWidget:
        bar = QFrame()
        bar.setProperty("kind", "pane")
        row = QHBoxLayout(bar)
        row.setContentsMargins(12, 0, 12, 0)
        row.addWidget(self.tabs)
        row.addStretch(1)
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
        return "&Backup", [self.start_action, None, self.source.show_action, self.source.delete_action]

    def save_state(self) -> None:
        """Keep the splitters."""
        self.context.settings.setValue("backup/source", self.source.splitter.saveState())
        self.context.settings.setValue("backup/details", self.source.details.saveState())

    def show_request(self, **request: Any) -> None:
        """`scenario`: choose it (by name) and bring it into view."""
        if request.get("scenario"):
            self._wanted = str(request["scenario"])
            self.tabs.setCurrentIndex(SOURCE)
            self._choose_wanted()

    # answers of the services

    def _ask_scenarios(self) -> Sequence[ScenarioStatus]:
        return self.context.services.scenarios.list()

    def _ask_store(self) -> _Store:
        media, storage = self.context.services.media, self.context.services.storage
        pools = [info.pool.name for info in storage.pools()]
        return media.sessions(), media.devices(), media.media(), pools

    def _on_scenarios(self, statuses: Sequence[ScenarioStatus]) -> None:
        first, self._known = not self._known, True
        self._statuses = statuses
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
        self.destination.set_groups(device_groups(devices, media))
        if self._known:
            self.source.set_facts(self._statuses, self._sessions)
        self._show_readiness()

    def _on_ask_warnings(self, _value: object) -> None:
        """What these rules overwrite or cannot use, told before anything is submitted."""
        script = self.draft.script(self._statuses)
        if not script.scenario_ids:
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
        found = next((one for one in self._statuses if one.scenario.name == self._wanted), None)
        if found is not None:
            self._wanted = ""
            self.draft.chosen.add(found.scenario.id)
            self.source.set_facts(self._statuses, self._sessions)
            self.source.select(found.scenario.id)
            self._show_readiness()

    def _show_readiness(self) -> None:
        """The foot: the first thing that is missing, else what will be submitted."""
        self.foot.setVisible(bool(self._statuses))
        said = readiness(self.draft, self._statuses)
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
        if readiness(self.draft, self._statuses).fault:
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
        self._ask_logins()

    def _ask_logins(self) -> None:
        self.logins.show([status.scenario for status in self.draft.selected(self._statuses)])
        dialog = SecurityDialog(self.context, self.logins, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._ask_submit)
        dialog.open()

    def _ask_submit(self) -> None:
        first = ScheduleForm(repeats=False)
        copy_first_run(self.schedule, first)
        names = [status.scenario.name for status in self.draft.selected(self._statuses)]
        dialog = SubmitJobDialog(
            self.context,
            self._job_name,
            f"Backup {', '.join(names)}",
            first,
            self._facts,
            self._prepare,
            self,
        )
        # The form in the dialog is the first half of the Schedule tab: what is changed there holds here.
        first.changed.connect(partial(copy_first_run, first, self.schedule))
        dialog.refresh_facts_with(self.schedule.changed)
        dialog.name.textChanged.connect(self._on_name_typed)
        dialog.submitted.connect(self._on_submitted)
        dialog.back_wanted.connect(self._ask_logins)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_name_typed(self, name: str) -> None:
        self._job_name = name

    def _prepare(self, name: str) -> Callable[[], Job]:
        request = self.draft.request(
            self._statuses,
            self.schedule.schedule(),
            name=name,
            hold=self.schedule.on_hold,
            credentials=self.logins.credentials(),
        )
        backups = self.context.services.backups
        return lambda: backups.submit(request)

    def _facts(self) -> list[Fact]:
        chosen = self.draft.selected(self._statuses)
        return summary(self.draft, chosen, self.destination.group, self.schedule.words(), self._warnings)

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
        self.draft.chosen.clear()
        self.destination.begin_anew()
        self.schedule.begin_anew()
        self._job_name = ""
        self.source.set_facts(self._statuses, self._sessions)
        self.tabs.setCurrentIndex(SOURCE)
        self._show_readiness()

    def _on_delete(self, status: ScenarioStatus) -> None:
        name = status.scenario.name
        if not confirm(
            self,
            f"Delete {name} from this server?",
            "Only its registration here is removed: it can't be chosen for backups any more. "
            f"The scenario goes on on {status.scenario.master}; its sessions and log lines stay.",
            f"Delete {name}",
        ):
            return
        scenarios, number = self.context.services.scenarios, str(status.scenario.id)
        self.context.tasks.run(
            self,
            lambda: scenarios.delete(number, registration_only=True),
            partial(self._on_deleted, name, number),
            self.context.show_error,
        )

    def _on_deleted(self, name: str, number: str, _result: object) -> None:
        self.context.toast(f"{name} deleted from this server", "", "Undo", partial(self._register, number))
        self.refresh()

    def _register(self, number: str) -> None:
        scenarios = self.context.services.scenarios
        self.context.tasks.run(
            self, lambda: scenarios.register(number), self._on_registered, self.context.show_error
        )

    def _on_registered(self, _scenario: object) -> None:
        self.refresh()

    def _on_new(self) -> None:
        self.context.open_manager("xosoft", new_scenario=True)

    def _on_show(self, status: ScenarioStatus) -> None:
        self.context.open_manager("xosoft", scenario=status.scenario.name)

    def enter_filter(self) -> None:
        """Ctrl+F: the filter of the sources."""
        self.tabs.setCurrentIndex(SOURCE)
        self.source.filter.setFocus()

    def _step(self, by: int) -> None:
        self.tabs.setCurrentIndex((self.tabs.currentIndex() + by) % self.tabs.count())


def copy_first_run(source: ScheduleForm, target: ScheduleForm) -> None:
    """Give one form the first run that another one says."""
    target.when.setDateTime(source.when.dateTime())
    for theirs, ours in ((source.now, target.now), (source.at, target.at), (source.hold, target.hold)):
        if theirs.isChecked():
            ours.setChecked(True)
