"""The Staging tab: which groups copy on, their policies, and what this job has to do with it."""

from __future__ import annotations

import pytest
from PySide6.QtCore import QTime
from PySide6.QtWidgets import QApplication

from app.model.errors import UsageError
from app.model.staging import CopyWhen, StagingPolicy
from app.ui.backup.manager import BackupManager
from app.ui.backup.staging_dialog import StagingDialog
from app.ui.backup.thresholds import GIGABYTES, MEGABYTES
from app.ui.backup.verdict import STAGING


@pytest.fixture
def manager(context, qtbot, settled):
    made = BackupManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    settled()
    made.tabs.setCurrentIndex(STAGING)
    yield made
    made.deactivate()
    settled()


def dialog() -> StagingDialog:
    return next(
        one for one in QApplication.topLevelWidgets() if isinstance(one, StagingDialog) and one.isVisible()
    )


def choose_when(made: StagingDialog, when: str) -> None:
    made.when.when.setCurrentIndex(made.when.when.findData(when))


def test_a_group_becomes_a_staging_group(manager, services, settled):
    tab = manager.staging
    assert "no staging group" in tab.note.text()
    tab.edit_policy()
    made = dialog()
    assert made.policy().copy_after_minutes == 0
    choose_when(made, CopyWhen.AFTER)
    made.when.after.setValue(30)
    made.days.setValue(7)
    made.action.click()
    settled()
    assert services.staging.policies == {"GROUP0": StagingPolicy("GROUP0", "GROUP1", 30, 7)}
    does, coming = tab.note.text().splitlines()
    assert does == (
        "This job goes to GROUP0. Its sessions are copied to GROUP1 30 min after they are written; "
        "purged here after 7 days and from 80 down to 60 % used."
    )
    assert coming.startswith("GROUP0: The next is copied ")
    assert any(fact.caption == "Staging" for fact in manager.facts())


def test_thresholds_that_cannot_work_are_not_kept(manager, services, settled):
    manager.staging.edit_policy()
    made = dialog()
    made.thresholds.least.setValue(85)
    made.action.click()
    settled()
    assert services.called("staging.put") == []
    assert "thresholds" in made.fault()
    made.when_full.setChecked(False)
    assert not made.thresholds.most.isEnabled()
    made.reject()


def test_thresholds_are_percentages_or_sizes(manager, services, settled):
    manager.staging.edit_policy()
    made = dialog()
    form = made.thresholds
    assert (form.most.value(), form.least.value(), form.unit.currentText()) == (80, 60, "% used")
    form.unit.setCurrentIndex(form.unit.findData(GIGABYTES))
    form.most.setValue(3)
    form.least.setValue(3)
    assert "sizes" in made.fault()
    form.least.setValue(2)
    assert made.fault() == ""
    form.unit.setCurrentIndex(form.unit.findData(MEGABYTES))
    assert (form.most.value(), form.least.value()) == (3072, 2048)
    made.action.click()
    settled()
    kept = services.staging.policies["GROUP0"]
    assert (kept.max_mb, kept.purge_to_mb, kept.max_percent) == (3072, 2048, 80)
    assert "from 3 GB down to 2 GB used" in manager.staging.note.text()
    manager.staging.edit_policy()
    again = dialog()
    assert again.thresholds.unit.currentData() == GIGABYTES
    again.thresholds.unit.setCurrentIndex(0)
    assert not again.policy().by_size
    again.reject()


def test_migration_is_paused_and_goes_on(manager, services, settled):
    services.staging.policies["GROUP0"] = StagingPolicy("GROUP0", "GROUP1")
    manager.refresh()
    settled()
    manager.staging.pause.click()
    settled()
    assert services.staging.policies["GROUP0"].paused
    assert manager.staging.pause.text() == "Go on copying"
    manager.staging.pause.click()
    settled()
    assert not services.staging.policies["GROUP0"].paused
    manager.staging.remove.click()
    settled()
    assert services.staging.policies == {}


def test_a_refused_policy_is_told_in_the_dialog(manager, services, settled):
    services.raises["staging.put"] = UsageError("E5760", group="GROUP0", details="x")
    manager.staging.edit_policy()
    made = dialog()
    made.action.click()
    settled()
    assert made.isVisible()
    assert made.problem.isVisible()
    made.reject()


def test_another_group_is_used_for_the_job(manager, services, settled):
    tab = manager.staging
    tab.tree.select_row(tab.model.find("GROUP1"))
    tab.use.click()
    settled()
    assert manager.draft.group == "GROUP1"
    assert manager.destination.group.name == "GROUP1"
    assert not tab.use.isEnabled()


def test_copies_at_a_time_of_day_come_back_as_they_were_kept(manager, services, settled):
    manager.staging.edit_policy()
    made = dialog()
    assert not made.when.time.isVisible()
    choose_when(made, CopyWhen.AT)
    assert made.when.time.isVisible()
    made.when.time.setTime(QTime(4, 15))
    for day in (0, 4):
        made.when.days[day].setChecked(True)
    made.action.click()
    settled()
    kept = services.staging.policies["GROUP0"]
    assert (kept.copy_when, kept.copy_at, kept.copy_days) == (CopyWhen.AT, "04:15", "MO,FR")
    assert kept.time_zone
    assert "on Monday, Friday at 04:15" in manager.staging.note.text()
    manager.staging.edit_policy()
    again = dialog()
    assert again.policy() == kept
    again.reject()


def test_a_delay_is_told_in_the_unit_it_was_given_in(manager, services, settled):
    for minutes, value, unit in ((90, 90, "minutes"), (120, 2, "hours"), (2880, 2, "days")):
        services.staging.policies["GROUP0"] = StagingPolicy("GROUP0", "GROUP1", minutes)
        manager.refresh()
        settled()
        manager.staging.edit_policy()
        made = dialog()
        assert (made.when.after.value(), made.when.unit.currentText()) == (value, unit)
        assert made.policy().copy_after_minutes == minutes
        made.reject()
        settled()


def test_without_copies_a_purge_is_needed_and_its_loss_is_told(manager, services, settled):
    manager.staging.edit_policy()
    made = dialog()
    choose_when(made, CopyWhen.NEVER)
    assert "purged by age" in made.fault()
    assert not made.target.isEnabled()
    assert not made.thresholds.isEnabled()
    made.days.setValue(14)
    assert made.fault() == ""
    assert "are lost then" in made.purge_field._below.text()
    made.action.click()
    settled()
    assert services.staging.policies["GROUP0"].copy_when is CopyWhen.NEVER
    assert "not copied; purged here after 14 days, without a copy" in manager.staging.note.text()


def test_before_purge_says_so(manager, services, settled):
    manager.staging.edit_policy()
    made = dialog()
    choose_when(made, CopyWhen.BEFORE_PURGE)
    made.when_full.setChecked(False)
    assert "too full" in made.fault()
    made.when_full.setChecked(True)
    made.action.click()
    settled()
    assert "only before they are purged" in manager.staging.note.text()
