"""The activity log as a tree: by week, by job, newest first. Pure functions.

Weeks run from Sunday to Saturday in local time, as the headings show them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo

from app.model.events import ActivityRecord, Severity
from app.model.job import Job, JobStatus
from app.ui import formats
from app.ui.widgets.status import JOB, RESULT

ERRORS = frozenset({Severity.ERROR, Severity.CRITICAL})


@dataclass(frozen=True, slots=True)
class JobGroup:
    """The lines of one job. `title` is `Job95 [ 2026-11-17 22:00:00 ] [Finished]`."""

    job_id: int
    title: str
    name: str
    icon: str
    role: str
    records: tuple[ActivityRecord, ...]


@dataclass(frozen=True, slots=True)
class WeekGroup:
    """One week: jobs and loose lines, newest first by their newest line."""

    first_day: date
    title: str
    summary: str
    members: tuple[JobGroup | ActivityRecord, ...]


Member = WeekGroup | JobGroup | ActivityRecord


def group(
    records: Sequence[ActivityRecord],
    jobs: Mapping[int, Job],
    *,
    by_week: bool,
    by_job: bool,
    now: datetime,
    zone: tzinfo | None = None,
) -> tuple[Member, ...]:
    """`records` (newest first) as the tree the two boxes ask for."""
    if not by_week:
        return _by_job(records, jobs) if by_job else tuple(records)
    weeks: dict[date, list[ActivityRecord]] = {}
    for record in records:
        weeks.setdefault(_first_day(record.at, zone), []).append(record)
    current = _first_day(now, zone)
    return tuple(
        WeekGroup(
            first,
            f"{'This Week' if first == current else 'Week'} [ {first} - {first + timedelta(days=6)} ]",
            _summary(members),
            _by_job(members, jobs) if by_job else tuple(members),
        )
        for first, members in sorted(weeks.items(), reverse=True)
    )


def _by_job(
    records: Iterable[ActivityRecord], jobs: Mapping[int, Job]
) -> tuple[JobGroup | ActivityRecord, ...]:
    """Lines of a job stand together where its newest line stands; child jobs stand with their parent."""
    gathered: dict[int, list[ActivityRecord]] = {}
    order: list[int | ActivityRecord] = []
    for record in records:
        number = record.parent_job_id or record.job_id
        if number is None:
            order.append(record)
            continue
        if number not in gathered:
            gathered[number] = []
            order.append(number)
        gathered[number].append(record)
    return tuple(
        _job_group(item, gathered[item], jobs.get(item)) if isinstance(item, int) else item for item in order
    )


def _job_group(number: int, records: list[ActivityRecord], job: Job | None) -> JobGroup:
    oldest = records[-1].at
    if job is not None and job.started_at is not None:
        oldest = job.started_at
    if job is None:
        word, icon, role = _word_from(records)
    elif job.status is JobStatus.ACTIVE or job.last_result is None:
        look = JOB[job.status]
        word, icon, role = look.text, look.icon, look.role
    else:
        look = RESULT[job.last_result]
        word, icon, role = look.text, look.icon, look.role
    title = f"Job{number} [ {formats.timestamp(oldest)} ]" + (f" [{word}]" if word else "")
    return JobGroup(number, title, job.name if job else "", icon, role, tuple(records))


def _word_from(records: Sequence[ActivityRecord]) -> tuple[str, str, str]:
    """A job that left the queue: its lines still tell whether something was wrong."""
    if any(record.severity in ERRORS for record in records):
        return "", "circle-x", "error"
    if any(record.severity is Severity.WARNING for record in records):
        return "", "triangle-alert", "warning"
    return "", "info", "muted"


def _first_day(at: datetime, zone: tzinfo | None) -> date:
    day = formats.local(at, zone).date()
    return day - timedelta(days=(day.weekday() + 1) % 7)


def _summary(records: Sequence[ActivityRecord]) -> str:
    errors = sum(record.severity in ERRORS for record in records)
    warnings = sum(record.severity is Severity.WARNING for record in records)
    return ", ".join(
        (
            formats.counted(len(records), "message"),
            formats.counted(errors, "error"),
            formats.counted(warnings, "warning"),
        )
    )
