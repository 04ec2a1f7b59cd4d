"""Reading ahead: one thread at a time in memory, several where a disk is waited for."""

from __future__ import annotations

import threading
import time

import pytest

from app.replication.turns import Turns


def test_what_is_in_memory_is_read_by_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    # A busy machine makes threads wait, too.
    monkeypatch.setattr("app.replication.turns._WAITED_S", 60.0)
    turns, inside, most = Turns(), 0, 0

    def read() -> None:
        nonlocal inside, most
        for _ in range(200):
            with turns.turn():
                inside += 1
                most = max(most, inside)
                inside -= 1

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == 1


def test_once_one_had_to_wait_all_read_together() -> None:
    turns, both = Turns(), threading.Barrier(2, timeout=10)
    with turns.turn():
        time.sleep(0.05)  # what a disk would take

    def read() -> None:
        with turns.turn():
            both.wait()

    thread = threading.Thread(target=read)
    thread.start()
    read()
    thread.join()


def test_nobody_waits_longer_for_a_turn_than_its_patience() -> None:
    turns, passed = Turns(0.01), threading.Event()

    def make() -> None:
        with turns.turn():
            passed.set()

    thread = threading.Thread(target=make)
    with turns.turn():
        thread.start()
        assert passed.wait(10)
    thread.join()
