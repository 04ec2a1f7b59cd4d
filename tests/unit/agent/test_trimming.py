"""Memory that a burst needed is given back, and a process that stays small is left alone."""

from __future__ import annotations

import pytest

from app.agent import trimming
from app.agent.trimming import Trimmer


def test_memory_is_given_back_once_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([100 << 20, 101 << 20, 150 << 20, 102 << 20, 103 << 20, 90 << 20, 99 << 20, 91 << 20])
    monkeypatch.setattr(trimming, "_resident_bytes", lambda: next(sizes))
    trims: list[int] = []

    def trim(pad: int) -> int:
        trims.append(pad)
        return 1

    trimmer = Trimmer(trim)
    for wanted in (0, 1, 1, 1, 2):
        trimmer.look()
        assert len(trims) == wanted


def test_memory_is_given_back_when_a_burst_is_over(monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter([10.0, 12.0, 15.0, 15.1, 15.2, 17.0, 17.1])
    monkeypatch.setattr(trimming, "_resident_bytes", lambda: 100 << 20)
    monkeypatch.setattr("app.agent.trimming.time.process_time", lambda: next(used))
    trims: list[int] = []

    def trim(pad: int) -> int:
        trims.append(pad)
        return 1

    trimmer = Trimmer(trim)
    for wanted in (0, 0, 1, 1, 1, 2):
        trimmer.look()
        assert len(trims) == wanted


def test_the_size_of_this_process_is_known() -> None:
    assert trimming._resident_bytes() > 1 << 20
