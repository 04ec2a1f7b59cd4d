"""What the Scenario menu does: groups, names, copies, definitions in files; and how the panes lie."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtWidgets import QFileDialog

from app.model.errors import ArcxoError, BusyError
from app.model.scenario import SyncMethod
from app.ui.models.cell import ItemRole, RowKind
from app.ui.wizards.flow import Page
from app.ui.wizards.new_scenario import NewScenarioWizard
from app.ui.xosoft.actions import Act
from app.ui.xosoft.edit_dialog import EditScenarioDialog
from app.ui.xosoft.manager import XOsoftManager
from app.ui.xosoft.run_dialog import RunDialog
from app.ui.xosoft.suspend_dialog import SuspendDialog
from app.ui.xosoft.suspend_times import offered_times
from app.ui.xosoft.together import MemberTable, StopGroupDialog


@pytest.fixture
def manager(context, services, qtbot, settled):
    services.jobs_.clear()  # no backup job controls a scenario here
    made = XOsoftManager(context)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.selected is not None)
    yield made
    made.deactivate()
    settled()


def select(manager, qtbot, name):
    manager.show_request(scenario=name)
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == name)


def select_group(manager, name):
    model = manager.scenarios.model
    index = model.find(("group", name))
    assert model.row_at(index).kind is RowKind.GROUP
    manager.scenarios.tree.select_row(index)


def asked(manager, kind):
    """The dialog of this kind that is open."""
    (found,) = [one for one in manager.findChildren(kind) if one.isVisible()]
    return found


def happens(model):
    return {item.status.scenario.name: model.cell(item, 2).text for item in model.items}


def test_a_group_stops_together_and_says_how_many(manager, qtbot, services):
    select_group(manager, "Branch offices")
    assert manager.selected is None
    assert manager.header.subtitle.text() == "Branch offices, 3 scenarios"
    assert manager.framework.pages.currentWidget() is manager.framework.nothing
    stop = manager.actions_[Act.STOP]
    assert stop.toolTip() == "Stop 3 of 3 scenarios of Branch offices"
    assert manager.actions_[Act.DELETE].toolTip() == "Select one scenario"
    stop.trigger()
    dialog = asked(manager, StopGroupDialog)
    assert dialog.stop_button.text() == "Stop 3 scenarios"
    assert {text.partition(":")[0] for text in happens(dialog.table.members).values()} == {"Stops"}
    dialog.reject()
    assert services.called("scenarios.stop") == []
    stop.trigger()
    asked(manager, StopGroupDialog).stop_button.click()
    assert stop.toolTip() == "Working on it"
    qtbot.waitUntil(lambda: len(services.called("scenarios.stop")) == 3)
    run = manager.actions_[Act.RUN]
    qtbot.waitUntil(run.isEnabled)
    assert run.toolTip() == "Run 3 of 3 scenarios of Branch offices"
    select(manager, qtbot, "Lab Results")
    assert manager.framework.pages.currentWidget() is manager.framework.statistics


def test_running_a_group_says_which_are_left_out_and_why(manager, qtbot, services):
    one, *others = [one for one in services.statuses if one.scenario.group == "Branch offices"]
    services.scenarios.stop(one.scenario.name)
    select_group(manager, "Branch offices")
    run = manager.actions_[Act.RUN]
    qtbot.waitUntil(run.isEnabled)
    run.trigger()
    dialog = asked(manager, RunDialog)
    qtbot.waitUntil(lambda: not dialog.checking)
    model = dialog.findChild(MemberTable).members
    assert [item.left_out for item in model.items] == ["", *["The scenario is running"] * len(others)]
    assert model.items[0].status.scenario.name == one.scenario.name
    assert dialog.run_button.text() == "Run 1 scenario"
    dialog.run_button.click()
    qtbot.waitUntil(lambda: services.called("scenarios.run") == [("scenarios.run", one.scenario.name)])


def test_a_scenario_is_renamed_and_moved_to_another_group(manager, qtbot, services):
    select(manager, qtbot, "Archive 2019")
    manager.actions_[Act.EDIT].trigger()
    dialog = manager.findChild(EditScenarioDialog)
    dialog.name.setText("lab results")
    dialog.save.click()
    assert "already" in dialog.name.accessibleDescription()
    dialog.name.setText("Archive")
    dialog.group.setCurrentText("Old things")
    services.raises["scenarios.update"] = BusyError("ER00412", scenario="Archive 2019")
    dialog.save.click()
    qtbot.waitUntil(dialog.save.isEnabled)
    assert (dialog.isVisible(), dialog.name.text()) == (True, "Archive"), "nothing typed is lost"
    assert dialog.name.accessibleDescription()
    del services.raises["scenarios.update"]
    dialog.save.click()
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == "Archive")
    assert manager.selected.scenario.group == "Old things"
    select(manager, qtbot, "Branch File Shares")
    assert manager.actions_[Act.EDIT].toolTip() == "Stop the scenario first"


def test_a_duplicate_begins_with_all_of_the_scenario_but_where_it_is_kept(manager, qtbot, services):
    select(manager, qtbot, "Branch File Shares")
    like = manager.selected.scenario
    manager.actions_[Act.DUPLICATE].trigger()
    wizard = manager.findChild(NewScenarioWizard)
    answers = wizard.flow.answers
    assert wizard.pages[Page.HOSTS].name.text() == "Branch File Shares copy"
    assert (answers.group, answers.properties) == (like.group, like.properties)
    assert answers.roots == [root.master_path for root in like.roots]
    assert next(iter(answers.targets.values())).endswith("-copy")
    wizard.flow.engines_of = wizard.flow.hosts
    assert [wizard.flow.fault(page) for page in (Page.HOSTS, Page.ROOTS, Page.REPLICA)] == ["", "", ""]
    wizard.done(0)


def test_a_scenario_is_suspended_until_a_time_from_the_menu_or_the_dialog(manager, qtbot, services):
    select(manager, qtbot, "Branch File Shares")
    menu = manager.commands.suspend_menu
    menu.aboutToShow.emit()
    assert [action.text() for action in menu.actions()][:3] == [
        "For 15 minutes",
        "For 1 hour",
        "For 4 hours",
    ]
    before = datetime.now(UTC)
    menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.suspend")))
    until = services.called("scenarios.suspend")[0][3]
    assert timedelta(minutes=59) < until - before < timedelta(minutes=61)
    qtbot.waitUntil(lambda: manager.selected.replicas[0].suspended_until == until)
    model = manager.scenarios.model
    key = ("scenario", manager.selected.scenario.id)
    master = model.index(1, 0, model.find(("group", "Branch offices"), key))
    cell = model.index(0, 1, master).data(ItemRole.CELL)
    assert cell.beside.startswith("until ")
    assert not manager.commands.suspend_until.isEnabled()
    manager.actions_[Act.RESUME].trigger()
    qtbot.waitUntil(manager.commands.suspend_until.isEnabled)
    manager.commands.suspend_until.trigger()
    dialog = manager.findChild(SuspendDialog)
    dialog.time.setDateTime(dialog.time.dateTime().addDays(-2))
    dialog.suspend.click()
    assert "time to come" in dialog.time.accessibleDescription()
    dialog.time.setDateTime(dialog.time.dateTime().addDays(4))
    dialog.suspend.click()
    qtbot.waitUntil(lambda: len(services.called("scenarios.suspend")) == 2)


def test_a_scenario_is_run_with_another_synchronization(manager, qtbot, services, monkeypatch):
    select(manager, qtbot, "Archive 2019")
    asked = []
    run = services.scenarios.run
    monkeypatch.setattr(services.scenarios, "run", lambda name, sync=None: (asked.append(sync), run(name)))
    manager.commands.run_menu.actions()[1].trigger()
    qtbot.waitUntil(lambda: asked == [SyncMethod.BLOCK])
    qtbot.waitUntil(manager.actions_[Act.STOP].isEnabled)


def test_times_are_offered_from_now_on():
    night = datetime(2026, 3, 1, 2, 30, tzinfo=UTC)
    assert offered_times(night)[3] == ("Until today 06:00", datetime(2026, 3, 1, 6, tzinfo=UTC))
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert offered_times(noon)[3] == ("Until tomorrow 06:00", datetime(2026, 3, 2, 6, tzinfo=UTC))
    assert offered_times(noon)[0][1] == datetime(2026, 3, 1, 12, 15, tzinfo=UTC)


def test_a_definition_is_exported_and_imported(manager, qtbot, services, context, tmp_path, monkeypatch):
    file = tmp_path / "a.xml"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(file), ""))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_a: (str(file), ""))
    select(manager, qtbot, "Lab Results")
    manager.actions_[Act.EXPORT].trigger()
    qtbot.waitUntil(lambda: file.exists() and file.stat().st_size > 0)
    assert file.read_bytes() == b"<scenario name='Lab Results'/>"
    manager.commands.import_.trigger()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.import_xml")))
    assert services.called("scenarios.import_xml")[0][1] == file.read_bytes()
    file.unlink()
    manager.commands.import_.trigger()
    qtbot.waitUntil(lambda: len(context.extra["errors"]) == 1)
    error = context.extra["errors"][0]
    assert isinstance(error, ArcxoError)
    assert (error.code, error.params["path"]) == ("E1302", str(file))


def test_events_of_one_scenario_are_shown_alone_and_exported(manager, qtbot, tmp_path, monkeypatch, services):
    qtbot.waitUntil(lambda: manager.events.model.rowCount() == 5)
    select(manager, qtbot, "Sales Shares")
    manager.events.only.click()
    names = {event.scenario_name for event in manager.events.shown()}
    assert names == {"Sales Shares"}
    file = tmp_path / "events.csv"
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_a: (str(file), ""))
    manager.events.export.click()
    qtbot.waitUntil(file.exists)
    rows = list(csv.reader(io.StringIO(file.read_text())))
    assert rows[0][:3] == ["id", "sequence", "severity"]
    assert {row[4] for row in rows[1:]} == {"Sales Shares"}
    select(manager, qtbot, "Branch File Shares")
    qtbot.waitUntil(lambda: {e.scenario_name for e in manager.events.shown()} == {"Branch File Shares"})


@pytest.mark.qt_log_ignore("does not support raise", extend=True)
def test_panes_are_hidden_floated_kept_and_put_back(manager, qtbot, context):
    _scenarios, framework, events = manager.panes.panes
    view = manager.view_menu()
    words = [action.text() for action in view if action is not None]
    assert words[:4] == ["Scenarios", "Framework", "Events", "Float Scenarios"]
    assert words[-1] == "Reset layout"
    view[2].trigger()
    assert events.isHidden()
    framework.float_action.trigger()
    assert framework.isFloating()
    assert framework.float_button.accessibleName() == "Put Framework back"
    manager.save_state()
    again = XOsoftManager(context)
    qtbot.addWidget(again)
    again.resize(1200, 800)
    again.show()
    assert again.panes.panes[2].isHidden()
    assert again.panes.panes[1].isFloating()
    again.panes.reset_action.trigger()
    assert not any(pane.isFloating() or pane.isHidden() for pane in again.panes.panes)
    assert again.panes.panes[0].x() < again.panes.panes[1].x()
    assert again.panes.panes[2].y() > again.panes.panes[1].y()
