"""Machines of the Source tree: added, logged in to, deleted; and their log-ins for a backup."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtWidgets import QApplication

from app.model.errors import ArcxoError, CredentialsError
from app.model.host import Host
from app.model.job import Credentials
from app.ui.backup import machines
from app.ui.backup.folders import UNIX
from app.ui.backup.logins import LoginState, SourceRole
from app.ui.backup.manager import BackupManager
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.hosts.host_dialog import HostDialog


@pytest.fixture
def manager(context, services, put_up):
    services.known_hosts["FS-BRANCH"] = Host("FS-BRANCH", "10.0.0.9:25000", "operator", "ab" * 32)
    return put_up(BackupManager(context), 1240, 820)


def dialog(kind):
    return next(one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible())


def test_a_machine_is_added_after_its_certificate_was_compared(manager, services, settled):
    manager.source.add_action.trigger()
    asked = dialog(HostDialog)
    for field, text in ((asked.address, "10.0.0.7"), (asked.name, "FS-NEW"), (asked.user, "admin")):
        field.setText(text)
    asked.password.setText("secret")
    asked.go.click()
    settled()
    assert "AB:AB" in asked.found.text()
    assert not asked.go.isEnabled()
    asked.compared.setChecked(True)
    asked.go.click()
    settled()
    assert services.called("hosts.add") == [("hosts.add", "FS-NEW", "10.0.0.7:25000", "admin")]
    assert manager.source.model.find(UNIX, "FS-NEW").isValid()
    assert manager.source.machine.host.name == "FS-NEW"


def test_a_machine_is_deleted_from_this_server_after_a_question(manager, services, settled, monkeypatch):
    answers = [False, True]
    asked = []
    monkeypatch.setattr(machines, "confirm", lambda *words: asked.append(words) or answers.pop(0))
    manager.source.select_machine("FS-BRANCH")
    settled()
    manager.source.delete_action.trigger()
    settled()
    assert "FS-BRANCH" in services.known_hosts
    manager.source.delete_action.trigger()
    settled()
    assert "FS-BRANCH" not in services.known_hosts
    assert not manager.source.model.find(UNIX, "FS-BRANCH").isValid()
    assert "Its sessions and log lines stay" in asked[0][2]


def test_this_computer_is_neither_deleted_nor_logged_in_to(manager, settled):
    manager.source.select_machine("localhost")
    settled()
    for action in (manager.source.delete_action, manager.source.change_action):
        assert not action.isEnabled()
        assert action.toolTip()


def test_a_machine_in_use_is_not_deleted_and_says_by_what(manager, services, settled):
    status = services.statuses[0]
    used = "FS-BRANCH"
    services.statuses[0] = replace(status, scenario=replace(status.scenario, master=used))
    manager.refresh()
    settled()
    manager.source.select_machine(used)
    settled()
    assert not manager.source.delete_action.isEnabled()
    assert status.scenario.name in manager.source.delete_action.toolTip()


def test_directories_have_one_row_for_each_machine_with_the_log_in_that_is_kept(manager, services, settled):
    for path in (b"/srv", b"/etc"):
        manager.draft.toggle_source("FS-BRANCH", path)
    manager.draft.toggle_source("localhost", b"/srv")
    manager.start()
    asked = dialog(SecurityDialog)
    rows = [(row.role, row.host, row.state) for row in manager.logins.rows]
    assert rows == [
        (SourceRole.SOURCE, "FS-BRANCH", LoginState.KEPT),
        (SourceRole.SOURCE, "localhost", LoginState.NOT_NEEDED),
    ]
    assert asked.test.isVisible()
    asked.test.click()
    settled()
    assert manager.logins.rows[0].state is LoginState.ACCEPTED
    assert services.called("hosts.check_login") == []
    asked.ok.click()
    settled()
    assert manager.logins.credentials() == ()


def test_a_log_in_typed_for_a_machine_is_tested_and_travels_with_the_job(manager, services, settled):
    manager.draft.toggle_source("FS-BRANCH", b"/srv")
    manager.start()
    asked = dialog(SecurityDialog)
    services.raises["hosts.check_login"] = CredentialsError("AE1026", host="FS-BRANCH", user="other")
    asked.user.setText("other")
    asked.user.textEdited.emit("other")
    asked.password.setText("wrong")
    asked.password.textEdited.emit("wrong")
    asked.ok.click()
    settled()
    assert asked.isVisible()
    assert manager.logins.rows[0].state is LoginState.REFUSED
    services.raises.clear()
    asked.password.setText("right")
    asked.password.textEdited.emit("right")
    asked.ok.click()
    settled()
    assert manager.logins.credentials() == ((0, "source FS-BRANCH", Credentials("other", "right")),)
    dialog(SubmitJobDialog).reject()


def host_dialogs():
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, HostDialog) and one.isVisible()]


def refuse(services):
    """The agent of FS-BRANCH does not take the kept log-in until it gets another one."""
    services.raises["hosts.browse"] = CredentialsError("AE1026", host="FS-BRANCH", user="operator")
    add = services.hosts.add

    def let_in(*words):
        services.raises.pop("hosts.browse", None)
        return add(*words)

    services.hosts.add = let_in


def first_of(manager):
    model = manager.source.model
    return model.index(0, 0, model.find(UNIX, "FS-BRANCH", b"/")).data()


def test_choosing_a_machine_that_refuses_the_log_in_asks_for_another_one_and_goes_on(
    manager, services, settled
):
    refuse(services)
    for keys in ((UNIX,), (UNIX, "FS-BRANCH"), (UNIX, "FS-BRANCH", b"/")):
        manager.source.tree.expand(manager.source.model.find(*keys))
        settled()
    (asked,) = host_dialogs()
    assert asked.entry.known.name == "FS-BRANCH"
    assert "refused" in first_of(manager)
    asked.password.setText("right this time")
    asked.go.click()
    settled()
    assert host_dialogs() == []
    assert first_of(manager) == "backup"
    assert manager.source.machine.host.name == "FS-BRANCH"


def test_who_cancels_the_question_is_not_asked_again_until_the_tree_is_read_anew(manager, services, settled):
    refuse(services)
    manager.source.select_machine("FS-BRANCH")
    settled()
    (asked,) = host_dialogs()
    asked.reject()
    for name in ("localhost", "FS-BRANCH"):
        manager.source.select_machine(name)
        settled()
    assert host_dialogs() == []
    assert "refused" in first_of(manager)
    assert manager.source.change_action.isEnabled()
    manager.source.forget_folders()
    settled()
    assert host_dialogs() == []
    manager.source.select_machine("localhost")
    manager.source.select_machine("FS-BRANCH")
    settled()
    assert len(host_dialogs()) == 1


def test_opening_a_machine_known_to_refuse_asks_at_once_and_one_that_is_silent_does_not(
    manager, services, settled
):
    services.raises["hosts.browse"] = ArcxoError("AE1001", host="FS-BRANCH", reason="no route")
    manager.source.select_machine("FS-BRANCH")
    settled()
    assert host_dialogs() == []
    refuse(services)
    state = manager.source.machine
    away = replace(state, info=None, error_code="AE1026", error_params={"user": "operator"})
    manager.source.set_hosts([one if one is not state else away for one in manager.source.folders.hosts])
    for keys in ((UNIX,), (UNIX, "FS-BRANCH")):
        manager.source.tree.expand(manager.source.model.find(*keys))
        settled()
    assert len(host_dialogs()) == 1
