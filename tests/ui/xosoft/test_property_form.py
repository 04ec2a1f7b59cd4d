"""The form of properties: every kind of value, faults beside the field, values of one replica."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import pytest
from PySide6.QtCore import QPoint, Qt

from app.model.bandwidth import BandwidthSchedule, parse_bandwidth
from app.model.properties import NOT_OFFERED, PER_REPLICA, properties_on
from app.model.scenario import (
    DriftHandling,
    Override,
    ReplicaSpec,
    Scenario,
    ScenarioProperties,
    ScenarioState,
    ScenarioStatus,
)
from app.ui.theme import ThemeMode, theme
from app.ui.xosoft.bandwidth_dialog import BandwidthDialog
from app.ui.xosoft.bandwidth_grid import BandwidthGrid, kbps_text, model_index
from app.ui.xosoft.properties import PropertiesTab
from app.ui.xosoft.property_editors import BandwidthEditor
from app.ui.xosoft.property_fields import FIELDS
from tests.support.memory_services import scenario


def status(**properties: Any) -> ScenarioStatus:
    made = scenario(1, "Files", ["/m"])
    specs = (ReplicaSpec("near", (b"/r",)), ReplicaSpec("far", (b"/r",), (Override("rewind_minutes", "60"),)))
    made = replace(made, replicas=specs, properties=ScenarioProperties(**properties))
    return ScenarioStatus(made, ScenarioState.STOPPED)


@pytest.fixture
def tab(qtbot: Any) -> PropertiesTab:
    made = PropertiesTab()
    made.form.build_now()
    qtbot.addWidget(made)
    made.resize(700, 700)
    made.show_status(status())
    made.show()
    return made


def saved(tab: PropertiesTab, qtbot: Any) -> Scenario:
    with qtbot.waitSignal(tab.save_requested) as told:
        tab.save.click()
    result: Scenario = told.args[0]
    return result


def type_into(qtbot: Any, editor: Any, text: str) -> None:
    target = editor.focusProxy() or editor
    target.setFocus()
    target.selectAll()
    qtbot.keyClicks(target, text) if text else qtbot.keyClick(target, Qt.Key.Key_Delete)


def test_every_property_has_a_field_and_shows_its_value(qtbot: Any) -> None:
    assert [field.name for field in FIELDS if field.name] == list(dict.fromkeys(f.name for f in FIELDS))
    every = {field.name for field in fields(ScenarioProperties)}
    assert {field.name for field in FIELDS} == every - set(NOT_OFFERED)
    values: dict[str, Any] = {
        "drift": DriftHandling.REVERT,
        "bandwidth": "mon-fri 08-18 2048",
        "notify_on": "queue-overflow",
        "script_before_sync": "/bin/true",
        "rewind_minutes": 7,
        "compress_transfer": True,
    }
    tab = PropertiesTab()
    tab.form.build_now()
    qtbot.addWidget(tab)
    tab.show_status(status(**values))
    shown = {name: row.editor.text_form() for name, row in tab.form.rows.items()}
    assert shown["drift"] == "revert"
    assert shown["bandwidth"] == "mon-fri 08-18 2048"
    assert shown["notify_on"] == "queue-overflow"
    assert tab.form.values() == {
        field.name: getattr(status(**values).scenario.properties, field.name) for field in FIELDS
    }
    assert not tab.save.isEnabled()


def test_texts_choices_and_triggers_are_saved(tab: PropertiesTab, qtbot: Any) -> None:
    rows = tab.form.rows
    type_into(qtbot, rows["script_before_sync"].editor, "/sbin/quiesce 'a b'")
    type_into(qtbot, rows["bandwidth"].editor, "daily 08-18 512")
    rows["drift"].editor.setCurrentIndex(1)
    rows["notify_on"].editor.boxes["significant"].click()
    made = saved(tab, qtbot).properties
    assert made.script_before_sync == "/sbin/quiesce 'a b'"
    assert made.bandwidth == "daily 08-18 512"
    assert made.drift is DriftHandling.REVERT
    assert made.notify_on == "lost-connection,queue-overflow,error,significant"


def test_a_fault_is_told_beside_its_field_and_saves_nothing(tab: PropertiesTab, qtbot: Any) -> None:
    row = tab.form.rows["script_before_sync"]
    type_into(qtbot, row.editor, "quiesce")
    assert "whole path" in row.fault
    assert row.editor.accessibleDescription() == row.fault
    assert not tab.save.isEnabled()
    assert "Run script before" in tab.reason.text()
    type_into(qtbot, row.editor, "")
    assert row.fault == ""
    tab.form.rows["rewind_mb"].editor.setValue(5)
    assert saved(tab, qtbot).properties.script_before_sync == ""


def test_a_replica_shows_what_it_takes_from_the_scenario_and_its_own(tab: PropertiesTab, qtbot: Any) -> None:
    assert [tab.scope.itemText(i) for i in range(3)] == ["Scenario", "Replica near", "Replica far"]
    tab.scope.setCurrentIndex(2)
    rows = tab.form.rows
    visible = {name for name, row in rows.items() if row.editor.isVisibleTo(tab.form)}
    assert visible == set(PER_REPLICA)
    assert rows["rewind_minutes"].editor.value() == 60
    assert rows["rewind_minutes"].reset.isVisibleTo(tab.form)
    assert rows["rewind_mb"].note.text() == "From the scenario"
    rows["compress_transfer"].editor.click()
    rows["rewind_minutes"].reset.click()
    assert rows["rewind_minutes"].editor.value() == ScenarioProperties().rewind_minutes
    made = saved(tab, qtbot)
    assert properties_on(made, "far").compress_transfer
    assert not made.properties.compress_transfer
    assert made.replicas[1].overrides == (Override("compress_transfer", "true"),)
    assert made.replicas[0].overrides == ()


def test_tab_goes_from_the_scope_through_the_fields_to_the_buttons(tab: PropertiesTab, qtbot: Any) -> None:
    tab.form.rows["rewind_mb"].editor.setValue(9)
    tab.scope.setFocus()
    seen = []
    for _ in range(80):
        qtbot.keyClick(tab.focusWidget(), Qt.Key.Key_Tab)
        widget = tab.focusWidget()
        seen.append(widget)
        if widget is tab.save:
            break
    editors = [row.editor.focusProxy() or row.editor for row in tab.form.rows.values()]
    assert [widget for widget in seen if widget in editors] == editors
    assert seen[-2:] == [tab.discard, tab.save]


def test_edits_of_both_scopes_are_saved_together_or_discarded(tab: PropertiesTab, qtbot: Any) -> None:
    tab.form.rows["rewind_mb"].editor.setValue(9)
    tab.scope.setCurrentIndex(1)
    assert tab.form.rows["rewind_mb"].editor.value() == 9
    tab.form.rows["rewind_mb"].editor.setValue(11)
    tab.scope.setCurrentIndex(0)
    assert tab.form.rows["rewind_mb"].editor.value() == 9
    made = saved(tab, qtbot)
    assert made.properties.rewind_mb == 9
    assert properties_on(made, "near").rewind_mb == 11
    tab.discard.click()
    assert tab.form.rows["rewind_mb"].editor.value() == ScenarioProperties().rewind_mb
    assert not tab.save.isEnabled()


def test_polling_does_not_take_edits_away(tab: PropertiesTab) -> None:
    tab.form.rows["rewind_mb"].editor.setValue(9)
    tab.show_status(status())
    assert tab.form.rows["rewind_mb"].editor.value() == 9
    assert tab.save.isEnabled()
    newer = status(rewind_mb=12)
    tab.show_status(replace(newer, scenario=replace(newer.scenario, version=2)))
    assert tab.form.rows["rewind_mb"].editor.value() == 12
    assert not tab.save.isEnabled()


def test_a_running_scenario_is_read_only(tab: PropertiesTab) -> None:
    tab.show_status(replace(status(), state=ScenarioState.REPLICATING))
    assert not any(row.editor.isEnabled() for row in tab.form.rows.values())


@pytest.fixture
def grid(qtbot: Any) -> BandwidthGrid:
    made = BandwidthGrid()
    qtbot.addWidget(made)
    made.resize(900, 230)
    made.show()
    return made


def place(grid: BandwidthGrid, row: int, hour: int) -> QPoint:
    return grid.rect_of((row, hour)).center()


def test_dragging_ctrl_and_shift_mark_cells(grid: BandwidthGrid, qtbot: Any) -> None:
    left = Qt.MouseButton.LeftButton
    qtbot.mousePress(grid, left, pos=place(grid, 1, 8))
    qtbot.mouseMove(grid, place(grid, 3, 10))
    grid.mouseMoveEvent(_drag(grid, 3, 10))
    qtbot.mouseRelease(grid, left, pos=place(grid, 3, 10))
    assert len(grid.marks()) == 9
    qtbot.mouseClick(grid, left, Qt.KeyboardModifier.ControlModifier, place(grid, 6, 0))
    assert len(grid.marks()) == 10
    qtbot.mouseClick(grid, left, Qt.KeyboardModifier.ControlModifier, place(grid, 6, 0))
    assert len(grid.marks()) == 9
    qtbot.mouseClick(grid, left, pos=place(grid, 0, 0))
    qtbot.mouseClick(grid, left, Qt.KeyboardModifier.ShiftModifier, place(grid, 0, 23))
    assert grid.marks() == {(0, hour) for hour in range(24)}


def _drag(grid: BandwidthGrid, row: int, hour: int) -> Any:
    from PySide6.QtCore import QEvent, QPointF
    from PySide6.QtGui import QMouseEvent

    left = Qt.MouseButton.LeftButton
    at = QPointF(place(grid, row, hour))
    return QMouseEvent(
        QEvent.Type.MouseMove, at, at, Qt.MouseButton.NoButton, left, Qt.KeyboardModifier.NoModifier
    )


def test_keys_alone_mark_and_move(grid: BandwidthGrid, qtbot: Any) -> None:
    grid.setFocus()
    shift, control = Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.ControlModifier
    qtbot.keyClick(grid, Qt.Key.Key_Right)
    assert grid.marks() == {(1, 9)}
    qtbot.keyClick(grid, Qt.Key.Key_Down, shift)
    qtbot.keyClick(grid, Qt.Key.Key_Right, shift)
    assert grid.marks() == {(1, 9), (1, 10), (2, 9), (2, 10)}
    qtbot.keyClick(grid, Qt.Key.Key_Home, control)
    qtbot.keyClick(grid, Qt.Key.Key_Space)
    assert (2, 0) in grid.marks()
    assert "Tuesday 00:00 to 01:00, unlimited, 5 marked" in grid.accessibleDescription()
    qtbot.keyClick(grid, Qt.Key.Key_A, control)
    assert len(grid.marks()) == 168


def test_the_dialog_gives_values_to_what_is_marked(qtbot: Any) -> None:
    dialog = BandwidthDialog(parse_bandwidth("sun 00-24 64"))
    qtbot.addWidget(dialog)
    grid = dialog.grid
    grid._set_marks(grid._block((1, 8), (5, 17)))
    buttons = {button.accessibleName(): button for button in dialog.findChildren(type(dialog_button(dialog)))}
    buttons["2,048 Kbps"].click()
    assert dialog.text.text() == "mon-fri 08-18 2048; sun 00-24 64"
    dialog.other.setValue(777)
    buttons["Apply Kbps"].click()
    assert dialog.schedule().at(0, 9) == 777
    buttons["Apply Sunday's value to all work days"].click()
    assert dialog.text.text() == "mon-fri,sun 00-24 64"
    chosen: list[BandwidthSchedule] = []
    dialog.chosen.connect(chosen.append)
    buttons["Reset"].click()
    buttons["OK"].click()
    assert chosen[0].unlimited


def dialog_button(dialog: BandwidthDialog) -> Any:
    from PySide6.QtWidgets import QPushButton

    return dialog.findChild(QPushButton)


def test_the_editor_takes_what_the_dialog_chose(qtbot: Any) -> None:
    editor = BandwidthEditor()
    qtbot.addWidget(editor)
    editor.set_text_form("sun 00-24 64")
    editor.show()
    editor.open.click()
    dialog = editor.findChild(BandwidthDialog)
    assert dialog is not None
    with qtbot.waitSignal(editor.edited):
        dialog.grid.set_kbps(512)
        dialog._on_ok()
    assert editor.text_form() == "mon 08-09 512; sun 00-24 64"


def test_rows_begin_with_sunday_and_figures_are_short() -> None:
    assert model_index((0, 0)) == 6 * 24
    assert model_index((1, 5)) == 5
    assert [kbps_text(value) for value in (0, 999, 1000, 2048, 16_384, 150_000, 1_500_000)] == [
        "", "999", "1M", "2.0M", "16M", "150M", "1.5G",
    ]  # fmt: skip


@pytest.mark.parametrize("scale", [1.0, 1.25, 2.0])
def test_nothing_is_cut_off_at_any_text_size(qtbot: Any, scale: float) -> None:
    try:
        theme().apply(ThemeMode.DARK, scale)
        tab = PropertiesTab()
        tab.form.build_now()
        qtbot.addWidget(tab)
        tab.show_status(status())
        tab.resize(round(600 * scale), 700)
        tab.show()
        # No scrolling sideways.
        assert tab.form.minimumSizeHint().width() <= tab.width()
        grid = BandwidthGrid()
        qtbot.addWidget(grid)
        assert grid.rect_of((6, 23)).bottom() < grid.sizeHint().height()
    finally:
        theme().apply(ThemeMode.LIGHT, 1.0)


def test_what_is_not_saved_is_marked_and_undone_one_by_one(tab: PropertiesTab, qtbot: Any) -> None:
    rows = tab.form.rows
    type_into(qtbot, rows["sweep_minutes"].editor, "33")
    type_into(qtbot, rows["rewind_minutes"].editor, "44")
    undo = rows["sweep_minutes"].undo
    assert undo is not None
    assert undo.toolTip() == "Back to 10"
    assert rows["sweep_minutes"].title.accessibleName() == "Sweep interval, changed"
    assert rows["audit_minutes"].undo is None
    undo.click()
    assert undo.isHidden()
    assert rows["sweep_minutes"].editor.text_form() == "10"
    assert saved(tab, qtbot).properties == ScenarioProperties(rewind_minutes=44)


def test_undo_on_a_replica_gives_back_what_it_took_from_the_scenario(tab: PropertiesTab, qtbot: Any) -> None:
    tab.scope.setCurrentIndex(tab.scope.findData("near"))
    row = tab.form.rows["rewind_minutes"]
    type_into(qtbot, row.editor, "44")
    assert row.undo is not None
    row.undo.click()
    assert row.undo.isHidden()
    assert row.note.text() == "From the scenario"
    assert not tab.save.isEnabled()
    tab.scope.setCurrentIndex(tab.scope.findData("far"))
    assert row.reset is not None
    row.reset.click()
    assert not row.undo.isHidden()
    row.undo.click()
    assert row.editor.text_form() == "60"
    assert not tab.save.isEnabled()
