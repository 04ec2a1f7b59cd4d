"""From Start to the queue: the log-ins, then the name and the first run, then the submitted job."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QWidget

from app.model.job import Job
from app.model.scenario import ScenarioStatus
from app.ui.backup.draft import BackupDraft
from app.ui.backup.logins import Logins
from app.ui.backup.summary import Fact
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.manager import Context
from app.ui.widgets.schedule_form import ScheduleForm


class Owner(Protocol):
    """What the flow needs of the manager it is part of."""

    draft: BackupDraft
    schedule: ScheduleForm

    @property
    def statuses(self) -> Sequence[ScenarioStatus]:
        """As last told."""
        ...

    def facts(self) -> list[Fact]:
        """The summary."""
        ...


class Submission(QObject):
    """`submitted(job)` when a job is in the queue; until then the person may go back and forth."""

    submitted = Signal(object)

    def __init__(self, context: Context, owner: Owner, window: QWidget) -> None:
        super().__init__(window)
        self._context = context
        self._owner = owner
        self._window = window
        self.logins = Logins()
        self.job_name = ""
        self._asks = True
        self.kept: Mapping[str, str] = {}
        """The users of the log-ins that are kept, by machine."""

    def start(self) -> None:
        """Ask for the log-ins; not when directories of this computer are all that is backed up."""
        chosen = self._owner.draft.selected(self._owner.statuses)
        machines = [source.host for source in self._owner.draft.sources]
        self.logins.show([status.scenario for status in chosen], machines, self.kept)
        self._asks = bool(chosen) or any(row.needed for row in self.logins.rows)
        if not self._asks:
            self._ask_submit()
            return
        dialog = SecurityDialog(self._context, self.logins, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.accepted.connect(self._ask_submit)
        dialog.open()

    def _ask_submit(self) -> None:
        first = ScheduleForm(repeats=False)
        schedule = self._owner.schedule
        copy_first_run(schedule, first)
        draft = self._owner.draft
        names = [status.scenario.name for status in draft.selected(self._owner.statuses)]
        names += [source.label for source in draft.sources]
        dialog = SubmitJobDialog(
            self._context,
            self.job_name,
            f"Backup {', '.join(names)}",
            first,
            self._owner.facts,
            self._prepare,
            partial(self._context.services.backups.preflight, draft.script(self._owner.statuses)),
            self._window,
        )
        if draft.replaces:
            dialog.say_replaces(draft.replaces)
        # The form in the dialog is the first half of the Schedule tab: what is changed there holds here.
        first.changed.connect(partial(copy_first_run, first, schedule))
        dialog.refresh_facts_with(schedule.changed)
        dialog.name.textChanged.connect(self._on_name_typed)
        dialog.submitted.connect(self.submitted)
        dialog.back_wanted.connect(self.start)
        dialog.back.setVisible(self._asks)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.open()

    def _on_name_typed(self, name: str) -> None:
        self.job_name = name

    def _prepare(self, name: str) -> Callable[[], Job]:
        owner = self._owner
        request = owner.draft.request(
            owner.statuses,
            owner.schedule.schedule(),
            name=name,
            hold=owner.schedule.on_hold,
            credentials=self.logins.credentials(),
        )
        backups = self._context.services.backups
        check = bool(request.session_password) and not owner.draft.new_password

        def submit() -> Job:
            if check:
                backups.check_password(request.script, request.session_password)
            return backups.submit(request)

        return submit


def copy_first_run(source: ScheduleForm, target: ScheduleForm) -> None:
    """Give one form the first run that another one says."""
    target.when.setDateTime(source.when.dateTime())
    for theirs, ours in ((source.now, target.now), (source.at, target.at), (source.hold, target.hold)):
        if theirs.isChecked():
            ours.setChecked(True)
