"""The Start tab: the whole job at a glance, its type, and why it cannot be started."""

from __future__ import annotations

import pytest
from PySide6.QtWidgets import QApplication

from app.model.media import Device
from app.model.staging import StagingPlan, StagingPolicy
from app.ui.backup.manager import BackupManager
from app.ui.backup.verdict import DESTINATION, SCHEDULE, SOURCE, STAGING, START, TITLES
from app.ui.dialogs.security_and_agent import SecurityDialog


@pytest.fixture
def manager(context, services, qtbot, settled):
    services.devices = [Device("a", "/a", "GROUP0"), Device("b", "/b", "GROUP1")]
    made = BackupManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    made.show_request(tab="Start")
    settled()
    yield made
    made.deactivate()
    settled()


def test_the_tabs_stand_in_the_order_of_the_reference(manager):
    shown = [manager.tabs.tabText(at) for at in range(manager.tabs.count())]
    assert shown == list(TITLES) == ["Start", "Source", "Staging", "Destination", "Schedule"]
    assert manager.tabs.currentIndex() == START
    assert manager.pages.currentWidget() is manager.overview


def test_a_job_that_misses_something_is_not_submitted_and_says_why(manager):
    tab = manager.overview
    assert not tab.submit.isEnabled()
    assert tab.reason.text().startswith("No scenario is chosen")
    assert tab.submit.toolTip() == tab.reason.text()
    manager.draft.toggle_source("localhost", b"/srv")
    manager.draft.password = "only once"
    manager._show_readiness()
    assert not tab.submit.isEnabled()
    assert tab.reason.text().startswith("Destination: ")


def test_the_quick_way_chooses_everything_and_starts(manager, qtbot, settled):
    tab = manager.overview
    count = len(manager.statuses)
    tab.all.click()
    assert len(manager.draft.chosen) == count
    assert tab.what.text.text() == f"{count} scenarios"
    assert not tab.all.isVisible()
    assert "GROUP0" in tab.where.text.text()
    assert tab.when.text.text()
    assert tab.expected.text()
    tab.submit.click()
    settled()
    (dialog,) = [
        one for one in QApplication.topLevelWidgets() if isinstance(one, SecurityDialog) and one.isVisible()
    ]
    dialog.reject()


@pytest.mark.parametrize(
    ("part", "tab"), [("what", SOURCE), ("where", DESTINATION), ("when", SCHEDULE), ("staging", STAGING)]
)
def test_each_part_leads_to_its_tab(manager, part, tab):
    found = getattr(manager.overview, part)
    getattr(found, "change", found).click()
    assert manager.tabs.currentIndex() == tab


def test_the_type_of_the_backup_is_the_kind_of_group_it_goes_to(manager, settled):
    tab = manager.overview
    assert tab.normal.isChecked()
    assert not tab.staged.isEnabled()
    manager.staging.set_plans([StagingPlan(StagingPolicy("GROUP1", "GROUP0"), 0, 0, 0, None)])
    manager._show_readiness()
    tab.staged.click()
    assert manager.draft.group == "GROUP1"
    assert "copied to GROUP0" in tab.view.where.detail
    tab.normal.click()
    assert manager.draft.group == "GROUP0"
