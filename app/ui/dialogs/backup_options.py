"""Options of a backup job: Retry, Operation, Filter and Pre/Post (also of one node), Job Log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import Qt, QTime, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QHBoxLayout,
    QLineEdit,
    QRadioButton,
    QScrollArea,
    QSpinBox,
    QStackedWidget,
    QTabBar,
    QTimeEdit,
    QVBoxLayout,
    QWidget,
)

from app.model.commands import OnExit
from app.model.job import BackupScript
from app.ui.backup.options import (
    JOB_LOG,
    LEAST_STREAMS,
    MOST_RETRIES,
    MOST_STREAMS,
    ON_EXIT,
    RESULTS,
    BackupOptions,
    CommandText,
)
from app.ui.dialogs.backup_filter_page import BackupFilterPage
from app.ui.help.desk import help_button
from app.ui.manager import Context
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.boxes import row_of
from app.ui.widgets.form import Field

WHOLE_JOB = "The whole job"
_FILTER, _COMMANDS = 2, 3
_UNLESS = {"failed": "Job fails", "incomplete": "Job incomplete", "finished": "Job complete"}
_UNLESS_WORDS = {**_UNLESS, "canceled": "Job canceled"}


class CommandsForm(QWidget):
    """The commands before and after; `changed` on every edit."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._filling = False
        self.before = _command("/usr/local/bin/before-backup")
        self.after = _command("/usr/local/bin/after-backup")
        self.before_field = Field(
            "Run command before job",
            self.before,
            "A program of the server's machine by its absolute path, with its arguments; no shell.",
        )
        self.after_field = Field("Run command after job", self.after)
        self.wait = QCheckBox("On exit code")
        self.code = QSpinBox()
        self.code.setRange(0, 255)
        self.code.setAccessibleName("Exit code")
        self.then = QComboBox()
        self.then.setAccessibleName("What follows that exit code")
        for value, text in ON_EXIT:
            self.then.addItem(text, value)
        self.delay = QSpinBox()
        self.delay.setRange(0, 1440)
        self.delay.setFixedWidth(theme().px(110))
        self.unless = {word: QCheckBox(_UNLESS_WORDS[word]) for word in RESULTS}
        exit_row = QHBoxLayout()
        for widget in (self.wait, self.code, self.then):
            exit_row.addWidget(widget)
        exit_row.addStretch(1)
        unless = QHBoxLayout()
        for box in self.unless.values():
            box.setAccessibleName(f"Do not run the command after if {box.text()}")
            unless.addWidget(box)
        unless.addStretch(1)
        delay = QHBoxLayout()
        delay.addWidget(Field("Delay before the job runs", self.delay, unit="minutes"))
        delay.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addWidget(self.before_field)
        layout.addLayout(exit_row)
        layout.addLayout(delay)
        layout.addSpacing(8)
        layout.addWidget(self.after_field)
        layout.addWidget(Label("Do not run command if", "small_medium", "text2"))
        layout.addLayout(unless)
        for line in (self.before, self.after):
            line.textChanged.connect(self._on_changed)
        for spin in (self.code, self.delay):
            spin.valueChanged.connect(self._on_changed)
        for box in (self.wait, *self.unless.values()):
            box.toggled.connect(self._on_changed)
        self.then.currentIndexChanged.connect(self._on_changed)

    def show_text(self, text: CommandText) -> None:
        """Show what was typed before."""
        self._filling = True
        self.before.setText(text.before)
        self.after.setText(text.after)
        self.wait.setChecked(text.wait)
        self.code.setValue(text.exit_code)
        self.then.setCurrentIndex(self.then.findData(text.on_exit))
        self.delay.setValue(text.delay_minutes)
        for word, box in self.unless.items():
            box.setChecked(word in text.unless)
        self._filling = False
        self._show_faults()

    def text(self) -> CommandText:
        """What is typed."""
        return CommandText(
            self.before.text(),
            self.wait.isChecked(),
            self.code.value(),
            OnExit(self.then.currentData()),
            self.delay.value(),
            self.after.text(),
            frozenset(word for word, box in self.unless.items() if box.isChecked()),
        )

    def _on_changed(self) -> None:
        if not self._filling:
            self._show_faults()
            self.changed.emit()

    def _show_faults(self) -> None:
        text = self.text()
        runs = bool(text.before.strip())
        self.wait.setEnabled(runs)
        for widget in (self.code, self.then, self.delay):
            widget.setEnabled(runs and text.wait)
        for box in self.unless.values():
            box.setEnabled(bool(text.after.strip()))
        self.before_field.set_fault(CommandText(before=text.before).fault())
        self.after_field.set_fault(CommandText(after=text.after).fault())


