from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from app.jobs.scheduler import check, first_run, missed_runs, next_run
from app.model.errors import UsageError
from app.model.job import Schedule

BERLIN = ZoneInfo("Europe/Berlin")


def utc(*numbers: int) -> datetime:
    return datetime(*numbers, tzinfo=UTC)  # type: ignore[arg-type,misc]


def nightly(hour: int, minute: int = 0) -> Schedule:
    start = datetime(2026, 3, 1, hour, minute, tzinfo=BERLIN)
    return Schedule(run_at=start, repeat="FREQ=DAILY", time_zone="Europe/Berlin")


def test_a_daily_run_keeps_its_time_on_the_wall_across_both_changes_of_clocks():
    assert next_run(nightly(4), utc(2026, 3, 27, 12), utc(2026, 3, 1)) == utc(2026, 3, 28, 3)
    assert next_run(nightly(4), utc(2026, 3, 28, 12), utc(2026, 3, 1)) == utc(2026, 3, 29, 2)
    assert next_run(nightly(4), utc(2026, 10, 24, 12), utc(2026, 3, 1)) == utc(2026, 10, 25, 3)


def test_a_time_that_the_clocks_skip_is_taken_once_an_hour_later():
    after = utc(2026, 3, 28, 12)
    first = next_run(nightly(2, 30), after, utc(2026, 3, 1))
    assert first == utc(2026, 3, 29, 1, 30)
    assert next_run(nightly(2, 30), first, utc(2026, 3, 1)) == utc(2026, 3, 30, 0, 30)


def test_a_time_that_occurs_twice_is_taken_once():
    first = next_run(nightly(2, 30), utc(2026, 10, 24, 12), utc(2026, 3, 1))
    assert first == utc(2026, 10, 25, 0, 30)
    assert next_run(nightly(2, 30), first, utc(2026, 3, 1)) == utc(2026, 10, 26, 1, 30)


def test_hourly_runs_count_real_hours_over_the_change():
    schedule = Schedule(
        run_at=datetime(2026, 10, 24, 12, tzinfo=BERLIN),
        repeat="FREQ=HOURLY;INTERVAL=6",
        time_zone="Europe/Berlin",
    )
    at, seen = utc(2026, 10, 24, 10), []
    for _ in range(5):
        following = next_run(schedule, at, at)
        assert following is not None
        seen.append(following - at)
        at = following
    assert set(seen) == {timedelta(hours=6)}


def test_after_sleep_one_run_is_caught_up_and_the_next_lies_ahead():
    schedule = nightly(4)
    due, now = utc(2026, 5, 1, 2), utc(2026, 5, 11, 12)
    assert missed_runs(schedule, due, now) == 10
    following = next_run(schedule, now, utc(2026, 3, 1))
    assert following == utc(2026, 5, 12, 2)


def test_minutely_rules_far_from_their_start_are_found_at_once():
    schedule = Schedule(run_at=utc(2000, 1, 1), repeat="FREQ=MINUTELY;INTERVAL=15")
    assert next_run(schedule, utc(2026, 5, 1, 10, 7), utc(2000, 1, 1)) == utc(2026, 5, 1, 10, 15)


def test_a_counted_rule_ends():
    schedule = Schedule(run_at=utc(2026, 1, 1), repeat="FREQ=DAILY;COUNT=2")
    assert next_run(schedule, utc(2026, 1, 1), utc(2026, 1, 1)) == utc(2026, 1, 2)
    assert next_run(schedule, utc(2026, 1, 2), utc(2026, 1, 1)) is None


def test_until_in_utc_ends_a_rule_of_another_zone():
    schedule = Schedule(nightly(4).run_at, "FREQ=DAILY;UNTIL=20260303T030000Z", "Europe/Berlin")
    assert next_run(schedule, utc(2026, 3, 2, 12), utc(2026, 3, 1)) == utc(2026, 3, 3, 3)
    assert next_run(schedule, utc(2026, 3, 3, 3), utc(2026, 3, 1)) is None


def test_no_rule_means_no_next_run_and_now_for_the_first():
    assert next_run(Schedule(), utc(2026, 1, 1), utc(2026, 1, 1)) is None
    assert first_run(Schedule(), utc(2026, 1, 1)) == utc(2026, 1, 1)


