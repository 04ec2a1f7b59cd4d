"""The job queue as rows: children beneath their master job."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from app.messages import render
from app.model.job import Job, JobPhase, JobProgress, JobStatus
from app.ui import formats
from app.ui.job_status.words import KIND, PHASE
from app.ui.models.cell import Cell, Column, number
from app.ui.models.tree import Row
from app.ui.widgets.status import JOB, RESULT, status_cell

COLUMNS = (
    Column("Job name", 200, stretch=True),
    Column("No.", 52, right=True),
    Column("Status", 90),
    Column("Progress", 110),
    Column("Execution time", 130),
    Column("Last result", 110),
    Column("MB", 76, right=True),
    Column("MB/min", 76, right=True),
    Column("Time used", 86, right=True),
    Column("Time left", 84, right=True),
    Column("Files", 90, right=True),
    Column("Job type", 110),
    Column("Device group", 110),
    Column("Server", 110),
    Column("Owner", 90),
)
CHOSEN_BY_HAND = ("Files", "Job type", "Device group", "Server", "Owner")
"""Columns that are hidden until they are chosen at the header."""
_LEAST_SHARE, _LEAST_SECONDS = 0.02, 5.0
_TAKEN_WITHIN = timedelta(seconds=5)
_NO_SERVER_YET = "Waits: for a server"
_NOTHING = Cell(formats.NONE, role="muted")
_NOTHING_RIGHT = Cell(formats.NONE, role="muted", right=True)
_MB = 1024 * 1024


def rows(
    jobs: Sequence[Job], wanted: Callable[[Job], bool] = lambda _: True, now: datetime | None = None
) -> tuple[Row, ...]:
    """Active first, then by next execution, then done ones newest first."""
    moment = now or datetime.now(UTC)
    known = {job.id for job in jobs}
    children: dict[int, list[Job]] = {}
    for job in jobs:
        if job.parent_id in known and job.parent_id is not None:
            children.setdefault(job.parent_id, []).append(job)
    tops = [job for job in jobs if job.parent_id not in known and wanted(job)]
    return tuple(
        _row(job, moment, tuple(_row(child, moment) for child in sorted(children.get(job.id, ()), key=_id)))
        for job in sorted(tops, key=_order)
    )


def _id(job: Job) -> int:
    return job.id


def _order(job: Job) -> tuple[int, float, int]:
    rank = {JobStatus.ACTIVE: 0, JobStatus.READY: 1, JobStatus.HOLD: 2, JobStatus.DONE: 3}[job.status]
    at = job.finished_at if job.status is JobStatus.DONE else job.execution_at
    seconds = at.timestamp() if at else 0.0
    return rank, -seconds if job.status is JobStatus.DONE else seconds, -job.id


def _row(job: Job, now: datetime, children: tuple[Row, ...] = ()) -> Row:
    kind, status = KIND[job.kind], JOB[job.status]
    result = RESULT[job.last_result] if job.last_result else None
    read = job.progress.read_bytes if job.progress and job.status is JobStatus.ACTIVE else job.read_bytes
    seconds = _seconds(job, now)
    per_minute = read / _MB / seconds * 60 if seconds and seconds >= 1 else None
    return Row(
        job.id,
        (
            Cell(formats.visible(job.name), icon=kind.icon, medium=True, tooltip=f"{kind.text}: {job.name}"),
            Cell(str(job.id), right=True, sort=job.id),
            status_cell(status),
            progress_cell(job),
            _execution(job, now),
            status_cell(result) if result else _NOTHING,
            number(f"{read / _MB:,.0f}", read) if job.started_at else _NOTHING_RIGHT,
            number(f"{per_minute:,.0f}", per_minute) if per_minute is not None else _NOTHING_RIGHT,
            Cell(formats.elapsed(seconds), right=True, sort=seconds)
            if seconds is not None
            else _NOTHING_RIGHT,
            _left(job, seconds),
            number(formats.count(_files(job)), _files(job)) if job.started_at else _NOTHING_RIGHT,
            Cell(kind.text, role="text2"),
            *(
                Cell(text, role="text2") if text else _NOTHING
                for text in (job.device_group, job.server, job.owner)
            ),
        ),
        children,
        job,
    )


def _files(job: Job) -> int:
    return job.progress.files if job.progress and job.status is JobStatus.ACTIVE else job.files


def _left(job: Job, seconds: float | None) -> Cell:
    """At the speed so far; nothing as long as that says little, or nothing is counted."""
    share = fraction(job.progress) if job.progress and job.status is JobStatus.ACTIVE else None
    if not share or not seconds or share < _LEAST_SHARE or seconds < _LEAST_SECONDS:
        return _NOTHING_RIGHT
    left = seconds * (1 - share) / share
    return Cell(formats.duration(left), right=True, sort=left, tooltip="At the speed so far")


def _seconds(job: Job, now: datetime) -> float | None:
    if job.started_at is None:
        return None
    end = now if job.status is JobStatus.ACTIVE else job.finished_at
    return max(0.0, (end - job.started_at).total_seconds()) if end else None


def _execution(job: Job, now: datetime) -> Cell:
    at = job.started_at if job.status in (JobStatus.ACTIVE, JobStatus.DONE) else job.execution_at
    if at is None:
        return _NOTHING
    return Cell(formats.moment(at, now), tooltip=formats.full_time(at), sort=at.timestamp())


def progress_cell(job: Job) -> Cell:
    """A bar when the total is counted; else the step, or the reason why the job waits."""
    if job.status is not JobStatus.ACTIVE:
        if not job.waits_for and _overdue(job):
            return Cell(_NO_SERVER_YET, role="muted", tooltip="Its monitor says for which one, and why")
        return Cell(waiting_text(job.waits_for), role="warning" if job.waits_for else "muted")
    progress = job.progress
    if progress is None:
        return Cell("Starting", role="muted")
    if progress.waits_for or job.waits_for:
        return Cell(waiting_text(progress.waits_for or job.waits_for), role="warning")
    share = fraction(progress)
    word = PHASE[progress.phase]
    if share is None:
        return Cell(word, role="text2")
    text = f"{share:.0%}" if progress.phase in (JobPhase.BACK_UP, JobPhase.RESTORE) else f"{word} {share:.0%}"
    return Cell(text, bar=share, sort=share)


def _overdue(job: Job) -> bool:
    """Whether it should have been taken by now."""
    at = job.execution_at
    return job.status is JobStatus.READY and at is not None and at <= datetime.now(UTC) - _TAKEN_WITHIN


def waiting_text(waits_for: str) -> str:
    """Why a job waits, as a sentence; a message code becomes its text."""
    if not waits_for:
        return ""
    text = render(waits_for, {}).text if waits_for[:1].isalpha() and waits_for[1:].isdigit() else waits_for
    return text if text.startswith("Waits") else f"Waits: {text}"


def fraction(progress: JobProgress) -> float | None:
    """Done of a counted total, never the whole while something still runs; None when it is not counted."""
    if progress.bytes_total:
        return min(0.99, progress.read_bytes / progress.bytes_total)
    if progress.files_total:
        return min(0.99, progress.files / progress.files_total)
    return None
