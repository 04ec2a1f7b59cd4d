"""The demonstration's report says what held, what did not, and how fast it was."""

from __future__ import annotations

from app.cli.comparison import Aspect, Difference
from app.cli.demo_report import DIFFERENCES_SHOWN, Step, difference_lines, report_document, report_table

MEGABYTE = 2**20


def test_rate_is_size_by_time() -> None:
    assert Step("s", size_bytes=10 * MEGABYTE, seconds=2.0).rate == 5 * MEGABYTE
    assert Step("s", seconds=2.0).rate is None


def test_a_failed_step_is_named_with_its_differences() -> None:
    steps = [
        Step("First", "all equal", ok=True, files=3, size_bytes=MEGABYTE, seconds=1.0),
        Step("Second", "all equal", differences=["a/file: content"]),
    ]
    text = report_table(steps, 2.5)
    assert "FAILED" in text
    assert "a/file: content" in text
    assert "1 of 2 steps held" in text
    document = report_document(steps, "/place", 2.5)
    assert document["ok"] is False
    assert [row["ok"] for row in document["steps"]] == [True, False]  # type: ignore[index]


def test_no_steps_is_no_success() -> None:
    assert report_document([], "/place", 0.0)["ok"] is False


def test_many_differences_are_counted_not_listed() -> None:
    lines = difference_lines([Difference(b"p", Aspect.MISSING)] * (DIFFERENCES_SHOWN + 5))
    assert len(lines) == DIFFERENCES_SHOWN + 1
    assert lines[-1] == "and 5 more"
