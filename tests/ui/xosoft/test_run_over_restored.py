from __future__ import annotations

import pytest

from app.model.errors import BusyError
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.xosoft.actions import Act
from app.ui.xosoft.manager import XOsoftManager
from tests.support.run_dialog import run
from tests.ui.xosoft.test_xosoft_manager import select


@pytest.fixture
def manager(context, qtbot):
    made = XOsoftManager(context)
    qtbot.addWidget(made)
    made.show()
    made.activate()
    qtbot.waitUntil(lambda: made.scenarios.model.rowCount() > 0)
    yield made
    made.deactivate()


def test_running_over_restored_files_asks_and_goes_on_when_agreed(manager, qtbot, services):
    select(manager, qtbot, "Archive 2019")
    services.raises["scenarios.run"] = BusyError("E5189", name="Archive 2019", host="DR1", at="12:00")
    run(manager, qtbot)
    qtbot.waitUntil(lambda: bool(manager.findChildren(ConfirmDialog)))
    (dialog,) = manager.findChildren(ConfirmDialog)
    del services.raises["scenarios.run"]
    dialog.accept()
    expected = ("scenarios.run", "Archive 2019", "replace restored")
    qtbot.waitUntil(lambda: expected in services.called("scenarios.run"))


def test_running_over_restored_files_is_left_when_not_agreed(manager, qtbot, services, context):
    select(manager, qtbot, "Archive 2019")
    services.raises["scenarios.run"] = BusyError("E5189", name="Archive 2019", host="DR1", at="12:00")
    run(manager, qtbot)
    qtbot.waitUntil(lambda: bool(manager.findChildren(ConfirmDialog)))
    manager.findChildren(ConfirmDialog)[0].reject()
    assert len(services.called("scenarios.run")) <= 1
    assert not context.extra.get("errors")
    qtbot.waitUntil(manager.actions_[Act.RUN].isEnabled)
