"""Every screen by keyboard: panes, filters, commands, the keys themselves."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication

from app.ui.command_palette import Found, ranked
from app.ui.dialogs.keys import KeysDialog
from app.ui.keyboard import panes
from app.ui.widgets.basics import FilterField


def found(text: str, words: str = "") -> Found:
    return Found(text, text, "", "", print, words=words)


def test_search_wants_every_word_and_prefers_beginnings():
    known = [found("Stop scenario"), found("Scenario list"), found("Papers", "host-a")]
    assert [hit.text for hit in ranked(known, "scen")] == ["Scenario list", "Stop scenario"]
    assert [hit.text for hit in ranked(known, "stop scen")] == ["Stop scenario"]
    assert [hit.text for hit in ranked(known, "HOST-A")] == ["Papers"]
    assert ranked(known, "nothing like it") == []


def test_ctrl_k_opens_a_scenario(window, qtbot, settled):
    qtbot.keyClick(window, Qt.Key.Key_K, Qt.KeyboardModifier.ControlModifier)
    assert window.search.hasFocus()
    settled()
    qtbot.keyClicks(window.search, "sales sh")
    assert window.palette_.model.items[0].text == "Sales Shares"
    qtbot.keyClick(window.search, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: window.current_manager.header.title.text() == "XOsoft Manager")
    manager = window.current_manager
    qtbot.waitUntil(lambda: manager.selected is not None and manager.selected.scenario.name == "Sales Shares")
    assert not window.palette_.list.isVisible()


def test_what_is_typed_can_be_looked_for_in_all_sessions(window, qtbot):
    window.palette_.open()
    qtbot.keyClicks(window.search, "quote")
    files, pages = window.palette_.model.items[-2:]
    assert files.text == "Find files named quote"
    assert pages.text == "Search the help for quote"


def test_arrows_choose_and_esc_empties_the_search(window, qtbot):
    window.palette_.open()
    first = window.palette_.table.current_object()
    qtbot.keyClick(window.search, Qt.Key.Key_Down)
    assert window.palette_.table.current_object() is not first
    qtbot.keyClicks(window.search, "zzz")
    qtbot.keyClick(window.search, Qt.Key.Key_Escape)
    assert window.search.text() == ""


def test_f6_goes_round_all_panes(window, qtbot):
    window.open_manager("xosoft")
    qtbot.waitUntil(lambda: len(panes(window.current_manager)) >= 4)
    seen = []
    for _ in panes(window.current_manager):
        qtbot.keyClick(window, Qt.Key.Key_F6)
        seen.append(QApplication.focusWidget())
    assert set(map(id, seen)) == set(map(id, panes(window.current_manager)))
    qtbot.keyClick(window, Qt.Key.Key_F6, Qt.KeyboardModifier.ShiftModifier)
    assert QApplication.focusWidget() is seen[-2]


@pytest.mark.parametrize("name", ["xosoft", "backup"])
def test_ctrl_f_goes_to_the_filter(window, qtbot, settled, name):
    window.open_manager(name)
    settled()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: isinstance(QApplication.focusWidget(), FilterField))


def test_shift_f1_lists_the_keys_of_the_screen(window, qtbot):
    window.open_manager("xosoft")
    qtbot.keyClick(window, Qt.Key.Key_F1, Qt.KeyboardModifier.ShiftModifier)
    dialog = window.findChild(KeysDialog)
    shown = {label.text() for label in dialog.findChildren(type(window.status.connection))}
    assert {"XOsoft Manager", "Ctrl+B", "Bookmark", "F6", "Next pane"} <= shown
    dialog.close()


def test_every_key_of_the_window_is_there_once(window):
    for name in window._entries:
        window.open_manager(name)
        keys = [
            action.shortcut().toString()
            for action in {*window.actions(), *window.current_manager.actions()}
            if not action.shortcut().isEmpty()
        ]
        assert sorted(keys) == sorted(set(keys)), name
