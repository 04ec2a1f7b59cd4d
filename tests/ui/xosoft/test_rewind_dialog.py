from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from PySide6.QtCore import Qt

from app.model.errors import BusyError
from app.model.rewind import PointKind, RewindPoint
from app.ui.xosoft.rewind_dialog import RewindDialog

ROOTS = (b"/srv/archive",)


@pytest.fixture
def dialog(context, qtbot, services):
    made = RewindDialog(context, "Archive 2019", roots=ROOTS)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitUntil(lambda: made.points.rowCount() == len(services.points))
    return made


def choose(dialog, row: int = 0) -> None:
    dialog.point_table.select_row(dialog.point_table.model().index(row, 0))


def last(services, call: str, position: int):
    """An argument of the newest call of this name, None when there was none."""
    calls = services.called(call)
    return calls[-1][position] if calls else None


def test_points_are_asked_for_by_path_kind_and_time(dialog, qtbot, services, settled):
    dialog.filters.kinds.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1)
    dialog.filters.kinds.setCurrentIndex(0)
    dialog.filters.times.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 2)
    dialog.filters.path.setText("srv/a")
    qtbot.waitUntil(lambda: last(services, "scenarios.rewind_points", 3) == b"/srv/a")
    _, _, kinds, _, since, until, after = services.called("scenarios.rewind_points")[-1]
    assert (kinds, until, after) == ((), None, "")
    assert datetime.now(UTC) - since < timedelta(minutes=61)
    dialog.filters.times.setCurrentIndex(4)
    assert dialog.filters.since.isVisible()
    settled()


def test_older_points_come_page_by_page(context, qtbot, services, settled):
    newest = datetime.now(UTC)
    services.points = [
        RewindPoint(f"c{n}", PointKind.OPERATION, newest - timedelta(seconds=2000 - n), n, "localhost")
        for n in range(1500, 0, -1)
    ]
    dialog = RewindDialog(context, "Archive 2019", roots=ROOTS)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1000)
    assert dialog.more.isVisible()
    dialog.more.click()
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1500)
    assert not dialog.more.isVisible()
    settled()


def test_a_change_has_a_state_before_and_after_it(dialog, qtbot, services, settled):
    choose(dialog, 0)
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    choose(dialog, 1)
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    dialog.moment._group.button(1).click()
    qtbot.waitUntil(lambda: last(services, "scenarios.plan_rewind", 2) == "before:3")
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    assert dialog.rewind_button.text().startswith("Rewind to before ")
    with qtbot.waitSignal(dialog.rewound):
        dialog.rewind_button.click()
    assert services.called("scenarios.rewind")[-1][2] == "before:3"
    settled()


def test_one_path_is_rewound_only_when_it_is_in_a_root(dialog, qtbot, services, settled):
    dialog.filters.path.setText("/etc")
    qtbot.waitUntil(lambda: last(services, "scenarios.rewind_points", 3) == b"/etc")
    assert not dialog.only_path.isEnabled()
    dialog.filters.path.setText("/srv/archive/2019")
    qtbot.waitUntil(dialog.only_path.isEnabled)
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 2)
    choose(dialog)
    dialog.only_path.click()
    qtbot.waitUntil(lambda: last(services, "scenarios.plan_rewind", 3) == (b"/srv/archive/2019",))
    settled()


def test_replicating_back_warns_and_previews_the_master(dialog, qtbot, services, settled):
    choose(dialog)
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    assert not dialog.warning.isVisible()
    assert not dialog.side.isVisible()
    dialog.back.click()
    assert dialog.warning.isVisible()
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    assert "on the Master" in dialog.title.text()
    assert dialog.rewind_button.text().endswith("and replicate back")
    dialog.side._group.button(1).click()
    with qtbot.waitSignal(dialog.rewound):
        dialog.rewind_button.click()
    assert services.called("scenarios.rewind")[-1][4] is True
    settled()


def test_a_refusal_is_shown_and_changes_nothing(dialog, qtbot, services, settled):
    services.raises["scenarios.plan_rewind"] = BusyError("E1130", name="Archive 2019", state="replicating")
    choose(dialog)
    qtbot.waitUntil(lambda: "Archive 2019" in dialog.title.text())
    assert not dialog.rewind_button.isEnabled()
    settled()


def test_a_point_that_is_filtered_out_is_not_chosen_any_more(dialog, qtbot, services, settled):
    choose(dialog, 1)
    qtbot.waitUntil(dialog.rewind_button.isEnabled)
    dialog.filters.kinds.setCurrentIndex(1)
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1)
    qtbot.waitUntil(lambda: not dialog.rewind_button.isEnabled())
    settled()
    assert not dialog.rewind_button.isEnabled()
    assert dialog.rewind_button.text() == "Rewind"
    assert dialog.items.rowCount() == 0


def test_a_click_in_the_timeline_chooses_the_state_of_that_moment(context, qtbot, services, settled):
    newest = datetime.now(UTC)
    services.points = [
        RewindPoint(f"c{n}", PointKind.OPERATION, newest - timedelta(seconds=2000 - n), n, "localhost")
        for n in range(1500, 0, -1)
    ]
    dialog = RewindDialog(context, "Archive 2019", roots=ROOTS)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1000)
    qtbot.waitUntil(lambda: sum(dialog.timeline.timeline.changes.counts) == 1500)
    dialog.timeline.timeline.chosen.emit((newest - timedelta(seconds=599.5)).timestamp(), "")
    assert dialog.point_table.current_object().id == "c1400"
    assert dialog.timeline.typed.text().endswith(
        dialog.points.cell(dialog.point_table.current_object(), 0).text[-12:]
    )
    older = newest - timedelta(seconds=1899.5)
    dialog.timeline.timeline.chosen.emit(older.timestamp(), "")
    qtbot.waitUntil(lambda: getattr(dialog.point_table.current_object(), "id", "") == "c100")
    assert dialog.newest.isVisible()
    dialog.newest.click()
    qtbot.waitUntil(lambda: dialog.points.rowCount() == 1000)
    settled()


def test_a_typed_time_is_gone_to_and_a_wrong_one_is_told(dialog, qtbot, services, settled):
    dialog.timeline.typed.setText("yesterday")
    qtbot.keyClick(dialog.timeline.typed, Qt.Key.Key_Return)
    assert "2026-01-31" in dialog.timeline.fault.text()
    point = services.points[-1]
    dialog.timeline.typed.setText(point.at.isoformat())
    qtbot.keyClick(dialog.timeline.typed, Qt.Key.Key_Return)
    assert dialog.timeline.fault.text() == ""
    qtbot.waitUntil(lambda: dialog.point_table.current_object() == point)
    settled()
