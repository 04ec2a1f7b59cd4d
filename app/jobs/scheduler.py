"""When a job runs next: a start time and an RFC 5545 recurrence rule in a time zone.

Daily and rarer rules follow the wall clock ("every day at 02:00" stays 02:00 across a change of clocks; a
time that a change skips is taken an hour later, one that occurs twice is taken once). Hourly and minutely
rules count real time. A run that was missed (machine asleep, server down) is caught up once.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrule, rrulestr

from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.recurrence import DAYS, excluded_days

_STEPS = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1)}
_RARE = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_PARTS_OF_FREQUENT = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYHOUR", "BYMINUTE", "WKST"}


def check(schedule: Schedule) -> None:
    """Refuse a schedule that can't be followed.

    Raises:
        UsageError: E5110 for a rule that can't be read or is too frequent, E5111 for an unknown time zone,
            E5112 for a start without a time zone, E5113 for a rule that never runs, E5701 for a rotation and
            E5702 for days without runs of what is not repeated, E5703 for days that are none.
    """
    if schedule.run_at is not None and schedule.run_at.tzinfo is None:
        raise UsageError("E5112", time=schedule.run_at.isoformat())
    _zone(schedule)
    if schedule.rotation is not None and not schedule.repeat:
        raise UsageError("E5701", scheme=schedule.rotation.scheme.value)
    if schedule.excluded and not schedule.repeat:
        raise UsageError("E5702")
    try:
        excluded_days(",".join(schedule.excluded))
    except ValueError as error:
        raise UsageError("E5703", details=f"its days without runs are not {error}") from None
    if schedule.repeat and next_run(schedule, datetime.min.replace(tzinfo=UTC), datetime.now(UTC)) is None:
        raise UsageError("E5113", rule=schedule.repeat)


def first_run(schedule: Schedule, now: datetime) -> datetime:
    """When a job that is submitted `now` runs first: the start, or the first occurrence that follows it.

    No start: now, where the rule allows it. A start in the past: at once.
    """
    start = now if schedule.run_at is None else schedule.run_at.astimezone(UTC)
    if not schedule.repeat:
        return start
    floor = start.replace(microsecond=0) - timedelta(microseconds=1)
    return next_run(schedule, floor, now) or start


def next_run(schedule: Schedule, after: datetime, created_at: datetime) -> datetime | None:
    """The first occurrence later than `after` (UTC), or None when the rule has ended (or there is none).

    `created_at` stands in for a start that was not given. What `after` skips is not made up for: the caller
    runs a due job once and asks for the next time after now.
    """
    if not schedule.repeat or set(DAYS) <= set(schedule.excluded):
        return None
    parts = _parts(schedule)
    start = (schedule.run_at or created_at).replace(microsecond=0)
    if parts["FREQ"] in _STEPS:
        return _next_frequent(schedule, parts, start.astimezone(UTC), after)
    return _next_rare(schedule, parts, start, after)


def is_excluded(schedule: Schedule, day: date) -> bool:
    """Whether a day, in the schedule's time zone, is one without runs."""
    return DAYS[day.weekday()] in schedule.excluded or day.isoformat() in schedule.excluded


def local_day(schedule: Schedule, at: datetime) -> date:
    """The day of an instant in the schedule's time zone."""
    return at.astimezone(_zone(schedule)).date()


def runs_on(schedule: Schedule, day: date, created_at: datetime) -> bool:
    """Whether a run falls on a day of the schedule's time zone."""
    midnight = datetime.combine(day, time(), _zone(schedule)).astimezone(UTC)
    found = next_run(schedule, midnight - timedelta(microseconds=1), created_at)
    return found is not None and local_day(schedule, found) == day


def _next_rare(
    schedule: Schedule, parts: dict[str, str], start: datetime, after: datetime
) -> datetime | None:
    """For rules with a run a day at the most, and few of those that the excluded days take."""
    zone = _zone(schedule)
    local_start = start.astimezone(zone).replace(tzinfo=None)
    rule = _rule(schedule, parts, local_start, zone)
    # A day earlier, since what the wall clock shows may be up to an hour or two off the instant asked for.
    floor = after.astimezone(zone).replace(tzinfo=None) if after > _FLOOR else local_start
    left_out = 0
    # One walk: the library begins at the start of the rule each time it is asked.
    for occurrence in rule.xafter(floor - timedelta(days=1), inc=True):
        instant = occurrence.replace(tzinfo=zone).astimezone(UTC)
        if instant <= after:
            continue
        if not is_excluded(schedule, occurrence.date()):
            return instant
        left_out += 1
        if left_out >= _MOST_EXCLUDED:
            break
    return None


_FLOOR = datetime(1971, 1, 1, tzinfo=UTC)
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


def _next_frequent(
    schedule: Schedule, parts: dict[str, str], start: datetime, after: datetime
) -> datetime | None:
    step = _STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
    zone = _zone(schedule)
    for _ in range(_MOST_EXCLUDED):
        if "COUNT" not in parts and after > start:
            # Without a count the rule may start later in the same phase: no walk over years of minutes.
            start += ((after - start) // step) * step
        rule = _rule(schedule, parts, start.replace(tzinfo=None), UTC)
        found = rule.after(after.replace(tzinfo=None) if after > _FLOOR else datetime.min)
        if found is None:
            return None
        instant = found.replace(tzinfo=UTC)
        day = instant.astimezone(zone).date()
        if not is_excluded(schedule, day):
            return instant
        # The rest of an excluded day has no runs either: rules by the minute have many in it.
        midnight = datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC)
        after = max(instant, midnight - timedelta(microseconds=1))
    return None


def _parts(schedule: Schedule) -> dict[str, str]:
    text = schedule.repeat.strip().upper().removeprefix("RRULE:")
    parts: dict[str, str] = {}
    for item in text.split(";"):
        name, separator, value = item.partition("=")
        if not separator or not value or name in parts or "\n" in item:
            raise UsageError("E5110", rule=schedule.repeat)
        parts[name] = value
    frequency = parts.get("FREQ", "")
    interval = parts.get("INTERVAL", "1")
    if frequency not in _STEPS and frequency not in _RARE:
        raise UsageError("E5110", rule=schedule.repeat)
    if not interval.isdecimal() or not 1 <= int(interval) <= 10_000:
        raise UsageError("E5110", rule=schedule.repeat)
    if frequency in _STEPS and not set(parts) <= _PARTS_OF_FREQUENT:
        raise UsageError("E5110", rule=schedule.repeat)
    return parts


def _rule(schedule: Schedule, parts: dict[str, str], start: datetime, zone: tzinfo) -> rrule:
    """The rule over naive times of `zone`."""
    parts = dict(parts)
    until = parts.get("UNTIL", "")
    try:
        if until.endswith("Z"):
            end = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).astimezone(zone)
            parts["UNTIL"] = end.strftime("%Y%m%dT%H%M%S")
        rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UsageError("E5110", rule=schedule.repeat) from error
    assert isinstance(rule, rrule)
    return rule


def _zone(schedule: Schedule) -> tzinfo:
    if schedule.time_zone:
        try:
            return ZoneInfo(schedule.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UsageError("E5111", time_zone=schedule.time_zone) from error
    if schedule.run_at is not None and schedule.run_at.tzinfo is not None:
        return schedule.run_at.tzinfo
    return UTC
