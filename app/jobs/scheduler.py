"""When a job runs next: a start time and an RFC 5545 recurrence rule in a time zone.

Daily and rarer rules follow the wall clock ("every day at 02:00" stays 02:00 across a change of clocks; a
time that a change skips is taken an hour later, one that occurs twice is taken once). Hourly and minutely
rules count real time; the days and hours they are limited to (BYDAY, BYHOUR) are those of the wall clock. A
monthly rule that names no day has that of its start, and the last day of a month that lacks it. A run that
was missed (machine asleep, server down) is caught up once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from app.jobs.frequent_rules import FLOOR, next_frequent
from app.jobs.recurrence_rules import STEPS, has_days, is_excluded, parts_of, rule_of, zone_of
from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.recurrence import DAYS, excluded_days

_FIRST_YEAR = 2000
"""A rule is followed from its start: not through all the days of two thousand years."""
_A_LITTLE_LATE = timedelta(minutes=5)
"""A repeating job whose start was so long ago when it is submitted begins at once."""


def check(schedule: Schedule) -> None:
    """Refuse a schedule that can't be followed.

    Raises:
        UsageError: E5110 for a rule that can't be read or is too frequent, E5111 for an unknown time zone,
            E5112 for a start without a time zone, E5113 for a rule that never runs, E5701 for a rotation and
            E5702 for days without runs of what is not repeated, E5703 for days that are none, and for a
            start of another age.
    """
    if schedule.run_at is not None and schedule.run_at.tzinfo is None:
        raise UsageError("E5112", time=schedule.run_at.isoformat())
    zone_of(schedule)
    if schedule.run_at is not None and schedule.run_at.year < _FIRST_YEAR:
        raise UsageError("E5703", details=f"it begins before the year {_FIRST_YEAR}")
    if schedule.rotation is not None and not schedule.repeat:
        raise UsageError("E5701", scheme=schedule.rotation.scheme.value)
    if schedule.excluded and not schedule.repeat:
        raise UsageError("E5702")
    try:
        excluded_days(",".join(schedule.excluded))
    except ValueError as error:
        raise UsageError("E5703", details=f"its days without runs are not {error}") from None
    now = datetime.now(UTC)
    if not schedule.repeat:
        return
    if not has_days(schedule, now.date()) or next_run(schedule, _floor_of(schedule, now), now) is None:
        raise UsageError("E5113", rule=schedule.repeat)


def first_run(schedule: Schedule, now: datetime) -> datetime:
    """When a job that is submitted `now` runs first: the start, or the first occurrence that follows it.

    No start: now, where the rule allows it. A start in the past: at once if the job is not repeated, or if
    that was a few minutes ago; else at the first occurrence to come.
    """
    if not schedule.repeat:
        return now if schedule.run_at is None else schedule.run_at.astimezone(UTC)
    return next_run(schedule, _floor_of(schedule, now), now) or now


def _floor_of(schedule: Schedule, now: datetime) -> datetime:
    """The instant after which the first run of a job lies that is submitted `now`."""
    start = now if schedule.run_at is None else schedule.run_at.astimezone(UTC)
    return max(start.replace(microsecond=0), now - _A_LITTLE_LATE) - timedelta(microseconds=1)


def next_run(schedule: Schedule, after: datetime, created_at: datetime) -> datetime | None:
    """The first occurrence later than `after` (UTC), or None when the rule has ended (or there is none).

    `created_at` stands in for a start that was not given. What `after` skips is not made up for: the caller
    runs a due job once and asks for the next time after now.
    """
    if not schedule.repeat or set(DAYS) <= set(schedule.excluded):
        return None
    parts = parts_of(schedule)
    start = (schedule.run_at or created_at).replace(microsecond=0)
    if parts["FREQ"] in STEPS:
        return next_frequent(schedule, parts, start.astimezone(UTC), after)
    return _next_rare(schedule, parts, start, after)


def local_day(schedule: Schedule, at: datetime) -> date:
    """The day of an instant in the schedule's time zone."""
    return at.astimezone(zone_of(schedule)).date()


def runs_on(schedule: Schedule, day: date, created_at: datetime) -> bool:
    """Whether a run falls on a day of the schedule's time zone."""
    midnight = datetime.combine(day, time(), zone_of(schedule)).astimezone(UTC)
    found = next_run(schedule, midnight - timedelta(microseconds=1), created_at)
    return found is not None and local_day(schedule, found) == day


def _next_rare(
    schedule: Schedule, parts: dict[str, str], start: datetime, after: datetime
) -> datetime | None:
    """For rules with a run a day at the most, and few of those that the excluded days take."""
    zone = zone_of(schedule)
    local_start = start.astimezone(zone).replace(tzinfo=None)
    # A day earlier, since what the wall clock shows may be up to an hour or two off the instant asked for.
    floor = (after.astimezone(zone).replace(tzinfo=None) if after > FLOOR else local_start) - timedelta(
        days=1
    )
    rule = rule_of(schedule, parts, local_start, zone)
    count = int(parts.get("COUNT", "0"))
    left_out = 0
    # One walk: the library begins at the start of the rule each time it is asked.
    for number, occurrence in enumerate(rule, 1):
        if occurrence >= floor:
            instant = occurrence.replace(tzinfo=zone).astimezone(UTC)
            if instant > after and not is_excluded(schedule, occurrence.date()):
                return instant
            left_out += instant > after
        if number == count or left_out >= _MOST_EXCLUDED:
            break
    return None


_MOST_EXCLUDED = 4000


def missed_runs(schedule: Schedule, due: datetime, now: datetime, limit: int = 1000) -> int:
    """How many occurrences after `due` were passed over until `now` (counted up to `limit`)."""
    count, at = 0, due
    while count < limit:
        following = next_run(schedule, at, due)
        if following is None or following > now:
            break
        count, at = count + 1, following
    return count
