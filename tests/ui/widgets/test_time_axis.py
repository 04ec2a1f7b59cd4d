from __future__ import annotations

import itertools
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from app.ui.widgets.time_axis import Span, clusters, ticks

HOUR = 3600.0
DAY = 86_400.0
MIDNIGHT = datetime(2026, 3, 2, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("seconds", "texts"),
    [
        (0.5, ["2 Mar", "00:00:00.1", "00:00:00.2", "00:00:00.3", "00:00:00.4", "00:00:00.5"]),
        (60.0, ["2 Mar", "00:00:15", "00:00:30", "00:00:45", "00:01:00"]),
        (6 * HOUR, ["2 Mar", "01:00", "02:00", "03:00", "04:00", "05:00", "06:00"]),
        (3 * DAY, ["2 Mar", "12:00", "3 Mar", "12:00", "4 Mar", "12:00", "5 Mar"]),
    ],
)
def test_ticks_are_at_round_times(seconds, texts):
    assert [tick.text for tick in ticks(Span(MIDNIGHT, MIDNIGHT + seconds, 600.0), 80.0, UTC)] == texts


@pytest.mark.parametrize("days", [0.01, 1.0, 20.0, 200.0, 4000.0])
def test_ticks_keep_apart_and_inside(days):
    span = Span(MIDNIGHT + 1234.5, MIDNIGHT + 1234.5 + days * DAY, 900.0)
    places = [span.x(tick.at) for tick in ticks(span, 80.0, UTC)]
    assert places
    assert all(0 <= x <= 900 for x in places)
    assert all(after - before >= 79.9 for before, after in itertools.pairwise(places))


def test_days_begin_at_local_midnight_when_the_clock_changes():
    berlin = ZoneInfo("Europe/Berlin")
    since = datetime(2026, 3, 28, tzinfo=berlin).timestamp()
    strong = [tick.at for tick in ticks(Span(since, since + 2.9 * DAY, 900.0), 80.0, berlin) if tick.strong]
    assert [datetime.fromtimestamp(at, berlin).hour for at in strong] == [0, 0, 0]
    assert [round((b - a) / HOUR) for a, b in itertools.pairwise(strong)] == [24, 23]


def test_zooming_keeps_the_time_under_the_pointer():
    span = Span(0.0, 1000.0, 500.0)
    closer = span.zoomed(0.5, 100.0, 0.0, 1000.0)
    assert closer.at(100.0) == pytest.approx(span.at(100.0))
    assert closer.seconds == 500.0


def test_nothing_is_shown_beyond_the_ends():
    assert Span(100.0, 200.0, 10.0).moved(1e9, 0.0, 1000.0).until == 1000.0
    assert Span(100.0, 200.0, 10.0).moved(-1e9, 0.0, 1000.0).since == 0.0
    wide = Span(900.0, 1000.0, 10.0).zoomed(1e9, 9.0, 0.0, 1000.0)
    assert (wide.since, wide.until) == (0.0, 1000.0)
    assert Span(0.0, 1000.0, 10.0).zoomed(1e-9, 5.0, 0.0, 1000.0).seconds == pytest.approx(1.0)


def test_what_is_near_is_taken_together():
    assert clusters([], 8) == []
    assert clusters([1.0, 3.0, 8.9, 9.0, 30.0], 8) == [(0, 3), (3, 4), (4, 5)]
