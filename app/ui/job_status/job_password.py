"""Another password for a job that waits: of the sessions it writes or reads, or of its log-ins."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtWidgets import QComboBox, QLineEdit, QWidget

from app.model.job import BackupScript, Credentials, Job
from app.ui.dialogs.act import ActDialog
from app.ui.manager import Context
from app.ui.widgets.form import Field, PasswordField

_SESSION = "session"


class JobPasswordDialog(ActDialog):
    """`submitted(job)` when it is kept."""

    def __init__(self, context: Context, job: Job, parent: QWidget | None = None) -> None:
        super().__init__(
            context,
            f"Change a password of job {job.id}?",
            f"{job.name} keeps it, sealed, and uses it from its next run on. What was written before keeps "
            "the password it was written with.",
            "Change password",
            parent,
        )
        self._job = job
        self.what = QComboBox()
        self.what.addItem("Session password", _SESSION)
        self.what.addItem("Log-ins of all hosts", "")
        self.what.addItem("Log-ins of the Masters", "master")
        self.what.addItem("Log-ins of the Replicas", "replica")
        if isinstance(job.script, BackupScript):
            for host in dict.fromkeys(source.host for source in job.script.sources):
                self.what.addItem(f"Log-in of {host}", f"source {host}")
        self.user = QLineEdit()
        self.user.setMaxLength(200)
        self.user_field = Field("User name", self.user)
        self.password = PasswordField("New password")
        self.repeated = PasswordField("Repeat the new password")
        self.repeated_field = Field("Repeat the new password", self.repeated)
        for widget in (
            Field("What is changed", self.what),
            self.user_field,
            Field("New password", self.password),
            self.repeated_field,
        ):
            self.form.addWidget(widget)
        self.what.currentIndexChanged.connect(self.refresh)
        for line in (self.user, self.password, self.repeated):
            line.textChanged.connect(self.refresh)
        self.refresh()

    def fault(self) -> str:
        """What is missing, or ""."""
        of_session = self.what.currentData() == _SESSION
        self.user_field.setVisible(not of_session)
        if not of_session and not self.user.text().strip():
            return "A user name is missing"
        if not self.password.text():
            return "A password is missing"
        if self.password.text() != self.repeated.text():
            return "The passwords differ" if self.repeated.text() else "Type the password a second time"
        return ""

    def call(self) -> Callable[[], Any]:
        """Give the job another password."""
        jobs, number, password = self.context.services.jobs, self._job.id, self.password.text()
        role = str(self.what.currentData())
        if role == _SESSION:
            return partial(jobs.set_password, number, password)
        return partial(jobs.set_login, number, Credentials(self.user.text().strip(), password), role)
