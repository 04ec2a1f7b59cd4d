"""Arithmetic of a time axis: spans, zooming, ticks, and marks too near to each other. Qt-free.

Times are seconds since 1970; positions are logical pixels from the left end.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

LEAST_S = 1.0
_STEPS_S = (0.1, 0.5, 1, 5, 15, 30, 60, 300, 900, 1800, 3600, 3 * 3600, 6 * 3600, 12 * 3600)
_DAY_S = 86_400.0
_DAYS = (1, 2, 7, 14, 28, 91, 182, 364)


@dataclass(frozen=True, slots=True)
class Span:
    """What an axis of `width` pixels shows."""

    since: float
    until: float
    width: float

    @property
    def seconds(self) -> float:
        """How much time it shows."""
        return self.until - self.since

    def x(self, at: float) -> float:
        """Where a time is."""
        return (at - self.since) / self.seconds * self.width

    def at(self, x: float) -> float:
        """Which time a position is."""
        return self.since + x / self.width * self.seconds

    def moved(self, seconds: float, first: float, last: float) -> Span:
        """As much time, later by `seconds`, but within `first` and `last`."""
        shift = max(first - self.since, min(seconds, last - self.until))
        return Span(self.since + shift, self.until + shift, self.width)

    def zoomed(self, factor: float, x: float, first: float, last: float) -> Span:
        """`factor` times as much time around the time at `x`, within `first` and `last`."""
        seconds = max(LEAST_S, min(self.seconds * factor, last - first))
        since = self.at(x) - seconds * x / self.width
        since = max(first, min(since, last - seconds))
        return Span(since, since + seconds, self.width)


@dataclass(frozen=True, slots=True)
class Tick:
    """A line of the axis with its words; `strong`: a day begins."""

    at: float
    text: str
    strong: bool = False


def ticks(span: Span, gap: float, zone: tzinfo | None = None) -> list[Tick]:
    """Lines at round local times, at least `gap` pixels apart. Days begin by the calendar."""
    least = gap / span.width * span.seconds
    step = next((s for s in _STEPS_S if s >= least), 0.0)
    if not step:
        return _days(span, least / _DAY_S, zone)
    found: list[Tick] = []
    first = _local(span.since, zone)
    midnight = first.replace(hour=0, minute=0, second=0, microsecond=0)
    while midnight.timestamp() <= span.until:
        following = midnight.replace(tzinfo=None) + timedelta(days=1)
        following = following.replace(tzinfo=zone) if zone is not None else following.astimezone()
        begins, ends = midnight.timestamp(), following.timestamp()
        number = max(0, int((span.since - begins) // step))
        while (at := begins + number * step) < ends and at <= span.until:
            if at >= span.since:
                found.append(Tick(at, _words(_local(at, zone), step), strong=number == 0))
            number += 1
        midnight = following
    return found


def _days(span: Span, least: float, zone: tzinfo | None) -> list[Tick]:
    step = next((days for days in _DAYS if days >= least), _DAYS[-1])
    day = _local(span.since, zone).date()
    day += timedelta(days=-day.toordinal() % step)
    found: list[Tick] = []
    while True:
        begins = datetime(day.year, day.month, day.day, tzinfo=zone)
        at = begins.timestamp()
        if at > span.until:
            return found
        if at >= span.since:
            text = f"{day:%Y}" if step >= _DAYS[-1] else f"{day.day} {day:%b}"
            found.append(Tick(at, text, strong=day.day == 1))
        day += timedelta(days=step)


def _words(at: datetime, step: float) -> str:
    if not (at.hour or at.minute or at.second or at.microsecond):
        return f"{at.day} {at:%b}"
    if step < 1:
        return f"{at:%H:%M:%S}.{at.microsecond // 100_000}"
    return f"{at:%H:%M:%S}" if step < 60 else f"{at:%H:%M}"


def _local(at: float, zone: tzinfo | None) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone(zone)


def clusters(positions: Sequence[float], gap: float) -> list[tuple[int, int]]:
    """(first, after last) of runs of sorted positions that are less than `gap` apart from the run's first."""
    found: list[tuple[int, int]] = []
    start = 0
    for number, x in enumerate(positions):
        if number and x - positions[start] >= gap:
            found.append((start, number))
            start = number
    if positions:
        found.append((start, len(positions)))
    return found
