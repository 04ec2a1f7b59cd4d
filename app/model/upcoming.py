"""When jobs run next, and why then."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from app.model.job import JobStatus


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """A run that a schedule would have. `media` and `pool`: what its rotation has for that day."""

    at: datetime
    media: str = ""
    pool: str = ""


@dataclass(frozen=True, slots=True)
class NextRun:
    """The next run of a job, or one of its runs to come. `at` None = none is foreseen.

    `code` and `params` say why it runs then, or why it does not. `media`: what a rotation has for that day.
    """

    job_id: int
    name: str
    status: JobStatus
    at: datetime | None
    code: str
    params: dict[str, str] = field(default_factory=dict)
    media: str = ""
    pool: str = ""
