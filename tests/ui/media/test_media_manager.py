"""Devices and media: what is shown, what is offered and why not, and what each dialog asks the services."""

from __future__ import annotations

import pytest

from app.model.errors import BusyError
from app.model.job import JobKind
from app.model.staging import StagingPolicy
from app.ui.media import assure_dialog
from app.ui.media.assure_dialog import AssureDialog
from app.ui.media.damage import by_session, read_damage
from app.ui.media.damage_dialog import DamageDialog
from app.ui.media.device_dialogs import NewDeviceDialog
from app.ui.media.key_dialogs import KitDialog
from app.ui.media.keys_dialog import KeysDialog
from app.ui.media.removal_dialogs import PruneDialog, PurgeDialog
from app.ui.media.set_dialogs import EraseDialog, ExpireDialog, FormatDialog
from app.ui.media.utility_dialogs import CompareDialog, CopyDialog, MergeDialog


def opened(manager, kind, settled):
    """The dialog of that kind which is open."""
    settled()
    found = [one for one in manager.findChildren(kind) if one.isVisible()]
    assert len(found) == 1, f"{kind.__name__}: {found}"
    return found[0]


def start(manager, name, kind, settled):
    manager.actions_.start(name)
    return opened(manager, kind, settled)


def choose_sessions(manager, *numbers):
    table = manager.session_table
    table.clearSelection()
    for row in range(table.model().rowCount()):
        index = table.model().index(row, 0)
        if int(index.data()) in numbers:
            table.selectionModel().select(
                index,
                table.selectionModel().SelectionFlag.Select | table.selectionModel().SelectionFlag.Rows,
            )


def test_groups_devices_and_media_are_a_tree_and_the_newest_media_is_chosen(manager, qtmodeltester):
    tree = manager.model
    tops = [tree.index(row, 0).data() for row in range(tree.rowCount())]
    assert tops == ["GROUP0", "GROUP1", "Offline"]
    assert manager.target.name == "FSD-2026-A"
    assert [one.number for one in manager.sessions.items] == [61, 60, 59, 57]
    assert manager.header.subtitle.text() == "2 devices, 2 media online, 1 offline"
    assert "Free" in manager.overview.bar.accessibleName()
    for model in (tree, manager.sessions, manager.media):
        qtmodeltester.check(model)


def test_a_poll_keeps_selection(manager, settled):
    choose_sessions(manager, 59, 57)
    manager.refresh()
    settled()
    assert {one.number for one in manager.chosen_sessions()} == {59, 57}


def test_what_selected_sessions_would_free_is_counted(manager, settled, qtbot):
    choose_sessions(manager, 59, 57)
    qtbot.waitUntil(lambda: "would free 8" in manager.frees.text())
    assert manager.frees.text() == "2 selected: would free 819 MB"


def test_what_makes_no_sense_is_disabled_and_says_why(manager, settled):
    actions = manager.actions_.actions
    assert not actions["compare"].isEnabled()
    assert actions["compare"].toolTip() == "Choose one session in the table first"
    choose_sessions(manager, 59)
    assert actions["compare"].isEnabled()
    manager._choose_media("B2")
    assert "protected" in actions["erase"].toolTip()
    manager._choose_media("C3")
    assert not actions["verify"].isEnabled()
    assert "offline" in actions["verify"].toolTip()
    assert actions["forget"].isEnabled()
    manager._choose(("group", "GROUP0"))
    assert "has devices" in actions["remove_group"].toolTip()


def test_erasing_names_what_is_lost_and_wants_the_name_typed(manager, settled, stored, qtbot):
    dialog = start(manager, "erase", EraseDialog, settled)
    assert dialog.loss.head.text().startswith("1 media with 4 sessions")
    assert "1 of them have a copy on another media; 3 have none." in dialog.loss.lines.text()
    assert "no session at all of: Branch File Shares, Lab Results" in dialog.loss.lines.text()
    assert not dialog.action.isEnabled()
    qtbot.keyClicks(dialog.typed, "FSD-2026-")
    assert not dialog.action.isEnabled()
    qtbot.keyClicks(dialog.typed, "A")
    dialog.action.click()
    settled()
    assert stored.called("storage.erase") == [("storage.erase", "A1B2C3")]
    assert any(job.kind is JobKind.MEDIA_ERASE for job in stored.jobs_)


def test_a_refusal_stays_in_the_dialog(manager, settled, stored, qtbot):
    stored.raises["storage.erase"] = BusyError("E5222", device="FSD-A", users="job 4")
    dialog = start(manager, "erase", EraseDialog, settled)
    qtbot.keyClicks(dialog.typed, "FSD-2026-A")
    dialog.action.click()
    settled()
    assert dialog.isVisible()
    assert dialog.problem.isVisible()
    assert dialog.action.isEnabled()


