from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from app.jobs.scheduler import check, next_run
from app.model import recurrence
from app.model.job import Schedule
from app.model.rotation import Rotation, RotationKind, RotationScheme, day_of, pools_of

START = datetime(2026, 1, 31, 2, tzinfo=UTC)


def runs(rule: str, count: int, *, start: datetime = START, excluded: tuple[str, ...] = ()) -> list[str]:
    schedule = Schedule(start, rule, excluded=excluded)
    check(schedule)
    found, at = [], start
    for _ in range(count):
        following = next_run(schedule, at, start)
        assert following is not None
        found.append(f"{following:%m-%d %H:%M}")
        at = following
    return found


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (recurrence.every("15m"), ["01-31 02:15", "01-31 02:30"]),
        (recurrence.every("2 hours"), ["01-31 04:00", "01-31 06:00"]),
        (recurrence.every("3d"), ["02-03 02:00", "02-06 02:00"]),
        (recurrence.every("2w"), ["02-14 02:00", "02-28 02:00"]),
        (recurrence.on_days("mo,Thu"), ["02-02 02:00", "02-05 02:00"]),
        (recurrence.on_weeks("1,last", "SU"), ["02-01 02:00", "02-22 02:00"]),
        (recurrence.on_day_of_month("31"), ["02-28 02:00", "03-31 02:00", "04-30 02:00"]),
        (recurrence.on_day_of_month("last"), ["02-28 02:00", "03-31 02:00"]),
        (recurrence.on_day_of_month("15"), ["02-15 02:00", "03-15 02:00"]),
    ],
)
def test_rules_in_words_run_when_they_say(rule: str, expected: list[str]):
    assert runs(rule, len(expected)) == expected


def test_excluded_weekdays_and_dates_have_no_runs():
    excluded = recurrence.excluded_days("sa,SU,2026-02-03")
    assert runs("FREQ=DAILY", 3, excluded=excluded) == ["02-02 02:00", "02-04 02:00", "02-05 02:00"]
    assert runs("FREQ=MINUTELY", 1, excluded=excluded) == ["02-02 00:00"]


@pytest.mark.parametrize("text", ["0m", "5", "m", "5 years", "99999d", "-1d"])
def test_intervals_that_are_none_are_refused(text: str):
    with pytest.raises(ValueError, match="every"):
        recurrence.every(text)


@pytest.mark.parametrize("text", ["", "0", "32", "1.5", "first"])
def test_days_of_the_month_that_are_none_are_refused(text: str):
    with pytest.raises(ValueError, match="1 to 31"):
        recurrence.on_day_of_month(text)


@pytest.mark.parametrize(
    ("schedule", "text"),
    [
        (Schedule(), "once"),
        (Schedule(repeat="FREQ=MINUTELY;INTERVAL=15"), "every 15 minutes"),
        (
            Schedule(START, recurrence.on_days("MO,FR"), "Europe/Berlin", excluded=("2026-12-25",)),
            "every week on Monday and Friday at 03:00 Europe/Berlin, not on 2026-12-25",
        ),
        (
            Schedule(START, recurrence.on_day_of_month("31")),
            "every month on day 31, or the last one at 02:00 UTC",
        ),
        (Schedule(START, recurrence.on_weeks("last", "SU")), "every month on the last Sunday at 02:00 UTC"),
        (
            Schedule(START, "FREQ=MONTHLY;INTERVAL=2"),
            "every 2 months on day 31, or the last one at 02:00 UTC",
        ),
        (
            Schedule(START, "FREQ=HOURLY;INTERVAL=3;BYDAY=SA", "Europe/Berlin"),
            "every 3 hours on Saturday, Europe/Berlin",
        ),
        (Schedule(repeat="FREQ=YEARLY;BYEASTER=1"), "by the rule FREQ=YEARLY;BYEASTER=1"),
    ],
)
def test_a_schedule_reads_as_people_say_it(schedule: Schedule, text: str):
    assert recurrence.describe(schedule) == text


def working_day(day: date) -> bool:
    return day.weekday() < 5


@pytest.mark.parametrize(
    ("day", "kind", "name"),
    [
        (date(2005, 11, 1), RotationKind.DAILY, "F-TP-TUE-11/01/05"),
        (date(2005, 11, 4), RotationKind.WEEKLY, "F-TP-FRI-11/04/05"),
        (date(2005, 11, 30), RotationKind.MONTHLY, "F-TP-WED-11/30/05"),
        (date(2006, 3, 31), RotationKind.MONTHLY, "F-TP-FRI-03/31/06"),
        (date(2006, 4, 28), RotationKind.MONTHLY, "F-TP-FRI-04/28/06"),
    ],
)
def test_the_last_backup_of_a_week_or_month_takes_media_of_its_own(day: date, kind: RotationKind, name: str):
    found = day_of(Rotation(RotationScheme.GFS, "TP"), day, working_day)
    pools = {RotationKind.DAILY: "TP_DLY", RotationKind.WEEKLY: "TP_WLY", RotationKind.MONTHLY: "TP_MLY"}
    assert (found.kind, found.media_name, found.pool) == (kind, name, pools[kind])


def test_daily_backups_that_append_share_the_media_of_their_week():
    rotation = Rotation(RotationScheme.GFS, "TP", append=True)
    names = {day_of(rotation, date(2005, 11, day), working_day).media_name for day in (7, 8, 9, 10)}
    assert names == {"A-TP-MON-11/07/05"}


def test_the_pools_keep_what_the_scheme_says():
    pools = {
        one.name: (one.retention_days, one.minimum_save)
        for one in pools_of(Rotation(RotationScheme.GFS, "P"))
    }
    assert pools == {"P_DLY": (6, 4), "P_WLY": (35, 5), "P_MLY": (343, 12)}
    assert pools_of(Rotation(RotationScheme.GFS_SEVEN_DAY, "P"))[0].retention_days == 8
    assert pools_of(Rotation(RotationScheme.FIVE_DAY, "P")) == ()


@pytest.mark.parametrize("prefix", ["", "A_B", "A-B", " A", "x" * 21, "a/b"])
def test_a_prefix_that_would_divide_a_name_is_refused(prefix: str):
    with pytest.raises(ValueError, match="prefix"):
        Rotation(RotationScheme.GFS, prefix)