class BackupOptionsDialog(QDialog):
    """Works on a copy; `options` is what was agreed to when it is accepted."""

    def __init__(
        self,
        options: BackupOptions,
        nodes: Sequence[str],
        parent: QWidget | None = None,
        context: Context | None = None,
        scripted: Callable[[BackupOptions], BackupScript] | None = None,
    ) -> None:
        """`scripted` gives the backup as it would be with other options, for the preview of the filter."""
        super().__init__(parent)
        self.setWindowTitle("Options")
        self.setWindowModality(Qt.WindowModality.WindowModal)
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
        self.job_log = {level: QRadioButton(words.title) for level, words in JOB_LOG.items()}
        self.job_log[options.job_log].setChecked(True)
        self.node = QComboBox()
        self.node.addItem(WHOLE_JOB, "")
        for name in nodes:
            self.node.addItem(name, name)
        self.commands = CommandsForm()
        self.commands.show_text(self.options.commands)
        self.commands.changed.connect(self._on_command)
        self.node.currentIndexChanged.connect(self._on_node)
        self.filter = BackupFilterPage(
            context, replace(options.filter), {k: replace(v) for k, v in options.node_filters.items()}, nodes
        )
        if scripted is not None:
            self.filter.script = lambda: scripted(self._with_filter())
        self.tabs = QTabBar()
        self.tabs.setAccessibleName("Options")
        self.tabs.setExpanding(False)
        self.tabs.setDrawBase(False)
        self.pages = QStackedWidget()
        for title, page in (
            ("Retry", self._retry_page()),
            ("Operation", self._operation_page()),
            ("Filter", self.filter),
            ("Pre/Post", self._commands_page()),
            ("Job Log", self._job_log_page()),
        ):
            self.tabs.addTab(title)
            self.pages.addWidget(_scrolled(page))
        self.tabs.currentChanged.connect(self.pages.setCurrentIndex)
        self.said = Label("", "body", "error", wrap=True)
        buttons = QDialogButtonBox()
        self.ok = button("Use these options", "primary")
        self.ok.setDefault(True)
        self.ok.clicked.connect(self._on_ok)
        buttons.addButton(self.ok, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(button("Cancel"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        foot = QHBoxLayout()
        foot.setContentsMargins(20, 12, 20, 12)
        foot.addWidget(help_button())
        foot.addWidget(self.said, 1)
        foot.addWidget(buttons)
        tabs = QHBoxLayout()
        tabs.setContentsMargins(12, 0, 12, 0)
        tabs.addWidget(self.tabs)
        tabs.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(tabs)
        layout.addWidget(Line())
        layout.addWidget(self.pages, 1)
        layout.addWidget(Line())
        layout.addLayout(foot)

    def _retry_page(self) -> QWidget:
        return _page(
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
        return _page(
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
        return _page(row_of(Field("Commands around", self.node)), self.commands)

    def _job_log_page(self) -> QWidget:
        widgets: list[QWidget] = [Label("What the job's log holds", "strong")]
        for level, choice in self.job_log.items():
            hint = Label(JOB_LOG[level].hint, "small", "muted", wrap=True)
            hint.setContentsMargins(24, 0, 0, 6)
            choice.setAccessibleDescription(JOB_LOG[level].hint)
            widgets += [choice, hint]
        return _page(*widgets)

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

    def _on_ok(self) -> None:
        made = self.options
        made.retries, made.retry_minutes = self.retries.value(), self.pause.value()
        made.retry_at = self.time.time().toString("HH:mm") if self.at_time.isChecked() else ""
        made.streams = self.streams.value()
        made.job_log = next(level for level, choice in self.job_log.items() if choice.isChecked())
        made.filter, made.node_filters = self.filter.every, self.filter.nodes
        for fault, tab in ((made.filter_fault(), _FILTER), (made.fault(), _COMMANDS)):
            if fault:
                self.tabs.setCurrentIndex(tab)
                self.said.setText(fault)
                return
        self.accept()


def _command(example: str) -> QLineEdit:
    made = QLineEdit()
    made.setMaxLength(2000)
    made.setPlaceholderText(example)
    return made


def _spin(least: int, most: int, value: int) -> QSpinBox:
    made = QSpinBox()
    made.setRange(least, most)
    made.setValue(value)
    made.setFixedWidth(theme().px(110))
    return made


def _page(*widgets: QWidget) -> QWidget:
    holder = QWidget()
    box = QVBoxLayout(holder)
    box.setContentsMargins(20, 16, 20, 16)
    box.setSpacing(8)
    for widget in widgets:
        box.addWidget(widget)
    box.addStretch(1)
    return holder


def _scrolled(page: QWidget) -> QScrollArea:
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setWidget(page)
    return area
