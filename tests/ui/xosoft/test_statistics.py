"""The Statistics tab: the scenario as a whole, or tables of one of its hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.model.scenario import ReplicaState, ReplicaStatus, RootStatistics, ScenarioState, SyncProgress
from app.ui.xosoft.history import History
from app.ui.xosoft.statistics import StatisticsTab
from tests.support.memory_services import scenario, status_of


def status(number: int = 5, *replicas: ReplicaStatus):
    made = status_of(
        scenario(number, f"Files {number}", ["/srv/a", "/srv/b"]),
        ScenarioState.REPLICATING,
        ReplicaState.REPLICATING,
    )
    roots = (RootStatistics(b"/srv/a", 3_000_000, 120, 1, 2, 3, 4), RootStatistics(b"/srv/b"))
    return replace(made, roots=roots, replicas=replicas or made.replicas)


@pytest.fixture
def tab(qtbot):
    made = StatisticsTab(History())
    qtbot.addWidget(made)
    made.resize(640, 600)
    made.show()
    made.show_status(status())
    return made


def choose(tab, position: int) -> None:
    tab.view.setCurrentIndex(position)
    tab.view.activated.emit(position)


def values(tab) -> dict[str, str]:
    return {fact.name: fact.value for fact in tab._host.facts.items}


def test_the_scenario_is_shown_first_and_its_hosts_are_offered(tab):
    host = status().replicas[0].host
    assert [tab.view.itemText(n) for n in range(tab.view.count())] == [
        "Scenario",
        f"Master {status().scenario.master}",
        f"Replica {host}",
    ]
    assert tab.pages.currentIndex() == 0


def test_the_master_has_a_table_of_its_roots(tab, qtmodeltester):
    choose(tab, 1)
    host = tab._host
    assert host.isVisible()
    assert [root.master_path for root in host.master_roots.items] == [b"/srv/a", b"/srv/b"]
    assert [host.root_tables[n].isVisible() for n in (0, 1)] == [True, False]
    assert "Captured operations" in values(tab)
    for model in (host.facts, host.master_roots, host.replica_roots):
        qtmodeltester.check(model)


def test_a_replica_has_its_figures_and_roots_and_they_follow(tab):
    choose(tab, 2)
    busy = replace(
        status().replicas[0],
        synchronized_bytes=3 * 1024**2,
        lag_seconds=4.0,
        sync=SyncProgress(files_compared=7, files_total=20),
    )
    tab.show_status(status(5, busy))
    assert tab.pages.currentWidget() is tab._host
    assert values(tab)["Files compared"] == "7 of 20"
    assert values(tab)["Synchronized"] == "3.00 MB"
    roots = tab._host.replica_roots.items
    assert [root.master_path for root in roots] == [b"/srv/a", b"/srv/b"]
    assert (roots[0].statistics.files, roots[1].statistics.files) == (120, None)


def test_another_scenario_shows_the_same_kind_of_host(tab):
    choose(tab, 2)
    tab.show_status(status(6, ReplicaStatus("repl-9", ReplicaState.SUSPENDED)))
    assert tab.view.currentText() == "Replica repl-9"
    assert values(tab)["State"] == "Suspended"
    tab.show_status(None)
