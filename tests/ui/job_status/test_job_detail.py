"""Job detail: what was done and verified, what needs attention, undo, and replicating back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from app.model.errors import NotFoundError
from app.model.events import ActivityRecord, Severity
from app.model.job import Destination, JobKind, JobResult
from app.model.job_log import packed
from app.model.restore import KeptRestore, UndoPlan
from app.ui.help.topics import topic_of
from app.ui.job_status.job_detail import JobDetailDialog
from app.ui.job_status.job_report import attention_rows, done_lines, newest_run
from app.ui.job_status.manager import JobStatusManager
from app.ui.job_status.purge_log import PurgeLogDialog
from app.ui.job_status.replicate_back import ReplicateBackDialog
from app.ui.job_status.undo_dialog import UndoDialog
from tests.support.memory_services import now

RESTORE = 411


def line(number, code, severity=Severity.INFORMATION, **params):
    return ActivityRecord(number, severity, now(), "BKP-SRV-01", code, RESTORE, session=61, params=params)


def refused(number, path):
    params = {"path": path, "what": "owner", "reason": "Operation not permitted"}
    return line(number, "W4224", Severity.WARNING, **params)


@pytest.fixture
def restored(services):
    services.activity = [
        line(1, "N5050", job="411", name="Restore"),
        line(2, "N5053", directories="2", files="3", size="1 MB"),
        line(3, "N5055", files="3"),
        refused(4, "/srv/sales/a"),
        refused(5, "/srv/sales/b"),
        line(6, "E5152", Severity.ERROR, count="1"),
    ]
    services.restores.kept = lambda _host="localhost": [
        KeptRestore(RESTORE, int((now() + timedelta(days=7)).timestamp() * 1e9), 4096)
    ]
    job = next(job for job in services.jobs_ if job.id == RESTORE)
    made = replace(job, last_result=JobResult.INCOMPLETE, kind=JobKind.RESTORE)
    services.jobs_ = [made if one.id == RESTORE else one for one in services.jobs_]
    return made


@pytest.fixture
def detail(restored, context, qtbot, settled):
    made = JobDetailDialog(context, restored)
    qtbot.addWidget(made)
    made.show()
    settled()
    return made


def open_child(parent, kind, settled):
    settled()
    (found,) = [one for one in parent.findChildren(kind) if one.isVisible()]
    return found


def test_what_was_done_and_proved_is_told(services, restored):
    said = [(line.role, line.text) for line in done_lines(services.activity)]
    assert said[0][1].startswith("2 Directories, 3 File(s)")
    assert said[1][0] == "ok"
    assert said[2][0] == "error"


def test_alike_messages_are_one_row_with_its_reason_and_paths(services, restored):
    worst, refused_rows = attention_rows(services.activity)
    assert worst.cells[0].role == "error"
    head = refused_rows.cells[0].text
    assert head == "2 times: … was restored without its owner: Operation not permitted"
    why, *paths = refused_rows.children
    assert "refused" in why.cells[0].text
    assert {row.object.params["path"] for row in paths} == {"/srv/sales/a", "/srv/sales/b"}


def test_of_a_repeating_job_only_the_newest_run_is_told():
    earlier = [line(1, "N5000"), refused(2, "/old"), line(3, "N5000"), line(4, "N5055", files="9")]
    assert [record.id for record in newest_run(earlier)] == [4, 3]
    assert attention_rows(earlier) == []


def test_the_window_offers_undo_and_the_log(detail, qtmodeltester):
    assert detail.undo.isEnabled()
    assert "is kept until" in detail.undo.toolTip()
    assert detail.log.rowCount() == 6
    assert detail.attention.rowCount() == 2
    qtmodeltester.check(detail.attention)


def test_a_restore_of_which_nothing_is_kept_cannot_be_undone(services, restored, context, qtbot, settled):
    services.restores.kept = lambda _host="localhost": []
    made = JobDetailDialog(context, restored)
    qtbot.addWidget(made)
    settled()
    assert not made.undo.isEnabled()
    assert made.undo.toolTip().startswith("Nothing is kept of this restore")


def test_undo_shows_its_plan_and_leaves_what_people_changed_unless_told_otherwise(
    detail, services, settled, qtbot
):
    detail.undo.click()
    dialog = open_child(detail, UndoDialog, settled)
    assert dialog.action.isEnabled()
    assert dialog.action.text().startswith("Undo ")
    assert dialog.force.isVisible()
    first = dialog.model.items[0]
    assert first.action.value == "keep", "what people changed stands first"
    dialog.force.setChecked(True)
    settled()
    dialog.action.click()
    settled()
    assert services.called("restores.undo") == [("restores.undo", RESTORE, True)]
    assert not detail.isVisible()


def test_an_undo_with_nothing_left_is_not_offered(detail, services, settled):
    services.restores.plan_undo = lambda *_a, **_k: UndoPlan(0, 0, 0, 0, ())
    detail.undo.click()
    dialog = open_child(detail, UndoDialog, settled)
    assert dialog.action.toolTip() == "There is nothing left to undo"


def test_an_undo_that_is_refused_says_why(detail, services, settled):
    services.raises["restores.plan_undo"] = NotFoundError("E4240", job=RESTORE)
    detail.undo.click()
    dialog = open_child(detail, UndoDialog, settled)
    assert dialog.problem.isVisible()
    assert not dialog.action.isEnabled()


def test_what_was_restored_to_the_replica_is_replicated_back_after_a_look(detail, services, settled):
    assert detail.job.script.destination is Destination.ORIGINAL_REPLICA
    detail.back.click()
    dialog = open_child(detail, ReplicateBackDialog, settled)
    assert dialog.head.text().startswith("On the Master: ")
    dialog.action.click()
    settled()
    (called,) = services.called("scenarios.rewind")
    assert called[1:] == ("Branch File Shares", "4", (b"/srv/sales/pipeline.xlsx",), True, "localhost")


def test_it_is_the_replica_that_was_restored_to_that_is_replicated_back(
    services, restored, context, qtbot, settled
):
    made = JobDetailDialog(context, replace(restored, script=replace(restored.script, host="branch-2")))
    qtbot.addWidget(made)
    made.show()
    settled()
    made.back.click()
    open_child(made, ReplicateBackDialog, settled).action.click()
    settled()
    (called,) = services.called("scenarios.rewind")
    assert called[-1] == "branch-2"


def test_a_restore_elsewhere_is_not_replicated_back(services, restored, context, qtbot, settled):
    script = replace(restored.script, destination=Destination.DIRECTORY, directory=b"/out")
    made = JobDetailDialog(context, replace(restored, script=script))
    qtbot.addWidget(made)
    settled()
    assert not made.back.isEnabled()
    assert made.undo.isEnabled()


def test_the_queue_opens_the_window_of_a_job_that_ended(services, restored, context, qtbot, settled):
    manager = JobStatusManager(context)
    qtbot.addWidget(manager)
    manager.show()
    manager.activate()
    settled()
    manager.queue.choose(RESTORE)
    assert manager.actions_["undo"].isEnabled()
    manager.queue.tree.row_activated.emit(manager.queue.tree.currentIndex())
    dialog = open_child(manager, JobDetailDialog, settled)
    dialog.close()
    manager.queue.choose(412)
    assert manager.actions_["undo"].toolTip() == "Only a restore is undone"
    manager.deactivate()
    settled()


def test_the_log_is_purged_by_age_after_saying_what_stays(services, context, qtbot, settled):
    services.activity = [line(1, "N5050"), replace(line(2, "N5055"), at=now() - timedelta(days=400))]
    manager = JobStatusManager(context)
    qtbot.addWidget(manager)
    manager.show()
    manager.activate()
    settled()
    manager.tabs.setCurrentIndex(1)
    assert manager.toolbar["purge"].isVisible()
    manager.actions_["purge"].trigger()
    dialog = open_child(manager, PurgeLogDialog, settled)
    dialog.days.setValue(365)
    assert "on stay" in dialog.field._below.text()
    dialog.action.click()
    settled()
    assert [record.id for record in services.activity] == [1]
    assert context.extra["toasts"][-1][0] == "1 line of the activity log deleted"
    manager.deactivate()
    settled()


def test_the_lines_of_a_row_are_made_when_it_is_opened(services, restored, context, qtbot, settled):
    services.activity = [
        line(1, "N5000", job="411", name="Nightly"),
        line(2, "N5045", **packed([f"/srv/{number} (5 bytes)" for number in range(200)])),
    ]
    made = JobDetailDialog(context, replace(restored, kind=JobKind.BACKUP))
    qtbot.addWidget(made)
    made.show()
    settled()
    held = made.log.find(2)
    assert made.log.hasChildren(held)
    assert made.log.rowCount(held) == 0
    made.tabs.setCurrentIndex(1)
    made.log_tree.expand(held)
    settled()
    assert made.log.rowCount(held) == 200
    assert made.log.index(199, len(made.log.columns) - 1, held).data() == "/srv/199 (5 bytes)"


def test_f1_on_what_needs_attention_is_the_page_of_its_code(detail):
    tree = detail.attention_tree
    tree.select_row(tree.model().index(0, 0))
    assert topic_of(tree) == f"code-{tree.current_object().code}"
    assert topic_of(detail.tabs) == "job-details"
