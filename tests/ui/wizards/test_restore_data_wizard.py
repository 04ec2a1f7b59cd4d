from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog

from app.model.errors import BusyError
from app.model.rewind import PointKind, RewindPoint
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.wizards.restore_data import RestoreDataWizard
from app.ui.wizards.restore_flow import Method, Step

NAME = "Archive 2019"


@pytest.fixture
def wizard(context, qtbot):
    return opened(context, qtbot)


@pytest.fixture
def at_points(wizard, qtbot, services):
    go_on(wizard, 2)
    qtbot.waitUntil(lambda: wizard.point.points.rowCount() == len(services.points))
    return wizard


def opened(context, qtbot, **rest) -> RestoreDataWizard:
    made = RestoreDataWizard(context, NAME, **rest)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.flow.status is not None)
    return made


def go_on(wizard, times: int = 1) -> None:
    for _ in range(times):
        wizard.next.click()


def choose(wizard, row: int = 0) -> None:
    table = wizard.point.point_table
    table.select_row(table.model().index(row, 0))


def last(services, call: str, position: int):
    """An argument of the newest call of this name, None when there was none."""
    calls = services.called(call)
    return calls[-1][position] if calls else None


def to_preview(wizard, qtbot, row: int = 0) -> None:
    choose(wizard, row)
    go_on(wizard, 2)
    qtbot.waitUntil(wizard.next.isEnabled)


def many_points(services) -> datetime:
    newest = datetime.now(UTC)
    services.points = [
        RewindPoint(f"c{n}", PointKind.OPERATION, newest - timedelta(seconds=2000 - n), n, "localhost")
        for n in range(1500, 0, -1)
    ]
    return newest


def test_a_rewind_is_previewed_carried_out_and_taken_back(at_points, qtbot, services, settled):
    wizard = at_points
    choose(wizard)
    go_on(wizard, 2)
    assert wizard.flow.step is Step.PREVIEW
    assert not wizard.next.isEnabled(), "nothing is rewound before it was counted"
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.next.text() == "Rewind to before update"
    assert not wizard.next.isDefault()
    assert "1,278 paths on localhost: 1,204 create" in wizard.preview.counts.text()
    assert "first 3 of 1,278" in wizard.preview.header.note.text()
    with qtbot.waitSignal(wizard.restored):
        wizard.next.click()
    assert services.called("scenarios.rewind") == [("scenarios.rewind", NAME, "4", (), False, "localhost")]
    assert "was rewound to before update" in wizard.ending.head.text()
    assert "the next run" in wizard.ending.next_step.text()
    assert wizard.next.text() == "Close"
    with qtbot.waitSignal(wizard.restored):
        wizard.ending.undo.click()
    assert last(services, "scenarios.rewind", 2) == "undo"
    assert wizard.ending.head.text().startswith("Taken back")
    assert not wizard.ending.undo.isVisible()
    wizard.next.click()
    assert not wizard.isVisible()
    settled()


def test_replicating_back_is_previewed_and_done_in_two_parts(at_points, qtbot, services, settled):
    wizard = at_points
    choose(wizard)
    go_on(wizard)
    wizard.scope.back.click()
    assert wizard.scope.warning.isVisible()
    go_on(wizard)
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.preview.side.isVisible()
    assert "on the Master" in wizard.preview.counts.text()
    assert wizard.next.text().endswith("and replicate back")
    with qtbot.waitSignal(wizard.restored):
        wizard.next.click()
    assert services.called("scenarios.recover") == [("scenarios.recover", NAME, (), "localhost")]
    assert "on the Master" in wizard.ending.facts.text()
    with qtbot.waitSignal(wizard.restored):
        wizard.ending.undo.click()
    assert len(services.called("scenarios.recover")) == 2, "the Master follows the replica back"
    settled()


def test_the_second_part_is_tried_again_alone(at_points, qtbot, services, settled):
    wizard = at_points
    choose(wizard)
    wizard.flow.answers.back = True
    to_preview(wizard, qtbot)
    services.raises["scenarios.recover"] = BusyError("E1130", name=NAME, state="replicating")
    wizard.next.click()
    qtbot.waitUntil(wizard.ending.problem.isVisible)
    assert not wizard.ending.working
    del services.raises["scenarios.recover"]
    with qtbot.waitSignal(wizard.restored):
        wizard.ending.problem.retried.emit()
    assert len(services.called("scenarios.rewind")) == 1
    settled()


