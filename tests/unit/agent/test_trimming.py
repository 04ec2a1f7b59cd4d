"""Memory that a burst needed is given back, and a process that stays small is left alone."""

from __future__ import annotations

import threading

import pytest

from app.agent import trimming


def test_memory_is_given_back_once_the_process_has_grown(monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = iter([100 << 20, 101 << 20, 150 << 20, 102 << 20, 103 << 20, 100 << 20])
    ended = threading.Event()
    trims: list[int] = []

    def resident() -> int:
        try:
            return next(sizes)
        except StopIteration:
            ended.set()
            raise SystemExit from None

    monkeypatch.setattr(trimming, "_EVERY_S", 0.0)
    monkeypatch.setattr(trimming, "_resident_bytes", resident)
    thread = threading.Thread(target=trimming._trim, args=(lambda pad: trims.append(pad) or 1,))
    thread.start()
    assert ended.wait(10)
    thread.join(10)
    assert trims == [0]


def test_the_size_of_this_process_is_known() -> None:
    assert trimming._resident_bytes() > 1 << 20
