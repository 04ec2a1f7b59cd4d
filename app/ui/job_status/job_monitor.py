"""The monitor of one job: steps, one bar for the present step, three numbers, and the facts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.messages import render
from app.model.job import Job, JobKind, JobPhase, JobProgress, JobStatus, RestoreScript
from app.model.paths import shown
from app.model.upcoming import NextRun
from app.ui import formats
from app.ui.job_status.queue_rows import fraction, waiting_text
from app.ui.job_status.throughput import Throughput
from app.ui.job_status.time_left import time_left
from app.ui.job_status.words import PHASE
from app.ui.widgets.basics import Label, Line, PaneHeader, button
from app.ui.widgets.controls import Gauge, Phases
from app.ui.widgets.status import RESULT

_STEPS = {
    JobKind.BACKUP: (
        JobPhase.CONNECT,
        JobPhase.SNAPSHOT,
        JobPhase.BACK_UP,
        JobPhase.VERIFY,
        JobPhase.CATALOG,
        JobPhase.FINISH,
    ),
    JobKind.RESTORE: (JobPhase.CONNECT, JobPhase.STOP_SCENARIO, JobPhase.RESTORE, JobPhase.FINISH),
    JobKind.RESTORE_UNDO: (JobPhase.CONNECT, JobPhase.STOP_SCENARIO, JobPhase.RESTORE, JobPhase.FINISH),
}
_FACTS = (
    "Job",
    "Files",
    "Media",
    "Read",
    "Session",
    "Changed",
    "Elapsed",
    "Stored",
    "Errors, warnings",
    "Owner",
    "Server",
)


class JobMonitor(QFrame):
    """Shows one job, live or done."""

    log_wanted = Signal(int)
    details_wanted = Signal(int)
    window_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("kind", "pane")
        self._job: Job | None = None
        self._header = PaneHeader("")
        self._log = button("Show log", "small", "scroll-text")
        self._log.clicked.connect(self._on_log)
        self._header.add(self._log)
        self._details = button("Details", "small", "info")
        self._details.clicked.connect(self._on_details)
        self._header.add(self._details)
        self.window_button = button("Open in a window", "small", "external-link")
        self.window_button.clicked.connect(self.window_wanted)
        self._header.add(self.window_button)
        self._phases = Phases()
        self.doing = Label("", "strong")
        self.amount = Label("", "body", "text2")
        self.amount.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.gauge = Gauge("Progress of the step")
        self.throughput = Throughput()
        self.next_run = Label("", "body", "text2", wrap=True)
        self.next_run.hide()
        self._next: NextRun | None = None
        self._path = Label("", "small", "text2", elide=Qt.TextElideMode.ElideMiddle)
        self._facts = {name: Label("", "body", "text") for name in _FACTS}
        line = QHBoxLayout()
        line.addWidget(self.doing)
        line.addStretch(1)
        line.addWidget(self.amount)
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(16, 8, 16, 12)
        body.setSpacing(6)
        body.addWidget(self._phases)
        body.addLayout(line)
        body.addWidget(self.gauge)
        body.addWidget(self._path)
        body.addWidget(self.next_run)
        body.addWidget(self.throughput)
        body.addLayout(self._grid())
        body.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(Line())
        layout.addWidget(self._header)
        layout.addWidget(Line())
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(inner)
        layout.addWidget(area, 1)

    def _grid(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(16)
        grid.setVerticalSpacing(4)
        for position, (name, value) in enumerate(self._facts.items()):
            row, side = divmod(position, 2)
            grid.addWidget(Label(name, "body", "muted"), row, side * 2)
            grid.addWidget(value, row, side * 2 + 1)
        grid.setColumnMinimumWidth(0, 110)
        grid.setColumnMinimumWidth(2, 110)
        grid.setColumnStretch(1, 1)
        grid.setColumnStretch(3, 1)
        return grid

    def stand_alone(self) -> None:
        """It is in a window of its own, whose head says the name of the job."""
        self.window_button.hide()
        self._header.title.hide()

    def show_job(self, job: Job, children: Sequence[Job] = ()) -> None:
        """Show `job`; a master job adds what its children do."""
        self._job = job
        self._show_next_run()
        note = f"Job {job.id}" + (f", child of {job.parent_id}" if job.parent_id else "")
        if children:
            note += f", {formats.counted(len(children), 'child job', 'child jobs')}"
        self._header.title.setText(formats.visible(job.name))
        self._header.note.setText(note)
        active = job.status is JobStatus.ACTIVE
        progress = job.progress if active else None
        steps = _steps(job) if active and not children else ()
        self._phases.setVisible(bool(steps))
        if steps:
            self._phases.set_phases(steps)
        share = fraction(progress) if progress else None
        self.gauge.setVisible(active and not children)
        self.gauge.set_share(share, busy=active and progress is not None and not progress.waits_for)
        self.doing.setText(_doing(job, children))
        path = shown(progress.current_path) if progress else ""
        self._path.setText(formats.visible(path))
        self._path.setVisible(bool(path))
        self.throughput.show_progress(job.id, progress)
        left = time_left(self.throughput.rates, job.id, progress)
        self.amount.setText(", ".join(part for part in (_amount(progress) if progress else "", left) if part))
        for name, text in _facts(job).items():
            self._facts[name].setText(text)

    def show_next(self, run: NextRun) -> None:
        """When it runs next and why, or why not."""
        self._next = run
        self._show_next_run()

    def _show_next_run(self) -> None:
        job, run = self._job, self._next
        shown_ = run is not None and job is not None and run.job_id == job.id and job.parent_id is None
        self.next_run.setVisible(shown_)
        if run is not None and shown_:
            why = render(run.code, run.params).text
            media = f". Media {run.media}" if run.media else ""
            at = f"Next run {formats.moment(run.at)}: {why[:1].lower()}{why[1:]}{media}"
            text = at if run.at else why
            self.next_run.setText(text)
            self.next_run.setToolTip(formats.full_time(run.at) if run.at else "")

    def activate(self) -> None:
        """Enter on the job: the keyboard goes on here."""
        self._log.setFocus()

    def _on_details(self) -> None:
        if self._job is not None:
            self.details_wanted.emit(self._job.id)

    def _on_log(self) -> None:
        if self._job is not None:
            self.log_wanted.emit(self._job.parent_id or self._job.id)


def _steps(job: Job) -> tuple[tuple[str, str, str], ...]:
    """The steps of an active job: done with their time, the present one, later ones."""
    progress = job.progress
    planned = _STEPS.get(job.kind)
    if progress is None or planned is None or progress.phase not in planned:
        return ()
    taken = dict(progress.phases)
    steps = []
    for phase in planned:
        if phase is progress.phase:
            steps.append((PHASE[phase], "now", ""))
        elif phase in taken:
            steps.append((PHASE[phase], "done", formats.duration(taken[phase])))
        elif planned.index(phase) > planned.index(progress.phase) and phase not in (
            JobPhase.VERIFY,
            JobPhase.STOP_SCENARIO,
        ):
            steps.append((PHASE[phase], "later", ""))
    return tuple(steps)


def _doing(job: Job, children: Sequence[Job]) -> str:
    if children:
        running = sum(child.status is JobStatus.ACTIVE for child in children)
        ended = sum(child.status is JobStatus.DONE for child in children)
        return f"{running} of {len(children)} child jobs running, {ended} done"
    if job.status is not JobStatus.ACTIVE:
        if job.waits_for:
            return waiting_text(job.waits_for)
        return RESULT[job.last_result].text if job.last_result else "Not run yet"
    if job.progress is None:
        return "Starting"
    return waiting_text(job.progress.waits_for) or PHASE[job.progress.phase]


def _amount(progress: JobProgress) -> str:
    if progress.bytes_total:
        return f"{formats.size(progress.read_bytes)} of {formats.size(progress.bytes_total)}"
    if progress.files_total:
        return f"{formats.count(progress.files)} of {formats.count(progress.files_total)} files"
    if progress.files or progress.read_bytes:
        done = formats.counted(progress.files, "file")
        done += f", {formats.size(progress.read_bytes)}" if progress.read_bytes else ""
        return f"{done}. Total not known yet"
    return ""


def _facts(job: Job) -> dict[str, str]:
    live = job.progress
    active = job.status is JobStatus.ACTIVE and live is not None
    end = datetime.now(UTC) if job.status is JobStatus.ACTIVE else job.finished_at
    seconds = (end - job.started_at).total_seconds() if job.started_at and end else None
    errors = live.errors if active and live else job.errors
    warnings = live.warnings if active and live else job.warnings
    ran = job.started_at is not None
    session = str(live.session) if live and live.session else formats.NONE
    media = live.media if live and live.media else job.device_group or formats.NONE
    changed = (
        formats.size(live.changed_bytes)
        if live and not isinstance(job.script, RestoreScript)
        else formats.NONE
    )
    return {
        "Job": f"{job.id}, {formats.moment(job.started_at or job.execution_at)}",
        "Files": formats.count(live.files if active and live else job.files) if ran else formats.NONE,
        "Media": media,
        "Read": formats.size(live.read_bytes if active and live else job.read_bytes) if ran else formats.NONE,
        "Session": session,
        "Changed": changed,
        "Elapsed": formats.elapsed(seconds),
        "Stored": formats.size(live.stored_bytes if active and live else job.stored_bytes)
        if ran
        else formats.NONE,
        "Errors, warnings": f"{errors} / {warnings}",
        "Owner": job.owner or formats.NONE,
        "Server": job.server or formats.NONE,
    }
