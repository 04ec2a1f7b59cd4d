"""F1 from managers, dialogs and wizards; the window with its contents, search, history and sizes."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from PySide6.QtCore import QSettings, Qt, QUrl
from PySide6.QtWidgets import QApplication, QDialog, QLineEdit, QPushButton, QVBoxLayout, QWidget

from app.help import load
from app.messages import render
from app.model.events import ActivityRecord, Severity
from app.ui.dialogs.confirm import ConfirmDialog
from app.ui.dialogs.first_start import FirstStartDialog
from app.ui.dialogs.message_details import MessageDetailsDialog
from app.ui.help.desk import HelpDesk, help_desk
from app.ui.help.topics import set_topic, topic_of
from app.ui.help.window import HelpWindow
from app.ui.job_status.log_details import LogDetails
from app.ui.job_status.purge_log import PurgeLogDialog
from app.ui.registry import entries
from app.ui.wizards.new_scenario import NewScenarioWizard


@pytest.fixture
def window(window):
    yield window
    help_desk().close()


@pytest.fixture
def help_window(tmp_path, qtbot):
    made = HelpWindow(QSettings(str(tmp_path / "h.ini"), QSettings.Format.IniFormat))
    qtbot.addWidget(made)
    made.show_topic("index")
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made


def page_of(window: QWidget, qtbot) -> str:
    """The page that F1 opens now."""
    help_desk().close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    qtbot.keyClick(window, Qt.Key.Key_F1)
    shown = help_desk().window
    assert shown is not None
    assert shown.isVisible()
    topic = shown.topic
    shown.hide()
    return topic


def test_f1_opens_the_page_of_each_manager(window, qtbot):
    expected = {
        "home": "home",
        "backup": "backup-source",
        "restore": "restore-source",
        "xosoft": "xosoft-manager",
        "job_status": "job-queue",
        "alerts": "alerts",
        "media": "devices-and-media",
        "pools": "media-pools",
        "hosts": "hosts",
    }
    assert set(expected) == {entry.name for entry in entries()}
    for name, topic in expected.items():
        window.open_manager(name)
        window.setFocus()
        assert page_of(window, qtbot) in (topic, "scenario-statistics" if name == "xosoft" else topic), name


def test_f1_opens_the_page_of_the_tab_in_front(window, qtbot):
    window.open_manager("backup")
    manager = window.current_manager
    expected = {
        "Start": "backup-manager",
        "Source": "backup-source",
        "Staging": "staging",
        "Destination": "backup-destination",
        "Schedule": "backup-schedule",
    }
    for position in range(manager.tabs.count()):
        topic = expected[manager.tabs.tabText(position)]
        manager.tabs.setCurrentIndex(position)
        manager.tabs.setFocus()
        assert page_of(window, qtbot) == topic
    window.open_manager("xosoft")
    manager = window.current_manager
    qtbot.waitUntil(lambda: manager.selected is not None)
    manager.scenarios.tree.setFocus()
    assert page_of(window, qtbot) == "xosoft-manager"
    manager.tabs.setCurrentIndex(2)
    manager.tabs.setFocus()
    assert page_of(window, qtbot) == "scenario-properties"
    manager.events.table.setFocus()
    assert page_of(window, qtbot) == "events"


def test_f1_works_in_a_modal_dialog_and_the_help_can_be_used_beside_it(window, qtbot):
    dialog = PurgeLogDialog(window.context, window)
    dialog.open()
    qtbot.waitExposed(dialog)
    dialog.activateWindow()
    qtbot.waitUntil(
        lambda: QApplication.focusWidget() is not None and dialog.isAncestorOf(QApplication.focusWidget())
    )
    assert page_of(dialog, qtbot) == "activity-log"
    help_desk().show("index")
    shown = help_desk().window
    qtbot.waitExposed(shown)
    shown.show_topic("hosts")
    shown.activateWindow()
    qtbot.mouseClick(shown.windowHandle(), Qt.MouseButton.LeftButton, pos=_centre(shown, shown.back))
    qtbot.waitUntil(lambda: shown.topic == "index")
    dialog.close()


def _centre(window: HelpWindow, action) -> object:
    tool = next(
        tool for tool in action.associatedObjects() if isinstance(tool, QWidget) and tool is not window
    )
    return tool.mapTo(window, tool.rect().center())


def test_a_dialog_that_holds_up_all_windows_lets_the_help_through(window, qtbot):
    dialog = QDialog(window)
    dialog.setWindowModality(Qt.WindowModality.ApplicationModal)
    layout = QVBoxLayout(dialog)
    field = QLineEdit()
    layout.addWidget(field)
    set_topic(dialog, "recovery-kit")
    dialog.show()
    qtbot.waitExposed(dialog)
    dialog.activateWindow()
    qtbot.waitUntil(field.hasFocus)
    qtbot.keyClick(field, Qt.Key.Key_F1)
    shown = help_desk().window
    assert shown.topic == "recovery-kit"
    qtbot.waitExposed(shown)
    shown.show_topic("hosts")
    qtbot.mouseClick(shown.windowHandle(), Qt.MouseButton.LeftButton, pos=_centre(shown, shown.back))
    qtbot.waitUntil(lambda: shown.topic == "recovery-kit")
    dialog.close()
    help_desk().show("index")
    assert shown.windowHandle().transientParent() is None


def test_f1_and_help_in_a_wizard_open_the_section_of_its_page(window, qtbot):
    wizard = NewScenarioWizard(window.context, window)
    wizard.open()
    qtbot.waitExposed(wizard)
    wizard.activateWindow()
    wizard.next.setFocus()
    assert topic_of(wizard.next) == "new-scenario-wizard#create-a-scenario"
    assert page_of(wizard, qtbot) == "new-scenario-wizard"
    wizard.help.click()
    assert help_desk().window.topic == "new-scenario-wizard"
    wizard.close()


def test_a_question_has_the_page_of_what_asks(window, qtbot):
    window.open_manager("hosts")
    dialog = ConfirmDialog(window.current_manager, "Remove it?", "It goes.", "Remove")
    assert topic_of(dialog.findChild(QPushButton)) == "hosts"
    dialog.deleteLater()


def test_a_message_leads_to_the_page_of_its_code(qtbot):
    dialog = MessageDetailsDialog(render("AE0465", {"name": "Shares", "id": "7"}))
    qtbot.addWidget(dialog)
    button = next(
        each for each in dialog.findChildren(QPushButton) if each.text().strip() == "Help on this code"
    )
    button.click()
    assert help_desk().window.topic == "code-AE0465"
    assert topic_of(button) == "code-AE0465"
    help_desk().close()


def test_a_line_of_the_activity_log_leads_to_the_page_of_its_code(qtbot):
    pane = LogDetails()
    qtbot.addWidget(pane)
    line = ActivityRecord(
        1, Severity.ERROR, datetime.now(UTC), "server", "AE0465", params={"name": "Shares", "id": "7"}
    )
    pane.show_record(line)
    pane._help.click()
    assert help_desk().window.topic == "code-AE0465"
    assert topic_of(pane._help) == "code-AE0465"
    help_desk().close()


def test_there_is_one_window_and_closing_the_console_closes_it(window, qtbot):
    help_desk().show("index")
    first = help_desk().window
    help_desk().show("hosts")
    assert help_desk().window is first
    assert not first.testAttribute(Qt.WidgetAttribute.WA_QuitOnClose)
    window.close()
    assert help_desk().window is None


def test_links_lead_to_pages_and_back(help_window, qtbot):
    help_window.view.anchorClicked.emit(QUrl("server-lost.md"))
    assert help_window.topic == "server-lost"
    help_window.view.anchorClicked.emit(QUrl("new-scenario-wizard.md#run"))
    help_window.view.anchorClicked.emit(QUrl("https://example.org/x.md"))
    assert help_window.topic == "new-scenario-wizard"
    assert help_window.back.isEnabled()
    assert not help_window.forward.isEnabled()
    help_window.back.trigger()
    help_window.back.trigger()
    assert help_window.topic == "index"
    assert not help_window.back.isEnabled()
    help_window.forward.trigger()
    assert help_window.topic == "server-lost"
    help_window.show_topic("no such page")
    assert help_window.topic == "index"


def test_search_lists_pages_and_is_used_by_keyboard(help_window, qtbot):
    qtbot.keyClick(help_window, Qt.Key.Key_F, Qt.KeyboardModifier.ControlModifier)
    words = help_window.contents.words
    qtbot.waitUntil(words.hasFocus)
    qtbot.keyClicks(words, "ransomware")
    qtbot.waitUntil(lambda: help_window.contents.stack.currentWidget() is help_window.contents.table)
    qtbot.keyClick(words, Qt.Key.Key_Down)
    assert help_window.contents.table.hasFocus()
    assert help_window.topic == "ransomware"
    help_window.contents.search("xyzzy")
    assert "xyzzy" in help_window.contents.nothing.text()
    help_window.contents.search("")
    assert help_window.contents.stack.currentWidget() is help_window.contents.tree


def test_the_contents_follow_the_page_and_choose_it(help_window):
    tree = help_window.contents.tree
    help_window.show_topic("media-pools")
    assert tree.current_object().topic == "media-pools"
    tree.select_row(help_window.contents.model.find("Backup", "staging"))
    assert help_window.topic == "staging"


def test_every_page_is_shown(help_window):
    for page in load():
        if not page.topic.startswith("code-"):
            help_window.show_topic(page.topic)
            assert page.title in help_window.view.toPlainText(), page.topic


def test_text_size_and_sizes_are_kept(help_window, tmp_path, qtbot):
    help_window.larger.trigger()
    help_window.larger.trigger()
    help_window.resize(777, 555)
    help_window.close()
    again = HelpWindow(QSettings(str(tmp_path / "h.ini"), QSettings.Format.IniFormat))
    qtbot.addWidget(again)
    assert again.view.scale == pytest.approx(1.2)
    assert again.size().width() == 777
    for _ in range(40):
        again.smaller.trigger()
    assert not again.smaller.isEnabled()


def test_settings_that_are_no_numbers_do_no_harm(tmp_path, qtbot):
    settings = QSettings(str(tmp_path / "h.ini"), QSettings.Format.IniFormat)
    settings.setValue("help/scale", "large")
    settings.setValue("help/geometry", "none")
    window = HelpWindow(settings)
    qtbot.addWidget(window)
    assert window.view.scale == 1.0


def test_everything_that_can_be_used_has_a_name(help_window):
    for action in (
        help_window.back,
        help_window.forward,
        help_window.smaller,
        help_window.larger,
        help_window.print_,
    ):
        tools = [
            tool
            for tool in action.associatedObjects()
            if isinstance(tool, QWidget) and tool is not help_window
        ]
        assert [tool.accessibleName() for tool in tools] == [action.text()]
    assert help_window.view.accessibleName()
    assert help_window.contents.tree.accessibleName()


def test_a_page_is_printed_black_on_white(help_window):
    from app.ui.theme import ThemeMode, theme

    theme().apply(ThemeMode.DARK)
    try:
        help_window.show_topic("server-lost")
        assert "#1a202b" in help_window.view.printable().toHtml().lower()
    finally:
        theme().apply(ThemeMode.LIGHT)


def test_a_desk_without_settings_opens_the_first_page(qtbot):
    desk = HelpDesk()
    desk.search()
    assert desk.window.topic == "index"
    qtbot.waitUntil(desk.window.contents.words.hasFocus)
    desk.close()


def test_f1_works_in_the_first_start_before_there_is_a_console(tmp_path, tasks, qtbot):
    help_desk().attend()
    dialog = FirstStartDialog(str(tmp_path / "home"), lambda *_: None, tasks)
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.waitExposed(dialog)
    dialog.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWidget() is not None)
    assert page_of(dialog, qtbot) == "first-start"
    help_desk().close()


def test_f1_leaves_a_search_behind(window, qtbot):
    help_desk().show("index")
    help_desk().window.contents.search("password")
    window.open_manager("hosts")
    window.setFocus()
    window.activateWindow()
    qtbot.keyClick(window, Qt.Key.Key_F1)
    shown = help_desk().window
    assert shown.topic == "hosts"
    assert shown.contents.stack.currentWidget() is shown.contents.tree


def test_ctrl_k_searches_the_help_for_what_was_typed(window, qtbot):
    window.palette_.open()
    qtbot.keyClicks(window.search, "AE0465")
    last = window.palette_.model.items[-1]
    assert last.text == "Search the help for AE0465"
    last.start()
    assert help_desk().window.topic == "code-AE0465"
    assert help_desk().window.contents.words.text() == "AE0465"
