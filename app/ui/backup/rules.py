"""Repetition as people say it, and as a recurrence rule (RFC 5545), both ways. Qt-free."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from app.model import recurrence
from app.model.job import Schedule
from app.model.rotation import Rotation, RotationScheme


class Repeat(StrEnum):
    """The kinds of repetition the schedule offers."""

    ONCE = "once"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    MONTHS = "months"
    WEEKDAYS = "weekdays"
    MONTH_WEEKS = "month_weeks"
    MONTH_DAY = "month_day"
    CUSTOM = "custom"
    ROTATION = "rotation"


DAYS = recurrence.DAYS
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
WEEKS = ("1", "2", "3", "4", "5", "last")
LAST_DAY = 0
"""As a day of the month: the last one."""
_FREQUENCY = {
    Repeat.MINUTES: "MINUTELY",
    Repeat.HOURS: "HOURLY",
    Repeat.DAYS: "DAILY",
    Repeat.WEEKS: "WEEKLY",
    Repeat.MONTHS: "MONTHLY",
}
_PLACE = re.compile(r"(-1|[1-5])?([A-Z]{2})")


@dataclass(frozen=True, slots=True)
class Rule:
    """A repetition: every `every` units, on weekdays (0 = Monday) of all weeks or of some weeks of the month,
    on a day of the month (0 = the last one), by a rule of one's own, or by a rotation of media.
    """

    repeat: Repeat = Repeat.ONCE
    every: int = 1
    weekdays: frozenset[int] = frozenset()
    month_day: int = 1
    weeks: tuple[str, ...] = ("1",)
    custom: str = ""
    scheme: RotationScheme = RotationScheme.FIVE_DAY
    prefix: str = ""
    append: bool = False

    def fault(self) -> str:
        """What is wrong with it, or ""."""
        if self.repeat in (Repeat.WEEKDAYS, Repeat.MONTH_WEEKS) and not self.weekdays:
            return "Choose at least one day of the week"
        if self.repeat is Repeat.MONTH_WEEKS and not self.weeks:
            return "Choose at least one week of the month"
        if self.repeat in _FREQUENCY and self.every < 1:
            return "The interval is at least 1"
        if self.repeat is Repeat.CUSTOM and not self.custom.strip():
            return "Type a recurrence rule, such as FREQ=DAILY;INTERVAL=2"
        if self.repeat is Repeat.ROTATION:
            if not self.prefix.strip():
                return "The media of a rotation need a prefix for their names"
            try:
                self.rotation()
            except ValueError as error:
                return f"Prefix: {error}"
        return ""

    def rotation(self) -> Rotation | None:
        """The rotation; None unless it is one. Raises ValueError for a bad prefix."""
        if self.repeat is not Repeat.ROTATION:
            return None
        return Rotation(self.scheme, self.prefix.strip(), self.append)

    def text(self) -> str:
        """As RRULE; "" runs once."""
        days = ",".join(DAYS[day] for day in sorted(self.weekdays))
        match self.repeat:
            case Repeat.ONCE:
                return ""
            case Repeat.CUSTOM:
                return self.custom.strip().upper().removeprefix("RRULE:")
            case Repeat.ROTATION:
                return self.scheme.rule
            case Repeat.WEEKDAYS:
                return f"FREQ=WEEKLY;BYDAY={days}"
            case Repeat.MONTH_WEEKS:
                return recurrence.on_weeks(",".join(self.weeks), days)
            case Repeat.MONTH_DAY:
                return recurrence.on_day_of_month(str(self.month_day) if self.month_day else "last")
        return f"FREQ={_FREQUENCY[self.repeat]}" + (f";INTERVAL={self.every}" if self.every > 1 else "")

    def words(self) -> str:
        """In a sentence; nothing of it is wrong."""
        try:
            return recurrence.describe(Schedule(repeat=self.text(), rotation=self.rotation()))
        except (ValueError, KeyError):
            return f"by the rule {self.text()}"  # one's own, which the services refuse with the reason


def rule_of(schedule: Schedule) -> Rule:
    """The repetition of a schedule as the form shows it; what has no form of its own is a custom rule."""
    rotation, text = schedule.rotation, schedule.repeat.strip().upper().removeprefix("RRULE:")
    if rotation is not None and text == rotation.scheme.rule:
        return Rule(Repeat.ROTATION, scheme=rotation.scheme, prefix=rotation.prefix, append=rotation.append)
    if not text:
        return Rule()
    found = _simple(dict(item.partition("=")[::2] for item in text.split(";")))
    # Only what comes out as it went in is shown as something else than the rule itself.
    return found if found is not None and _same(found.text(), text) else Rule(Repeat.CUSTOM, custom=text)


def _simple(parts: dict[str, str]) -> Rule | None:
    frequency, interval = parts.get("FREQ", ""), parts.get("INTERVAL", "1")
    repeat = next((kind for kind, name in _FREQUENCY.items() if name == frequency), None)
    if repeat is None or not interval.isdecimal():
        return None
    if "BYMONTHDAY" in parts:
        day = parts["BYMONTHDAY"].rpartition(",")[2]
        if day == "-1":
            return Rule(Repeat.MONTH_DAY, month_day=LAST_DAY)
        known = day.isdecimal() and 1 <= int(day) <= 31
        return Rule(Repeat.MONTH_DAY, month_day=int(day)) if known else None
    if "BYDAY" in parts:
        places = [_PLACE.fullmatch(item) for item in parts["BYDAY"].split(",")]
        if any(place is None or place[2] not in DAYS for place in places):
            return None
        days = frozenset(DAYS.index(place[2]) for place in places if place is not None)
        weeks = dict.fromkeys(place[1] for place in places if place is not None)
        if None in weeks:
            return Rule(Repeat.WEEKDAYS, weekdays=days)
        shown = tuple("last" if week == "-1" else week for week in weeks if week is not None)
        return Rule(Repeat.MONTH_WEEKS, weekdays=days, weeks=shown)
    return Rule(repeat, int(interval))


def _same(one: str, other: str) -> bool:
    """Whether two rules differ at most in their order, or in an interval of 1 that is said."""

    def normal(text: str) -> dict[str, frozenset[str]]:
        parts = dict(item.partition("=")[::2] for item in text.split(";"))
        if parts.get("INTERVAL") == "1":
            del parts["INTERVAL"]
        return {name: frozenset(value.split(",")) for name, value in parts.items()}

    return normal(one) == normal(other)
