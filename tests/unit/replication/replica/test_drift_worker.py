"""The thread that looks after drift: how long it rests between the parts of a look."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

from app.replication.events import EventStore
from app.replication.replica.drift_worker import DriftWorker
from app.replication.replica.replica import Replica

_SCENARIO = 7
_DEADLINE_S = 20.0


class _Looks:
    """Stands for the watch of one replica: each part of its look waits until it is let go on."""

    def __init__(self) -> None:
        self.checked = threading.Event()
        self.parts = threading.Semaphore(0)
        self.begun = threading.Semaphore(0)
        self.left = 3

    def tick(self) -> bool:
        self.begun.release()
        assert self.parts.acquire(timeout=_DEADLINE_S)
        self.left -= 1
        if self.left <= 0:
            self.checked.set()
        return self.left > 0

    def close(self) -> None:
        """Nothing is open."""


class _Awake(threading.Event):
    """Notes how long was to be rested, and rests no time."""

    def __init__(self) -> None:
        super().__init__()
        self.rests: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.rests.append(timeout)
        return super().wait(min(timeout, 0.01))


def _replica() -> Replica:
    """A replica whose states are known in full."""
    states = SimpleNamespace(is_vouched=lambda index: True)
    store = SimpleNamespace(states=states, trees=[SimpleNamespace(index=0)])
    stood_for = SimpleNamespace(lock=threading.RLock(), opened=lambda: (None, store), label="seven")
    return cast("Replica", stood_for)


@contextlib.contextmanager
def _worker(looks: _Looks) -> Iterator[tuple[DriftWorker, Replica, _Awake]]:
    replica = _replica()
    worker: Any = DriftWorker(lambda: [(_SCENARIO, replica)], b"/nowhere", cast("EventStore", None))
    worker._watches[_SCENARIO] = looks
    awake = worker._awake = _Awake()
    worker.start()
    try:
        yield worker, replica, awake
    finally:
        for _ in range(1000):
            looks.parts.release()
        worker.close()


def _wait_until_awaited(worker: Any) -> None:
    waiting = threading.Event()
    for _ in range(int(_DEADLINE_S / 0.01)):
        if worker._awaited:
            return
        waiting.wait(0.01)
    raise AssertionError("nobody waits")


def test_a_look_that_a_backup_waits_for_rests_a_tenth_of_what_it_takes() -> None:
    looks = _Looks()
    with _worker(looks) as (worker, replica, awake):
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        answers: list[bool] = []
        backup = threading.Thread(
            target=lambda: answers.append(worker.checked(_SCENARIO, replica, _DEADLINE_S)), daemon=True
        )
        backup.start()
        _wait_until_awaited(worker)
        held = threading.Event()
        held.wait(0.2)  # this part of the look takes that long
        looks.parts.release()
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        assert 0.02 <= awake.rests[0] < 0.2
        looks.parts.release(5)
        backup.join(_DEADLINE_S)
        assert answers == [True]
        assert cast("Any", worker)._awaited == 0


def test_a_look_that_nobody_waits_for_rests_as_long_as_it_takes() -> None:
    looks = _Looks()
    with _worker(looks) as (_, _, awake):
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        held = threading.Event()
        held.wait(0.2)
        looks.parts.release()
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        assert awake.rests[0] >= 0.2


def test_a_look_beside_a_backup_that_reads_rests_nine_times_as_long_as_it_takes() -> None:
    looks = _Looks()
    with _worker(looks) as (worker, _, awake):
        worker.give_way(lambda: True)
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        held = threading.Event()
        held.wait(0.1)
        looks.parts.release()
        assert looks.begun.acquire(timeout=_DEADLINE_S)
        assert awake.rests[0] >= 0.9


def test_a_backup_does_not_wait_for_what_was_looked_at_before() -> None:
    looks = _Looks()
    looks.checked.set()
    with _worker(looks) as (worker, replica, awake):
        assert worker.checked(_SCENARIO, replica, 0.0)
        assert not awake.is_set()