def test_formatting_under_a_new_name_loses_nothing_and_asks_for_nothing(manager, settled, stored, qtbot):
    manager._choose(("device", "FSD-A"))
    dialog = start(manager, "format", FormatDialog, settled)
    assert dialog.action.isEnabled()
    dialog.name.setText("FSD-2026-A")
    assert not dialog.action.isEnabled()
    qtbot.waitUntil(lambda: dialog.gate == "FSD-2026-A")
    dialog.name.setText("New")
    qtbot.waitUntil(dialog.action.isEnabled)
    dialog.action.click()
    settled()
    assert stored.called("storage.format") == [("storage.format", "FSD-A", "New")]


def test_purging_shows_the_bytes_first(manager, settled, stored, qtbot):
    choose_sessions(manager, 59, 57)
    dialog = start(manager, "purge", PurgeDialog, settled)
    assert dialog.action.text() == "Purge 2 sessions, free 819 MB"
    assert dialog.loss.head.text().startswith("This frees 819 MB (")
    qtbot.keyClicks(dialog.typed, "FSD-2026-A")
    dialog.action.click()
    settled()
    assert stored.called("media.purge") == [("media.purge", "A1B2C3", (59, 57))]


def test_without_sessions_only_what_nothing_uses_is_freed(manager, settled):
    dialog = start(manager, "purge", PurgeDialog, settled)
    assert dialog.gate == ""
    assert dialog.action.toolTip() == "There is nothing to free"


def test_pruning_lists_whose_names_go(manager, settled, stored, qtbot):
    dialog = start(manager, "prune", PruneDialog, settled)
    assert not dialog.action.isEnabled()
    dialog.days.setValue(1)
    qtbot.waitUntil(dialog.action.isEnabled)
    assert "The names in 2 sessions" in dialog.loss.head.text()
    dialog.action.click()
    settled()
    assert stored.called("utilities.prune")[0][1] == "A1B2C3"


@pytest.mark.parametrize(
    ("way", "called", "button"),
    [
        (assure_dialog.CHECK, "media.verify", "Check"),
        (assure_dialog.READ, "media.verify", "Verify"),
        (assure_dialog.SCAN, "utilities.scan", "Scan"),
        (assure_dialog.TEST, "media.restore_test", "Test"),
    ],
)
def test_assure_and_scan_submits_what_is_chosen(manager, settled, stored, way, called, button):
    dialog = start(manager, "verify", AssureDialog, settled)
    dialog.ways.button(way).setChecked(True)
    assert dialog.action.text() == button
    assert dialog.heal.isVisible() == (way in (assure_dialog.CHECK, assure_dialog.READ))
    dialog.action.click()
    settled()
    assert stored.called(called)


def test_a_session_is_compared_with_its_replica(manager, settled, stored):
    choose_sessions(manager, 59)
    dialog = start(manager, "compare", CompareDialog, settled)
    dialog.action.click()
    settled()
    assert stored.called("utilities.compare")[0][1:4] == ("A1B2C3", 59, "replica")


def test_an_encrypted_session_is_not_compared_without_its_password(manager, settled):
    choose_sessions(manager, 60)
    dialog = start(manager, "compare", CompareDialog, settled)
    assert dialog.action.toolTip() == "Type the session password"
    dialog.password.password.setText("geheim")
    assert dialog.action.isEnabled()


def test_sessions_are_copied_to_a_group_or_another_set_never_to_their_own(manager, settled, stored):
    choose_sessions(manager, 59, 61)
    dialog = start(manager, "copy", CopyDialog, settled)
    offered = [dialog.to.itemData(row) for row in range(dialog.to.count())]
    assert offered == [("group", "GROUP0"), ("group", "GROUP1"), ("media", "B2")]
    dialog.to.setCurrentIndex(2)
    dialog.action.click()
    settled()
    assert stored.called("utilities.copy")[0][1:] == ("A1B2C3", (61, 59), "B2", "", "")


def test_a_directory_is_merged(manager, settled, stored):
    dialog = start(manager, "merge", MergeDialog, settled)
    dialog.media.setCurrentIndex(0)
    assert not dialog.action.isEnabled()
    dialog.directory.path.setText("/mnt/old")
    dialog.action.click()
    settled()
    assert stored.called("utilities.merge") == [("utilities.merge", "/mnt/old")]


def test_a_device_is_named_after_its_directory_and_names_are_unique(manager, settled, stored):
    dialog = start(manager, "new_device", NewDeviceDialog, settled)
    dialog.path.path.setText("/media/FSD-A")
    assert dialog.action.toolTip() == "There is a device FSD-A already"
    dialog.path.path.setText("/media/c")
    assert dialog.name.text() == "c"
    dialog.action.click()
    settled()
    assert stored.called("storage.add_device") == [("storage.add_device", "/media/c", "c", "GROUP0")]
    settled()
    assert manager._choose(("device", "c"))


