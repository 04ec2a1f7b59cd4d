"""Options of a backup job, in the order of the reference: from Backup Media to Alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, QTime
from PySide6.QtWidgets import QComboBox, QRadioButton, QSpinBox, QTimeEdit, QWidget

from app.model.job import BackupScript, VerifyMode
from app.ui.backup.destination_warnings import DestinationWarnings
from app.ui.backup.draft import BackupDraft
from app.ui.backup.media_words import VERIFICATION
from app.ui.backup.options import (
    BACKUP_MEDIA,
    ENCRYPTION,
    JOB_LOG,
    LEAST_STREAMS,
    MOST_RETRIES,
    MOST_STREAMS,
    OPERATION,
    VERIFY,
    BackupOptions,
    CommandText,
)
from app.ui.dialogs.backup_encryption_page import BackupEncryptionPage
from app.ui.dialogs.backup_filter_page import BackupFilterPage
from app.ui.dialogs.backup_media_page import BackupMediaPage
from app.ui.dialogs.job_options import JobOptionsDialog, page
from app.ui.manager import Context
from app.ui.screens import room_of
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field

WHOLE_JOB = "The whole job"
_FILTER, _COMMANDS = "Filter", "Pre/Post"


class BackupOptionsDialog(JobOptionsDialog):
    """Works on a copy; `draft` has what was agreed to when it is accepted."""

    def __init__(
        self,
        context: Context,
        draft: BackupDraft,
        nodes: Sequence[str],
        parent: QWidget | None = None,
        scripted: Callable[[BackupDraft], BackupScript] | None = None,
        *,
        rotation: bool = False,
    ) -> None:
        """`scripted` gives the backup as a draft says it: what its filters take and its media lose is told.

        `rotation`: the schedule names the media of each run.
        """
        self.draft = draft.for_options()
        options = self.draft.options
        super().__init__(context, options.commands, options.job_log, tuple(JOB_LOG), parent)
        self.resize(QSize(theme().px(860), theme().px(700)).boundedTo(room_of(self)))
        self.media = BackupMediaPage(self.draft.rules, rotation=rotation)
        self.verify: dict[VerifyMode, QRadioButton] = {}
        self.encryption = BackupEncryptionPage(self.draft)
        self.encryption.changed.connect(self._on_password)
        self.retries = _spin(0, MOST_RETRIES, options.retries)
        self.retries.setSpecialValueText("Never")
        self.pause = _spin(1, 10_080, options.retry_minutes)
        self.pause.setAccessibleName("Minutes until the makeup job")
        self.after_job = QRadioButton("After the job finishes, wait")
        self.at_time = QRadioButton("At")
        self.time = QTimeEdit(QTime.fromString(options.retry_at or "06:00", "HH:mm"))
        self.time.setDisplayFormat("HH:mm")
        self.time.setAccessibleName("Time of the makeup job")
        (self.at_time if options.retry_at else self.after_job).setChecked(True)
        for choice, editor in ((self.after_job, self.pause), (self.at_time, self.time)):
            editor.setEnabled(choice.isChecked())
            choice.toggled.connect(editor.setEnabled)
        self.streams = _spin(LEAST_STREAMS, MOST_STREAMS, options.streams)
        self.node = QComboBox()
        self.node.addItem(WHOLE_JOB, "")
        for name in nodes:
            self.node.addItem(name, name)
        self.commands.changed.connect(self._on_command)
        self.node.currentIndexChanged.connect(self._on_node)
        self.filter = BackupFilterPage(context, options.filter, options.node_filters, nodes)
        if scripted is not None:
            self.filter.script = lambda: scripted(replace(self.draft, options=self._with_filter()))
            self._warnings = DestinationWarnings(context, self.media, lambda: scripted(self.draft), self)
            self.media.changed.connect(self._warnings.ask_soon)
            self._warnings.ask_soon()
        self.lay_out(
            [
                (BACKUP_MEDIA, page(self.media)),
                (VERIFY, self._verify_page()),
                ("Retry", self._retry_page()),
                (OPERATION, self._operation_page()),
                (_FILTER, self.filter),
                (_COMMANDS, self._commands_page()),
            ],
            [(ENCRYPTION, page(self.encryption))],
        )

    def _verify_page(self) -> QWidget:
        widgets: list[QWidget] = [Label("What is checked after the backup", "strong")]
        for mode, text, hint in VERIFICATION:
            choice = self.verify[mode] = QRadioButton(text)
            choice.setChecked(mode is self.draft.verify)
            choice.setAccessibleDescription(hint)
            below = Label(hint, "small", "muted", wrap=True)
            below.setContentsMargins(24, 0, 0, 6)
            widgets += [choice, below]
        return page(*widgets)

    def _retry_page(self) -> QWidget:
        return page(
            Label("Retry missed targets", "strong"),
            Label(
                "What a run misses (a scenario that does not replicate, a host that is away) is tried "
                "again by a makeup job.",
                "body",
                "text2",
                wrap=True,
            ),
            row_of(Field("At most", self.retries, unit="times")),
            row_of(self.after_job, self.pause, Label("minutes", "body", "muted")),
            row_of(self.at_time, self.time),
        )

    def _operation_page(self) -> QWidget:
        return page(
            Label("Multistreaming and multiplexing", "strong"),
            Label(
                "A job with several scenarios or directories has a child job for each; so many of them write "
                "to the media of the device group at a time.",
                "body",
                "text2",
                wrap=True,
            ),
            row_of(Field("Streams at a time", self.streams)),
        )

    def _commands_page(self) -> QWidget:
        self.node.setMinimumWidth(theme().px(260))
        return page(row_of(Field("Commands around", self.node)), self.commands)

    def _on_node(self) -> None:
        node, options = str(self.node.currentData()), self.draft.options
        self.commands.show_text(options.nodes.get(node, CommandText()) if node else options.commands)

    def _on_command(self) -> None:
        node, text = str(self.node.currentData()), self.commands.text()
        if node:
            self.draft.options.nodes[node] = text
        else:
            self.draft.options.commands = text
        self.said.setText("")

    def _on_password(self) -> None:
        self.said.setText("")

    def _with_filter(self) -> BackupOptions:
        every, nodes = self.filter.every, dict(self.filter.nodes)
        return replace(self.draft.options, filter=every, node_filters=nodes)

    def accept(self) -> None:
        """A faulty filter, command or password keeps the dialog open."""
        made = self.draft.options
        made.retries, made.retry_minutes = self.retries.value(), self.pause.value()
        made.retry_at = self.time.time().toString("HH:mm") if self.at_time.isChecked() else ""
        made.streams, made.job_log = self.streams.value(), self.level()
        made.filter, made.node_filters = self.filter.every, self.filter.nodes
        self.draft.verify = next(mode for mode, choice in self.verify.items() if choice.isChecked())
        password = self.draft.password_fault
        faults = ((made.filter_fault(), _FILTER), (made.fault(), _COMMANDS), (password, ENCRYPTION))
        for fault, title in faults:
            if fault:
                self.show_tab(title)
                self.said.setText(fault)
                if title == ENCRYPTION:
                    self.encryption.show_fault()
                return
        super().accept()


def _spin(least: int, most: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(value)
    made.setFixedWidth(theme().px(110))
    return made
