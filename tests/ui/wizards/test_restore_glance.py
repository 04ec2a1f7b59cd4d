"""The preview beside the rewind points: of the chosen one alone, without holding up the window."""

from __future__ import annotations

import threading

import pytest
from PySide6.QtCore import Qt

from app.model.errors import BusyError
from app.ui.wizards.restore_data import RestoreDataWizard

NAME = "Archive 2019"


@pytest.fixture
def wizard(context, qtbot, services):
    wizard = RestoreDataWizard(context, NAME)
    qtbot.addWidget(wizard)
    wizard.resize(1240, 780)
    wizard.show()
    qtbot.waitUntil(lambda: wizard.flow.status is not None)
    wizard.next.click()
    wizard.next.click()
    qtbot.waitUntil(lambda: wizard.point.points.rowCount() == len(services.points))
    return wizard


@pytest.fixture
def page(wizard):
    return wizard.point


def choose(page, row):
    page.point_table.select_row(page.point_table.model().index(row, 0))


def asked(services):
    return [call[2] for call in services.called("scenarios.plan_rewind")]


def test_the_chosen_point_is_previewed_in_place(page, qtbot, services, settled):
    glance = page.glance
    assert glance.unchosen.isVisible()
    choose(page, 0)
    assert glance.header.note.text() == "Asking…"
    assert glance.asking.busy
    qtbot.waitUntil(glance.counts.isVisible)
    assert glance.counts.text() == (
        "1,278 paths: 1,204 create, 71 overwrite, 3 delete · 1.90 GB written. The first 3 are listed"
    )
    assert glance.model.row_at(glance.model.index(0, 0)).cells[0].text == "/srv/archive"
    assert not glance.asking.isVisible()
    page.moment.choose(0)
    page.enter()
    settled()
    assert asked(services) == ["4"], "what is shown already is not asked for again"


def test_points_that_are_passed_over_are_not_asked_for(page, qtbot, services, settled):
    for row in (0, 1, 2, 1):
        choose(page, row)
    qtbot.waitUntil(page.glance.counts.isVisible)
    settled()
    assert len(asked(services)) == 1


def test_an_answer_for_a_point_that_was_left_is_dropped(page, qtbot, services, settled):
    plan, go_on = services.scenarios.plan_rewind, threading.Event()

    def slow(name, to, **rest):
        found = plan(name, to, **rest)
        if to == "4":
            go_on.wait(10)
        return found

    services.scenarios.plan_rewind = slow
    choose(page, 0)
    qtbot.waitUntil(lambda: asked(services) == ["4"])
    choose(page, 1)
    qtbot.waitUntil(page.glance.counts.isVisible)
    before = page.glance.model.row_at(page.glance.model.index(0, 0))
    go_on.set()
    settled()
    assert asked(services) == ["4", "3"]
    assert page.glance.model.row_at(page.glance.model.index(0, 0)) is before


def test_no_more_than_two_slow_answers_are_waited_for_at_once(page, qtbot, services, settled):
    plan, go_on = services.scenarios.plan_rewind, threading.Event()

    def slow(name, to, **rest):
        found = plan(name, to, **rest)
        go_on.wait(10)
        return found

    services.scenarios.plan_rewind = slow
    for row, known in ((0, 1), (1, 2)):
        choose(page, row)
        qtbot.waitUntil(lambda known=known: len(asked(services)) == known)
    choose(page, 2)
    timer = page.glance._newest._timer
    qtbot.waitUntil(lambda: not timer.isActive())
    assert len(asked(services)) == 2
    go_on.set()
    qtbot.waitUntil(page.glance.counts.isVisible)
    assert len(asked(services)) == 3
    settled()


def test_why_it_cannot_be_counted_is_told_in_place_and_tried_again(page, qtbot, services, settled):
    services.raises["scenarios.plan_rewind"] = BusyError("E1130", name=NAME, state="replicating")
    choose(page, 0)
    qtbot.waitUntil(page.glance.problem.isVisible)
    assert not page.glance.asking.isVisible()
    del services.raises["scenarios.plan_rewind"]
    page.glance.problem.retried.emit()
    qtbot.waitUntil(page.glance.counts.isVisible)
    assert not page.glance.problem.isVisible()
    settled()


def test_another_page_stops_the_question_and_coming_back_asks_again(wizard, page, qtbot, services, settled):
    choose(page, 0)
    wizard.next.click()
    assert not page.isVisible()
    wizard.back.click()
    assert page.isVisible()
    qtbot.waitUntil(page.glance.counts.isVisible)
    settled()
    assert asked(services) == ["4"]


def test_a_point_that_is_filtered_out_leaves_no_preview(page, qtbot, settled):
    choose(page, 1)
    qtbot.waitUntil(page.glance.counts.isVisible)
    page.filters.kinds.setCurrentIndex(1)
    qtbot.waitUntil(page.glance.unchosen.isVisible)
    assert not page.glance.counts.isVisible()
    settled()


def test_it_is_beside_the_points_in_a_wide_window_and_below_them_in_a_narrow_one(wizard, page, settled):
    assert page.parts.orientation() is Qt.Orientation.Horizontal
    wizard.resize(1040, 780)
    assert page.parts.orientation() is Qt.Orientation.Vertical
    settled()
