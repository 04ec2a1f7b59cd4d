"""Rules by the hour and by the minute: steps of real time, in the days and hours of the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, timezone, tzinfo

from dateutil.rrule import rrule

from app.jobs.recurrence_rules import STEPS, WHEN, end_of_day, is_excluded, rule_of, zone_of
from app.model.errors import UsageError
from app.model.job import Schedule
from app.model.recurrence import DAYS

FLOOR = datetime(1971, 1, 1, tzinfo=UTC)
"""Instants before it stand for the beginning of time."""
_MOST_EXCLUDED = 4000
_MOST_LOOKED_AT = 100_000


def next_frequent(
    schedule: Schedule, parts: dict[str, str], start: datetime, after: datetime
) -> datetime | None:
    """The first occurrence of a frequent rule later than `after`, None = none. Raises UsageError E5110."""
    step = STEPS[parts["FREQ"]] * int(parts.get("INTERVAL", "1"))
    zone = zone_of(schedule)
    wanted = _Wanted(schedule, parts, zone)
    # Steps are of real time: in a zone that never changes, with the minutes that the wall clock shows.
    steady = timezone(start.astimezone(zone).utcoffset() or timedelta())
    own = ("BYDAY", "BYHOUR", "COUNT", "BYMINUTE" if parts["FREQ"] == "MINUTELY" else "")
    plain = {name: value for name, value in parts.items() if name not in own}
    if "UNTIL" in plain:
        plain["UNTIL"] = _until_in_utc(schedule, plain["UNTIL"], zone)
    if "COUNT" in parts:
        rule = rule_of(schedule, plain, start.astimezone(steady).replace(tzinfo=None), steady)
        return _counted(rule, steady, wanted, int(parts["COUNT"]), after)
    for _ in range(_MOST_EXCLUDED):
        if after > start:
            # Without a count the rule may start later in the same phase: no walk over years of minutes.
            start += ((after - start) // step) * step
        rule = rule_of(schedule, plain, start.astimezone(steady).replace(tzinfo=None), steady)
        floor = after.astimezone(steady).replace(tzinfo=None) if after > FLOOR else datetime.min
        found = rule.after(floor)
        if found is None:
            return None
        instant = found.replace(tzinfo=steady).astimezone(UTC)
        following = wanted.from_there(instant)
        if following == instant:
            return instant
        # Rules by the minute have many runs in the rest of a day, or an hour, that is left out.
        after = max(instant, following - timedelta(microseconds=1))
    return None


def _counted(rule: rrule, steady: tzinfo, wanted: _Wanted, count: int, after: datetime) -> datetime | None:
    """The first of `count` occurrences that is later than `after`."""
    for looked_at, found in enumerate(rule):
        instant = found.replace(tzinfo=steady).astimezone(UTC)
        if not wanted.time(instant):
            if looked_at > _MOST_LOOKED_AT:
                break
            continue
        count -= 1
        if instant > after and wanted.day(instant):
            return instant
        if count <= 0:
            break
    return None


def _until_in_utc(schedule: Schedule, until: str, zone: tzinfo) -> str:
    """The end of a rule, which without a Z is one of the wall clock."""
    if until.endswith("Z"):
        return until
    try:
        end = datetime.strptime(end_of_day(until), WHEN).replace(tzinfo=zone)
    except ValueError as error:
        raise UsageError("E5110", rule=schedule.repeat) from error
    return end.astimezone(UTC).strftime(f"{WHEN}Z")


class _Wanted:
    """The days, hours and minutes of the wall clock in which a frequent rule has runs."""

    def __init__(self, schedule: Schedule, parts: dict[str, str], zone: tzinfo) -> None:
        self._schedule = schedule
        self._zone = zone
        self._days = frozenset(parts.get("BYDAY", ",".join(DAYS)).split(","))
        self._hours = _numbers(schedule, parts, "BYHOUR", 24)
        minutes = _numbers(schedule, parts, "BYMINUTE", 60)
        # In an hourly rule the minutes are those at which it runs: the library makes them.
        self._minutes = minutes if parts["FREQ"] == "MINUTELY" else frozenset(range(60))
        if not self._days <= set(DAYS):
            raise UsageError("E5110", rule=schedule.repeat)

    def time(self, instant: datetime) -> bool:
        """Whether the rule itself has runs then."""
        local = instant.astimezone(self._zone)
        of_day = local.hour in self._hours and local.minute in self._minutes
        return of_day and DAYS[local.weekday()] in self._days

    def day(self, instant: datetime) -> bool:
        """Whether the day is none of those without runs."""
        return not is_excluded(self._schedule, instant.astimezone(self._zone).date())

    def from_there(self, instant: datetime) -> datetime:
        """The first instant, not before that one, that may have a run: that, or a later minute, hour, day."""
        local = instant.astimezone(self._zone)
        if DAYS[local.weekday()] not in self._days or not self.day(instant):
            midnight = datetime.combine(local.date() + timedelta(days=1), time(), self._zone)
            return midnight.astimezone(UTC)
        if local.hour not in self._hours:
            return instant + timedelta(hours=1) - timedelta(minutes=local.minute, seconds=local.second)
        if local.minute not in self._minutes:
            return instant + timedelta(minutes=1) - timedelta(seconds=local.second)
        return instant


def _numbers(schedule: Schedule, parts: dict[str, str], name: str, end: int) -> frozenset[int]:
    """The numbers below `end` that a part of a rule lists; all of them where it is not there."""
    words = parts[name].split(",") if name in parts else [str(number) for number in range(end)]
    if not all(word.isdecimal() and int(word) < end for word in words):
        raise UsageError("E5110", rule=schedule.repeat)
    return frozenset(int(word) for word in words)
