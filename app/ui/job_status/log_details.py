"""The chosen line of the activity log: message, module, reason, action."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.help.codes import topic_of
from app.messages import load, render
from app.model.events import ActivityRecord
from app.ui import formats
from app.ui.help.desk import help_desk
from app.ui.help.topics import set_topic
from app.ui.widgets.basics import Label, Line, icon_button
from app.ui.widgets.status import SEVERITY, Pill


class LogDetails(QFrame):
    """A side pane; its close button hides it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "sunken")
        self.setMinimumWidth(240)
        self.text = ""
        self._code = Label("", "subject")
        self._pill = Pill("", "info", "muted")
        self._message = Label("", "strong", wrap=True)
        self._when = Label("", "small", "muted", wrap=True)
        self._module = Label("", wrap=True)
        self._reason = Label("", wrap=True)
        self._action = Label("", wrap=True)
        for label in (self._message, self._reason, self._action):
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._help = icon_button("circle-question-mark", "Help on this code")
        self._help.clicked.connect(self._on_help)
        copy = icon_button("copy", "Copy the message with its details")
        copy.clicked.connect(self._on_copy)
        close = icon_button("x", "Close the details")
        close.clicked.connect(self.hide)
        head = QHBoxLayout()
        head.setSpacing(8)
        head.addWidget(self._code)
        head.addWidget(self._pill)
        head.addStretch(1)
        head.addWidget(self._help)
        head.addWidget(copy)
        head.addWidget(close)
        inner = QWidget()
        self._body = QVBoxLayout(inner)
        self._body.setContentsMargins(16, 12, 16, 16)
        self._body.setSpacing(6)
        self._body.addLayout(head)
        self._body.addWidget(self._message)
        self._body.addWidget(self._when)
        self._body.addWidget(Line())
        self._titles = {}
        for title, label in (("Module", self._module), ("Reason", self._reason), ("Action", self._action)):
            self._titles[title] = Label(title, "small", "muted")
            self._body.addWidget(self._titles[title])
            self._body.addWidget(label)
        self._body.addStretch(1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inner)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(area)

    def show_record(self, record: ActivityRecord) -> None:
        """Show one line."""
        said = render(record.code, record.params)
        look = SEVERITY[record.severity]
        self._code.setText(said.code if said.coded else "")
        self._code.setVisible(said.coded)
        self._help.setVisible(said.coded and said.code in load())
        set_topic(self, topic_of(said.code) if self._help.isVisibleTo(self) else "")
        self._pill.set_pill(look.text, look.icon, look.role)
        self._message.setText(formats.visible(said.text))
        parts = [formats.timestamp(record.at)]
        parts += [f"Job {record.job_id}"] if record.job_id else []
        parts += [f"Session {record.session}"] if record.session else []
        self._when.setText(" · ".join(parts))
        for title, label, text in (
            ("Module", self._module, said.module),
            ("Reason", self._reason, said.reason),
            ("Action", self._action, said.action),
        ):
            label.setText(text)
            label.setVisible(bool(text))
            self._titles[title].setVisible(bool(text))
        self.text = "\n".join(
            part for part in (said.line, " · ".join(parts), said.module, said.reason, said.action) if part
        )
        self.setAccessibleName(f"{look.text}: {said.text}")

    def _on_help(self) -> None:
        help_desk().show(topic_of(self._code.text()))

    def _on_copy(self) -> None:
        QGuiApplication.clipboard().setText(self.text)