def test_all_data_is_recovered_without_a_rewind(wizard, qtbot, services, settled):
    go_on(wizard)
    wizard.method.choices[Method.RECOVER].click()
    go_on(wizard)
    assert wizard.flow.step is Step.SCOPE
    assert not wizard.scope.leave.isVisible()
    go_on(wizard)
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.next.text() == "Change 1 path on the Master"
    with qtbot.waitSignal(wizard.restored):
        wizard.next.click()
    assert services.called("scenarios.rewind") == []
    assert wizard.ending.head.text() == "The Master has what localhost has"
    assert not wizard.ending.undo.isVisible()
    settled()


def test_some_of_what_changes_is_chosen_in_the_preview(at_points, qtbot, services, settled, qtmodeltester):
    wizard = at_points
    to_preview(wizard, qtbot)
    tree, model = wizard.preview.tree, wizard.preview.model
    qtmodeltester.check(model)
    top = model.index(0, 0)
    assert model.row_at(top).cells[0].text == "/srv/archive"
    qtbot.waitUntil(lambda: model.rowCount(top) == 2)
    folder = model.index(0, 0, top)
    assert model.row_at(folder).cells[1].text == "1 create, 1 overwrite"
    tree.select_row(folder)
    wizard.preview.only.click()
    qtbot.waitUntil(lambda: last(services, "scenarios.plan_rewind", 3) == (b"/srv/archive/2019",))
    qtbot.waitUntil(wizard.next.isEnabled)
    wizard.back.click()
    assert wizard.scope.some.isChecked()
    assert wizard.scope.model.items == [b"/srv/archive/2019"]
    go_on(wizard)
    wizard.preview.whole.click()
    qtbot.waitUntil(lambda: last(services, "scenarios.plan_rewind", 3) == ())
    settled()


def test_typed_paths_are_added_by_enter_and_a_wrong_one_is_told(at_points, qtbot, services, settled):
    wizard = at_points
    choose(wizard)
    go_on(wizard)
    wizard.scope.some.click()
    go_on(wizard)
    assert wizard.flow.step is Step.SCOPE
    assert "Add a file" in wizard.outcome.text()
    wizard.scope.typed.setText("/etc")
    qtbot.keyClick(wizard.scope.typed, Qt.Key.Key_Return)
    assert "in no root directory" in wizard.scope.note.text()
    wizard.scope.typed.setText("/srv/archive/2019")
    qtbot.keyClick(wizard.scope.typed, Qt.Key.Key_Return)
    assert wizard.flow.step is Step.SCOPE, "Enter adds; it does not go on"
    wizard.scope.table.select_row(wizard.scope.table.model().index(0, 0))
    wizard.scope.remove.click()
    assert wizard.flow.answers.paths == []
    settled()


def test_a_running_scenario_can_be_stopped_here(context, qtbot, services, settled):
    services.scenarios.run(NAME)
    wizard = opened(context, qtbot)
    assert wizard.replica.stopped.isVisible()
    go_on(wizard)
    assert wizard.flow.step is Step.REPLICA
    wizard.replica.stopped.pressed.emit()
    qtbot.waitUntil(lambda: bool(services.called("scenarios.stop")))
    qtbot.waitUntil(lambda: not wizard.replica.stopped.isVisible(), timeout=3000)
    go_on(wizard)
    assert wizard.flow.step is Step.METHOD
    settled()


def test_points_are_asked_for_by_path_kind_and_time(at_points, qtbot, services, settled):
    page = at_points.point
    page.filters.kinds.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.points.rowCount() == 1)
    page.filters.kinds.setCurrentIndex(0)
    page.filters.times.setCurrentIndex(1)
    qtbot.waitUntil(lambda: page.points.rowCount() == 2)
    page.filters.path.setText("srv/a")
    qtbot.waitUntil(lambda: last(services, "scenarios.rewind_points", 3) == b"/srv/a")
    _, _, kinds, _, since, until, after = services.called("scenarios.rewind_points")[-1]
    assert (kinds, until, after) == ((), None, "")
    assert datetime.now(UTC) - since < timedelta(minutes=61)
    page.filters.times.setCurrentIndex(4)
    assert page.filters.since.isVisible()
    settled()


