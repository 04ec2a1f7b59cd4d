"""Sizes, durations and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.ui import formats

NOW = datetime(2026, 11, 18, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (None, "—"),
        (0, "0 bytes"),
        (1, "1 byte"),
        (1023, "1023 bytes"),
        (1024, "1.00 KB"),
        (1023 * 1024, "1.00 MB"),
        (412 * 1024**3, "412 GB"),
        (int(1.24 * 1024**3), "1.24 GB"),
    ],
)
def test_sizes_have_three_digits_and_a_unit(number, text):
    assert formats.size(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "—"),
        (0.2, "0.2 s"),
        (12, "12 s"),
        (59.7, "1 min"),
        (3120, "52 min"),
        (13 * 3600 + 47 * 60, "13 h 47 min"),
        (59 * 3600, "59 h"),
        (9 * 86400, "9 days"),
    ],
)
def test_durations_are_words(seconds, text):
    assert formats.duration(seconds) == text


def test_recent_times_are_relative_and_older_ones_are_dates():
    assert formats.ago(NOW - timedelta(seconds=12), NOW) == "12 s ago"
    assert formats.ago(NOW - timedelta(minutes=4), NOW) == "4 min ago"
    assert formats.ago(NOW - timedelta(days=9), NOW).startswith("2026-11-09")
    assert formats.ago(None, NOW) == "—"


def test_control_characters_show_as_pictures():
    assert formats.visible("a\nb") == "a␊b"
