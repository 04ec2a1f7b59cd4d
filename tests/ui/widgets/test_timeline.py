from __future__ import annotations

import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication

from app.ui.widgets.timeline import Changes, Lane, Mark, Timeline

NOW = 1_700_000_000.0
HOUR = 3600.0


@pytest.fixture
def timeline(qtbot):
    made = Timeline("Timeline of files")
    qtbot.addWidget(made)
    made.resize(900, 240)
    bookmarks = (Mark(NOW - 3 * HOUR, "b1", "First"), Mark(NOW - HOUR, "b2", "Second"))
    made.set_lanes(
        [
            Lane("Bookmarks", "bookmark", "flag", "accent", bookmarks),
            Lane("Snapshots", "camera", "diamond", "text2", (Mark(NOW - 2 * HOUR, "s1", "job 4"),)),
            Lane("Sessions", "archive", "pill", "ok", (Mark(NOW - 2.5 * HOUR, "", "57"),)),
        ],
        NOW - 3.5 * HOUR,
    )
    made.set_bounds(NOW - 4 * HOUR, NOW)
    made.show_last(None)
    made.set_changes(Changes(NOW - 4 * HOUR, NOW, (1, 0, 5, 100)))
    made.show()
    made.told = []
    made.chosen.connect(lambda at, key: made.told.append((at, key)))
    return made


def press(timeline, qtbot, key, modifier=Qt.KeyboardModifier.NoModifier):
    qtbot.keyClick(timeline, key, modifier)
    if timeline.told:
        timeline.set_playhead(timeline.told[-1][0])


def test_a_click_chooses_the_moment_under_it(timeline, qtbot):
    x = timeline.left + timeline.span.x(NOW - HOUR / 2)
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(round(x), 60))
    ((at, key),) = timeline.told
    assert abs(at - (NOW - HOUR / 2)) < 60
    assert key == ""


def test_a_click_on_a_mark_chooses_it(timeline, qtbot):
    row = timeline.rows()[2]
    x = timeline.left + timeline.span.x(NOW - 2 * HOUR) + 3
    qtbot.mouseClick(timeline, Qt.MouseButton.LeftButton, pos=QPoint(round(x), round(row.center().y())))
    assert timeline.told == [(NOW - 2 * HOUR, "s1")]


def test_dragging_pans_and_chooses_nothing(timeline, qtbot):
    timeline.show_last(HOUR)
    begin = timeline.span
    qtbot.mousePress(timeline, Qt.MouseButton.LeftButton, pos=QPoint(400, 60))
    qtbot.mouseMove(timeline, QPoint(600, 60))
    qtbot.mouseRelease(timeline, Qt.MouseButton.LeftButton, pos=QPoint(600, 60))
    assert timeline.span.until < begin.until
    assert timeline.span.seconds == pytest.approx(HOUR)
    assert timeline.told == []


def test_the_wheel_zooms_at_the_pointer(timeline):
    position = QPointF(timeline.left + 300, 60)
    at = timeline.span.at(300)
    event = QWheelEvent(
        position, timeline.mapToGlobal(position), QPoint(), QPoint(0, 240), Qt.MouseButton.NoButton,
        Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase, False,
    )  # fmt: skip
    QApplication.sendEvent(timeline, event)
    assert timeline.span.seconds < 4 * HOUR
    assert timeline.span.at(300) == pytest.approx(at)


def test_the_keyboard_reaches_every_mark(timeline, qtbot):
    for _ in range(4):
        press(timeline, qtbot, Qt.Key.Key_Left)
    assert [at for at, _ in timeline.told] == [NOW - hours * HOUR for hours in (1, 2, 2.5, 3)]
    press(timeline, qtbot, Qt.Key.Key_Right, Qt.KeyboardModifier.ShiftModifier)
    assert timeline.told[-1][1] == "b2"
    press(timeline, qtbot, Qt.Key.Key_Home)
    assert timeline.told[-1] == (NOW - 4 * HOUR, "")
    before = timeline.span.seconds
    qtbot.keyClick(timeline, Qt.Key.Key_Plus)
    assert timeline.span.seconds < before
    qtbot.keyClick(timeline, Qt.Key.Key_Minus)
    assert timeline.span.seconds == pytest.approx(before)


def test_the_playhead_is_brought_into_view(timeline):
    timeline.show_last(HOUR)
    timeline.set_playhead(NOW - 3 * HOUR)
    assert timeline.span.since <= NOW - 3 * HOUR <= timeline.span.until


def test_new_time_moves_a_view_of_the_newest_along(timeline):
    timeline.show_last(HOUR)
    timeline.set_bounds(NOW - 4 * HOUR, NOW + 60)
    assert timeline.span.until == NOW + 60
    timeline.set_playhead(NOW - 3 * HOUR)
    seen = timeline.span
    timeline.set_bounds(NOW - 4 * HOUR, NOW + 120)
    assert (timeline.span.since, timeline.span.until) == (seen.since, seen.until)


def test_it_says_in_words_what_it_shows(timeline):
    timeline.set_playhead(NOW - HOUR)
    said = timeline.accessibleName()
    assert "106 changes" in said
    assert "2 bookmarks" in said
    assert "chosen: " in said


def test_it_draws_with_nothing_to_show(qtbot):
    empty = Timeline("Timeline of nothing")
    qtbot.addWidget(empty)
    empty.resize(400, 200)
    empty.set_lanes([], None)
    assert not empty.grab().isNull()
