"""What the charts of a scenario show, and what is kept for them."""

from __future__ import annotations

import math
from dataclasses import replace

from pytestqt.qtbot import QtBot

from app.ui.xosoft.charts import Chart, time_ticks, value_ticks
from app.ui.xosoft.history import WINDOW_SECONDS, History
from tests.support.memory_services import sample_statuses

MB = 1024**2


def filled(seconds, *, step=0.5, skip=lambda _at: False):
    history, status = History(), sample_statuses()[0]
    status = replace(status, captured_bytes=0, replicas=(replace(status.replicas[0], changed_bytes=0),))
    for number in range(int(seconds / step)):
        at = number * step
        if not skip(at):
            history.add(replace(status, captured_bytes=int(at * MB)), at)
    return history, status.scenario.id


def test_a_whole_day_is_kept_in_few_samples_and_its_rates_stay_right():
    history, number = filled(24 * 3600)
    samples = history.samples(number)
    assert len(samples) < 2_000
    assert samples[-1].at - samples[0].at <= WINDOW_SECONDS + 120
    found = history.series(number, 24 * 3600.0)
    assert found.times[0] < -WINDOW_SECONDS * 0.95
    assert all(abs(rate - 1.0) < 0.01 for rate in found.captured)
    assert len(history.series(number, 24 * 3600.0, 120.0).times) > 200


def test_gaps_stay_gaps_when_samples_are_thinned():
    history, number = filled(4000, skip=lambda at: 1000 <= at < 1100)
    found = history.series(number, 4000.0)
    blank = [time for time, rate in zip(found.times, found.captured, strict=True) if math.isnan(rate)]
    assert blank == [1100 - 4000.0]


def test_marks_are_round_and_few():
    assert time_ticks(120) == [(0, "now"), (-30, "-30 s"), (-60, "-60 s"), (-90, "-90 s")]
    assert [word for _, word in time_ticks(900)] == ["now", "-5 min", "-10 min"]
    assert [word for _, word in time_ticks(6 * 3600)] == ["now", "-2 h", "-4 h"]
    assert [value for value, _ in value_ticks(1.0)] == [0, 0.25, 0.5, 0.75, 1.0]
    assert [word for _, word in value_ticks(3600 * 1.15)][-1] == "4,000"
    for top in (0.013, 1, 7, 99, 12_345):
        assert 2 <= len(value_ticks(top)) <= 5


def test_a_moment_without_a_value_is_said_as_none(qtbot: QtBot) -> None:
    chart = Chart("Lag", "seconds", (("Largest", "replica"),))
    qtbot.addWidget(chart)
    chart.show_series(60.0, [-1.0, 0.0], [2.0, math.nan])
    assert chart.accessibleName() == "Lag in seconds: no value yet"
    chart.show_series(60.0, [-1.0, 0.0], [math.nan, 2.0])
    assert chart.accessibleName() == "Lag in seconds: Largest 2.00"
