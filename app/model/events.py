"""Engine events (the Events pane) and activity-log records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum


class Severity(StrEnum):
    """How important a message is. Events use all, the activity log the three of its Type column."""

    INFORMATION = "information"
    SIGNIFICANT = "significant"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One event of an engine. `sequence` grows by one per host; readers ask for "newer than N"."""

    sequence: int
    code: str
    severity: Severity
    at: datetime
    host: str
    scenario_id: int | None = None
    scenario_name: str = ""
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ActivityRecord:
    """One line of the activity log. `params` fill the catalogue's template of `code`."""

    id: int
    severity: Severity
    at: datetime
    server: str
    code: str
    job_id: int | None = None
    parent_job_id: int | None = None
    session: int | None = None
    scenario: str = ""
    params: dict[str, str] = field(default_factory=dict)
