"""Scenarios that a backup job controls, the backup server's listing, and scenarios found on hosts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.model.errors import ArcxoError, CredentialsError
from app.model.job import JobStatus
from app.model.scenario import ReplicaState, ScenarioState
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.wizards.flow import Page
from app.ui.wizards.new_scenario import NewScenarioWizard
from app.ui.xosoft.actions import Act
from app.ui.xosoft.discovery_dialog import DiscoveryDialog, DiscoveryModel
from app.ui.xosoft.holding import holder
from app.ui.xosoft.manager import XOsoftManager
from app.ui.xosoft.server_dialog import UpdateServerDialog
from app.ui.xosoft.template_dialog import TemplateDialog
from tests.support.memory_services import scenario, status_of


@pytest.fixture
def manager(context, qtbot, settled):
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


def backing_up(services, manager):
    """An active backup job of the scenario in view."""
    job = next(job for job in services.jobs_ if hasattr(job.script, "scenario_ids"))
    script = replace(job.script, scenario_ids=(manager.selected.scenario.id,))
    held = replace(job, status=JobStatus.ACTIVE, script=script)
    services.jobs_[services.jobs_.index(job)] = held
    return held


def test_a_scenario_that_a_backup_job_controls_is_left_or_taken(manager, qtbot, services):
    select(manager, qtbot, "Branch File Shares")
    job = backing_up(services, manager)
    manager.actions_[Act.STOP].trigger()
    qtbot.waitUntil(lambda: bool(manager.findChildren(ConfirmDialog)))
    dialog = manager.findChild(ConfirmDialog)
    assert services.called("scenarios.stop") == []
    dialog.reject()
    assert manager.actions_[Act.STOP].isEnabled()
    assert services.called("jobs.stop") == []
    manager.actions_[Act.STOP].trigger()
    qtbot.waitUntil(lambda: any(d is not dialog for d in manager.findChildren(ConfirmDialog)))
    next(d for d in manager.findChildren(ConfirmDialog) if d is not dialog).accept()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.stop")))
    names = [call[0] for call in services.calls if call[0] in ("jobs.stop", "jobs.wait", "scenarios.stop")]
    assert names == ["jobs.stop", "jobs.wait", "scenarios.stop"]
    assert services.called("jobs.stop")[0][1] == job.id


def test_bookmarks_and_scenarios_of_other_jobs_ask_nothing(manager, qtbot, services):
    select(manager, qtbot, "Branch File Shares")
    job = backing_up(services, manager)
    assert holder([job], manager.selected.scenario.id) is job
    assert holder([replace(job, status=JobStatus.DONE)], manager.selected.scenario.id) is None
    assert holder([job], 1) is None
    manager.actions_[Act.BOOKMARK].trigger()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.bookmark")))
    assert manager.findChildren(ConfirmDialog) == []


def test_the_backup_server_is_updated_only_after_a_log_in(manager, qtbot, services):
    select(manager, qtbot, "Archive 2019")
    manager.actions_[Act.REGISTER].trigger()
    dialog = manager.findChild(UpdateServerDialog)
    qtbot.waitUntil(lambda: dialog.login.server.text() == "BKP-SRV-01")
    assert dialog.login.user.text() == "caroot"
    dialog.update_button.click()
    assert dialog.login.password.accessibleDescription() == "A password is missing"
    services.raises["hosts.check_login"] = CredentialsError("AE1026", user="caroot")
    dialog.login.password.setText("wrong")
    dialog.update_button.click()
    qtbot.waitUntil(lambda: "refused" in dialog.login.password.accessibleDescription())
    assert services.called("scenarios.register") == []
    del services.raises["hosts.check_login"]
    dialog.login.password.setText("right")
    with qtbot.waitSignal(dialog.updated):
        dialog.update_button.click()
    assert services.called("scenarios.register") == [
        ("scenarios.register", str(manager.selected.scenario.id))
    ]


def test_scenarios_of_hosts_are_found_and_registered(manager, qtbot, services, qtmodeltester):
    found = status_of(scenario(77, "Branch 7", ["/srv/seven"]), ScenarioState.STOPPED, ReplicaState.STOPPED)
    services.elsewhere.append(found)
    services.silent_hosts["dr-02"] = ArcxoError("AE1001", host="dr-02", reason="connection refused")
    manager.commands.discover.trigger()
    dialog = manager.findChild(DiscoveryDialog)
    qtbot.waitUntil(lambda: dialog.model.rowCount() == 1)
    assert dialog.header.note.text() == "1 scenario found"
    assert dialog.silent.text().startswith("dr-02: The agent of dr-02 cannot be reached")
    with qtbot.waitSignal(dialog.registered):
        dialog.register.click()
    qtbot.waitUntil(lambda: dialog.header.note.text() == "None was found")
    assert not dialog.register.isEnabled()
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == "Branch 7")
    model = DiscoveryModel()
    model.set_items([found])
    qtmodeltester.check(model)
    dialog.reject()


def test_a_template_is_saved_and_a_new_scenario_begins_with_it(manager, qtbot, services):
    select(manager, qtbot, "Archive 2019")
    like = manager.selected.scenario
    changed = replace(like, properties=replace(like.properties, rewind_minutes=77))
    services.scenarios.update(changed)
    manager.actions_[Act.TEMPLATE].trigger()
    dialog = manager.findChild(TemplateDialog)
    dialog.name.setText("Archives")
    with qtbot.waitSignal(dialog.accepted):
        dialog.save.click()
    assert services.called("scenarios.save_template") == [
        ("scenarios.save_template", "Archives", str(like.id))
    ]
    manager.commands.new.trigger()
    wizard = manager.findChild(NewScenarioWizard)
    welcome, properties = wizard.pages[Page.WELCOME], wizard.pages[Page.PROPERTIES]
    qtbot.waitUntil(lambda: welcome.begin.count() == 2)
    welcome.begin.setCurrentText("Archives")
    welcome.begin.activated.emit(1)
    assert wizard.flow.answer(Page.WELCOME) == "Archives"
    assert wizard.flow.answers.group == like.group
    properties.enter()
    assert properties.form.values()["rewind_minutes"] == 77
    wizard.pages[Page.HOSTS].enter()
    assert wizard.pages[Page.HOSTS].group.currentText() == like.group
    wizard.done(0)
