"""The bandwidth limit of a replica by hour of the week: `mon-fri 08-18 2048; sat,sun 00-24 512`.

Rules are divided by semicolons; each names days, hours (`08-18` = from 08:00 until before 18:00) and Kbps
(1,000 bits a second). Later rules win. Hours that no rule names are unlimited; `0` makes them so again.
"""

from __future__ import annotations

from dataclasses import dataclass

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
HOURS_A_DAY = 24
HOURS_A_WEEK = 168
MOST_KBPS = 100_000_000
_EVERY_DAY = "daily"
_ALLOWED = "rules such as mon-fri 08-18 2048; sat,sun 00-24 512 (days, hours, Kbps)"


@dataclass(frozen=True, slots=True)
class BandwidthSchedule:
    """Kbps for each hour of the week, Monday 00:00 first; 0 = unlimited."""

    cells: tuple[int, ...] = (0,) * HOURS_A_WEEK

    def __post_init__(self) -> None:
        if len(self.cells) != HOURS_A_WEEK or any(not 0 <= cell <= MOST_KBPS for cell in self.cells):
            raise ValueError(f"{HOURS_A_WEEK} whole numbers from 0 to {MOST_KBPS:,} Kbps")

    def at(self, weekday: int, hour: int) -> int:
        """Kbps on a day (0 = Monday) in an hour (0 to 23); 0 = unlimited."""
        return self.cells[weekday * HOURS_A_DAY + hour]

    @property
    def unlimited(self) -> bool:
        """Whether nothing is limited at any time."""
        return not any(self.cells)


def parse_bandwidth(text: str) -> BandwidthSchedule:
    """The schedule that `text` says; "" = unlimited always.

    Raises:
        ValueError: it says none; the message is what it can say.
    """
    cells = [0] * HOURS_A_WEEK
    for rule in text.lower().split(";"):
        words = rule.split()
        if not words:
            continue
        if len(words) != 3:
            raise ValueError(_ALLOWED)
        kbps = _number(words[2], 0, MOST_KBPS, f"Kbps from 0 (unlimited) to {MOST_KBPS:,}")
        first, last = _hours(words[1])
        for day in _days(words[0]):
            for hour in range(first, last):
                cells[day * HOURS_A_DAY + hour] = kbps
    return BandwidthSchedule(tuple(cells))


def format_bandwidth(schedule: BandwidthSchedule) -> str:
    """The shortest of the usual ways to say `schedule`; `parse_bandwidth` takes it."""
    by_span: dict[tuple[int, int, int], list[int]] = {}
    for day in range(len(DAYS)):
        for first, last, kbps in _spans(schedule.cells[day * HOURS_A_DAY : (day + 1) * HOURS_A_DAY]):
            by_span.setdefault((first, last, kbps), []).append(day)
    rules = [
        (days, f"{_days_text(days)} {first:02}-{last:02} {kbps}")
        for (first, last, kbps), days in by_span.items()
    ]
    return "; ".join(text for _, text in sorted(rules, key=lambda rule: rule[0][0]))


def clean_bandwidth(text: str) -> str:
    """`text` as it is kept. Raises ValueError as `parse_bandwidth`."""
    return format_bandwidth(parse_bandwidth(text))


def _spans(hours: tuple[int, ...]) -> list[tuple[int, int, int]]:
    """(first hour, hour after the last, Kbps) of each limited stretch of a day."""
    found = []
    first = 0
    for hour in range(1, HOURS_A_DAY + 1):
        if hour == HOURS_A_DAY or hours[hour] != hours[first]:
            if hours[first]:
                found.append((first, hour, hours[first]))
            first = hour
    return found


def _days_text(days: list[int]) -> str:
    if len(days) == len(DAYS):
        return _EVERY_DAY
    parts = []
    start = 0
    for position in range(1, len(days) + 1):
        if position == len(days) or days[position] != days[position - 1] + 1:
            stretch = days[start:position]
            if len(stretch) > 2:
                parts.append(f"{DAYS[stretch[0]]}-{DAYS[stretch[-1]]}")
            else:
                parts += [DAYS[day] for day in stretch]
            start = position
    return ",".join(parts)


def _days(text: str) -> list[int]:
    if text == _EVERY_DAY:
        return list(range(len(DAYS)))
    found = []
    for part in text.split(","):
        first, dash, last = part.partition("-")
        if first not in DAYS or (dash and last not in DAYS):
            raise ValueError(_ALLOWED)
        begin = DAYS.index(first)
        count = (DAYS.index(last) - begin) % len(DAYS) if dash else 0
        found += [(begin + step) % len(DAYS) for step in range(count + 1)]
    return found


def _hours(text: str) -> tuple[int, int]:
    first, dash, last = text.partition("-")
    begin = _number(first, 0, HOURS_A_DAY - 1, _ALLOWED)
    end = _number(last, 1, HOURS_A_DAY, _ALLOWED)
    if not dash or end <= begin:
        raise ValueError(f"{_ALLOWED}; a stretch over midnight is two rules")
    return begin, end


def _number(text: str, least: int, most: int, allowed: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 9 and least <= int(text) <= most):
        raise ValueError(allowed)
    return int(text)
