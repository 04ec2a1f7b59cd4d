"""Paths that a replica could not take: shown until they arrive, and sent in full when they change."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

from app.model.scenario import ProductType, ReplicaSpec, Root, Scenario, ServerType
from app.replication.frames import Trouble
from app.replication.master.recorder import Recorder
from app.replication.master.troubles import Troubles

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
        self.hints: list[dict[str, object]] = []
        self.events: list[str] = []
        self.recorder = SimpleNamespace(lacking=[], hints=SimpleNamespace(add=self._add))
        self.troubles = Troubles(
            SCENARIO, "r", cast("Recorder", self.recorder), lambda code, *_, **__: self.events.append(code)
        )

    def _add(self, *_path: object, **how: object) -> None:
        self.hints.append(how)

    def refuse(self, *, final: bool = True) -> None:
        self.troubles.take(Trouble(0, b"f", "WR00431", {}, final))

    def recorded(self) -> bool:
        (asked,) = self.recorder.lacking
        return bool(asked(0, b"f"))


def test_what_was_refused_for_good_is_sent_in_full_once_it_changes() -> None:
    rig = Rig()
    assert not rig.recorded()
    rig.refuse()
    assert rig.troubles.any
    assert rig.hints == []
    assert rig.recorded()
    assert not rig.recorded(), "that was the one in full"
    assert not rig.troubles.any


def test_refused_again_it_is_a_problem_again_is_told_once_and_not_tried_without_end() -> None:
    rig = Rig()
    rig.refuse()
    for _ in range(3):
        assert rig.recorded()
        rig.refuse()
        assert not rig.recorded()
        rig.refuse()
        assert rig.troubles.any
    assert rig.events == ["WR00231"]


def test_what_is_tried_again_by_itself_is_shown_until_it_arrives() -> None:
    rig = Rig()
    for _ in range(5):
        rig.refuse(final=False)
        assert not rig.recorded()
    rig.refuse(final=False)
    assert rig.troubles.any
    assert len(rig.hints) == 6
    assert not rig.recorded()
    assert not rig.troubles.any
