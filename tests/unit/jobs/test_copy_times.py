"""When sessions of a staging group are due: delays, times of day, days of the week, changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from app.jobs.copy_times import due_at, written_by, zone_of
from app.model.staging import CopyWhen, StagingPolicy


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def daily(clock: str, days: str = "", zone: str = "") -> StagingPolicy:
    return StagingPolicy("A", "B", copy_when=CopyWhen.AT, copy_at=clock, copy_days=days, time_zone=zone)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        ("2026-03-02 21:59:59", "2026-03-01 22:00"),
        ("2026-03-02 22:00", "2026-03-02 22:00"),
        ("2026-03-03 00:00", "2026-03-02 22:00"),
    ],
)
def test_what_ended_before_the_last_time_of_day_is_due(now: str, due: str) -> None:
    assert written_by(daily("22:00"), at(now)) == at(due)


def test_a_session_of_the_very_time_is_copied_then_and_a_later_one_the_next_time() -> None:
    assert due_at(daily("22:00"), at("2026-03-02 22:00")) == at("2026-03-02 22:00")
    assert due_at(daily("22:00"), at("2026-03-02 22:00:01")) == at("2026-03-03 22:00")


def test_only_some_days_of_the_week() -> None:
    weekly = daily("22:00", "SA")
    assert due_at(weekly, at("2026-03-01 23:00")) == at("2026-03-07 22:00")
    assert written_by(weekly, at("2026-03-07 21:00")) == at("2026-02-28 22:00")
    assert due_at(daily("22:00", "MO,WE"), at("2026-03-02 23:00")) == at("2026-03-04 22:00")


@pytest.mark.parametrize(
    ("clock", "finished", "due"),
    [
        ("02:30", "2026-03-28 12:00", "2026-03-29 01:30"),  # skipped: an hour later
        ("02:30", "2026-03-29 12:00", "2026-03-30 00:30"),
        ("02:30", "2026-10-24 12:00", "2026-10-25 00:30"),  # twice: the first time
        ("02:30", "2026-10-25 00:45", "2026-10-26 01:30"),
        ("12:00", "2026-10-25 00:45", "2026-10-25 11:00"),
    ],
)
def test_the_wall_clock_counts_across_changes_of_clocks(clock: str, finished: str, due: str) -> None:
    assert due_at(daily(clock, zone="Europe/Berlin"), at(finished)) == at(due)


def test_each_due_time_is_one_by_which_it_was_written() -> None:
    for policy in (daily("02:30", zone="Europe/Berlin"), daily("23:59", "SU"), StagingPolicy("A", "B", 90)):
        for hour in range(0, 24 * 3, 5):
            finished = datetime.fromtimestamp(at("2026-03-27 00:00").timestamp() + hour * 3600, UTC)
            due = due_at(policy, finished)
            assert due is not None
            by = written_by(policy, due)
            assert by is not None
            assert finished <= by <= due


def test_time_alone_makes_nothing_due_that_is_copied_before_its_purge_or_never() -> None:
    policy = StagingPolicy("A", "B", copy_when=CopyWhen.BEFORE_PURGE, purge_after_days=2)
    assert written_by(policy, at("2026-03-02 00:00")) is None
    assert due_at(policy, at("2026-03-02 00:00")) == at("2026-03-04 00:00")
    never = StagingPolicy("A", "", copy_when=CopyWhen.NEVER, purge_after_days=2)
    assert written_by(never, at("2026-03-02 00:00")) is None
    assert due_at(never, at("2026-03-02 00:00")) is None


def test_an_unknown_time_zone_is_told() -> None:
    with pytest.raises(ValueError, match="Moon"):
        zone_of(daily("22:00", zone="Moon/Base"))
