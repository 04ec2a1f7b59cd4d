"""Options of a restore job beside its destination: Pre/Post, Job Log, Alert."""

from __future__ import annotations

from dataclasses import dataclass, field

from PySide6.QtWidgets import QWidget

from app.model.job_log import JobLogLevel
from app.ui.backup.options import JOB_LOG, CommandText
from app.ui.dialogs.job_options import JobOptionsDialog, page
from app.ui.manager import Context
from app.ui.theme import theme

PRE_POST, LOG, ALERT = range(3)
LEVELS = tuple(JobLogLevel)


@dataclass(slots=True)
class JobOptions:
    """What is typed. `text` the commands as a person wrote them."""

    text: CommandText = field(default_factory=CommandText)
    job_log: JobLogLevel = JobLogLevel.SUMMARY

    def words(self) -> str:
        """What differs from nothing, in a line."""
        parts = []
        if self.text.before.strip():
            parts.append("a command before")
        if self.text.after.strip():
            parts.append("a command after")
        if JOB_LOG[self.job_log].words:
            parts.append(JOB_LOG[self.job_log].words)
        said = ", ".join(parts)
        return said[:1].upper() + said[1:] if said else "No commands, summary in the log"


class RestoreOptionsDialog(JobOptionsDialog):
    """Works on a copy; `options` is what was agreed to on OK."""

    def __init__(self, context: Context, options: JobOptions, parent: QWidget) -> None:
        super().__init__(context, options.text, options.job_log, LEVELS, parent)
        self.options = options
        self.resize(theme().px(640), theme().px(500))
        self.lay_out([("Pre/Post", page(self.commands))])
        self.commands.before.setFocus()

    def accept(self) -> None:
        """Faulty commands keep the dialog open."""
        text = self.commands.text()
        if fault := text.fault():
            self.refuse(fault, PRE_POST)
            return
        self.options = JobOptions(text, self.level())
        super().accept()
