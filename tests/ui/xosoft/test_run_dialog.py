"""Running a scenario: what is verified before, who may, and how it synchronises."""

from __future__ import annotations

import pytest

from app.model.errors import ArcxoError, CredentialsError
from app.model.scenario import SyncMethod
from app.ui.xosoft.actions import Act
from app.ui.xosoft.manager import XOsoftManager
from tests.support.run_dialog import open_run, run


@pytest.fixture
def manager(context, qtbot):
    made = XOsoftManager(context)
    qtbot.addWidget(made)
    made.resize(1200, 800)
    made.show()
    made.activate()
    made.scenarios.select("Archive 2019")
    qtbot.waitUntil(lambda: made.selected is not None and made.selected.scenario.name == "Archive 2019")
    yield made
    made.deactivate()


def test_the_connection_is_shown_and_the_hosts_are_verified(manager, qtbot, services):
    dialog = open_run(manager, qtbot)
    assert dialog.windowTitle() == "ARCserve Backup server connection"
    qtbot.waitUntil(lambda: dialog.login.server.text() == "BKP-SRV-01")
    assert dialog.login.user.text() == "caroot"
    assert [call[1] for call in services.called("hosts.preflight")] == ["localhost"]
    assert dialog.header.note.text() == "Nothing stands in the way"
    assert dialog.login.password.hasFocus() or dialog.focusWidget() is dialog.login.password
    dialog.run_button.click()
    qtbot.waitUntil(lambda: services.called("scenarios.run") == [("scenarios.run", "Archive 2019")])
    assert services.called("hosts.check_login") == [], "the owner needs no password"


def test_a_wrong_password_runs_nothing_and_the_right_one_registers(manager, qtbot, services):
    dialog = open_run(manager, qtbot)
    services.raises["hosts.check_login"] = CredentialsError("AE1026", user="caroot")
    dialog.login.password.setText("wrong")
    dialog.run_button.click()
    qtbot.waitUntil(lambda: "refused" in dialog.login.password.accessibleDescription())
    assert services.called("scenarios.run") == []
    del services.raises["hosts.check_login"]
    dialog.login.password.setText("right")
    dialog.run_button.click()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.run")))
    number = str(manager.selected.scenario.id)
    assert services.called("scenarios.register") == [("scenarios.register", number)]


def test_an_error_stops_the_run_until_it_is_solved(manager, qtbot, services):
    services.silent_hosts["localhost"] = ArcxoError("AE1001", host="localhost", reason="refused")
    dialog = open_run(manager, qtbot)
    assert not dialog.run_button.isEnabled()
    assert dialog.run_button.toolTip() == "1 error to solve first"
    services.silent_hosts.clear()
    dialog.retry.click()
    qtbot.waitUntil(dialog.run_button.isEnabled)


def test_another_method_is_handed_on_and_the_usual_one_is_not(manager, qtbot, services):
    dialog = open_run(manager, qtbot)
    dialog.method.choose(1)
    with qtbot.waitSignal(dialog.chosen) as told:
        dialog.run_button.click()
    assert told.args == [SyncMethod.BLOCK]


def test_cancel_runs_nothing(manager, qtbot, services, settled):
    dialog = open_run(manager, qtbot)
    dialog.reject()
    settled()
    assert services.called("scenarios.run") == []
    assert manager.actions_[Act.RUN].isEnabled()
    run(manager, qtbot)
    qtbot.waitUntil(lambda: bool(services.called("scenarios.run")))
