"""The media rules of a backup in the Destination: they reach the job, and what they overwrite is told."""

from __future__ import annotations

import pytest

from app.model.errors import Problem
from app.model.job import MediaMethod, Schedule
from app.model.media import Pool
from app.ui.backup.manager import BackupManager
from app.ui.backup.summary import summary


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


def test_every_rule_reaches_the_job(manager):
    form = manager.destination.rules
    form.method.setCurrentIndex(form.method.findData(MediaMethod.OVERWRITE_ANY))
    form.span.setCurrentIndex(form.span.findData(MediaMethod.OVERWRITE_ANY))
    form.name.setText(" Weekly ")
    form.pool.setCurrentIndex(form.pool.findData("BRANCH"))
    form.protect.setValue(30)
    form.wait.setValue(5)
    form.span_wait.setValue(0)
    made = script(manager)
    assert (made.method, made.span_method) == (MediaMethod.OVERWRITE_ANY, MediaMethod.OVERWRITE_ANY)
    assert (made.media_name, made.pool, made.protect_days) == ("Weekly", "BRANCH", 30)
    assert (made.media_wait_minutes, made.span_wait_minutes) == (5, 0)
    assert "any media of the group" in form.method_field._below.text()


def test_what_would_be_overwritten_is_told_on_the_tab_and_in_the_summary(manager, services, settled, qtbot):
    services.storage.warnings = [
        Problem("W5213", b"", {"media": "FSD-2026-A", "sessions": "61", "count": "1"})
    ]
    form = manager.destination.rules
    form.method.setCurrentIndex(1)
    qtbot.waitUntil(lambda: "FSD-2026-A" in form.warnings.text())
    facts = summary(manager.draft, [], None, "Runs now", manager._warnings.lines)
    assert any(fact.warning and "FSD-2026-A" in fact.text for fact in facts)
    assert any(fact.caption == "Backup media" and "Overwrite same" in fact.text for fact in facts)


def test_a_submitted_job_does_not_leave_the_next_one_overwriting(manager, settled):
    form = manager.destination.rules
    form.method.setCurrentIndex(2)
    form.name.setText("Weekly")
    manager._begin_anew()
    assert manager.draft.rules.method is MediaMethod.APPEND
    assert form.method.currentData() == MediaMethod.APPEND
    assert form.name.text() == ""
    settled()


def test_a_pool_that_goes_away_is_not_chosen_any_more(manager, services, settled):
    form = manager.destination.rules
    form.pool.setCurrentIndex(form.pool.findData("BRANCH"))
    services.storage.known_pools = {}
    manager.refresh()
    settled()
    assert manager.draft.rules.pool == ""
