"""The manager against memory services: live rows, selection, actions, events, never on the GUI thread."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.model.errors import BusyError
from app.model.scenario import ScenarioState
from app.ui.models.cell import ItemRole, RowKind
from app.ui.xosoft.actions import Act
from app.ui.xosoft.brake_dialog import BrakeDialog
from app.ui.xosoft.events_pane import EventsPane
from app.ui.xosoft.history import History
from app.ui.xosoft.manager import XOsoftManager
from app.ui.xosoft.scenario_rows import scenario_rows
from tests.support.memory_services import sample_statuses
from tests.support.run_dialog import run


@pytest.fixture
def manager(context, qtbot, settled):
    made = XOsoftManager(context)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.scenarios.model.rowCount() > 0)
    yield made
    made.deactivate()
    settled()


def select(manager, qtbot, name):
    manager.show_request(scenario=name)
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == name)


def test_groups_scenarios_and_hosts_are_rows(manager):
    group = manager.scenarios.model.index(0, 0)
    assert group.data(ItemRole.KIND) is RowKind.GROUP
    assert [manager.scenarios.model.index(i, 0).data() for i in range(2)] == ["Branch offices", "Head office"]
    first = manager.scenarios.model.index(0, 0, group)
    assert first.data() == "Branch File Shares"
    assert manager.scenarios.model.index(0, 0, first).data(ItemRole.KIND) is RowKind.SUBHEADER
    master = manager.scenarios.model.index(1, 0, first)
    assert master.data() == "localhost"
    assert manager.scenarios.model.index(0, 1, master).data() == "In sync"


def test_services_are_never_called_on_the_gui_thread(manager, services):
    assert services.threads
    assert all(name.startswith("console-task") for name in services.threads)


def test_a_stopped_scenario_can_run_and_then_stop(manager, qtbot, services):
    select(manager, qtbot, "Archive 2019")
    assert manager.actions_[Act.RUN].isEnabled()
    assert not manager.actions_[Act.STOP].isEnabled()
    assert manager.actions_[Act.STOP].toolTip() == "The scenario is stopped"
    run(manager, qtbot)
    qtbot.waitUntil(manager.actions_[Act.STOP].isEnabled)
    assert services.called("scenarios.run") == [("scenarios.run", "Archive 2019")]
    assert manager.selected.state is ScenarioState.REPLICATING


def test_a_refusal_is_shown_and_the_actions_come_back(manager, qtbot, services, context):
    select(manager, qtbot, "Branch File Shares")
    services.raises["scenarios.bookmark"] = BusyError("ER00412", scenario="x")
    manager.actions_[Act.BOOKMARK].trigger()
    qtbot.waitUntil(lambda: len(context.extra["errors"]) == 1)
    assert manager.actions_[Act.BOOKMARK].isEnabled()


def test_selection_survives_polling(manager, qtbot, services):
    select(manager, qtbot, "Lab Results")
    before = len(services.called("scenarios.list"))
    qtbot.waitUntil(lambda: len(services.called("scenarios.list")) > before + 2)
    assert manager.selected.scenario.name == "Lab Results"
    assert manager.scenarios.tree.currentIndex().data() == "Lab Results"


def test_a_hidden_manager_does_not_poll(manager, qtbot, services, settled):
    manager.deactivate()
    settled()
    before = len(services.calls)
    qtbot.wait(700)
    assert len(services.calls) == before


def test_the_filter_keeps_matching_scenarios_and_says_how_many(manager, qtbot):
    manager.scenarios.filter.setText("sales")
    qtbot.waitUntil(lambda: manager.scenarios.header.note.text() == "2 of 6")


def test_events_are_asked_newer_than_the_last_and_filtered(manager, qtbot, services):
    qtbot.waitUntil(lambda: manager.events.model.rowCount() == 5)
    qtbot.waitUntil(lambda: any(call[2] == 8214 for call in services.called("scenarios.events")))
    manager.events.chosen.chosen.emit(1)
    manager.events.chosen.choose(1)
    manager.events.chosen.chosen.emit(1)
    assert {event.sequence for event in manager.events.model.items} == {8203, 8209}


def test_properties_are_read_only_while_running_and_saved_when_stopped(manager, qtbot, services):
    manager.tabs.setCurrentIndex(2)
    qtbot.waitUntil(lambda: manager.properties.form.ready)
    select(manager, qtbot, "Branch File Shares")
    assert "Stop the scenario" in manager.properties.reason.text()
    assert not manager.properties.save.isEnabled()
    select(manager, qtbot, "Archive 2019")
    editor = manager.properties.form._editors["rewind_minutes"]
    qtbot.waitUntil(editor.isEnabled)
    editor.setValue(60)
    assert manager.properties.save.isEnabled()
    manager.properties.save.click()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.update")))
    assert services.called("scenarios.update")[0][1].properties.rewind_minutes == 60


def test_rates_come_from_counters_and_a_restart_begins_anew():
    from dataclasses import replace

    history, status = History(), sample_statuses()[0]
    number = status.scenario.id
    assert history.rates(number).captured is None
    for second in range(5):
        history.add(replace(status, captured_bytes=second * 1000), float(second))
    assert history.rates(number).captured == 1000
    history.add(replace(status, captured_bytes=0), 6.0)
    assert history.rates(number).captured is None


def test_rows_filter_by_host_and_path():
    assert scenario_rows(sample_statuses(), "/srv/lab")[0].children[0].object.scenario.name == "Lab Results"
    assert scenario_rows(sample_statuses(), "nothing like it") == []


def test_new_events_wait_while_the_list_is_scrolled(qtbot, services):
    pane = EventsPane()
    qtbot.addWidget(pane)
    pane.resize(900, 160)
    pane.show()
    first = services.scenarios.events()
    many = [replace(first[0], sequence=100 + number) for number in range(40)]
    pane.add_events(many)
    bar = pane.table.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 200)
    bar.setValue(200)
    pane.add_events([replace(first[0], sequence=900)])
    assert pane.model.rowCount() == 40
    assert pane.new.text() == "1 new · Show"
    pane.new.click()
    assert (pane.model.rowCount(), pane.new.isHidden(), bar.value()) == (41, True, 0)


def test_a_braked_scenario_shows_what_to_do_about_it(manager, qtbot):
    assert manager.banner.isVisible()
    words = manager.banner.accessibleName()
    assert "Sales Shares" in words
    assert "12,418 deletes" in words
    assert "arcxo scenario brake 'Sales Shares' show" in manager.banner.toolTip()
    manager.banner._button.click()
    dialog = manager.findChild(BrakeDialog)
    assert dialog is not None
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 1)
    dialog.reject()
    manager.context.services.scenarios.brake_accept("Sales Shares")
    manager.refresh()
    qtbot.waitUntil(lambda: not manager.banner.isVisible())
