"""The Backup Manager against memory services: boxes, foot, tabs, and the way to a submitted job."""

from __future__ import annotations

from dataclasses import replace

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QApplication

from app.model.errors import ArcxoError, CredentialsError
from app.model.job import BackupScript, Credentials, VerifyMode
from app.model.scenario import ReplicaSpec
from app.services.api import BackupRequest
from app.ui.backup import unregister
from app.ui.backup.manager import BackupManager
from app.ui.backup.options import BACKUP_MEDIA, ENCRYPTION, OPERATION, VERIFY
from app.ui.backup.source_rows import GROUP_KEY
from app.ui.backup.verdict import DESTINATION, SOURCE
from app.ui.dialogs.backup_options import BackupOptionsDialog
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog
from app.ui.models.cell import ItemRole, Mark
from app.ui.widgets.delegate import marker_rect
from tests.support.memory_services import MemoryServices

BRANCH, SALES, STOPPED = 1224069566, 1224069567, 1224069570


@pytest.fixture
def open_manager(context, put_up):
    return lambda: put_up(BackupManager(context), 1240, 820)


@pytest.fixture
def manager(open_manager):
    return open_manager()


@pytest.fixture
def remote(services):
    """The first scenario with hosts that are not this computer."""
    first = services.statuses[0]
    made = replace(first.scenario, master="FS-01", replicas=(ReplicaSpec("REPL-01", (b"/r",) * 3),))
    services.statuses[0] = replace(first, scenario=made)


def row(manager: BackupManager, number: int):
    return manager.source.model.find(GROUP_KEY, number)


def mark(index) -> Mark:
    return index.data(ItemRole.CELL).marker.mark


def dialog(kind):
    found = [
        widget for widget in QApplication.topLevelWidgets() if isinstance(widget, kind) and widget.isVisible()
    ]
    assert len(found) == 1
    return found[0]


def shown(kind) -> bool:
    return any(isinstance(widget, kind) and widget.isVisible() for widget in QApplication.topLevelWidgets())


def start_and_accept_logins(manager, qtbot):
    manager.start()
    dialog(SecurityDialog).ok.click()
    qtbot.waitUntil(lambda: shown(SubmitJobDialog))
    return dialog(SubmitJobDialog)


def test_models_keep_the_rules_of_qt(manager, qtmodeltester):
    qtmodeltester.check(manager.source.model)
    qtmodeltester.check(manager.source.contents)
    qtmodeltester.check(manager.destination.model)


def test_only_scenarios_have_a_green_box_and_entities_none(manager):
    model = manager.source.model
    group = model.find(GROUP_KEY)
    assert group.data(ItemRole.CELL).marker.gray
    branch = row(manager, BRANCH)
    assert not branch.data(ItemRole.CELL).marker.gray
    master = model.index(0, 0, branch)
    assert master.data(ItemRole.CELL).marker is None
    assert model.index(0, 0, master).data() == "/srv/shares/projects"
    assert model.index(0, 0, master).data(ItemRole.CELL).marker is None


