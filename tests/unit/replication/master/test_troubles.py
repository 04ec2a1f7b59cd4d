"""Paths that a replica could not take: shown until they are taken, and sent in full when that may help."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

import pytest

from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.frames import Trouble
from app.replication.master.following import Again
from app.replication.master.recorder import Recorder
from app.replication.master.troubles import AGAIN_FIRST_S, AGAIN_MOST_S, Troubles

SCENARIO = Scenario(
    7,
    "files",
    ServerType.FILE_SERVER,
    ProductType.DR,
    "localhost",
    (Root(b"/m"),),
    (ReplicaSpec("r", (b"/r",)),),
)
_SLACK_S = 1.0


class Rig:
    def __init__(self) -> None:
        self.hints: list[dict[str, object]] = []
        self.events: list[str] = []
        self.seq = 0
        self.recorder = SimpleNamespace(
            looking=SimpleNamespace(lacking=[]), hints=SimpleNamespace(add=self._add)
        )
        self.troubles = Troubles(
            SCENARIO, "r", cast("Recorder", self.recorder), lambda code, *_, **__: self.events.append(code)
        )

    def _add(self, *_path: object, **how: object) -> None:
        self.hints.append(how)

    def refuse(self, *, final: bool = True, path: bytes = b"f", code: str = "WR00431") -> None:
        self.troubles.take(Trouble(0, path, code, {}, final))

    def recorded(self, *, full: bool, path: bytes = b"f") -> bool:
        """A record of it is made and sent; whether it is wanted in full."""
        self.seq += 1
        return self.troubles.recorded(0, path, self.seq, full=full) is Again.FULL

    def committed(self) -> None:
        self.troubles.committed(self.seq)

    def due_after(self, seconds: float) -> bool:
        """Whether it is sent again within that time, and not before."""
        now = time.monotonic()
        early = self.troubles.due(now + seconds - _SLACK_S)
        return not early and self.troubles.due(now + seconds + _SLACK_S) == [(0, b"f", Again.FULL)]


def test_what_was_refused_for_good_is_sent_in_full_once_it_changes_and_is_over_once_it_is_taken() -> None:
    rig = Rig()
    assert not rig.recorded(full=False)
    rig.refuse()
    assert rig.troubles.any
    assert rig.hints == []
    assert rig.recorded(full=False)
    rig.committed()
    assert rig.troubles.any, "a change of what is not there is not all of it"
    assert not rig.recorded(full=True), "that was the one in full"
    assert rig.troubles.any
    rig.committed()
    assert not rig.troubles.any
    assert rig.events == ["WR00231", "IR00234"]


def test_refused_for_good_it_is_sent_again_ever_less_often() -> None:
    rig = Rig()
    rig.refuse()
    for wait in (AGAIN_FIRST_S, 2 * AGAIN_FIRST_S, 4 * AGAIN_FIRST_S):
        assert rig.due_after(wait)
        assert not rig.recorded(full=True)
        rig.refuse()
        rig.committed()
        assert rig.troubles.any
    for _ in range(10):
        assert not rig.recorded(full=True)
        rig.refuse()
    assert rig.due_after(AGAIN_MOST_S)
    assert rig.events == ["WR00231"]


def test_it_is_not_sent_again_while_the_last_one_is_not_answered() -> None:
    rig = Rig()
    rig.refuse()
    assert rig.due_after(AGAIN_FIRST_S)
    assert not rig.recorded(full=True)
    assert rig.troubles.due(time.monotonic() + 10 * AGAIN_MOST_S) == []


def test_what_cannot_be_read_when_it_is_due_comes_to_be_due_again() -> None:
    rig = Rig()
    rig.refuse()
    now = time.monotonic() + AGAIN_FIRST_S + _SLACK_S
    assert rig.troubles.due(now) == [(0, b"f", Again.FULL)]
    assert rig.troubles.due(now + AGAIN_FIRST_S) == [(0, b"f", Again.FULL)]


@pytest.mark.parametrize("size", [0, 10 * 1024**3])
def test_large_files_are_sent_again_less_often(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.lstat", lambda _path: SimpleNamespace(st_size=size))
    rig = Rig()
    rig.refuse()
    assert rig.due_after(max(AGAIN_FIRST_S, size / 1024**2))


def test_a_directory_that_was_refused_keeps_its_cause_whatever_is_said_of_what_is_in_it() -> None:
    rig = Rig()
    rig.refuse(code="ER00406")
    for _ in range(100):
        rig.refuse(final=False, code="ER00401")
    (problem,) = rig.troubles.problems()
    assert "missing" not in problem.params["cause"]
    assert rig.hints == []
    assert rig.due_after(AGAIN_FIRST_S)


def test_what_was_taken_in_between_is_tried_at_once_as_often_as_at_first() -> None:
    rig = Rig()
    for _ in range(10):
        rig.refuse(final=False)
        assert not rig.recorded(full=True)
        rig.committed()
    assert len(rig.hints) == 10
    assert not rig.troubles.any
    # What was said of the last one is not known to a stream that goes on after it.
    rig.refuse(final=False)
    assert not rig.recorded(full=True)
    rig.troubles.connected(rig.seq)
    for _ in range(3):
        rig.committed()
        rig.refuse(final=False)
    assert rig.troubles.any


def test_what_another_state_explains_is_tried_at_once_and_then_kept_like_the_rest() -> None:
    rig = Rig()
    for _ in range(3):
        rig.refuse(final=False)
        assert not rig.troubles.any
    assert len(rig.hints) == 3
    rig.refuse(final=False)
    assert rig.troubles.any
    assert len(rig.hints) == 3
    assert rig.due_after(AGAIN_FIRST_S)
    assert not rig.recorded(full=True)
    rig.committed()
    assert not rig.troubles.any


def test_what_goes_on_the_master_is_no_problem_once_the_replica_has_that() -> None:
    rig = Rig()
    rig.refuse(path=b"d/f")
    rig.refuse(path=b"d")
    rig.refuse(path=b"other")
    rig.troubles.gone(0, b"d", 5, beneath=True)
    assert len(rig.troubles.problems()) == 3
    rig.troubles.committed(5)
    assert [problem.path for problem in rig.troubles.problems()] == [b"/m/other"]
    assert rig.events == ["WR00231"] * 3


def test_what_is_moved_is_wanted_at_its_new_path() -> None:
    rig = Rig()
    rig.refuse(path=b"d/f")
    assert rig.troubles.moved(0, b"d", b"e") == [b"e/f"]
    assert not rig.troubles.any


def test_after_a_new_stream_nothing_counts_as_taken_that_was_sent_before() -> None:
    rig = Rig()
    rig.refuse()
    assert not rig.recorded(full=True)
    rig.troubles.connected(rig.seq)
    rig.seq += 1
    rig.committed()
    assert rig.troubles.any
    assert rig.due_after(AGAIN_FIRST_S)


def test_very_many_are_told_of_together() -> None:
    rig = Rig()
    for number in range(200):
        rig.refuse(path=b"%d" % number)
    assert len(rig.troubles.problems()) == 200
    assert rig.events == ["WR00231"] * 20 + ["WR00233"]
    rig.events.clear()
    for number in range(200):
        assert not rig.recorded(full=True, path=b"%d" % number)
    rig.committed()
    assert rig.events == ["IR00235"]


@pytest.mark.parametrize("final", [False, True])
def test_what_was_moved_before_it_was_told_is_asked_for_where_it_is(final: bool) -> None:
    rig = Rig()
    told = Trouble(0, b"e/f", "ER00401", {"path": "e/f", "moved": "1"}, final)
    rig.troubles.take(told)
    assert len(rig.hints) == 1
    assert not rig.troubles.any
    rig.refuse(path=b"d/g", final=True)
    assert rig.troubles.moved(0, b"d", b"e") == [b"e/g"]
    rig.troubles.take(Trouble(0, b"e/g", "ER00401", {"path": "e/g", "moved": "1"}, final))
    assert len(rig.hints) == 1, "it is recorded in full already"
