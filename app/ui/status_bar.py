"""The status bar: connection, engines, active jobs, largest lag; right: age of the data and the time zone."""

from __future__ import annotations

from datetime import datetime

from PySide6.QtWidgets import QFrame, QHBoxLayout

from app.services.api import ServerState
from app.ui import formats
from app.ui.theme import theme
from app.ui.widgets.basics import IconLabel, Label


class ConsoleStatusBar(QFrame):
    """Facts of the server, as last heard."""

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "bar")
        self.setFixedHeight(theme().px(27))
        self._icon = IconLabel("loader", "info", 14)
        self.connection = Label("Starting the server…", "small", "text2")
        self.engines = Label("", "small", "text2")
        self.jobs = Label("", "small", "text2")
        self.lag = Label("", "small", "text2")
        self.age = Label("", "small", "muted")
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 0, 12, 0)
        row.setSpacing(6)
        row.addWidget(self._icon)
        row.addWidget(self.connection)
        self._lag_icon = IconLabel("timer", "muted", 14)
        facts = (
            (IconLabel("activity", "muted", 14), self.engines),
            (IconLabel("list-checks", "muted", 14), self.jobs),
            (self._lag_icon, self.lag),
        )
        self._icons = [icon for icon, _ in facts]
        for icon, label in facts:
            icon.hide()
            row.addSpacing(12)
            row.addWidget(icon)
            row.addWidget(label)
        row.addStretch(1)
        row.addWidget(self.age)

    def show_connecting(self, text: str) -> None:
        """The server is not there yet."""
        self._icon.set_icon("loader", "info")
        self.connection.setText(text)

    def show_lost(self, text: str, last_answer_at: datetime | None) -> None:
        """The server does not answer; the last facts stay."""
        self._icon.set_icon("unplug", "error")
        self.connection.setText(text)
        if last_answer_at is not None:
            self.age.setText(f"Last answer {formats.clock(last_answer_at)}")

    def show_state(self, state: ServerState, lag_seconds: float | None, now: datetime) -> None:
        """The server answered."""
        if state.running:
            self._icon.set_icon("circle-check", "ok")
            self.connection.setText(f"Connected to {state.name}")
        else:
            self._icon.set_icon("server-off", "error")
            self.connection.setText(f"The server of {state.name} is not running")
        for icon in self._icons:
            icon.show()
        agent = "running" if state.agent_running else "not running"
        queue = ", queue paused" if state.queue_paused else ""
        self.engines.setText(f"Agent {agent}{queue}")
        self.jobs.setText(f"{formats.counted(state.active_jobs, 'job')} active")
        self._lag_icon.setVisible(lag_seconds is not None)
        self.lag.setText("" if lag_seconds is None else f"Largest lag {formats.duration(lag_seconds)}")
        zone = formats.local(now)
        self.age.setText(f"Updated {zone:%H:%M:%S} · Times in {formats.zone_name(zone)}")
