"""How long a running job still takes, by the speed of its last minute: a range, as it is a guess. Qt-free."""

from __future__ import annotations

from app.model.job import JobPhase, JobProgress
from app.ui import formats
from app.ui.job_status.throughput import Rates

_LOOKED_AT_S = 60.0
_LEAST_POINTS = 5
_LOW, _HIGH = 0.2, 0.8
_TOO_WIDE = 4.0


def time_left(rates: Rates, job_id: int, progress: JobProgress | None) -> str:
    """`2-4 min left` in words, or "" where nothing is counted or too little is known."""
    if progress is None or rates.job != job_id or progress.phase not in (JobPhase.BACK_UP, JobPhase.RESTORE):
        return ""
    left = (progress.bytes_total or 0) - progress.read_bytes
    if left <= 0 or progress.waits_for or len(rates.points) < _LEAST_POINTS:
        return ""
    newest = rates.points[-1].at
    speeds = sorted(point.read for point in rates.points if point.at > newest - _LOOKED_AT_S)
    if len(speeds) < _LEAST_POINTS:
        return ""
    slow, fast = (speeds[round((len(speeds) - 1) * share)] for share in (_LOW, _HIGH))
    if fast <= 0:
        return ""
    soonest = left / fast
    if slow <= 0 or fast / slow > _TOO_WIDE:
        return f"more than {formats.duration(soonest)} left" if soonest >= _LOOKED_AT_S else ""
    return f"{_range(soonest, left / slow)} left"


def _range(least: float, most: float) -> str:
    if most < 60:
        return "less than a minute"
    low, high = max(1, round(least / 60)), round(most / 60)
    if high < 60:
        return f"{low} min" if low == high else f"{low}–{high} min"  # noqa: RUF001 - a range of numbers
    first, last = formats.duration(least), formats.duration(most)
    return first if first == last else f"{first} to {last}"