@pytest.mark.parametrize(
    ("schedule", "code"),
    [
        (Schedule(repeat="every day"), "E5110"),
        (Schedule(repeat="FREQ=SECONDLY"), "E5110"),
        (Schedule(repeat="FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30"), "E5110"),
        (Schedule(repeat="FREQ=DAILY;INTERVAL=0"), "E5110"),
        (Schedule(repeat="FREQ=WEEKLY;BYDAY=XX"), "E5110"),
        (Schedule(repeat="FREQ=DAILY;FREQ=DAILY"), "E5110"),
        (Schedule(repeat="FREQ=DAILY", time_zone="Europe/Nowhere"), "E5111"),
        (Schedule(run_at=datetime(2026, 1, 1)), "E5112"),  # noqa: DTZ001
        (Schedule(repeat="FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30"), "E5113"),
        (Schedule(repeat="FREQ=MINUTELY;BYHOUR=24"), "E5110"),
        (Schedule(repeat="FREQ=HOURLY;BYDAY=1MO"), "E5110"),
        (Schedule(repeat="FREQ=HOURLY;UNTIL=soon"), "E5110"),
        (Schedule(repeat="FREQ=DAILY;COUNT=1000000"), "E5110"),
        (Schedule(repeat="FREQ=MINUTELY;BYMINUTE=99"), "E5110"),
        (Schedule(utc(2030, 1, 1), "FREQ=MINUTELY;INTERVAL=2;BYMINUTE=1"), "E5113"),
        (Schedule(utc(2020, 1, 1), "FREQ=DAILY;COUNT=3"), "E5113"),
        (Schedule(repeat="FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"), "E5113"),
        (Schedule(repeat="FREQ=DAILY;BYMONTHDAY=32"), "E5113"),
        (Schedule(utc(1, 1, 1), "FREQ=DAILY"), "E5703"),
        (Schedule(repeat="FREQ=DAILY;BYSETPOS=2"), "E5110"),
        (Schedule(repeat="FREQ=MONTHLY;BYMONTHDAY=x"), "E5110"),
    ],
)
def test_schedules_that_can_not_be_followed_are_refused(schedule: Schedule, code: str):
    with pytest.raises(UsageError, match=code):
        check(schedule)


def runs(schedule: Schedule, after: datetime, count: int) -> list[str]:
    found, at = [], after
    for _ in range(count):
        following = next_run(schedule, at, after)
        if following is None:
            break
        found.append(following.astimezone(BERLIN).strftime("%a %d %H:%M"))
        at = following
    return found


def of_berlin(rule: str, *, hour: int = 9, excluded: tuple[str, ...] = ()) -> Schedule:
    start = datetime(2026, 6, 1, hour, tzinfo=BERLIN)
    return Schedule(start, rule, "Europe/Berlin", excluded=excluded)


@pytest.mark.parametrize(
    ("rule", "wanted"),
    [
        (
            "FREQ=MINUTELY;INTERVAL=30;BYHOUR=09,10;BYDAY=MO,TU",
            ["Mon 01 09:00", "Mon 01 09:30", "Mon 01 10:00", "Mon 01 10:30", "Tue 02 09:00", "Tue 02 09:30"],
        ),
        (
            "FREQ=HOURLY;INTERVAL=9;BYDAY=MO",
            ["Mon 01 09:00", "Mon 01 18:00", "Mon 08 03:00", "Mon 08 12:00", "Mon 08 21:00", "Mon 15 06:00"],
        ),
        (
            "FREQ=HOURLY;BYHOUR=22,23;BYMINUTE=15,45;COUNT=5",
            ["Mon 01 22:15", "Mon 01 22:45", "Mon 01 23:15", "Mon 01 23:45", "Tue 02 22:15"],
        ),
        ("FREQ=HOURLY;INTERVAL=5;UNTIL=20260601", ["Mon 01 09:00", "Mon 01 14:00", "Mon 01 19:00"]),
        ("FREQ=HOURLY;INTERVAL=5;UNTIL=20260601T140000", ["Mon 01 09:00", "Mon 01 14:00"]),
        ("FREQ=DAILY;UNTIL=20260602", ["Mon 01 09:00", "Tue 02 09:00"]),
    ],
)
def test_days_and_hours_of_a_frequent_rule_are_those_on_the_wall(rule: str, wanted: list[str]):
    assert runs(of_berlin(rule), utc(2026, 5, 31), 6) == wanted


def test_hours_on_the_wall_stay_over_the_change_of_clocks():
    found = runs(of_berlin("FREQ=MINUTELY;INTERVAL=60;BYHOUR=8"), utc(2026, 10, 24), 3)
    assert found == ["Sat 24 08:00", "Sun 25 08:00", "Mon 26 08:00"]


def test_days_left_out_count_for_a_frequent_rule_that_ends_after_so_many_runs():
    found = runs(of_berlin("FREQ=HOURLY;INTERVAL=12;COUNT=4", excluded=("2026-06-01",)), utc(2026, 5, 31), 9)
    assert found == ["Tue 02 09:00", "Tue 02 21:00"]


def test_a_monthly_run_from_the_31st_is_on_the_last_day_of_a_shorter_month():
    schedule = Schedule(datetime(2026, 1, 31, 3, tzinfo=BERLIN), "FREQ=MONTHLY", "Europe/Berlin")
    assert runs(schedule, utc(2026, 1, 1), 4) == [
        "Sat 31 03:00",
        "Sat 28 03:00",
        "Tue 31 03:00",
        "Thu 30 03:00",
    ]


def test_a_repeating_job_whose_start_is_long_ago_waits_for_its_next_time():
    assert first_run(nightly(4), utc(2026, 5, 1, 12)) == utc(2026, 5, 2, 2)
    assert first_run(nightly(4), utc(2026, 5, 1, 2, 3)) == utc(2026, 5, 1, 2)
    assert first_run(Schedule(run_at=utc(2026, 1, 1)), utc(2026, 5, 1)) == utc(2026, 1, 1)
