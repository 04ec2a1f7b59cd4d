"""Rotation schemes: which media a backup of a given day goes to.

Backups of scenarios and directories are always full, whatever an original scheme would do on that day; what
rotates is the media.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

_WEEKDAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")
_PREFIX = re.compile(r"[A-Za-z0-9 .]{1,20}")


class RotationScheme(StrEnum):
    """Working days or all days; with one media for each weekday, or with pools by day, week and month."""

    FIVE_DAY = "5-day"
    SEVEN_DAY = "7-day"
    GFS = "gfs"
    GFS_SEVEN_DAY = "gfs-7-day"

    @property
    def pools(self) -> bool:
        """Whether media come from daily, weekly and monthly pools."""
        return self in (RotationScheme.GFS, RotationScheme.GFS_SEVEN_DAY)

    @property
    def weekdays(self) -> tuple[int, ...]:
        """The days it runs on, Monday = 0."""
        five = self in (RotationScheme.FIVE_DAY, RotationScheme.GFS)
        return tuple(range(5 if five else 7))

    @property
    def rule(self) -> str:
        """Its recurrence rule."""
        days = ",".join(_WEEKDAYS[day][:2] for day in self.weekdays)
        return f"FREQ=WEEKLY;BYDAY={days}"


class RotationKind(StrEnum):
    """What the media of a day are kept as."""

    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"


@dataclass(frozen=True, slots=True)
class Rotation:
    """A scheme, the prefix of its media and pools. `append`: daily backups of a week share media."""

    scheme: RotationScheme
    prefix: str
    append: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for a prefix that is no part of a name."""
        if not _PREFIX.fullmatch(self.prefix) or self.prefix != self.prefix.strip():
            raise ValueError(
                "1 to 20 letters, digits, dots and spaces: the prefix of a rotation has no _ and no -, "
                "which divide the parts of the names"
            )


@dataclass(frozen=True, slots=True)
class RotationPool:
    """A pool of a scheme."""

    name: str
    retention_days: int
    minimum_save: int


@dataclass(frozen=True, slots=True)
class RotationDay:
    """The media of one day. `pool` "" = the scheme has none."""

    kind: RotationKind
    media_name: str
    pool: str
    append: bool


_POOL_SUFFIX = {RotationKind.DAILY: "DLY", RotationKind.WEEKLY: "WLY", RotationKind.MONTHLY: "MLY"}
_KEPT_MEDIA = {RotationKind.DAILY: 4, RotationKind.WEEKLY: 5, RotationKind.MONTHLY: 12}
_WEEKLY_DAYS = 35
_MONTHLY_DAYS = 12 * 29 - 5


def pools_of(rotation: Rotation) -> tuple[RotationPool, ...]:
    """The pools that a scheme needs, with how long and how many of their media are kept."""
    if not rotation.scheme.pools:
        return ()
    days = {
        RotationKind.DAILY: 6 if len(rotation.scheme.weekdays) == 5 else 8,
        RotationKind.WEEKLY: _WEEKLY_DAYS,
        RotationKind.MONTHLY: _MONTHLY_DAYS,
    }
    return tuple(RotationPool(_pool(rotation, kind), days[kind], _KEPT_MEDIA[kind]) for kind in RotationKind)


def day_of(rotation: Rotation, day: date, runs_on: Callable[[date], bool]) -> RotationDay:
    """The media of a backup on `day`. `runs_on`: whether the schedule has a run on a day.

    The last run of a month takes monthly media whatever the weekday, the last one of a week weekly media.
    """
    weekday = _WEEKDAYS[day.weekday()]
    if not rotation.scheme.pools:
        return RotationDay(RotationKind.DAILY, f"{rotation.prefix}-{weekday}", "", rotation.append)
    kind = _kind(day, runs_on)
    append = rotation.append and kind is RotationKind.DAILY
    first = _first_of_week(day, runs_on) if append else day
    letter = "A" if append else "F"
    name = f"{letter}-{rotation.prefix}-{_WEEKDAYS[first.weekday()]}-{first:%m/%d/%y}"
    return RotationDay(kind, name, _pool(rotation, kind), append)


def _kind(day: date, runs_on: Callable[[date], bool]) -> RotationKind:
    def last_until(end: date) -> bool:
        return not any(runs_on(day + timedelta(days=n)) for n in range(1, (end - day).days + 1))

    next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
    if last_until(next_month - timedelta(days=1)):
        return RotationKind.MONTHLY
    if last_until(day + timedelta(days=6 - day.weekday())):
        return RotationKind.WEEKLY
    return RotationKind.DAILY


def _first_of_week(day: date, runs_on: Callable[[date], bool]) -> date:
    monday = day - timedelta(days=day.weekday())
    days = (monday + timedelta(days=n) for n in range(day.weekday()))
    return next((one for one in days if runs_on(one)), day)


def _pool(rotation: Rotation, kind: RotationKind) -> str:
    return f"{rotation.prefix}_{_POOL_SUFFIX[kind]}"
