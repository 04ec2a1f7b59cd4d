"""What a person does to the chosen job: asked for, carried out on a task thread, told."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from app.model.job import Job, JobStatus
from app.ui.dialogs.confirm import confirm
from app.ui.job_status.actions import command_line, offers
from app.ui.job_status.job_password import JobPasswordDialog
from app.ui.job_status.reschedule import RescheduleDialog
from app.ui.job_status.undo_dialog import UndoDialog
from app.ui.manager import Context


class JobCommands(QObject):
    """`current()` is the chosen job. `changed`: read the queue again; `submitted(job)`: a new one."""

    changed = Signal()
    submitted = Signal(object)

    def __init__(self, context: Context, current: Callable[[], Job | None], window: QWidget) -> None:
        super().__init__(window)
        self._context, self._current, self._window = context, current, window

    def _act(self, call: Callable[[int], object], said: str = "") -> None:
        job = self._current()
        if job is not None:
            self._context.tasks.run(
                self, partial(call, job.id), partial(self._on_done, said.format(job=job)), self._on_failed
            )

    def _on_done(self, said: str, _result: object) -> None:
        if said:
            self._context.toast(said)
        self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self._context.show_error(error)
        self.changed.emit()

    def run_now(self) -> None:
        """Make it due."""
        self._act(self._context.services.jobs.run_now)

    def ready_or_hold(self) -> None:
        """Hold what is Ready, set Ready what is held."""
        job, jobs = self._current(), self._context.services.jobs
        self._act(jobs.ready if job is not None and job.status is JobStatus.HOLD else jobs.hold)

    def stop(self) -> None:
        """End its run."""
        self._act(self._context.services.jobs.stop, "Job {job.id} is stopping after this chunk")

    def delete(self) -> None:
        """Take it out of the queue, after a question."""
        job = self._current()
        if job is None:
            return
        what = "with its schedule" if job.schedule.repeat else "from the queue"
        first = "It runs: it is stopped first. " if job.status is JobStatus.ACTIVE else ""
        if confirm(
            self._window,
            f"Delete job {job.id}, {job.name}?",
            f"{first}The job is removed {what}. Sessions it wrote and its log lines stay.",
            "Delete job",
        ):
            self._act(self._context.services.jobs.delete, "Job {job.id} deleted")

    def reschedule(self) -> None:
        """Give it another time."""
        job = self._current()
        if job is None:
            return
        dialog = RescheduleDialog(job, self._window)
        if dialog.exec():
            schedule = dialog.schedule()
            self._act(lambda number: self._context.services.jobs.reschedule(number, schedule))
        dialog.deleteLater()

    def modify(self) -> None:
        """Open it in the Backup Manager; submitting it there replaces it."""
        job = self._current()
        if job is not None and offers(job).modify.enabled:
            self._context.open_manager("backup", modify=job)

    def password(self) -> None:
        """Give it another password."""
        job = self._current()
        if job is not None and offers(job).password.enabled:
            dialog = JobPasswordDialog(self._context, job, self._window)
            dialog.submitted.connect(partial(self._on_done, f"Job {job.id} has another password"))
            _open(dialog)

    def undo(self) -> None:
        """Take back what a restore did."""
        job = self._current()
        if job is not None and offers(job).undo.enabled:
            dialog = UndoDialog(self._context, job, self._window)
            dialog.submitted.connect(self._on_undo_submitted)
            _open(dialog)

    def _on_undo_submitted(self, job: object) -> None:
        if isinstance(job, Job):
            self._context.toast(f"Job {job.id} submitted", job.name)
            self.submitted.emit(job)
        self.changed.emit()

    def copy_command(self) -> None:
        """Put the command that shows it on the clipboard."""
        job = self._current()
        if job is not None:
            text = command_line(job)
            QGuiApplication.clipboard().setText(text)
            self._context.toast("Copied", text)


def _open(dialog: QDialog) -> None:
    dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    dialog.open()
