"""The activity log in pages: older lines and back, and the newest when something else is asked."""

from __future__ import annotations

import pytest

from app.model.events import ActivityRecord, Severity
from app.ui.job_status.log_pages import PAGE_LINES
from app.ui.job_status.manager import JobStatusManager
from tests.support.memory_services import now

LINES = PAGE_LINES + 500


@pytest.fixture
def pane(services, context, qtbot, settled, models_unwatched):
    services.activity = [
        ActivityRecord(number, Severity.INFORMATION, now(), "srv", "N5000", number // 50)
        for number in range(LINES, 0, -1)
    ]
    manager = JobStatusManager(context)
    qtbot.addWidget(manager)
    manager.resize(1100, 700)
    manager.show()
    manager.activate()
    manager.show_request(page="log")
    settled()
    yield manager.log
    manager.deactivate()
    settled()


def test_older_lines_and_back(pane, settled):
    assert [pane.records[0].id, pane.records[-1].id] == [LINES, LINES - PAGE_LINES + 1]
    assert "2,000 lines" in pane.pages.text.text()
    assert not pane.pages.newer.isEnabled()
    pane.pages.older.click()
    settled()
    assert [pane.records[0].id, pane.records[-1].id] == [LINES - PAGE_LINES, 1]
    assert not pane.pages.older.isEnabled()
    pane.pages.newer.click()
    settled()
    assert pane.records[0].id == LINES


def test_another_question_begins_with_the_newest(pane, settled):
    pane.pages.older.click()
    settled()
    pane.show_job(3)
    settled()
    assert pane.pages.older_than == 0
    assert {record.job_id for record in pane.records} == {3}
    assert not pane.pages.isVisible()
