"""Recurrence rules as they are given, checked: parts, time zone, and the library's form of them."""

from __future__ import annotations

from calendar import isleap, monthrange
from datetime import UTC, date, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.easter import easter
from dateutil.rrule import rrule, rrulestr

from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.recurrence import DAYS

STEPS = {"HOURLY": timedelta(hours=1), "MINUTELY": timedelta(minutes=1)}
WHEN = "%Y%m%dT%H%M%S"
_RARE = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY")
_PARTS_OF_FREQUENT = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYHOUR", "BYMINUTE", "WKST"}
_PARTS_WITHOUT_DAY = {"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST"}
_NOT_BY_THE_DAY = {"BYSETPOS", "BYWEEKNO", "BYEASTER", "BYSECOND"}
_SHORTEST_MONTH = 28
_MOST_COUNTED = 10_000
_DAYS_LOOKED_AT = 41 * 366
"""Each day of the year falls on each day of the week within them."""


def is_excluded(schedule: Schedule, day: date) -> bool:
    """Whether a day, in the schedule's time zone, is one without runs."""
    return DAYS[day.weekday()] in schedule.excluded or day.isoformat() in schedule.excluded


def parts_of(schedule: Schedule) -> dict[str, str]:
    """The parts of a schedule's rule by name. Raises UsageError E5110."""
    text = schedule.repeat.strip().upper().removeprefix("RRULE:")
    parts: dict[str, str] = {}
    for item in text.split(";"):
        name, separator, value = item.partition("=")
        if not separator or not value or name in parts or "\n" in item:
            raise UsageError("E5110", rule=schedule.repeat)
        parts[name] = value
    frequency = parts.get("FREQ", "")
    interval = parts.get("INTERVAL", "1")
    if frequency not in STEPS and frequency not in _RARE:
        raise UsageError("E5110", rule=schedule.repeat)
    if not interval.isdecimal() or not 1 <= int(interval) <= 10_000:
        raise UsageError("E5110", rule=schedule.repeat)
    if frequency in STEPS and not set(parts) <= _PARTS_OF_FREQUENT:
        raise UsageError("E5110", rule=schedule.repeat)
    if frequency == "DAILY" and set(parts) & _NOT_BY_THE_DAY:
        raise UsageError("E5110", rule=schedule.repeat)
    if not parts.get("COUNT", "1").isdecimal() or not 1 <= int(parts.get("COUNT", "1")) <= _MOST_COUNTED:
        raise UsageError("E5110", rule=schedule.repeat)
    return parts


def rule_of(schedule: Schedule, parts: dict[str, str], start: datetime, zone: tzinfo) -> rrule:
    """The rule over naive times of `zone`; COUNT is left to the caller. Raises UsageError E5110."""
    parts = {name: value for name, value in parts.items() if name != "COUNT"}
    until = parts.get("UNTIL", "")
    try:
        if until.endswith("Z"):
            end = datetime.strptime(until, f"{WHEN}Z").replace(tzinfo=UTC).astimezone(zone)
            parts["UNTIL"] = end.strftime(WHEN)
        elif until:
            parts["UNTIL"] = end_of_day(until)
        if parts["FREQ"] == "MONTHLY" and start.day > _SHORTEST_MONTH and set(parts) <= _PARTS_WITHOUT_DAY:
            days = range(_SHORTEST_MONTH, start.day + 1)
            parts |= {"BYMONTHDAY": ",".join(map(str, days)), "BYSETPOS": "-1"}
        rule = rrulestr(";".join(f"{name}={value}" for name, value in parts.items()), dtstart=start)
    except (ValueError, TypeError, AttributeError, KeyError) as error:
        raise UsageError("E5110", rule=schedule.repeat) from error
    assert isinstance(rule, rrule)
    return rule


def has_days(schedule: Schedule, since: date) -> bool:
    """Whether any day is what each part of the rule asks for by itself.

    The library looks for a 30th of February until the year 9999, and by the day that takes half a minute.
    """
    parts = parts_of(schedule)
    try:
        months = [int(word) for word in parts.get("BYMONTH", "").split(",") if word]
        of_month = [int(word) for word in parts.get("BYMONTHDAY", "").split(",") if word]
        of_year = [int(word) for word in parts.get("BYYEARDAY", "").split(",") if word]
        from_easter = [int(word) for word in parts.get("BYEASTER", "").split(",") if word]
    except ValueError as error:
        raise UsageError("E5110", rule=schedule.repeat) from error
    weekdays = {word[-2:] for word in parts.get("BYDAY", "").split(",") if word}
    if not weekdays <= set(DAYS):
        raise UsageError("E5110", rule=schedule.repeat)

    def fits(day: date) -> bool:
        month_ends = monthrange(day.year, day.month)[1] + 1
        year_ends = 367 if isleap(day.year) else 366
        number = day.timetuple().tm_yday
        return (
            (not months or day.month in months)
            and (not weekdays or DAYS[day.weekday()] in weekdays)
            and (not of_month or day.day in of_month or day.day - month_ends in of_month)
            and (not of_year or number in of_year or number - year_ends in of_year)
            and (not from_easter or (day - easter(day.year)).days in from_easter)
        )

    return any(fits(since + timedelta(days=number)) for number in range(_DAYS_LOOKED_AT))


def zone_of(schedule: Schedule) -> tzinfo:
    """Whose wall clock a schedule follows. Raises UsageError E5111."""
    if schedule.time_zone:
        try:
            return ZoneInfo(schedule.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise UsageError("E5111", time_zone=schedule.time_zone) from error
    if schedule.run_at is not None and schedule.run_at.tzinfo is not None:
        return schedule.run_at.tzinfo
    return UTC


def end_of_day(until: str) -> str:
    """A date alone means that day, not the midnight that begins it."""
    return f"{until}T235959" if len(until) == len("20261224") else until
