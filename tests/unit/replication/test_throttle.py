from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from app.model.bandwidth import parse_bandwidth
from app.replication.throttle import PIECE_MOST_BYTES, PIECE_OVERHEAD_BYTES, UNLIMITED, Throttle

MONDAY = datetime(2026, 1, 5, 7, 59, 50, tzinfo=UTC)


class Host:
    """A clock that a test moves, and what left when."""

    def __init__(self, text: str) -> None:
        self.seconds = 0.0
        self.left: list[tuple[float, int]] = []
        self.throttle = Throttle(
            parse_bandwidth(text),
            now=lambda: MONDAY + timedelta(seconds=self.seconds),
            clock=lambda: self.seconds,
        )

    def send(self, size: int, late_s: float = 0.0) -> None:
        while size:
            piece = min(size, self.throttle.piece_bytes())
            wait_s = self.throttle.reserve(piece)
            self.seconds += wait_s + (late_s if wait_s else 0.0)
            self.left.append((self.seconds, piece + PIECE_OVERHEAD_BYTES))
            size -= piece

    def in_second(self, start: float) -> int:
        return sum(size for at, size in self.left if start <= at < start + 1)


@pytest.mark.parametrize("kbps", [56, 512, 2_048, 100_000, 10_000_000])
@pytest.mark.parametrize("late_ms", [0, 1, 10])
def test_every_second_has_what_the_limit_allows_within_a_twentieth(kbps: int, late_ms: int) -> None:
    host = Host(f"daily 00-24 {kbps}")
    budget = kbps * 125
    host.send(budget * 6, late_ms / 1000)
    for tenth in range(45):
        assert budget * 0.95 <= host.in_second(tenth / 10) <= budget * 1.05


def test_what_was_not_used_is_not_saved_up() -> None:
    host = Host("daily 00-24 512")
    host.send(64_000)
    host.seconds += 60
    start = host.seconds
    host.send(64_000 * 3)
    assert host.in_second(start) <= 64_000 * 1.05


def test_the_limit_changes_at_the_hour() -> None:
    host = Host("mon 08-09 512; mon 07-08 2048")
    assert host.throttle.kbps == 2_048
    host.send(256_000 * 9)
    assert host.in_second(4) == pytest.approx(256_000, rel=0.05)
    host.send(64_000 * 8)
    assert host.throttle.kbps == 512
    assert host.in_second(12) == pytest.approx(64_000, rel=0.05)


def test_hours_without_a_limit_hold_nothing_back() -> None:
    host = Host("mon 08-09 512")
    assert host.throttle.piece_bytes() == PIECE_MOST_BYTES
    host.send(1 << 30)
    assert host.seconds == 0
    assert not host.throttle.holding
    assert UNLIMITED.reserve(1 << 30) == 0


def test_it_tells_whether_it_held_something_back_just_now() -> None:
    host = Host("daily 00-24 512")
    host.send(64_000)
    assert host.throttle.holding
    host.seconds += 10
    assert not host.throttle.holding
