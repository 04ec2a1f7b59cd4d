"""Schedules in the words people use: recurrence rules (RFC 5545) made of them, and read back as text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from app.model.job import Schedule

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_NAMES = dict(
    zip(DAYS, ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"), strict=True)
)
_UNITS = {
    "m": ("MINUTELY", "minute"),
    "h": ("HOURLY", "hour"),
    "d": ("DAILY", "day"),
    "w": ("WEEKLY", "week"),
    "mo": ("MONTHLY", "month"),
}
_EVERY = re.compile(r"([1-9][0-9]{0,3}) ?(mo|m|h|d|w)(?:in|inutes?|ours?|ays?|eeks?|nths?)?", re.IGNORECASE)
_WEEKS = {"1": 1, "2": 2, "3": 3, "4": 4, "5": 5, "last": -1}
_ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last"}
_SHORTEST_MONTH = 28


def every(text: str) -> str:
    """The rule of `15m`, `2h`, `1d`, `2w`, `1mo`. Raises ValueError."""
    match = _EVERY.fullmatch(text.strip())
    if match is None:
        raise ValueError("a number and m, h, d, w or mo: every 15m, 2h, 1d, 2w, 1mo")
    return f"FREQ={_UNITS[match[2].lower()][0]};INTERVAL={int(match[1])}"


def on_days(text: str) -> str:
    """The rule of days of the week: `MO,WE,FR`. Raises ValueError."""
    return f"FREQ=WEEKLY;BYDAY={','.join(_days(text))}"


def on_weeks(weeks: str, days: str) -> str:
    """The rule of days in weeks of the month: `1,3,last` and `MO`. Raises ValueError."""
    found = [word.strip().lower() for word in weeks.split(",")]
    if not found or not set(found) <= set(_WEEKS):
        raise ValueError("one or more of 1, 2, 3, 4, 5 and last, divided by commas")
    places = [f"{_WEEKS[week]}{day}" for week in dict.fromkeys(found) for day in _days(days)]
    return f"FREQ=MONTHLY;BYDAY={','.join(places)}"


def on_day_of_month(text: str) -> str:
    """The rule of a day of the month, 1 to 31 or `last`. A day that a month lacks is its last one.

    Raises:
        ValueError: it is none of these.
    """
    word = text.strip().lower()
    if word == "last":
        return "FREQ=MONTHLY;BYMONTHDAY=-1"
    if not word.isdecimal() or not 1 <= int(word) <= 31:
        raise ValueError("a day from 1 to 31, or last")
    day = int(word)
    if day <= _SHORTEST_MONTH:
        return f"FREQ=MONTHLY;BYMONTHDAY={day}"
    days = ",".join(str(one) for one in range(_SHORTEST_MONTH, day + 1))
    return f"FREQ=MONTHLY;BYMONTHDAY={days};BYSETPOS=-1"


def excluded_days(text: str) -> tuple[str, ...]:
    """Days without runs as a schedule keeps them: `SA,SU,2026-12-25`. Raises ValueError."""
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in DAYS:
            try:
                date.fromisoformat(word)
            except ValueError:
                raise ValueError(
                    "days of the week (MO … SU) and dates (2026-12-25), divided by commas"
                ) from None
    return tuple(dict.fromkeys(words))


def describe(schedule: Schedule) -> str:
    """A schedule in words: `every 2 weeks on Monday at 02:00 Europe/Berlin, not on Saturday`."""
    if not schedule.repeat:
        return "once"
    parts = dict(item.split("=", 1) for item in schedule.repeat.upper().removeprefix("RRULE:").split(";"))
    known = {"FREQ", "INTERVAL", "BYDAY", "BYMONTHDAY", "BYSETPOS"}
    text = _rule_text(parts) if set(parts) <= known else ""
    if not text:
        text = f"by the rule {schedule.repeat}"
    if schedule.rotation is not None:
        scheme = schedule.rotation.scheme.value.replace("gfs", "GFS")
        text = f"{scheme} rotation {schedule.rotation.prefix}, {text}"
    frequent = parts["FREQ"] in ("MINUTELY", "HOURLY")
    if frequent and {"BYDAY", "BYHOUR"} & set(parts):
        text += f", {schedule.time_zone or 'UTC'}"
    if schedule.run_at is not None and not frequent:
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(schedule.time_zone) if schedule.time_zone else schedule.run_at.tzinfo
        start = schedule.run_at.astimezone(zone)
        if parts["FREQ"] == "MONTHLY" and set(parts) <= {"FREQ", "INTERVAL"}:
            text += f" on day {start.day}{', or the last one' if start.day > _SHORTEST_MONTH else ''}"
        text += f" at {start:%H:%M} {schedule.time_zone or 'UTC'}"
    if schedule.excluded:
        text += f", not on {_listed([_NAMES.get(day, day) for day in schedule.excluded])}"
    return text


def _rule_text(parts: dict[str, str]) -> str:
    unit = next((name for rule, name in _UNITS.values() if rule == parts["FREQ"]), "")
    if not unit:
        return ""
    number = int(parts.get("INTERVAL", "1"))
    text = f"every {unit}" if number == 1 else f"every {number} {unit}s"
    if "BYMONTHDAY" in parts:
        days = parts["BYMONTHDAY"].split(",")
        if "BYDAY" in parts or ("BYSETPOS" in parts and parts["BYSETPOS"] != "-1"):
            return ""
        if days == ["-1"]:
            return f"{text} on the last day"
        if "BYSETPOS" in parts:
            return f"{text} on day {days[-1]}, or the last one"
        return f"{text} on day {_listed(days)}"
    if "BYSETPOS" in parts:
        return ""
    if "BYDAY" in parts:
        days = []
        for item in parts["BYDAY"].split(","):
            place, day = item[:-2], item[-2:]
            if day not in _NAMES or (place and int(place) not in _ORDINALS):
                return ""
            days.append(f"the {_ORDINALS[int(place)]} {_NAMES[day]}" if place else _NAMES[day])
        text += f" on {_listed(days)}"
    return text


def _days(text: str) -> list[str]:
    found = [word.strip().upper()[:2] for word in text.split(",")]
    if not found or not set(found) <= set(DAYS):
        raise ValueError("one or more of MO, TU, WE, TH, FR, SA and SU, divided by commas")
    return list(dict.fromkeys(found))


def _listed(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
