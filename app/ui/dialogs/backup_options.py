"""Options of a backup job: Retry, Operation, Filter, Pre/Post (both also of one node), Job Log, Alert."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QTime
from PySide6.QtWidgets import QComboBox, QRadioButton, QSpinBox, QTimeEdit, QWidget

from app.model.job import BackupScript
from app.ui.backup.options import (
    JOB_LOG,
    LEAST_STREAMS,
    MOST_RETRIES,
    MOST_STREAMS,
    BackupOptions,
    CommandText,
)
from app.ui.dialogs.backup_filter_page import BackupFilterPage
from app.ui.dialogs.job_options import JobOptionsDialog, page
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field

WHOLE_JOB = "The whole job"
_FILTER, _COMMANDS = 2, 3


class BackupOptionsDialog(JobOptionsDialog):
    """Works on a copy; `options` is what was agreed to when it is accepted."""

    def __init__(
        self,
        context: Context,
        options: BackupOptions,
        nodes: Sequence[str],
        parent: QWidget | None = None,
        scripted: Callable[[BackupOptions], BackupScript] | None = None,
    ) -> None:
        """`scripted` gives the backup as it would be with other options, for the preview of the filter."""
        super().__init__(context, options.commands, options.job_log, tuple(JOB_LOG), parent)
        self.resize(theme().px(700), theme().px(620))
        self.options = replace(
            options,
            commands=replace(options.commands),
            nodes={k: replace(v) for k, v in options.nodes.items()},
        )
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
        self.filter = BackupFilterPage(
            context, replace(options.filter), {k: replace(v) for k, v in options.node_filters.items()}, nodes
        )
        if scripted is not None:
            self.filter.script = lambda: scripted(self._with_filter())
        self.lay_out(
            [
                ("Retry", self._retry_page()),
                ("Operation", self._operation_page()),
                ("Filter", self.filter),
                ("Pre/Post", self._commands_page()),
            ]
        )

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
        node = str(self.node.currentData())
        self.commands.show_text(
            self.options.nodes.get(node, CommandText()) if node else self.options.commands
        )

    def _on_command(self) -> None:
        node, text = str(self.node.currentData()), self.commands.text()
        if node:
            self.options.nodes[node] = text
        else:
            self.options.commands = text
        self.said.setText("")

    def _with_filter(self) -> BackupOptions:
        return replace(self.options, filter=self.filter.every, node_filters=dict(self.filter.nodes))

    def accept(self) -> None:
        """A faulty filter or command keeps the dialog open."""
        made = self.options
        made.retries, made.retry_minutes = self.retries.value(), self.pause.value()
        made.retry_at = self.time.time().toString("HH:mm") if self.at_time.isChecked() else ""
        made.streams, made.job_log = self.streams.value(), self.level()
        made.filter, made.node_filters = self.filter.every, self.filter.nodes
        for fault, tab in ((made.filter_fault(), _FILTER), (made.fault(), _COMMANDS)):
            if fault:
                self.refuse(fault, tab)
                return
        super().accept()


def _spin(least: int, most: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(value)
    made.setFixedWidth(theme().px(110))
    return made
