"""The media rules of a backup in its options: they reach the job, and what they overwrite is told."""

from __future__ import annotations

import pytest

from app.model.errors import Problem
from app.model.job import MediaMethod, Schedule
from app.model.media import Pool
from app.model.rotation import Rotation, RotationScheme
from app.ui.backup.manager import BackupManager
from app.ui.backup.options import BACKUP_MEDIA
from app.ui.backup.summary import summary
from app.ui.dialogs.backup_options import BackupOptionsDialog


@pytest.fixture
def manager(services, context, qtbot, settled):
    services.storage.known_pools = {"BRANCH": Pool("BRANCH", 14, 2)}
    made = BackupManager(context)
    qtbot.addWidget(made)
    made.resize(1240, 820)
    made.show()
    made.activate()
    settled()
    made.show_request(scenario="Branch File Shares")
    yield made
    made.deactivate()
    settled()


def script(manager):
    return manager.draft.request(manager.statuses, Schedule()).script


def test_nothing_chosen_is_what_a_backup_did_before(manager):
    made = script(manager)
    assert (made.method, made.media_name, made.pool, made.protect_days) == (MediaMethod.APPEND, "", "", 0)
    assert made.media_wait_minutes is None
    assert made.span_wait_minutes is None


@pytest.fixture
def options(manager):
    """The options, at their first page."""

    def shown():
        manager.show_options(BACKUP_MEDIA)
        return manager.findChildren(BackupOptionsDialog)[-1]

    return shown


def choose(choices, method):
    choices[method][0].click()


def test_every_rule_reaches_the_job(manager, options):
    form = manager.destination.form
    form.name.setText(" Weekly ")
    form.pool.setCurrentIndex(form.pool.findData("BRANCH"))
    dialog = options()
    page = dialog.media
    choose(page.method, MediaMethod.OVERWRITE_ANY)
    choose(page.span, MediaMethod.OVERWRITE_ANY)
    page.protect.setValue(30)
    page.wait.setValue(5)
    page.span_wait.setValue(0)
    assert script(manager).method is MediaMethod.APPEND
    dialog.ok.click()
    made = script(manager)
    assert (made.method, made.span_method) == (MediaMethod.OVERWRITE_ANY, MediaMethod.OVERWRITE_ANY)
    assert (made.media_name, made.pool, made.protect_days) == ("Weekly", "BRANCH", 30)
    assert (made.media_wait_minutes, made.span_wait_minutes) == (5, 0)
    assert "any media" in form.media.text.text()


def test_what_would_be_overwritten_is_told_in_the_options_on_the_tab_and_in_the_summary(
    manager, services, options, settled, qtbot
):
    services.storage.warnings = [
        Problem("W5213", b"", {"media": "FSD-2026-A", "sessions": "61", "count": "1"})
    ]
    dialog = options()
    choose(dialog.media.method, MediaMethod.OVERWRITE_SAME)
    qtbot.waitUntil(lambda: "FSD-2026-A" in dialog.media.warnings.text())
    assert services.called("storage.destination_warnings")[-1][1] is MediaMethod.OVERWRITE_SAME
    dialog.ok.click()
    qtbot.waitUntil(lambda: "FSD-2026-A" in manager.destination.form.warnings.text())
    facts = summary(manager.draft, [], None, "Runs now", manager._warnings.lines)
    assert any(fact.warning and "FSD-2026-A" in fact.text for fact in facts)
    assert any(fact.caption == "Backup media" and "Overwrite same" in fact.text for fact in facts)


def test_a_submitted_job_does_not_leave_the_next_one_overwriting(manager, options, settled):
    manager.destination.form.name.setText("Weekly")
    dialog = options()
    choose(dialog.media.method, MediaMethod.OVERWRITE_ANY)
    dialog.ok.click()
    manager._begin_anew()
    assert manager.draft.rules.method is MediaMethod.APPEND
    assert manager.destination.form.name.text() == ""
    assert manager.destination.form.media.text.text() == "Append to media"
    assert options().media.method[MediaMethod.APPEND][0].isChecked()
    settled()


def test_a_pool_that_goes_away_is_not_chosen_any_more(manager, services, settled):
    form = manager.destination.form
    form.pool.setCurrentIndex(form.pool.findData("BRANCH"))
    services.storage.known_pools = {}
    manager.refresh()
    settled()
    assert manager.draft.rules.pool == ""


def test_a_rotation_names_the_media_and_the_fields_say_so(manager, options, settled):
    rotation = Schedule(
        repeat="FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR", rotation=Rotation(RotationScheme.GFS, "BR")
    )
    manager.schedule.show_schedule(rotation)
    manager._show_readiness()
    form = manager.destination.form
    assert not form.name.isEnabled()
    assert not form.pool.isEnabled()
    page = options().media
    assert page.rotation.isVisibleTo(page)
    assert not page.method[MediaMethod.APPEND][0].isEnabled()
    assert page.span[MediaMethod.OVERWRITE_SAME][0].isEnabled()
    manager.schedule.begin_anew()
    manager._show_readiness()
    assert form.name.isEnabled()
