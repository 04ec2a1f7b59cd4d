"""The throughput of a running job: rates from its figures, for the job that is looked at alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from app.model.job import JobProgress
from app.ui.job_status.throughput import WINDOW_S, Rates, Throughput
from tests.support.memory_services import now

START = now()


def figures(seconds: float, read: int, stored: int = 0) -> JobProgress:
    return JobProgress(read_bytes=read, stored_bytes=stored, updated_at=START + timedelta(seconds=seconds))


def test_rates_are_differences_over_two_seconds_at_least():
    rates = Rates()
    assert not rates.add(1, figures(0, 0))
    assert not rates.add(1, figures(1, 500))
    assert rates.add(1, figures(2, 2000, 1000))
    assert rates.add(1, figures(6, 2000, 1000))
    assert [(point.read, point.stored) for point in rates.points] == [(1000.0, 500.0), (0.0, 0.0)]


def test_another_job_and_a_run_that_begins_again_begin_anew():
    rates = Rates()
    rates.add(1, figures(0, 0))
    rates.add(1, figures(2, 100))
    assert not rates.add(1, figures(4, 50))
    assert rates.add(1, figures(6, 150))
    assert [point.read for point in rates.points] == [50.0, 50.0]
    assert not rates.add(2, figures(8, 10_000))
    assert not rates.points
    assert not rates.add(2, JobProgress())


def test_only_the_last_quarter_of_an_hour_is_kept():
    rates = Rates()
    for second in range(0, 2000, 2):
        rates.add(1, figures(second, second))
    assert rates.points[-1].at - rates.points[0].at <= WINDOW_S


@pytest.mark.parametrize("points", [2, 40])
def test_the_chart_is_drawn_and_says_what_it_shows(qtbot, settled, points):
    chart = Throughput()
    qtbot.addWidget(chart)
    chart.resize(400, 72)
    chart.show_progress(1, figures(0, 0))
    assert not chart.isVisible()
    for number in range(1, points + 1):
        chart.show_progress(1, figures(number * 2, number * 2_000_000, number * 1_000_000))
    assert chart.isVisible()
    settled()
    assert not chart.grab().isNull()
    assert chart.accessibleName() == "Throughput: Reads 977 KB/s, stores 488 KB/s, read at most 977 KB/s"
    chart.show_progress(1, None)
    assert not chart.isVisible()
