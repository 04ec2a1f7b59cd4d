"""When the sessions of a staging group are due to be copied: after a delay, or at a time of day.

A time of day follows the wall clock of the policy's time zone. One that a change of clocks skips is taken an
hour later, one that occurs twice the first time. A time that was missed (server down) is made up for: what
was there by then is due at the next look.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from app.model.recurrence import DAYS
from app.model.staging import CopyWhen, StagingPolicy

_A_WEEK = 8
"""Days to look at: the day of today may have passed its time."""


def written_by(policy: StagingPolicy, now: datetime) -> datetime | None:
    """Sessions that ended no later than this are due now; None: time alone makes none due."""
    if policy.copy_when is CopyWhen.AFTER:
        return now - timedelta(minutes=policy.copy_after_minutes)
    if policy.copy_when is CopyWhen.AT:
        return max((at for at in _around(policy, now) if at <= now), default=None)
    return None


def due_at(policy: StagingPolicy, finished_at: datetime) -> datetime | None:
    """When a session that ended then is due by time; None: never by time alone."""
    if policy.copy_when is CopyWhen.AFTER:
        return finished_at + timedelta(minutes=policy.copy_after_minutes)
    if policy.copy_when is CopyWhen.AT:
        return min((at for at in _around(policy, finished_at) if at >= finished_at), default=None)
    if policy.copy_when is CopyWhen.BEFORE_PURGE and policy.purge_after_days is not None:
        return finished_at + timedelta(days=policy.purge_after_days)
    return None


def zone_of(policy: StagingPolicy) -> ZoneInfo:
    """The time zone of the policy's clock. Raises ValueError for one that is not known."""
    try:
        return ZoneInfo(policy.time_zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"the time zone {policy.time_zone} is not known") from error


def _around(policy: StagingPolicy, moment: datetime) -> Iterator[datetime]:
    """The policy's times of a week before and after a moment, in UTC."""
    zone = zone_of(policy)
    clock = time.fromisoformat(policy.copy_at)
    today = moment.astimezone(zone).date()
    for offset in range(-_A_WEEK, _A_WEEK + 1):
        day = today + timedelta(days=offset)
        if DAYS[day.weekday()] in policy.days:
            yield datetime.combine(day, clock, zone).astimezone(UTC)
