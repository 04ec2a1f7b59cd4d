"""The times that are offered to suspend a scenario until. Qt-free."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

_MORNING = 6
_FIRST = ((15, "For 15 minutes"), (60, "For 1 hour"), (240, "For 4 hours"))


def offered_times(now: datetime) -> Sequence[tuple[str, datetime]]:
    """What the menu offers at `now` (a local time with its zone): words and the moment."""
    morning = now.replace(hour=_MORNING, minute=0, second=0, microsecond=0)
    if morning <= now:
        morning += timedelta(days=1)
    day = "tomorrow" if morning.date() != now.date() else "today"
    offers = [(words, now + timedelta(minutes=minutes)) for minutes, words in _FIRST]
    return [*offers, (f"Until {day} {_MORNING:02}:00", morning)]
