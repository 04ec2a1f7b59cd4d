"""The Hosts manager and its dialog against memory services."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt

from app.model.errors import ArcxoError, CredentialsError
from app.model.host import Host
from app.model.job import Credentials
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.hosts.host_dialog import HostDialog
from app.ui.hosts.manager import HostsManager
from app.ui.hosts.rows import HostModel
from app.ui.wizards.flow import Page
from app.ui.wizards.new_scenario import NewScenarioWizard

AWAY = ArcxoError("AE1001", host="dr-02", reason="connection refused")


@pytest.fixture
def manager(context, services, qtbot, settled):
    services.known_hosts["branch"] = Host("branch", "branch:25000", "caroot", "ab" * 32)
    services.known_hosts["dr-02"] = Host("dr-02", "10.4.0.7:25000", "caroot", "cd" * 32)
    services.silent_hosts["dr-02"] = AWAY
    made = HostsManager(context)
    qtbot.addWidget(made)
    made.resize(1200, 700)
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.model.rowCount() == 3)
    yield made
    made.deactivate()
    settled()


def select(manager, qtbot, name):
    manager.show_request(host=name)
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.host.name == name)


def fill(qtbot, dialog, **texts):
    for name, text in texts.items():
        editor = dialog.fields[name].editor
        editor.clear()
        qtbot.keyClicks(editor, text)


def test_the_model_is_sound(manager, qtmodeltester):
    made = HostModel()
    made.set_items(manager.model.items)
    qtmodeltester.check(made)


def test_hosts_show_state_version_and_who_needs_them(manager):
    cells = [[manager.model.index(row, column).data() for column in range(6)] for row in range(3)]
    assert cells[1][:4] == ["branch", "Connected", "branch:25000", "0.1.0"]
    assert cells[2][:4] == ["dr-02", "No answer", "10.4.0.7:25000", "—"]
    assert "Branch File Shares" in cells[0][5]
    assert "connection refused" in manager.model.index(2, 1).data(Qt.ItemDataRole.ToolTipRole)
    assert manager.pill.accessibleName() == "1 without an answer"


def test_actions_say_why_they_are_not_possible(manager, qtbot):
    select(manager, qtbot, "localhost")
    assert not manager.login_action.isEnabled()
    assert manager.login_action.toolTip() == "This computer needs no log-in"
    assert manager.remove_action.toolTip() == "This computer is always known"
    select(manager, qtbot, "branch")
    assert manager.login_action.isEnabled()
    assert manager.remove_action.isEnabled()


def test_a_check_shows_each_finding_of_that_host(manager, qtbot, services):
    select(manager, qtbot, "branch")
    manager.check_action.trigger()
    qtbot.waitUntil(lambda: len(manager.details.list.rows) == 1)
    assert services.called("hosts.preflight") == [("hosts.preflight", "branch", ())]
    assert manager.details.header.note.text().startswith("Nothing stands in the way")
    select(manager, qtbot, "localhost")
    assert manager.details.list.rows == []
    select(manager, qtbot, "branch")
    assert len(manager.details.list.rows) == 1


def test_a_host_is_removed_after_a_question(manager, qtbot, services):
    select(manager, qtbot, "branch")
    manager.remove_action.trigger()
    manager.findChild(ConfirmDialog).accept()
    qtbot.waitUntil(lambda: manager.model.rowCount() == 2)
    assert services.called("hosts.remove") == [("hosts.remove", "branch")]


def test_a_host_is_known_only_after_its_fingerprint_was_compared(manager, qtbot, services):
    manager.add_action.trigger()
    dialog = manager.findChild(HostDialog)
    dialog.go.click()
    assert dialog.fields["password"].editor.accessibleDescription() == "A password is missing"
    fill(qtbot, dialog, address="branch2", user="caroot", password="secret")
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1)
    assert services.called("hosts.fingerprint") == [("hosts.fingerprint", "branch2:25000")]
    assert dialog.found.text().startswith("AB:AB:AB")
    assert not dialog.go.isEnabled()
    assert dialog.go.toolTip() == "Compare the fingerprint first"
    dialog.compared.click()
    with qtbot.waitSignal(dialog.added):
        dialog.go.click()
    assert services.called("hosts.add") == [("hosts.add", "branch2", "branch2:25000", "caroot")]
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.host.name == "branch2")


def test_a_refused_password_is_told_at_its_field_and_nothing_is_kept(context, services, qtbot, settled):
    dialog = HostDialog(context, None)
    qtbot.addWidget(dialog)
    dialog.show()
    fill(qtbot, dialog, address="branch2", user="caroot", password="wrong")
    services.raises["hosts.add"] = CredentialsError("AE1026", user="caroot")
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1)
    dialog.compared.click()
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 0)
    assert "was refused" in dialog.password.accessibleDescription()
    assert dialog.go.isEnabled()
    assert "branch2" not in services.known_hosts
    settled()


def test_another_certificate_is_told_and_the_same_one_is_not_asked_about_again(
    context, services, qtbot, settled
):
    known = Host("branch", "branch:25000", "caroot", "cd" * 32)
    services.known_hosts["branch"] = known
    dialog = HostDialog(context, None, known)
    qtbot.addWidget(dialog)
    dialog.show()
    fill(qtbot, dialog, password="new")
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1)
    assert dialog._trust_title.text() == "branch shows another certificate than before"
    dialog.reject()
    same = HostDialog(context, None, Host("branch", "branch:25000", "caroot", "ab" * 32))
    qtbot.addWidget(same)
    same.show()
    fill(qtbot, same, password="new")
    with qtbot.waitSignal(same.added):
        same.go.click()
    assert context.services.known_hosts["branch"].fingerprint == "ab" * 32
    settled()


def test_the_wizard_adds_a_host_and_stops_at_one_that_does_not_answer(context, services, qtbot, settled):
    wizard = NewScenarioWizard(context)
    qtbot.addWidget(wizard)
    wizard.show()
    wizard.next.click()
    wizard.next.click()
    page = wizard.pages[Page.HOSTS]
    qtbot.keyClicks(page.name, "Branch")
    page._on_add(page.replica)
    dialog = page.findChild(HostDialog)
    fill(qtbot, dialog, address="branch2", user="caroot", password="secret")
    dialog.go.click()
    qtbot.waitUntil(lambda: dialog.pages.currentIndex() == 1)
    dialog.compared.click()
    with qtbot.waitSignal(dialog.added):
        dialog.go.click()
    assert wizard.flow.answers.replica == "branch2"
    services.silent_hosts["branch2"] = CredentialsError("AE1026", user="caroot")
    wizard.next.click()
    qtbot.waitUntil(lambda: wizard.outcome.text() == "1 error to solve")
    wizard.next.click()
    assert wizard.flow.page is Page.ENGINES
    assert wizard.outcome.text() == "All hosts must answer first"
    fix = next(row.fix for row in wizard.pages[Page.ENGINES].list.rows if row.check.fix)
    fix.click()
    qtbot.waitUntil(lambda: wizard.pages[Page.ENGINES].findChild(HostDialog) is not None)
    again = wizard.pages[Page.ENGINES].findChild(HostDialog)
    assert again.name.text() == "branch2"
    services.silent_hosts.clear()
    again.reject()
    qtbot.waitUntil(lambda: wizard.outcome.text() == "Both hosts are ready")
    assert Credentials("caroot", "secret").password not in repr(context.settings.allKeys())
    settled()
