"""Home: the next 24 hours, what is protected the least first, the last failures, and the ways to begin."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from PySide6.QtCore import QPoint, Qt

from app.model.job import JobResult, JobStatus
from app.model.scenario import ReplicaState, ScenarioState
from app.model.upcoming import NextRun
from app.ui.home.day_strip import DayStrip
from app.ui.home.manager import HomeManager
from app.ui.home.protection import protections
from app.ui.home.shortcuts import failures
from app.ui.registry import entries
from tests.support.memory_services import now


def run(job: int, hours: float, name: str = "") -> NextRun:
    return NextRun(job, name or f"Job {job}", JobStatus.READY, now() + timedelta(hours=hours), "N5700")


@pytest.fixture
def strip(qtbot, settled):
    made = DayStrip()
    qtbot.addWidget(made)
    made.resize(1000, 60)
    made.show()
    made.set_runs([run(1, 1, "Nightly"), run(2, 6), run(3, 6.05), run(4, 23.9), run(5, 25)], now())
    settled()
    return made


def test_the_strip_shows_a_day_and_takes_near_runs_together(strip):
    assert [[one.job_id for one in mark.runs] for mark in strip.marks] == [[1], [2, 3], [4]]
    assert "Nightly" in strip.accessibleName()
    assert strip.marks[1].title == "2 runs"
    strip.set_runs([], now())
    assert "nothing runs" in strip.accessibleName()


def test_the_strip_is_used_by_keys(strip, qtbot):
    opened: list[object] = []
    strip.job_wanted.connect(opened.append)
    strip.all_wanted.connect(lambda: opened.append("all"))
    qtbot.keyClick(strip, Qt.Key.Key_Return)
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    qtbot.keyClick(strip, Qt.Key.Key_Return)
    qtbot.keyClick(strip, Qt.Key.Key_Right)
    assert "2 runs" in strip.accessibleName()
    qtbot.keyClick(strip, Qt.Key.Key_Return)
    qtbot.keyClick(strip, Qt.Key.Key_Left)
    assert strip.current == 0
    assert opened == [1, "all"]


def test_a_click_on_a_mark_opens_its_job(strip, qtbot):
    opened: list[int] = []
    strip.job_wanted.connect(opened.append)
    x = round(16 + (1000 - 32) * 1 / 24)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x, 40))
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=QPoint(x + 100, 40))
    assert opened == [1]


def test_what_is_protected_the_least_comes_first(services):
    template = services.statuses[0]

    def status(name: str, minutes: float | None, state: ReplicaState = ReplicaState.REPLICATING):
        at = None if minutes is None else now() - timedelta(minutes=minutes)
        replica = replace(template.replicas[0], state=state, in_sync_at=at, lag_seconds=0.0)
        scenario = replace(template.scenario, id=len(name), name=name)
        return replace(template, scenario=scenario, state=ScenarioState.REPLICATING, replicas=(replica,))

    made = protections(
        [
            status("fresh", 1),
            status("braked, fresh", 1, ReplicaState.BRAKED),
            status("old", 300),
            status("never-ever", None),
        ],
        [],
        [],
    )
    assert [one.status.scenario.name for one in made] == ["braked, fresh", "never-ever", "old", "fresh"]


def test_the_last_failures_are_the_newest_and_no_childs(services):
    job = services.jobs_[0]
    ended = [
        replace(job, id=n, last_result=result, parent_id=parent, finished_at=now() - timedelta(hours=n))
        for n, result, parent in (
            (1, JobResult.FINISHED, None),
            (2, JobResult.CRASHED, None),
            (3, JobResult.FAILED, 2),
            (4, JobResult.RUN_FAILED, None),
            (5, JobResult.INCOMPLETE, None),
            (6, JobResult.FAILED, None),
        )
    ]
    assert [one.id for one in failures(ended)] == [2, 4, 5]


@pytest.fixture
def home(context, put_up):
    return put_up(HomeManager(context), 1400, 820)


def test_home_leads_to_what_it_shows(home, context):
    opened = context.extra["opened"]
    known = {entry.name for entry in entries()}
    for button in home.side.quick_start.buttons:
        button.click()
    assert ("backup", {"tab": "Start"}) in opened
    assert ("hosts", {"add": True}) in opened
    assert {name for name, _ in opened} <= known
    shown = [row for row in home.side.failures.rows if row.isVisible()]
    shown[0].name.click()
    assert opened[-1][0] == "job_status"
    home._on_all_runs()
    assert opened[-1] == ("job_status", {"page": "upcoming"})
    assert home.day.marks


def test_where_little_is_seen_what_is_protected_stays(home, settled):
    home.resize(1000, 420)
    settled()
    assert not home._recent.isVisible()
    assert home.table.isVisible()
    assert home.day.isVisible()
