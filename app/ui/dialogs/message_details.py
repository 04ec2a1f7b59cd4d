"""Message, module, reason and action of one message, and reports of unexpected faults; both can be copied."""

from __future__ import annotations

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QHBoxLayout, QPlainTextEdit, QVBoxLayout, QWidget

from app.help.codes import topic_of as code_topic
from app.messages import Rendered, load, render
from app.model.errors import ArcxoError
from app.ui.help.desk import help_desk
from app.ui.help.topics import set_topic
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label, button
from app.ui.widgets.status import SEVERITY


class MessageDetailsDialog(QDialog):
    """One message in full."""

    def __init__(self, message: Rendered, context: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Message details")
        self.setMinimumWidth(theme().px(480))
        self._message = message
        self._context = context
        status = SEVERITY[message.severity]
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        head = QHBoxLayout()
        head.setSpacing(10)
        head.addWidget(IconLabel(status.icon, status.role, 20))
        head.addWidget(Label(f"{status.text} {message.code}" if message.coded else status.text, "subject"), 1)
        layout.addLayout(head)
        for title, text in (
            ("Message", message.text),
            ("Module", message.module),
            ("Reason", message.reason),
            ("Action", message.action),
            ("Where", context),
        ):
            if text:
                group = QVBoxLayout()
                group.setSpacing(4)
                group.addWidget(Label(title, "small_medium", "muted"))
                group.addWidget(Label(text, "body", wrap=True))
                layout.addLayout(group)
        layout.addStretch(1)
        buttons = QDialogButtonBox()
        if message.coded and message.code in load():
            set_topic(self, code_topic(message.code))
            more = button("Help on this code", "", "circle-question-mark")
            more.clicked.connect(self._on_help_clicked)
            buttons.addButton(more, QDialogButtonBox.ButtonRole.ActionRole)
        copy = button("Copy", "", "copy")
        copy.clicked.connect(self._on_copy_clicked)
        close = button("Close", "primary")
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(close, QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        close.setDefault(True)
        layout.addWidget(buttons)

    @classmethod
    def for_error(cls, error: ArcxoError, parent: QWidget | None = None) -> MessageDetailsDialog:
        """The dialog of a known fault."""
        return cls(render(error.code, error.params), parent=parent)

    @property
    def details(self) -> str:
        """What *Copy* puts on the clipboard."""
        message = self._message
        lines = (
            f"{message.code} {message.text}" if message.coded else message.text,
            f"Module: {message.module}",
            f"Reason: {message.reason}" if message.reason else "",
            f"Action: {message.action}" if message.action else "",
            self._context,
        )
        return "\n".join(line for line in lines if line)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self.details)

    def _on_help_clicked(self) -> None:
        help_desk().show(code_topic(self._message.code))


class FaultReportDialog(QDialog):
    """An unexpected exception: a bug, with a report to copy. The console goes on."""

    def __init__(self, report: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle("Arcxo has found a fault in itself")
        self.setMinimumSize(theme().px(640), theme().px(360))
        self._report = report
        layout = QVBoxLayout(self)
        layout.setContentsMargins(20, 16, 20, 16)
        layout.setSpacing(12)
        layout.addWidget(Label("Arcxo has found a fault in itself", "subject"))
        layout.addWidget(
            Label(
                "What was asked for did not happen. Engines and running jobs are not affected. "
                "Copy the report and send it to the people who maintain your installation.",
                "body",
                "text2",
                wrap=True,
            )
        )
        text = QPlainTextEdit(report)
        text.setReadOnly(True)
        text.setFont(theme().font("code"))
        text.setAccessibleName("Report")
        layout.addWidget(text, 1)
        buttons = QDialogButtonBox()
        copy = button("Copy report", "primary", "copy")
        copy.clicked.connect(self._on_copy_clicked)
        buttons.addButton(copy, QDialogButtonBox.ButtonRole.ActionRole)
        buttons.addButton(button("Close"), QDialogButtonBox.ButtonRole.RejectRole)
        buttons.rejected.connect(self.reject)
        layout.addWidget(buttons)

    def _on_copy_clicked(self) -> None:
        QGuiApplication.clipboard().setText(self._report)