def test_click_on_the_box_toggles_click_on_the_text_only_selects(manager, qtbot):
    tree = manager.source.tree
    index = row(manager, SALES)
    rect = tree.visualRect(index)
    qtbot.mouseClick(
        tree.viewport(), Qt.MouseButton.LeftButton, pos=rect.topLeft() + QPoint(120, rect.height() // 2)
    )
    assert manager.draft.chosen == set()
    assert manager.source.selected.scenario.id == SALES
    box = marker_rect(rect, first=True).center()
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert manager.draft.chosen == {SALES}
    assert mark(row(manager, SALES)) is Mark.FULL
    assert mark(manager.source.model.find(GROUP_KEY)) is Mark.PARTIAL
    qtbot.mouseClick(tree.viewport(), Qt.MouseButton.LeftButton, pos=box)
    assert mark(manager.source.model.find(GROUP_KEY)) is Mark.EMPTY


def test_space_toggles_and_the_gray_box_is_not_clickable(manager, qtbot):
    tree = manager.source.tree
    tree.select_row(row(manager, SALES))
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    assert manager.draft.chosen == {SALES}
    group = manager.source.model.find(GROUP_KEY)
    tree.select_row(group)
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    assert manager.draft.chosen == {SALES}


def test_boxes_are_told_to_screen_readers(manager):
    manager.show_request(scenario="Sales Shares")
    group = manager.source.model.find(GROUP_KEY)
    assert group.data(Qt.ItemDataRole.CheckStateRole) is Qt.CheckState.PartiallyChecked
    assert "Braked" in row(manager, SALES).data(Qt.ItemDataRole.AccessibleTextRole)


def test_selection_and_boxes_stay_when_new_answers_come(manager, settled):
    manager.show_request(scenario="Sales Shares")
    manager.source.tree.expand(row(manager, SALES))
    manager.refresh()
    settled()
    assert manager.draft.chosen == {SALES}
    assert manager.source.selected.scenario.id == SALES
    assert manager.source.tree.isExpanded(row(manager, SALES))


def test_a_scenario_that_is_gone_is_not_chosen_any_more(manager, services, settled):
    manager.show_request(scenario="Sales Shares")
    services.statuses = [one for one in services.statuses if one.scenario.id != SALES]
    manager.refresh()
    settled()
    assert manager.draft.chosen == set()
    assert not manager.start_button.isHidden()


def test_foot_says_what_is_missing_and_what_will_fail(manager):
    assert manager.foot.text.text().startswith("No scenario is chosen")
    manager.show_request(scenario="Archive 2019")
    assert "AE0465" in manager.foot.text.text()
    manager.draft.toggle(STOPPED)
    manager.show_request(scenario="Branch File Shares")
    assert manager.foot.text.text() == (
        "Ready to submit: 1 scenario. It is replicating. Goes to GROUP0. Runs now."
    )


def test_start_without_a_scenario_stays_on_the_source(manager):
    manager.tabs.setCurrentIndex(DESTINATION)
    manager.start()
    assert manager.tabs.currentIndex() == SOURCE
    assert not shown(SecurityDialog)


def test_a_password_that_is_not_typed_twice_keeps_the_options_open(manager, qtbot):
    manager.show_request(scenario="Branch File Shares")
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    page = options.encryption
    assert not page.password.isEnabled()
    page.encrypt.click()
    options.ok.click()
    assert page.password.accessibleDescription() == "Type the session password"
    qtbot.keyClicks(page.password, "one")
    qtbot.keyClicks(page.repeated, "two")
    options.tabs.setCurrentIndex(0)
    options.ok.click()
    assert options.isVisible()
    assert page.isVisible()
    assert page.repeated.property("state") == "error"
    assert page.repeated.accessibleDescription() == "The passwords differ"
    assert options.said.text() == "The passwords differ"
    page.repeated.clear()
    qtbot.keyClicks(page.repeated, "one")
    assert page.repeated.property("state") == ""
    assert manager.draft.password == ""
    options.ok.click()
    assert manager.draft.password == "one"
    assert "encrypted" in manager.foot.text.text()
    assert manager.destination.form.encryption.text.text() == "With a session password"


def test_no_encryption_takes_the_password_away(manager, qtbot):
    manager.draft.password = manager.draft.repeated = "one"
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    assert options.encryption.encrypt.isChecked()
    options.encryption.encrypt.click()
    options.reject()
    assert manager.draft.password == "one"
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    options.encryption.encrypt.click()
    options.ok.click()
    assert (manager.draft.password, manager.draft.repeated) == ("", "")


def test_each_summary_of_the_destination_leads_to_its_page(manager):
    form = manager.destination.form
    for part, title in (
        (form.media, BACKUP_MEDIA),
        (form.streams, OPERATION),
        (form.verification, VERIFY),
        (form.encryption, ENCRYPTION),
    ):
        part.change.click()
        options = dialog(BackupOptionsDialog)
        assert options.tabs.tabText(options.tabs.currentIndex()) == title
        options.reject()


def test_the_options_stand_in_the_order_of_the_reference(manager):
    manager.show_options()
    options = dialog(BackupOptionsDialog)
    titles = [options.tabs.tabText(at) for at in range(options.tabs.count())]
    assert titles == [
        "Backup Media",
        "Verification",
        "Retry",
        "Operation",
        "Filter",
        "Pre/Post",
        "Job Log",
        "Encryption/Compression",
        "Alert",
    ]
    options.reject()


def test_backup_is_submitted_exactly_as_chosen(manager, qtbot, services, context, remote, settled):
    manager.refresh()
    settled()
    manager.show_request(scenario="Branch File Shares")
    manager.show_request(scenario="Sales Shares")
    tab = manager.destination
    tab.tree.select_row(tab.model.find("GROUP1"))
    manager.show_options(ENCRYPTION)
    options = dialog(BackupOptionsDialog)
    options.encryption.encrypt.setChecked(True)
    for editor in (options.encryption.password, options.encryption.repeated):
        qtbot.keyClicks(editor, "geheim")
    options.verify[VerifyMode.SCAN].setChecked(True)
    options.ok.click()
    qtbot.waitUntil(lambda: not shown(BackupOptionsDialog))
    assert tab.form.verification.text.text() == "Scan backup media contents"
    manager.start()
    security = dialog(SecurityDialog)
    qtbot.keyClicks(security.user, "m")
    qtbot.keyClicks(security.password, "1")
    qtbot.keyClick(security.password, Qt.Key.Key_Return)
    qtbot.keyClicks(security.user, "r")
    qtbot.keyClicks(security.password, "2")
    qtbot.keyClick(security.password, Qt.Key.Key_Return)
    settled()
    assert services.called("hosts.check_login") == [("hosts.check_login", "REPL-01", "r")]
    security.ok.click()
    qtbot.waitUntil(lambda: shown(SubmitJobDialog))
    submit = dialog(SubmitJobDialog)
    submit.name.setText("Nightly")
    submit.form.hold.setChecked(True)
    submit.submit_button.click()
    settled()
    (call,) = services.called("backups.submit")
    request = call[1]
    assert request == BackupRequest(
        BackupScript(
            (BRANCH, SALES),
            ("Branch File Shares", "Sales Shares"),
            device_group="GROUP1",
            encrypt=True,
            verify=VerifyMode.SCAN,
            retries=1,
        ),
        request.schedule,
        "Nightly",
        True,
        "geheim",
        ((BRANCH, "master", Credentials("m", "1")), (BRANCH, "replica", Credentials("r", "2"))),
    )
    assert (request.schedule.run_at, request.schedule.repeat) == (None, "")
    assert context.extra["toasts"][-1][:3] == ("Job 416 submitted", "Nightly, on hold", "Show job")
    assert manager.draft.chosen == set()
    assert (manager.draft.password, tab.form.encryption.text.text()) == ("", "None")


def test_show_job_of_the_toast_opens_the_queue_at_the_job(manager, qtbot, context, settled):
    manager.show_request(scenario="Branch File Shares")
    start_and_accept_logins(manager, qtbot).submit_button.click()
    settled()
    context.extra["toasts"][-1][3]()
    assert context.extra["opened"] == [("job_status", {"job": 416})]


def test_a_refused_job_is_told_in_the_dialog_which_keeps_what_was_typed(manager, qtbot, services, settled):
    manager.show_request(scenario="Branch File Shares")
    services.raises["backups.submit"] = ArcxoError("E5116", group="GROUP0")
    submit = start_and_accept_logins(manager, qtbot)
    submit.name.setText("Mine")
    submit.submit_button.click()
    settled()
    assert submit.isVisible()
    assert submit.problem.isVisible()
    assert submit.submit_button.isEnabled()
    del services.raises["backups.submit"]
    submit.problem.retried.emit()
    settled()
    assert not shown(SubmitJobDialog)
    assert services.called("backups.submit")[-1][1].name == "Mine"


def test_back_keeps_log_ins_name_and_first_run(manager, qtbot, remote, settled):
    manager.refresh()
    settled()
    manager.show_request(scenario="Branch File Shares")
    manager.start()
    for user in ("m", "r"):
        security = dialog(SecurityDialog)
        qtbot.keyClicks(security.user, user)
        qtbot.keyClicks(security.password, "pw")
        qtbot.keyClick(security.password, Qt.Key.Key_Return)
    dialog(SecurityDialog).ok.click()
    qtbot.waitUntil(lambda: shown(SubmitJobDialog))
    submit = dialog(SubmitJobDialog)
    submit.name.setText("Mine")
    submit.form.at.setChecked(True)
    submit.back.click()
    qtbot.waitUntil(lambda: shown(SecurityDialog))
    security = dialog(SecurityDialog)
    assert [row.user for row in manager.logins.rows] == ["m", "r"]
    assert security.user.text() == "m"
    security.ok.click()
    qtbot.waitUntil(lambda: shown(SubmitJobDialog))
    submit = dialog(SubmitJobDialog)
    assert submit.name.text() == "Mine"
    assert submit.form.at.isChecked()
    assert manager.schedule.at.isChecked()


def test_a_wrong_log_in_is_told_in_its_row_and_keeps_the_dialog(manager, qtbot, services, remote, settled):
    manager.refresh()
    settled()
    services.raises["hosts.check_login"] = CredentialsError("AE1005")
    manager.show_request(scenario="Branch File Shares")
    manager.start()
    security = dialog(SecurityDialog)
    for user in ("m", "r"):
        qtbot.keyClicks(security.user, user)
        qtbot.keyClicks(security.password, "pw")
        if user == "m":
            qtbot.keyClick(security.password, Qt.Key.Key_Return)
    security.ok.click()
    settled()
    assert security.isVisible()
    assert not shown(SubmitJobDialog)
    branch = security.model.index(0, 0)
    assert security.model.index(1, 4, branch).data().startswith("Refused: ")
    assert security.model.index(0, 4, branch).data() == "Checked when the job runs"
    assert security.password.property("state") == "error"
    services.raises.clear()
    qtbot.keyClicks(security.password, "2")
    security.ok.click()
    qtbot.waitUntil(lambda: shown(SubmitJobDialog))


def test_an_answer_to_an_older_password_is_not_shown_for_a_newer_one(manager, qtbot, remote, settled):
    manager.refresh()
    settled()
    manager.show_request(scenario="Branch File Shares")
    manager.start()
    security = dialog(SecurityDialog)
    security.tree.select_row(security.model.index(1, 0, security.model.index(0, 0)))
    qtbot.keyClicks(security.user, "r")
    qtbot.keyClicks(security.password, "old")
    security.test.click()
    qtbot.keyClicks(security.password, "er")
    settled()
    assert security.model.index(1, 4, security.model.index(0, 0)).data() == "Not tested yet"


def test_this_computer_is_said_to_need_no_log_in(manager, qtmodeltester):
    manager.show_request(scenario="Branch File Shares")
    manager.start()
    security = dialog(SecurityDialog)
    qtmodeltester.check(security.model)
    branch = security.model.index(0, 0)
    assert [security.model.index(i, 1, branch).data() for i in range(2)] == [
        "Master (active)",
        "Replica (standby)",
    ]
    assert security.model.index(0, 4, branch).data() == "Local, the owner of this home needs none"
    assert not security.user.isVisible()


def test_registration_alone_is_deleted_and_can_be_taken_back(
    manager, services, context, settled, monkeypatch
):
    asked = []
    monkeypatch.setattr(unregister, "confirm", lambda *texts: asked.append(texts) or True)
    manager.show_request(scenario="Sales Shares")
    manager.source.delete_action.trigger()
    settled()
    assert asked[0][1] == "Delete Sales Shares from this server?"
    assert services.called("scenarios.delete") == [("scenarios.delete", str(SALES), True)]
    assert context.extra["toasts"][-1][2] == "Undo"


def test_properties_show_the_newest_session_with_its_proof(manager):
    manager.show_request(scenario="Branch File Shares")
    pane = manager.source.properties
    assert pane.session.text().startswith("61, ")
    assert pane.badges.accessibleName() == "Written done, Verified not yet, Restore-tested not yet"
    manager.show_request(scenario="CAD Projects")
    assert pane.session.text() == "Not backed up yet"


def test_filter_keeps_boxes_of_hidden_scenarios(manager):
    manager.show_request(scenario="Sales Shares")
    manager.source.filter.setText("cad")
    manager.source.filter.filtered.emit("cad")
    group = manager.source.model.find(GROUP_KEY)
    assert manager.source.model.rowCount(group) == 1
    assert group.data(ItemRole.CELL).beside == "1 of 6"
    assert mark(group) is Mark.PARTIAL
    assert manager.draft.chosen == {SALES}


def test_failed_first_answer_is_told_in_place_and_retried(open_manager, services, settled):
    services.raises["scenarios.list"] = ArcxoError("E1120", home="/h")
    manager = open_manager()
    assert manager.source.problem.isVisible()
    services.raises.clear()
    manager.source.problem.retried.emit()
    settled()
    assert manager.source.pages.currentIndex() == 0


def test_empty_home_offers_a_new_scenario(context, open_manager):
    context.services = MemoryServices(empty=True)
    manager = open_manager()
    assert manager.source.empty.isVisible()
    assert "of a directory" in manager.foot.text.text()
    manager.source.empty.button.click()
    assert context.extra["opened"] == [("xosoft", {"new_scenario": True})]


def test_services_are_never_called_on_the_gui_thread(manager, services):
    assert services.threads
    assert all(name.startswith("console-task") for name in services.threads)