def test_a_device_is_taken_offline_and_brought_back(manager, settled, stored):
    manager._choose(("device", "FSD-A"))
    assert manager.actions_.actions["online"].text() == "Offline"
    manager.actions_.start("online")
    settled()
    assert manager.actions_.actions["online"].text() == "Online"
    manager.actions_.start("online")
    settled()
    assert [call[2] for call in stored.called("storage.set_device_online")] == [False, True]


def test_protection_is_set_and_lifted(manager, settled, stored):
    dialog = start(manager, "expire", ExpireDialog, settled)
    dialog.expiry.box.setChecked(True)
    wanted = dialog.expiry.value
    dialog.action.click()
    settled()
    assert stored.called("storage.expire") == [("storage.expire", "A1B2C3", wanted)]


def test_damage_is_told_with_files_and_sessions_and_leads_to_healing(manager, settled, stored):
    assert manager.damage.isVisible()
    manager.damage.pressed.emit()
    dialog = opened(manager, DamageDialog, settled)
    head = dialog.model.index(0, 0)
    assert head.data() == "Session 60"
    assert [dialog.model.index(row, 0, head).data() for row in range(2)] == [
        "/srv/sales/a, b.csv",
        "/srv/sales/q3",
    ]
    assert dialog.model.index(0, 1).data() == "FSD-2026-B, session 4"
    dialog.heal.click()
    healing = opened(manager, AssureDialog, settled)
    assert healing.heal.isChecked()
    assert healing.ways.checkedId() == assure_dialog.READ


def test_damage_that_no_check_in_the_log_names_is_said_so(stored):
    stored.activity = []
    assert by_session(read_damage(stored, "FSD-2026-A")) == {}


def test_a_recovery_kit_is_made_shown_once_and_saved_for_its_owner_alone(
    manager, settled, stored, tmp_path, qtbot
):
    keys = start(manager, "keys", KeysDialog, settled)
    assert len(keys.model.items) == 2
    keys.kit.click()
    from app.ui.media.key_dialogs import NewKitDialog

    asked = opened(keys, NewKitDialog, settled)
    asked.password.setText("geheim")
    asked.action.click()
    settled()
    page = opened(keys, KitDialog, settled)
    page.reject()
    assert page.isVisible(), "Esc must not throw the page away"
    page.save(str(tmp_path / "kit.txt"))
    settled()
    assert (tmp_path / "kit.txt").read_text() == page.page.toPlainText()
    assert (tmp_path / "kit.txt").stat().st_mode & 0o777 == 0o600
    page.reject()
    assert not page.isVisible()


def test_a_password_is_changed_only_when_typed_twice_alike(manager, settled, stored):
    keys = start(manager, "keys", KeysDialog, settled)
    keys.change.click()
    from app.ui.media.key_dialogs import ChangeKeyDialog

    dialog = opened(keys, ChangeKeyDialog, settled)
    dialog.password.setText("old")
    dialog.new.setText("new")
    assert dialog.action.toolTip() == "The new password was not typed twice alike"
    dialog.again.setText("new")
    dialog.action.click()
    settled()
    assert stored.called("keys.change")
    assert keys.said.isVisible()


def test_nothing_chosen_is_not_told_as_no_device(manager, stored, settled):
    manager.tree.clearSelection()
    manager.tree.setCurrentIndex(manager.model.index(-1, -1))
    manager._show_target()
    assert manager.choose_first.isVisible()
    assert not manager.nothing.isVisible()


def test_the_recovery_kit_is_reached_whatever_is_chosen(manager, stored, settled):
    manager.tree.select_row(manager.model.index(0, 0))
    settled()
    assert manager.actions_.actions["keys"].isEnabled()
    manager.show_request(keys=True)
    keys = opened(manager, KeysDialog, settled)
    assert keys.choice.currentData().name == "FSD-2026-A"
    assert keys.kit.isEnabled()
    stored.keys.list = lambda serial: ()
    keys.choice.setCurrentIndex(1)
    settled()
    assert "is encrypted" in keys.empty.title.text()
    assert not keys.test.isEnabled()


def test_the_tier_of_a_media_is_told_where_backups_are_staged(manager, stored, settled):
    stored.staging.put(StagingPolicy("GROUP0", "GROUP1"))
    manager.refresh()
    settled()
    manager.tree.select_row(manager.model.index(0, 0))
    settled()
    column = [one.title for one in manager.media.columns].index("Tier")
    assert {manager.media.cell(one, column).text for one in manager.media.items} == {"staging"}
