"""Paths of which a replica refused no more than metadata: never sent in full for that, and not for ever."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import cast

from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.frames import UNSET_METADATA, Trouble
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


class Rig:
    def __init__(self) -> None:
        self.events: list[str] = []
        self.seq = 0
        self.forced: list[tuple[int, bytes]] = []
        hints = SimpleNamespace(add=lambda root, path, **_: self.forced.append((root, path)))
        recorder = SimpleNamespace(looking=SimpleNamespace(lacking=[]), hints=hints)
        self.troubles = Troubles(
            SCENARIO, "r", cast("Recorder", recorder), lambda code, *_, **__: self.events.append(code)
        )

    def unset(self, path: bytes = b"f", cause: str = "owner: Operation not permitted") -> None:
        self.troubles.take(Trouble(0, path, UNSET_METADATA, {"cause": cause}, final=True))

    def refuse(self, path: bytes = b"f", *, final: bool = True) -> None:
        self.troubles.take(Trouble(0, path, "ER00406", {"path": "f", "cause": "no"}, final))

    def reminded(self, path: bytes = b"f") -> None:
        self.seq += 1
        self.troubles.metadata_recorded(0, path, self.seq)

    def taken(self, path: bytes = b"f") -> None:
        self.reminded(path)
        self.troubles.committed(self.seq)

    def due(self, after_s: float) -> list[tuple[int, bytes, Again]]:
        return list(self.troubles.due(time.monotonic() + after_s))

    def codes(self) -> list[str]:
        return [problem.code for problem in self.troubles.problems()]


def test_it_is_shown_and_its_metadata_are_sent_again_until_they_are_taken() -> None:
    rig = Rig()
    rig.unset()
    assert rig.codes() == ["WR00236"]
    assert rig.due(AGAIN_FIRST_S + 1) == [(0, b"f", Again.METADATA)]
    rig.reminded()
    rig.unset()
    rig.troubles.committed(rig.seq)
    assert rig.codes() == ["WR00236"], "it was refused once more"
    assert rig.due(AGAIN_FIRST_S + 1) == [], "the less often the longer it lasts"
    assert rig.due(2 * AGAIN_FIRST_S + 1) == [(0, b"f", Again.METADATA)]
    rig.taken()
    assert rig.codes() == []
    assert rig.events == ["WR00236", "IR00234"]
    assert rig.forced == []


def test_a_change_of_it_asks_for_its_metadata_and_not_for_all_of_it() -> None:
    rig = Rig()
    rig.unset()
    assert rig.troubles.recorded(0, b"f", 5, full=False) is Again.METADATA
    rig.troubles.committed(5)
    assert rig.codes() == ["WR00236"], "that record said nothing of the metadata"
    assert rig.troubles.recorded(0, b"f", 6, full=True) is Again.NOTHING
    rig.troubles.committed(6)
    assert rig.codes() == []


def test_of_a_directory_it_tells_nothing_of_what_is_in_it() -> None:
    rig = Rig()
    rig.unset(b"d")
    assert rig.troubles.covers(0, b"d", metadata=True)
    assert not rig.troubles.covers(0, b"d")
    assert not rig.troubles.covers(0, b"d/f", metadata=True)
    rig.refuse(b"d")
    assert rig.troubles.covers(0, b"d/f")


def test_the_root_itself_has_its_own_path() -> None:
    rig = Rig()
    rig.unset(b"")
    assert [problem.path for problem in rig.troubles.problems()] == [b"/m"]
    assert rig.troubles.covers(0, b"", metadata=True)
    assert not rig.troubles.covers(0, b"f", metadata=True)


def test_what_lacks_more_is_not_made_less_by_an_older_record() -> None:
    rig = Rig()
    rig.refuse()
    rig.unset()
    assert rig.codes() == ["WR00231"]
    rig.troubles.recorded(0, b"f", 5, full=True)
    rig.unset()
    rig.troubles.committed(5)
    assert rig.codes() == ["WR00236"], "it was taken but for its metadata"


def test_what_lacks_more_by_now_is_sent_in_full() -> None:
    rig = Rig()
    rig.unset()
    rig.refuse(final=False)
    assert rig.codes() == []
    assert rig.forced == [(0, b"f")]


def test_it_moves_along_with_its_directory() -> None:
    rig = Rig()
    rig.unset(b"d/f")
    assert rig.troubles.moved(0, b"d", b"e") == []
    assert [problem.path for problem in rig.troubles.problems()] == [b"/m/e/f"]
    assert rig.due(1) == [(0, b"e/f", Again.METADATA)]


def test_of_very_many_with_one_cause_some_are_tried_and_all_once_one_is_taken() -> None:
    rig = Rig()
    for number in range(500):
        rig.unset(b"%d" % number)
    rig.unset(b"other", cause="attribute user.a: Operation not supported")
    tried = rig.due(AGAIN_MOST_S)
    assert len(tried) == 21
    assert (0, b"other", Again.METADATA) in tried
    first = next(path for _, path, _ in tried if path != b"other")
    rig.taken(first)
    again = rig.due(AGAIN_MOST_S)
    assert {path for _, path, _ in again} >= {b"%d" % n for n in range(500)} - {first}


def test_an_audit_hastens_it() -> None:
    rig = Rig()
    rig.unset()
    assert rig.due(0) == []
    assert rig.troubles.hasten(0, b"f")
    assert rig.due(0) == [(0, b"f", Again.METADATA)]
    rig.refuse(b"g")
    assert not rig.troubles.hasten(0, b"g")
    assert not rig.troubles.hasten(0, b"h")
