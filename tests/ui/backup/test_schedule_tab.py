"""The Schedule tab: every method makes its rule, and the next runs are those the services count."""

from __future__ import annotations

import pytest

from app.model.errors import UsageError
from app.model.rotation import Rotation, RotationScheme
from app.ui.backup.repeat_form import CHOICES
from app.ui.backup.rules import Repeat
from app.ui.backup.schedule_tab import ScheduleTab


@pytest.fixture
def tab(context, qtbot, settled):
    made = ScheduleTab(context)
    qtbot.addWidget(made)
    made.resize(1100, 700)
    made.show()
    qtbot.waitUntil(lambda: made.model.rowCount() == 1)
    settled()
    yield made
    made.hide()
    settled()


def choose(tab, repeat: Repeat) -> None:
    tab.form.repeat.setCurrentIndex([kind for _, kind in CHOICES].index(repeat))


def test_once_has_one_run_and_no_exceptions(tab):
    assert not tab.form.repetition.exceptions.isVisible()
    assert tab.note.text() == "Runs now."


def test_each_method_shows_its_next_runs(tab, qtbot):
    tab.form.repetition.prefix.setText("NIGHT")
    tab.form.repetition.custom.setText("FREQ=WEEKLY;BYDAY=MO,WE")
    for _, repeat in CHOICES[1:]:
        choose(tab, repeat)
        qtbot.waitUntil(lambda: tab.model.rowCount() == 10)
        assert tab.fault() == ""
        assert tab.form.repetition.exceptions.isVisible()
        tab.model.set_rows([])


def test_a_rotation_shows_the_media_and_pool_of_each_run(tab, qtbot, services):
    repetition = tab.form.repetition
    choose(tab, Repeat.ROTATION)
    repetition.scheme.setCurrentIndex(2)
    repetition.prefix.setText("OFFICE")
    repetition.append.setChecked(True)
    qtbot.waitUntil(lambda: tab.model.rowCount() == 10)
    pools = {tab.model.index(row, 2).data() for row in range(10)}
    assert "OFFICE_DLY" in pools
    assert tab.form.schedule().rotation == Rotation(RotationScheme.GFS, "OFFICE", True)


def test_days_and_dates_without_runs_are_part_of_the_schedule(tab, qtbot):
    choose(tab, Repeat.DAYS)
    tab.form.repetition.off[5].setChecked(True)
    tab.form.repetition.dates.setText("2026-12-25")
    tab.form.repetition.catch_up.setChecked(False)
    schedule = tab.form.schedule()
    assert (schedule.excluded, schedule.catch_up) == (("SA", "2026-12-25"), False)
    tab.form.repetition.dates.setText("christmas")
    assert "2026-12-25" in tab.fault()
    assert tab.form.repetition.dates.property("state") == "error"


def test_an_impossible_schedule_is_refused_in_words(tab, qtbot, services):
    choose(tab, Repeat.CUSTOM)
    tab.form.repetition.custom.setText("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30")
    services.raises["jobs.preview"] = UsageError("E5113", rule="X")
    qtbot.waitUntil(lambda: bool(tab.fault()))
    assert tab.model.rowCount() == 0


def test_all_days_excluded_is_refused(tab, qtbot):
    choose(tab, Repeat.DAYS)
    for box in tab.form.repetition.off:
        box.setChecked(True)
    qtbot.waitUntil(lambda: bool(tab.fault()))


def test_a_schedule_is_shown_as_it_was_made(tab, qtbot):
    choose(tab, Repeat.MONTH_WEEKS)
    for position in (0, 5):
        tab.form.repetition.weeks[position].setChecked(True)
    tab.form.repetition.off[6].setChecked(True)
    made = tab.form.schedule()
    tab.form.begin_anew()
    assert tab.form.schedule().repeat == ""
    tab.form.show_schedule(made, hold=True)
    assert tab.form.on_hold
    assert tab.form.schedule() == made
