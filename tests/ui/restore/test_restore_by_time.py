"""Restore by Time: which source holds a moment, and the ways on from there."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.model.rewind import RewindDensity
from app.ui.restore.manager import RestoreManager
from app.ui.restore.source_tab import BY_TIME, BY_TREE
from app.ui.restore.ways_back import distance, ways_back
from app.ui.wizards.restore_data import RestoreDataWizard
from tests.support.memory_services import now


@pytest.fixture
def sessions(services):
    return [one for one in services.sessions if one.scenario_name == "Branch File Shares"]


def numbers(ways):
    return [way.session.number if way.session else 0 for way in ways]


def test_the_rewind_log_is_best_where_it_reaches_and_a_session_before_elsewhere(sessions):
    wanted = now() - timedelta(hours=10)
    reached = ways_back(wanted, wanted - timedelta(hours=1), now(), sessions)
    assert numbers(reached) == [0, 59, 61]
    assert [way.best for way in reached] == [True, False, False]
    assert distance(reached[0]) == "Exact"
    assert distance(reached[1]).endswith("before")
    assert distance(reached[2]).endswith("after")
    assert numbers(ways_back(wanted, wanted + timedelta(seconds=1), now(), sessions)) == [59, 61]
    assert numbers(ways_back(wanted, None, now(), sessions)) == [59, 61]


def test_damaged_sessions_and_times_without_any_source_are_left_out(sessions):
    wanted = now() - timedelta(days=400)
    assert numbers(ways_back(wanted, None, now(), sessions)) == [59]
    damaged = [replace(one, damaged=True) for one in sessions]
    assert ways_back(wanted, None, now(), damaged) == []
    assert ways_back(now() + timedelta(days=1), now() - timedelta(days=1), now(), []) == []


@pytest.fixture
def manager(services, context, qtbot, settled, monkeypatch):
    reach = RewindDensity(now(), now(), (0,), now() - timedelta(hours=3))
    monkeypatch.setattr(services.scenarios, "rewind_density", lambda *_a, **_k: reach)
    made = RestoreManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    settled()
    made.show_request(view="time")
    settled()
    yield made
    made.deactivate()
    settled()


def test_a_moment_lists_its_sources_and_a_session_opens_as_of_its_time(manager, settled, qtmodeltester):
    pane = manager.source.by_time
    assert manager.source.view.currentIndex() == BY_TIME
    assert not pane.go.isEnabled()
    pane.choose(now() - timedelta(hours=10))
    settled()
    assert [way.session.number for way in pane.model.items] == [59, 61]
    assert pane.go.text() == "Browse session 59"
    qtmodeltester.check(pane.model)
    pane.go.click()
    settled()
    assert manager.source.view.currentIndex() == BY_TREE
    assert manager.source.as_of_box.isChecked()


def test_what_the_rewind_log_holds_is_rewound_after_its_own_plan(manager, services, settled):
    pane = manager.source.by_time
    pane.choose(now() - timedelta(minutes=5))
    settled()
    assert pane.go.text().startswith("Rewind to ")
    pane.go.click()
    settled()
    (dialog,) = [one for one in pane.findChildren(RestoreDataWizard) if one.isVisible()]
    assert not services.called("scenarios.rewind")
    dialog.close()


def test_another_scenario_begins_with_its_own_timeline(manager, settled):
    pane = manager.source.by_time
    pane.choose(now())
    settled()
    pane.scenario.setCurrentText("Lab Results")
    settled()
    assert pane.moment.text() == ""
    assert not pane.go.isEnabled()
    assert pane.timeline is not None
