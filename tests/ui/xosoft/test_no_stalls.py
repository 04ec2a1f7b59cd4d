"""The event loop goes round with 300 scenarios whose figures all change, and in directories of many files.

The engine is made up; the work of the window is real.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.model.entry import EntryKind
from app.model.path_state import DirectoryStates, PathState, PathStatus
from app.model.scenario import ReplicaState, ScenarioState, ScenarioStatus
from app.ui.bridge.collecting import collect_seldom
from app.ui.xosoft.manager import XOsoftManager
from tests.support.console_probe import StallWatch
from tests.support.memory_services import scenario, status_of

LONGEST_MS = 60.0
"""The aim is 50; a machine that does something else at the same time takes its part."""

pytestmark = [pytest.mark.deep, pytest.mark.usefixtures("models_unwatched")]


@pytest.fixture
def seldom() -> Iterator[None]:
    before = gc.get_threshold()
    collect_seldom()
    yield
    gc.set_threshold(*before)
    gc.unfreeze()


def many(count: int = 300) -> list[ScenarioStatus]:
    made = []
    for number in range(count):
        one = scenario(1000 + number, f"Scenario {number:03}", [f"/srv/{number}/{root}" for root in range(3)])
        status = status_of(one, ScenarioState.REPLICATING, ReplicaState.REPLICATING)
        made.append(replace(status, scenario=replace(one, group=f"Group {number // 10:02}")))
    return made


@pytest.fixture
def manager(
    services: Any, context: Any, qtbot: Any, seldom: None, settled: Callable[[], None]
) -> Iterator[Any]:
    services.statuses = many()
    looks = 0

    def changing() -> list[ScenarioStatus]:
        nonlocal looks
        looks += 1
        return [
            replace(
                status,
                captured_bytes=looks * 1000 * number,
                replicas=tuple(
                    replace(one, changed_bytes=looks * 777 * number, lag_seconds=(looks * number % 17) / 10)
                    for one in status.replicas
                ),
            )
            for number, status in enumerate(services.statuses)
        ]

    services.scenarios.list = changing
    made = XOsoftManager(context)
    qtbot.addWidget(made)
    made.resize(1232, 820)
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.selected is not None)
    yield made
    made.deactivate()
    settled()


def longest(qtbot: Any, watch: StallWatch, steps: list[Callable[[], object]], pause_ms: int = 700) -> float:
    """The best of three rounds: what the window itself needs."""
    found = []
    for _ in range(3):
        watch.take()
        for step in steps:
            step()
            qtbot.wait(pause_ms)
        found.append(watch.take()["own_ms"])
    return min(found)


def test_three_hundred_scenarios(manager: XOsoftManager, qtbot: Any, record_property: Any) -> None:
    watch, pane = StallWatch(), manager.scenarios
    qtbot.wait(2000)
    found = {
        "polls": longest(qtbot, watch, [lambda: None] * 4),
        "filter": longest(
            qtbot, watch, [lambda text=text: pane.filter.setText(text) for text in ("S", "Scenario 12", "")]
        ),
    }
    pane.tree.expandAll()
    found["polls with everything open"] = longest(qtbot, watch, [lambda: None] * 4)
    found["another scenario"] = longest(qtbot, watch, [lambda: pane.select("Scenario 250")])
    record_property("stalls_ms", found)
    assert max(found.values()) <= LONGEST_MS, found


def test_directories_of_very_many_files(
    manager: XOsoftManager, qtbot: Any, services: Any, record_property: Any
) -> None:
    folders = [PathStatus(b"d%02d" % n, EntryKind.DIRECTORY, 0, PathState.IN_SYNC) for n in range(30)]

    def states(_name: str, path: bytes, *, replica: str = "", limit: int = 0) -> DirectoryStates:
        beat = int(time.monotonic())
        files = [PathStatus(b"f%06d" % n, EntryKind.FILE, n + beat, PathState.IN_SYNC) for n in range(limit)]
        inner = folders if path.count(b"/") == 3 else []
        return DirectoryStates(replica, tuple([*inner, *files][:limit]), truncated=True)

    services.scenarios.path_states = states
    manager.tabs.setCurrentIndex(1)
    tab, watch = manager.framework.directories, StallWatch()
    tab.tree.expand(tab.model.index(0, 0))
    qtbot.waitUntil(lambda: tab.model.rowCount(tab.model.index(0, 0)) > 100)
    watch.take()
    for row in range(19):
        tab.tree.expand(tab.model.index(row, 0, tab.model.index(0, 0)))
        qtbot.wait(300)
    found = {"19 folders opened": watch.take()["own_ms"]}
    found["looked at again"] = longest(qtbot, watch, [tab._ask_all], 2500)
    names = [lambda text=text: tab.filter.setText(text) for text in ("f0012", "9", "")]
    found["names looked for"] = longest(qtbot, watch, names, 3500)
    bar = tab.tree.verticalScrollBar()
    scrolls = [lambda place=place: bar.setValue(place * 3000) for place in range(20)]
    found["scrolled"] = longest(qtbot, watch, scrolls, 40)
    record_property("stalls_ms", found)
    # What was opened is open then: that cannot be done several times, and one time alone proves nothing.
    assert max(found["looked at again"], found["names looked for"], found["scrolled"]) <= LONGEST_MS, found
