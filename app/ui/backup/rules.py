"""Repetition as people say it, and as a recurrence rule (RFC 5545). Qt-free."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Repeat(StrEnum):
    """The kinds of repetition the schedule offers."""

    ONCE = "once"
    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    WEEKS = "weeks"
    WEEKDAYS = "weekdays"
    MONTH_DAY = "month_day"


DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FREQUENCY = {
    Repeat.MINUTES: "MINUTELY",
    Repeat.HOURS: "HOURLY",
    Repeat.DAYS: "DAILY",
    Repeat.WEEKS: "WEEKLY",
}


@dataclass(frozen=True, slots=True)
class Rule:
    """A repetition: every `every` units, or on weekdays (0 = Monday), or on a day of the month."""

    repeat: Repeat = Repeat.ONCE
    every: int = 1
    weekdays: frozenset[int] = frozenset()
    month_day: int = 1

    def fault(self) -> str:
        """What is wrong with it, or ""."""
        if self.repeat is Repeat.WEEKDAYS and not self.weekdays:
            return "Choose at least one day of the week"
        if self.repeat in _FREQUENCY and self.every < 1:
            return "The interval is at least 1"
        return ""

    def text(self) -> str:
        """As RRULE; "" runs once."""
        if self.repeat is Repeat.ONCE:
            return ""
        if self.repeat is Repeat.WEEKDAYS:
            return "FREQ=WEEKLY;BYDAY=" + ",".join(DAYS[day] for day in sorted(self.weekdays))
        if self.repeat is Repeat.MONTH_DAY:
            # -1 is the last day: the 29th to 31st do not exist in every month.
            return f"FREQ=MONTHLY;BYMONTHDAY={self.month_day if self.month_day <= 28 else -1}"
        return f"FREQ={_FREQUENCY[self.repeat]}" + (f";INTERVAL={self.every}" if self.every > 1 else "")

    def words(self) -> str:
        """In a sentence."""
        if self.repeat is Repeat.ONCE:
            return "once"
        if self.repeat is Repeat.WEEKDAYS:
            return "every " + ", ".join(DAY_NAMES[day] for day in sorted(self.weekdays))
        if self.repeat is Repeat.MONTH_DAY:
            return (
                f"every month on day {self.month_day}"
                if self.month_day <= 28
                else "on the last day of every month"
            )
        unit = self.repeat.value
        return f"every {unit[:-1]}" if self.every == 1 else f"every {self.every} {unit}"
