"""A backup from the window to the queue without a mouse."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton, QAbstractSpinBox, QApplication, QComboBox, QLineEdit

from app.ui.backup.source_rows import GROUP_KEY
from app.ui.dialogs.security_and_agent import SecurityDialog
from app.ui.dialogs.submit_job import SubmitJobDialog

BRANCH = 1224069566


def dialog(kind):
    return next(
        (one for one in QApplication.topLevelWidgets() if isinstance(one, kind) and one.isVisible()), None
    )


def test_choose_start_log_in_and_submit_by_keys_alone(window, qtbot, services):
    window.open_manager("backup")
    manager = window.current_manager
    tree = manager.source.tree
    qtbot.waitUntil(lambda: manager.source.selected is not None)
    qtbot.waitUntil(lambda: manager.destination.group is not None)
    qtbot.waitUntil(lambda: window.focusWidget() is tree)
    qtbot.keyClick(tree, Qt.Key.Key_Down)
    assert tree.currentIndex() == manager.source.model.find(GROUP_KEY, BRANCH)
    qtbot.keyClick(tree, Qt.Key.Key_Space)
    assert manager.draft.chosen == {BRANCH}
    manager.start_action.trigger()
    qtbot.waitUntil(lambda: dialog(SecurityDialog) is not None)
    qtbot.keyClick(dialog(SecurityDialog), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog(SubmitJobDialog) is not None)
    submit = dialog(SubmitJobDialog)
    assert submit.focusWidget() is submit.name
    qtbot.keyClick(submit.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: len(services.called("backups.submit")) == 1)
    qtbot.waitUntil(lambda: dialog(SubmitJobDialog) is None)


def test_escape_leaves_each_dialog_without_submitting(window, qtbot, services):
    window.open_manager("backup", scenario="Branch File Shares")
    manager = window.current_manager
    qtbot.waitUntil(lambda: manager.draft.chosen == {BRANCH} and manager.destination.group is not None)
    manager.start_action.trigger()
    qtbot.keyClick(dialog(SecurityDialog), Qt.Key.Key_Escape)
    assert dialog(SecurityDialog) is None
    manager.start_action.trigger()
    qtbot.keyClick(dialog(SecurityDialog), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: dialog(SubmitJobDialog) is not None)
    qtbot.keyClick(dialog(SubmitJobDialog), Qt.Key.Key_Escape)
    assert dialog(SubmitJobDialog) is None
    assert services.called("backups.submit") == []
    assert manager.draft.chosen == {BRANCH}


@pytest.mark.parametrize("tab", range(5))
def test_every_control_of_the_backup_manager_has_a_name(window, tab, qtbot):
    window.open_manager("backup")
    manager = window.current_manager
    qtbot.waitUntil(lambda: manager.source.selected is not None)
    manager.tabs.setCurrentIndex(tab)
    for kind in (QAbstractButton, QComboBox, QAbstractSpinBox, QLineEdit):
        for control in manager.findChildren(kind):
            inner = isinstance(control.parent(), QComboBox | QAbstractSpinBox)
            text = control.text() if isinstance(control, QAbstractButton) else ""
            assert inner or control.accessibleName() or text or not control.isVisible(), control
