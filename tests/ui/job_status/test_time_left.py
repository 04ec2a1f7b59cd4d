"""The time left of a job is a range from the speeds of its last minute, or nothing where little is known."""

from __future__ import annotations

import pytest

from app.model.job import JobPhase, JobProgress
from app.ui.job_status.throughput import Rate, Rates
from app.ui.job_status.time_left import time_left

MB = 1 << 20


def rates(*speeds: float, job: int = 7) -> Rates:
    made = Rates()
    made.job = job
    made.points.extend(Rate(1000.0 + 2 * at, speed, 0.0) for at, speed in enumerate(speeds))
    return made


def progress(left: float, phase: JobPhase = JobPhase.BACK_UP, **more: object) -> JobProgress:
    return JobProgress(phase=phase, read_bytes=MB, bytes_total=MB + int(left), **more)


@pytest.mark.parametrize(
    ("speeds", "left", "said"),
    [
        ((1.0,) * 10, 120, "2 min left"),
        ((1.0, 1.0, 1.0, 2.0, 2.0, 2.0), 240, "2–4 min left"),  # noqa: RUF001 - a range of numbers
        ((4.0,) * 9, 100, "less than a minute left"),
        ((1.0, 1.0, 1.0, 9.0, 9.0, 9.0), 900, "more than 2 min left"),
        ((0.0, 0.0, 0.0, 1.0, 1.0, 1.0), 30, ""),
        ((0.0,) * 9, 900, ""),
        ((1.0,) * 4, 900, ""),
        ((1.0,) * 10, 3 * 3600, "3 h left"),
    ],
)
def test_the_range_comes_from_slow_and_fast_moments(speeds, left, said):
    assert time_left(rates(*speeds), 7, progress(left)) == said


def test_only_the_last_minute_counts():
    old, new = [100.0] * 40, [1.0] * 40
    assert time_left(rates(*old, *new), 7, progress(120)) == "2 min left"


def test_nothing_is_said_of_what_is_not_counted_waits_or_is_another_job():
    known = rates(*(1.0,) * 10)
    assert time_left(known, 8, progress(120)) == ""
    assert time_left(known, 7, None) == ""
    assert time_left(known, 7, progress(120, JobPhase.VERIFY)) == ""
    assert time_left(known, 7, progress(120, waits_for="media")) == ""
    assert time_left(known, 7, JobProgress(phase=JobPhase.BACK_UP, read_bytes=5)) == ""
