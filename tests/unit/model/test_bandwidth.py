"""The bandwidth limit by hour of the week as text, and back."""

import random

import pytest

from app.model.bandwidth import BandwidthSchedule, clean_bandwidth, format_bandwidth, parse_bandwidth
from app.model.properties import property_value


def test_rules_name_days_hours_and_kbps() -> None:
    schedule = parse_bandwidth("mon-fri 08-18 2048; sat,sun 00-24 512")
    assert schedule.at(0, 7) == 0
    assert schedule.at(0, 8) == 2048
    assert schedule.at(4, 17) == 2048
    assert schedule.at(4, 18) == 0
    assert schedule.at(5, 0) == schedule.at(6, 23) == 512
    assert format_bandwidth(schedule) == "mon-fri 08-18 2048; sat,sun 00-24 512"


def test_nothing_said_is_unlimited() -> None:
    assert parse_bandwidth("").unlimited
    assert format_bandwidth(BandwidthSchedule()) == ""


def test_later_rules_win_and_zero_is_unlimited_again() -> None:
    schedule = parse_bandwidth("daily 00-24 100; mon 12-13 0")
    assert schedule.at(0, 12) == 0
    assert schedule.at(1, 12) == 100


def test_days_may_run_over_the_end_of_the_week() -> None:
    assert clean_bandwidth("sat-mon 00-24 5") == "mon,sat,sun 00-24 5"


def test_what_is_written_is_read_as_the_same_schedule() -> None:
    chance = random.Random(7)
    for _ in range(100):
        cells = tuple(chance.choice((0, 0, 0, 64, 512, 100_000_000)) for _ in range(168))
        schedule = BandwidthSchedule(cells)
        assert parse_bandwidth(format_bandwidth(schedule)) == schedule


@pytest.mark.parametrize(
    "text",
    [
        "2048",
        "mon 08-18",
        "mon 8 2048",
        "mon 18-08 2048",
        "mon 08-25 1",
        "moon 08-18 1",
        "mon- 08-18 1",
        "mon 08-18 -1",
        "mon 08-18 1e3",
        "mon 08-18 \u0663",
        "mon 08-18 99999999999",
        "mon 08-18 1 2",
    ],
)
def test_what_is_no_schedule_is_refused_with_what_is(text: str) -> None:
    with pytest.raises(ValueError):
        parse_bandwidth(text)
    with pytest.raises(ValueError):
        property_value("bandwidth", text)


def test_the_property_keeps_the_usual_form() -> None:
    assert property_value("bandwidth", " SUN 00-24  512 ;; ") == "sun 00-24 512"


def test_a_schedule_has_exactly_the_hours_of_a_week() -> None:
    with pytest.raises(ValueError):
        BandwidthSchedule((1,) * 167)
