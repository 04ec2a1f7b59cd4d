"""What a line of the activity log means for those who want to be told."""

from __future__ import annotations

from app.model.alert import AlertEvent
from app.model.events import ActivityRecord

_EVENTS = {
    "N5040": AlertEvent.FINISHED,
    "W5041": AlertEvent.INCOMPLETE,
    "E5042": AlertEvent.FAILED,
    "W5043": AlertEvent.CANCELED,
    "N5070": AlertEvent.FINISHED,
    "W5071": AlertEvent.INCOMPLETE,
    "E5072": AlertEvent.FAILED,
    "W5073": AlertEvent.CANCELED,
    "E5133": AlertEvent.CRASHED,
    "W5720": AlertEvent.MISSED,
    "W5721": AlertEvent.MISSED,
    "W5722": AlertEvent.MISSED,
    "W5822": AlertEvent.MISSED,
    "W5820": AlertEvent.STALE,
    "E5821": AlertEvent.STALE,
    "CR00101": AlertEvent.BRAKE,
    "N5615": AlertEvent.FINISHED,
    "W5616": AlertEvent.INCOMPLETE,
    "W5168": AlertEvent.CANCELED,
    "E5169": AlertEvent.FAILED,
    "E5164": AlertEvent.MEDIA,
    "W5764": AlertEvent.MEDIA,
    "E5141": AlertEvent.MEDIA,
    "N5143": AlertEvent.MEDIA,
}
_ONCE_OF_A_JOB = frozenset({"E5164"})
"""A damaged media has a line for each of its objects."""
_ENDS = frozenset({"N5040", "W5041", "E5042", "W5043", "N5070", "W5071", "E5072", "W5073"})


def event_of(record: ActivityRecord) -> AlertEvent | None:
    """What a line tells of; None for most. The ends of child jobs are told with their parent."""
    if record.code in _ENDS and record.parent_job_id is not None:
        return None
    return _EVENTS.get(record.code)


def key_of(record: ActivityRecord) -> str:
    """The same for lines that tell of the same thing again."""
    if record.code in _ONCE_OF_A_JOB and record.job_id is not None:
        return f"{record.code} of job {record.job_id}"
    return record.params.get("alert_key") or f"line {record.id}"
