"""The right side of Home: what runs now and next, what failed, how full the devices are, quick start."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget

from app.model.job import Job, JobStatus
from app.model.media import Device
from app.model.scenario import ReplicaState, ScenarioStatus
from app.model.server import ServerInfo
from app.ui import formats
from app.ui.home.engines import EngineLine
from app.ui.home.protection import left_text, sync_text
from app.ui.home.shortcuts import Failures, QuickStart
from app.ui.theme import theme
from app.ui.widgets.basics import Label, Line, button
from app.ui.widgets.controls import Gauge

ALMOST_FULL = 0.9
NEXT_SHOWN = 5
_NO_GAUGE_ERROR = "text:error"
_NO_GAUGE_WARNING = "text:warning"


class SidePane(QFrame):
    """Running now, Next runs and Storage."""

    jobs_requested = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.setProperty("kind", "sunken")
        self.setMinimumWidth(theme().px(260))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        link = button("Job Status", "link")
        link.clicked.connect(self.jobs_requested)
        self._running = _Section("Running now", link)
        self._next = _Section("Next runs")
        self.failures = Failures()
        self.quick_start = QuickStart()
        self._storage = _Section("Storage")
        layout.addWidget(self._running)
        layout.addWidget(Line())
        layout.addWidget(self._next)
        layout.addWidget(Line())
        layout.addWidget(self.failures)
        layout.addWidget(Line())
        layout.addWidget(self._storage)
        self._engines_line = Line()
        self._engines = _Section("Server and engines", close=True)
        self._engines.setVisible(False)
        self._engines_line.setVisible(False)
        layout.addWidget(self._engines_line)
        layout.addWidget(self._engines)
        self._servers_line = Line()
        self._servers = _Section("Servers")
        layout.addWidget(self._servers_line)
        layout.addWidget(self._servers)
        layout.addWidget(Line())
        layout.addWidget(self.quick_start)
        layout.addStretch(1)
        self.set_servers(())

    def set_running(self, jobs: Sequence[Job], statuses: Sequence[ScenarioStatus]) -> None:
        """Active jobs and synchronising scenarios."""
        lines: list[_Fact] = [
            _job_fact(job) for job in jobs if job.status is JobStatus.ACTIVE and job.parent_id is None
        ]
        for status in statuses:
            lines += [
                (
                    status.scenario.name,
                    "Scenario",
                    replica.sync.share,
                    f"Comparing · {sync_text(replica)} files{left_text(replica.sync)}",
                    "accent_fill",
                )
                for replica in status.replicas
                if replica.state is ReplicaState.SYNCHRONIZING and replica.sync is not None
            ]
        self._running.show_facts(lines, "No job is running", busy=True)

    def set_next(self, jobs: Sequence[Job], now: datetime) -> None:
        """The jobs that start by themselves, soonest first."""
        waiting = sorted(
            (job.execution_at, job.id, job)
            for job in jobs
            if job.status is JobStatus.READY and job.parent_id is None and job.execution_at is not None
        )
        facts: list[_Fact] = [
            (job.name, formats.moment(at, now), None, _until(at, now), "")
            for at, _, job in waiting[:NEXT_SHOWN]
        ]
        if len(waiting) > NEXT_SHOWN:
            facts.append((f"{formats.count(len(waiting) - NEXT_SHOWN)} more in Job Status", "", None, "", ""))
        self._next.show_facts(facts, "No job is scheduled", busy=False)

    def set_devices(self, devices: Sequence[Device]) -> None:
        """Devices with what is used."""
        self._storage.show_facts([_device_fact(device) for device in devices], "No device", busy=False)

    def set_engines(self, lines: Sequence[EngineLine]) -> None:
        """The server of this home and its engines."""
        for widget in (self._engines_line, self._engines):
            widget.setVisible(bool(lines))
        facts: list[_Fact] = [
            (one.name, one.state, None, one.text, _NO_GAUGE_ERROR if one.bad else "") for one in lines
        ]
        self._engines.show_facts(facts, "", busy=False)

    def set_servers(self, servers: Sequence[ServerInfo]) -> None:
        """The servers that share the catalog, where there are several: what they see, their signs of life."""
        for widget in (self._servers_line, self._servers):
            widget.setVisible(len(servers) > 1)
        self._servers.show_facts([_server_fact(one) for one in servers], "", busy=False)


def side_area(side: SidePane) -> QScrollArea:
    """The side in an area that scrolls where it is higher than the window."""
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setMinimumWidth(side.minimumWidth())
    area.setWidget(side)
    return area


_Fact = tuple[str, str, float | None, str, str]
"""Name, note, share of the gauge, line below, role of the gauge ("" = there is no gauge)."""


def _until(at: datetime, now: datetime) -> str:
    seconds = (at - now).total_seconds()
    return f"In {formats.duration(seconds)}" if seconds > 0 else "Due now"


def _job_fact(job: Job) -> _Fact:
    progress = job.progress
    if progress is None:
        return job.name, f"Job {job.id}", None, job.waits_for or "Starting", "accent_fill"
    share = progress.read_bytes / progress.bytes_total if progress.bytes_total else None
    phase = progress.phase.value.replace("_", " ").capitalize()
    done = formats.size(progress.read_bytes)
    read = f"{done} of {formats.size(progress.bytes_total)} read" if progress.bytes_total else f"{done} read"
    if progress.waits_for:
        return job.name, f"Job {job.id}", None, f"Waits: {progress.waits_for}", "accent_fill"
    return (
        job.name,
        f"Job {job.id}",
        share,
        f"{phase} · {read} · {formats.size(progress.stored_bytes)} stored",
        "accent_fill",
    )


_STATES = {"running": "Running", "stopped": "Stopped", "silent": "No sign of life"}


def _server_fact(server: ServerInfo) -> _Fact:
    name = f"{server.name} · this one" if server.own else server.name
    note = _STATES[server.state]
    if server.state == "silent":
        return (
            name,
            note,
            None,
            f"For {formats.duration(server.silent_s)}: others take its jobs",
            _NO_GAUGE_ERROR,
        )
    if server.unseen:
        return name, note, None, f"Does not see {', '.join(server.unseen)}", _NO_GAUGE_WARNING
    seen = formats.counted(len(server.devices), "media directory", "media directories")
    return name, note, None, f"Sees {seen}" if server.state == "running" else "", ""


def _device_fact(device: Device) -> _Fact:
    name = f"{device.name} · {device.group}"
    if not device.online:
        return name, "Offline", None, device.problem or "The device is not reachable", "error"
    if device.total_bytes is None or device.free_bytes is None:
        return name, "", None, "Free space is not known", "accent_fill"
    used = device.total_bytes - device.free_bytes
    share = used / device.total_bytes if device.total_bytes else None
    role = "warning_fill" if share is not None and share >= ALMOST_FULL else "accent_fill"
    note = f"{formats.size(used)} of {formats.size(device.total_bytes)}"
    return name, note, share, f"{formats.size(device.free_bytes)} free", role


class _Section(QWidget):
    def __init__(self, title: str, link: QWidget | None = None, *, close: bool = False) -> None:
        super().__init__()
        self._facts: list[_Fact] | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(16, 6, 16, 12)
        self._layout.setSpacing(3 if close else 8)
        head = QHBoxLayout()
        head.addWidget(Label(title, "strong"))
        head.addStretch(1)
        if link is not None:
            head.addWidget(link)
        self._layout.addLayout(head)
        self._rows: list[_FactRow] = []
        self._empty = Label("", "small", "muted")
        self._layout.addWidget(self._empty)

    def show_facts(self, facts: Sequence[_Fact], empty: str, *, busy: bool) -> None:
        while len(self._rows) < len(facts):
            row = _FactRow(busy=busy)
            self._rows.append(row)
            self._layout.addWidget(row)
        for position, row in enumerate(self._rows):
            row.setVisible(position < len(facts))
            if position < len(facts):
                row.show_fact(facts[position])
        self._empty.setText(empty)
        self._empty.setVisible(not facts)


class _FactRow(QWidget):
    def __init__(self, *, busy: bool) -> None:
        super().__init__()
        self._name = Label("", "medium", elide=Qt.TextElideMode.ElideRight)
        self._note = Label("", "small", "text2")
        self._gauge = Gauge("")
        self._busy = QProgressBar() if busy else None
        self._text = Label("", "small", "muted", elide=Qt.TextElideMode.ElideRight)
        head = QHBoxLayout()
        head.addWidget(self._name, 1)
        head.addWidget(self._note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(3)
        layout.addLayout(head)
        layout.addWidget(self._gauge)
        if self._busy is not None:
            self._busy.setRange(0, 0)
            self._busy.setTextVisible(False)
            self._busy.setAccessibleName("Total not known yet")
            layout.addWidget(self._busy)
        layout.addWidget(self._text)

    def show_fact(self, fact: _Fact) -> None:
        name, note, share, text, role = fact
        self._name.setText(name)
        self._note.setText(note)
        indeterminate = share is None and self._busy is not None
        gauged = role not in ("", _NO_GAUGE_ERROR, _NO_GAUGE_WARNING)
        self._gauge.setVisible(not indeterminate and gauged)
        if self._busy is not None:
            self._busy.setVisible(indeterminate)
        self._gauge.set_share(
            share, role if gauged and role != "error" else "accent_fill", words=f"{name}, {note}, {text}"
        )
        self._text.setText(text)
        self._text.setVisible(bool(text))
        roles = {"error": "error", "warning_fill": "warning", _NO_GAUGE_ERROR: "error"}
        self._text.set_role(roles.get(role, "warning" if role == _NO_GAUGE_WARNING else "muted"))
