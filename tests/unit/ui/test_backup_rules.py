"""Repetition as people say it, as a recurrence rule, and back."""

from __future__ import annotations

import pytest

from app.model.job import Schedule
from app.model.rotation import RotationScheme
from app.ui.backup.rules import Repeat, Rule, rule_of

RULES = [
    (Rule(), ""),
    (Rule(Repeat.MINUTES, 15), "FREQ=MINUTELY;INTERVAL=15"),
    (Rule(Repeat.HOURS, 2), "FREQ=HOURLY;INTERVAL=2"),
    (Rule(Repeat.DAYS, 1), "FREQ=DAILY"),
    (Rule(Repeat.WEEKS, 3), "FREQ=WEEKLY;INTERVAL=3"),
    (Rule(Repeat.MONTHS, 2), "FREQ=MONTHLY;INTERVAL=2"),
    (Rule(Repeat.WEEKDAYS, weekdays=frozenset({4, 0})), "FREQ=WEEKLY;BYDAY=MO,FR"),
    (Rule(Repeat.MONTH_WEEKS, weekdays=frozenset({0}), weeks=("1", "last")), "FREQ=MONTHLY;BYDAY=1MO,-1MO"),
    (Rule(Repeat.MONTH_DAY, month_day=28), "FREQ=MONTHLY;BYMONTHDAY=28"),
    (Rule(Repeat.MONTH_DAY, month_day=31), "FREQ=MONTHLY;BYMONTHDAY=28,29,30,31;BYSETPOS=-1"),
    (Rule(Repeat.MONTH_DAY, month_day=0), "FREQ=MONTHLY;BYMONTHDAY=-1"),
    (Rule(Repeat.CUSTOM, custom="FREQ=DAILY;COUNT=3"), "FREQ=DAILY;COUNT=3"),
]


@pytest.mark.parametrize(("rule", "text"), RULES)
def test_rules_are_written_as_recurrence(rule: Rule, text: str) -> None:
    assert rule.text() == text


@pytest.mark.parametrize(("rule", "text"), RULES)
def test_what_is_written_is_shown_as_it_was_chosen(rule: Rule, text: str) -> None:
    shown = rule_of(Schedule(repeat=text))
    assert (shown.repeat, shown.text()) == (rule.repeat, text)


@pytest.mark.parametrize(
    "text",
    [
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO",
        "FREQ=MONTHLY;BYDAY=MO,TU;BYSETPOS=-1",
        "FREQ=MONTHLY;BYDAY=1MO,2TU",
        "FREQ=DAILY;COUNT=4",
        "FREQ=MONTHLY;BYMONTHDAY=99",
        "FREQ=SECONDLY",
        "nonsense",
        "FREQ=DAILY;INTERVAL=x",
    ],
)
def test_what_has_no_form_of_its_own_is_shown_as_the_rule_it_is(text: str) -> None:
    shown = rule_of(Schedule(repeat=text))
    assert shown.repeat is Repeat.CUSTOM
    assert shown.text() == text.upper()


def test_an_interval_of_one_that_is_said_is_the_plain_repetition() -> None:
    assert rule_of(Schedule(repeat="RRULE:FREQ=DAILY;INTERVAL=1")) == Rule(Repeat.DAYS, 1)


@pytest.mark.parametrize("scheme", RotationScheme)
def test_a_rotation_comes_back_with_its_prefix(scheme: RotationScheme) -> None:
    rule = Rule(Repeat.ROTATION, scheme=scheme, prefix="NIGHT", append=True)
    assert rule.fault() == ""
    assert rule_of(Schedule(repeat=rule.text(), rotation=rule.rotation())) == rule


@pytest.mark.parametrize(
    ("rule", "fault"),
    [
        (Rule(Repeat.WEEKDAYS), "Choose at least one day of the week"),
        (
            Rule(Repeat.MONTH_WEEKS, weekdays=frozenset({1}), weeks=()),
            "Choose at least one week of the month",
        ),
        (Rule(Repeat.CUSTOM), "Type a recurrence rule, such as FREQ=DAILY;INTERVAL=2"),
        (Rule(Repeat.ROTATION), "The media of a rotation need a prefix for their names"),
    ],
)
def test_what_is_missing_is_a_fault(rule: Rule, fault: str) -> None:
    assert rule.fault() == fault


def test_a_prefix_with_a_dash_is_a_fault() -> None:
    assert "Prefix" in Rule(Repeat.ROTATION, prefix="A-B").fault()


def test_rules_are_said_in_words() -> None:
    assert Rule(Repeat.MONTH_WEEKS, weekdays=frozenset({4}), weeks=("last",)).words() == (
        "every month on the last Friday"
    )
    assert Rule(Repeat.CUSTOM, custom="bad").words() == "by the rule BAD"