def test_older_points_come_page_by_page(context, qtbot, services, settled):
    many_points(services)
    wizard = opened(context, qtbot)
    go_on(wizard, 2)
    page = wizard.point
    qtbot.waitUntil(lambda: page.points.rowCount() == 1000)
    assert page.more.isVisible()
    page.more.click()
    qtbot.waitUntil(lambda: page.points.rowCount() == 1500)
    assert not page.more.isVisible()
    settled()


def test_a_change_has_a_state_before_and_after_it(at_points, qtbot, services, settled):
    wizard = at_points
    choose(wizard, 1)
    wizard.point.moment._group.button(1).click()
    go_on(wizard, 2)
    qtbot.waitUntil(lambda: last(services, "scenarios.plan_rewind", 2) == "before:3")
    qtbot.waitUntil(wizard.next.isEnabled)
    assert wizard.next.text().startswith("Rewind to before ")
    settled()


def test_a_refusal_is_shown_in_place_and_tried_again(at_points, qtbot, services, settled):
    wizard = at_points
    services.raises["scenarios.plan_rewind"] = BusyError("E1130", name=NAME, state="replicating")
    choose(wizard)
    go_on(wizard, 2)
    qtbot.waitUntil(wizard.preview.problem.isVisible)
    assert not wizard.next.isEnabled()
    del services.raises["scenarios.plan_rewind"]
    wizard.preview.problem.retried.emit()
    qtbot.waitUntil(wizard.next.isEnabled)
    settled()


def test_a_point_that_is_filtered_out_is_not_chosen_any_more(at_points, qtbot, settled):
    wizard = at_points
    choose(wizard, 1)
    wizard.point.filters.kinds.setCurrentIndex(1)
    qtbot.waitUntil(lambda: wizard.point.points.rowCount() == 1)
    settled()
    go_on(wizard)
    assert wizard.flow.step is Step.POINT
    assert wizard.outcome.text() == "Choose the moment to go back to"


def test_back_and_the_steps_keep_what_was_chosen(at_points, qtbot, settled):
    wizard = at_points
    to_preview(wizard, qtbot, 1)
    chosen = wizard.flow.answers.point
    wizard.steps.step_clicked.emit(0)
    assert wizard.flow.step is Step.REPLICA
    wizard.steps.step_clicked.emit(2)
    assert wizard.point.point_table.current_object() == chosen
    go_on(wizard, 2)
    assert wizard.next.isEnabled(), "what was counted for this request still holds"
    settled()


def test_cancel_asks_when_something_was_chosen(at_points, qtbot, settled):
    wizard = at_points
    choose(wizard)
    wizard.cancel.click()
    (question,) = [one for one in wizard.findChildren(ConfirmDialog) if one.isVisible()]
    assert wizard.isVisible()
    question.accept()
    qtbot.waitUntil(lambda: not wizard.isVisible())
    assert wizard.result() == QDialog.DialogCode.Rejected
    settled()


@pytest.mark.usefixtures("models_unwatched")
def test_a_click_in_the_timeline_chooses_the_state_of_that_moment(context, qtbot, services, settled):
    newest = many_points(services)
    wizard = opened(context, qtbot, moment=(newest - timedelta(seconds=599.5), ""))
    qtbot.waitUntil(lambda: wizard.flow.step is Step.POINT)
    page = wizard.point
    qtbot.waitUntil(lambda: getattr(page.point_table.current_object(), "id", "") == "c1400")
    qtbot.waitUntil(lambda: sum(page.timeline.timeline.changes.counts) == 1500)
    assert page.timeline.typed.text().endswith(
        page.points.cell(page.point_table.current_object(), 0).text[-12:]
    )
    older = newest - timedelta(seconds=1899.5)
    page.timeline.timeline.chosen.emit(older.timestamp(), "")
    qtbot.waitUntil(lambda: getattr(page.point_table.current_object(), "id", "") == "c100")
    page.newest.click()
    qtbot.waitUntil(lambda: page.points.rowCount() == 1000)
    settled()


def test_a_typed_time_is_gone_to_and_a_wrong_one_is_told(at_points, qtbot, services, settled):
    page = at_points.point
    page.timeline.typed.setText("yesterday")
    qtbot.keyClick(page.timeline.typed, Qt.Key.Key_Return)
    assert "2026-01-31" in page.timeline.fault.text()
    point = services.points[-1]
    page.timeline.typed.setText(point.at.isoformat())
    qtbot.keyClick(page.timeline.typed, Qt.Key.Key_Return)
    assert page.timeline.fault.text() == ""
    qtbot.waitUntil(lambda: page.point_table.current_object() == point)
    settled()
