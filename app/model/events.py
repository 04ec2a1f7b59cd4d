"""Engine events (the Events pane) and activity-log records."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from app.model.scripts import ScriptPurpose

LOST_CONNECTION_CODES = frozenset({"ER00205", "SR00206"})
"""A replica was lost; it is back."""

QUEUE_OVERFLOW_CODES = frozenset({"WR00216", "WR00294", "ER00210", "ER00211", "ER00290"})
"""The spool is nearly full, or full."""

GAP_CODE = "WR00510"
"""Stands where events are no longer kept."""


class Severity(StrEnum):
    """How important a message is. Events use all, the activity log the three of its Type column."""

    INFORMATION = "information"
    SIGNIFICANT = "significant"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class NotifyTrigger(StrEnum):
    """What people can have themselves told of (the property `notify_on`)."""

    LOST_CONNECTION = "lost-connection"
    QUEUE_OVERFLOW = "queue-overflow"
    ERROR = "error"
    SIGNIFICANT = "significant"


def parse_triggers(text: str) -> tuple[NotifyTrigger, ...]:
    """The triggers that a list by comma names, in their own order. Raises ValueError for an unknown word."""
    words = {word.strip().lower() for word in text.split(",")} - {""}
    if not words <= set(NotifyTrigger):
        raise ValueError(
            f"one or more of {', '.join(NotifyTrigger)}, divided by commas; empty = nothing is told"
        )
    return tuple(trigger for trigger in NotifyTrigger if trigger in words)


def clean_triggers(text: str) -> str:
    """`text` as it is kept. Raises ValueError as `parse_triggers`."""
    return ",".join(parse_triggers(text))


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


def trigger_of(event: EventRecord) -> NotifyTrigger | None:
    """What an event counts as for `notify_on`; None = nobody is told, as of notifications themselves."""
    if event.params.get("purpose") == ScriptPurpose.NOTIFICATION.value:
        return None
    if event.code in LOST_CONNECTION_CODES:
        return NotifyTrigger.LOST_CONNECTION
    if event.code in QUEUE_OVERFLOW_CODES:
        return NotifyTrigger.QUEUE_OVERFLOW
    if event.severity in (Severity.ERROR, Severity.CRITICAL):
        return NotifyTrigger.ERROR
    return NotifyTrigger.SIGNIFICANT if event.severity is Severity.SIGNIFICANT else None
